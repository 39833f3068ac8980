"""One person goes, whole and for good: from every file of ours, while all others stay and the nights go on."""

import hashlib
import hmac
import json
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

import sample
from jobs.tables import TABLES
from tests.conftest import REPO, World

pytestmark = [pytest.mark.spark, pytest.mark.night]

FIRST, DAY, NEXT = (date(2026, 1, day) for day in (4, 5, 6))
PERSON, OTHER = "P-77001", "P-77002"
OWN_NUMBER, SHARED_NUMBER = "+8613612345678", "+8613698765432"
CLEAR = ("Zebulon Quist", OWN_NUMBER[3:], "310104199001012345", "zeb.quist@example.org", "wx_zebulon_q")
CALLS_OF_PERSON = ("x-own", "x-unidentified", "x-borrowed", "x-renamed")
HEADER_OF_CALLS = "call_id,customer_id,caller_number,direction,started_at,ended_at,outcome,agent_id\n"
SILENT = {"loaded_at", "finished_at", "row_hash"}
OF_THE_NUMBER = ("gold.customer_identities", "gold.caller_identities", "gold.customer_timeline")
"""Here the number that two shared is the other's alone once the person is gone, with the calls from it."""

Rows = Counter[tuple[Any, ...]]


def call(name: str, customer: str, number: str, day: date, outcome: str = "answered") -> str:
    return f"{name},{customer},{number},inbound,{day} 10:00:00,{day} 10:05:00,{outcome},A1\n"


def drop_two_people(world: World) -> None:
    """A rich person and another one who shares a number, in files beside those of the sample."""
    fields = "customer_id,name,phone,id_number,email,wechat_id,updated_at\n"
    people = f"{PERSON},{','.join(CLEAR)},{FIRST} 08:00:00\n{OTHER},Other Person,{SHARED_NUMBER},,,,{FIRST} 08:00:00\n"
    world.drop("customers", str(FIRST), fields + people, "extra.csv")
    calls = [
        call("x-own", PERSON, OWN_NUMBER, FIRST),
        call("x-unidentified", "", OWN_NUMBER, FIRST),
        call("x-borrowed", PERSON, SHARED_NUMBER, FIRST),
        call("x-renamed", OTHER, SHARED_NUMBER, FIRST),
        call("x-other", OTHER, SHARED_NUMBER, FIRST),
        call("x-nobody", "", SHARED_NUMBER, FIRST),
        call("x-eaten", PERSON, OWN_NUMBER, FIRST, "eaten"),
        f"x-short,{PERSON},{OWN_NUMBER}\n",
    ]
    world.drop("calls", str(FIRST), HEADER_OF_CALLS + "".join(calls), "extra.csv")
    world.drop("calls", str(DAY), HEADER_OF_CALLS + call("x-renamed", PERSON, SHARED_NUMBER, FIRST), "extra.csv")
    turns = [
        f'{{"call_id":"{name}","turn":1,"speaker":"customer","text":"hello"}}\n'
        for name in ("x-own", "x-unidentified", "x-other")
    ]
    turns += [f'{{"call_id":"x-other","turn":2,"speaker":"agent","text":"ask Quist Zebulon, {PERSON}, too"}}\n']
    world.drop("transcripts", str(FIRST), "".join(turns), "extra.jsonl")
    clicks = [
        f'{{"event_id":"e-{name}","agent_id":"A1","call_id":"{name}","event":"opened","occurred_at":"{FIRST} 10:01:00"}}\n'
        for name in ("x-unidentified", "x-nobody")
    ]
    world.drop("agent_events", str(FIRST), "".join(clicks), "extra.jsonl")
    world.drop("do_not_call", str(FIRST), f"customer_id,phone,added_at\n{PERSON},,{FIRST} 09:00:00\n", "extra.csv")
    world.drop("cards", str(FIRST), f"card_id,customer_id,updated_at\nK-77001,{PERSON},{FIRST} 09:00:00\n", "extra.csv")
    spent = "transaction_id,customer_id,card_id,posted_at,amount,currency,kind\n"
    world.drop(
        "transactions", str(DAY), f"{spent}t-77001,{PERSON},K-77001,{DAY} 09:00:00,12.50,CNY,purchase\n", "extra.csv"
    )


@pytest.fixture(scope="module")
def erased(module_world: World) -> Iterator[dict[str, Any]]:
    """A lake of two nights from which the person was erased; the command was killed twice before it ended."""
    from jobs import ranges

    world = module_world
    sample.write(world.landing, FIRST, NEXT)
    drop_two_people(world)
    ranges.load(FIRST, DAY, "load", say=lambda _: None)
    tokens = {token for person, token in world.rows("vault.customers", "person_id", "token") if person == PERSON}
    before = contents(world)
    log = REPO / f".local/logs/told-{os.getpid()}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text(f"somebody typed {PERSON} and {OWN_NUMBER}, not {PERSON}0\n")
    list_ = world.root / "delivery/2026-01-05/care.csv"
    list_.parent.mkdir(parents=True)
    list_.write_text(f"customer_id,phone\n{OTHER},{SHARED_NUMBER}\n{PERSON},{OWN_NUMBER}\n")
    (list_.parent / "manifest.json").write_text(
        json.dumps({"files": [{"name": "care.csv", "rows": 2, "sha256": "old"}]})
    )
    killed = [erase(PERSON, kill_after=line)[0] for line in ("silver.calls", "gold.service_kpis")]
    plans = list((world.lake / "vault").glob(".erasing-*"))
    code, _ = erase(PERSON)
    found = {"world": world, "before": before, "after": contents(world), "tokens": tokens, "log": log, "list": list_}
    assert (killed, len(plans), code) == ([-signal.SIGKILL] * 2, 1, 0)
    yield found
    log.unlink()


def erase(customer: str, kill_after: str | None = None) -> tuple[int, str]:
    """Runs the command in a process of its own, which is killed once it has told of a table."""
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "jobs", "erase", "--customer", customer],
        cwd=REPO, env=os.environ.copy(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        if kill_after is not None and line.startswith(f"{kill_after}:"):
            process.send_signal(signal.SIGKILL)
            kill_after = None
    assert kill_after is None, f"the kill must have struck: {said}"
    return process.wait(), said


def contents(world: World) -> dict[str, Rows]:
    """Business columns of all tables that the lake holds."""
    found = {}
    for name, table in TABLES.items():
        if (world.lake / name.replace(".", "/") / "_delta_log").exists():
            columns = [f'"{column}"' for column in table.column_names if column not in SILENT]
            # Maps, lists and structs count by what they say.
            plain = (
                tuple(str(v) if isinstance(v, dict | list) else v for v in row) for row in world.rows(name, *columns)
            )
            found[name] = Counter(plain)
    return found


def everything(root: Path) -> dict[Path, str]:
    """What each file says; of Parquet the values of all columns and all of the footer, bounds of columns included.

    Packed pages say nothing else, and by chance spell what nobody wrote: half a key of somebody else that they repeat,
    and a sign of the packing after it.
    """
    texts = {}
    for file in (file for file in root.rglob("*") if file.is_file()):
        if file.suffix == ".parquet":
            stored = pq.ParquetFile(file)
            footer = [stored.metadata.to_dict(), stored.metadata.metadata]
            texts[file] = "\n".join(str(row) for row in [*stored.read().to_pylist(), *footer])
        else:
            texts[file] = file.read_bytes().decode(errors="replace")
    return texts


def of_person(tokens: set[str]) -> re.Pattern[str]:
    forms = {PERSON, *CALLS_OF_PERSON, "K-77001", "t-77001", *CLEAR, OWN_NUMBER, *tokens}
    return re.compile("|".join(rf"(?<![\w-]){re.escape(form)}(?![\w-])" for form in forms))


def number_token(world: World) -> str:
    key = (world.root / "pseudonym.key").read_bytes().strip()
    return hmac.new(key, f"phone:{OWN_NUMBER}".encode(), hashlib.sha256).hexdigest()


def assert_gone(world: World, tokens: set[str]) -> None:
    """Nothing of the person is left but keyed tokens, and their number among those that must not be called."""
    assert len(tokens) == len(CLEAR)
    pattern, number = of_person(tokens), number_token(world)
    found = {}
    for file, text in [*everything(world.lake).items(), *everything(world.root / "delivery").items()]:
        is_kept = {"do_not_call", "erased"} & set(file.parts) and "bronze" not in file.parts
        hits = set(pattern.findall(text)) - ({number} if is_kept else set())
        if hits:
            found[str(file)] = hits
    assert not found


def test_nothing_of_the_person_is_left_anywhere_but_the_keyed_token(erased: dict[str, Any]) -> None:
    world = erased["world"]
    assert_gone(world, erased["tokens"])
    assert erased["log"].read_text() == f"somebody typed [erased] and [erased], not {PERSON}0\n"
    key = (world.root / "pseudonym.key").read_bytes().strip()
    token = hmac.new(key, f"customer:{PERSON}".encode(), hashlib.sha256).hexdigest()
    assert ("customer", token) in world.rows("vault.erased", "kind", "token")
    assert not list((world.lake / "vault").glob(".erasing-*"))


def test_the_rows_of_all_others_are_as_they_were(erased: dict[str, Any]) -> None:
    pattern = of_person(erased["tokens"])
    changed = ("gold.service_kpis", "vault.erased", "silver.do_not_call", *OF_THE_NUMBER)
    for name, before in erased["before"].items():
        if name.startswith(("ops.", "quarantine.")) or name in changed:
            continue
        others = Counter({row: count for row, count in before.items() if not pattern.search(str(row))})
        after = Counter({row: count for row, count in erased["after"][name].items() if "[erased]" not in str(row)})
        assert after == others, name
    assert "ask [name], [erased], too" in str(erased["after"]["silver.transcripts"])
    assert "x-other" in str(erased["after"]["silver.transcripts"])
    assert "x-nobody" in str(erased["after"]["silver.agent_events"])
    assert "x-nobody" in str(erased["after"]["gold.repeat_calls"])


def test_the_shared_number_is_the_others_alone(erased: dict[str, Any]) -> None:
    world = erased["world"]
    owners = world.rows("gold.caller_identities", "customer_id", "reason", "customers")
    assert (OTHER, "only_owner", 1) in owners
    assert (OTHER, OTHER, None) in world.rows("gold.customer_identities", "customer_id", "person_id", "phone_group_id")
    calls = world.rows("gold.customer_timeline", "customer_id", "source_id", "is_resolved_identity")
    assert (OTHER, "x-nobody", True) in calls


def test_the_figures_are_those_of_the_calls_that_are_left(erased: dict[str, Any]) -> None:
    world = erased["world"]
    calls = world.rows("silver.calls", "event_date", "direction", "outcome")
    offered = Counter(row[0] for row in calls if row[1] == "inbound" and row[2] in ("answered", "abandoned"))
    figures = world.rows("gold.service_kpis", "queue", "day", "offered")
    assert {day: count for queue, day, count in figures if queue == "all"} == offered


def test_rows_in_are_rows_landed_and_quarantined_and_nothing_else_is_said_of_the_person(erased: dict[str, Any]) -> None:
    world = erased["world"]
    for name, ds, rows_in, landed, aside in world.rows(
        "ops.batches", "feed", "ds", "rows_in", "rows_landed", "rows_quarantined"
    ):
        assert rows_in == landed + aside, (name, ds)
    extra = [
        row
        for row in world.rows("quarantine.calls", "line", "reason", '"column"', "row", "file", "CAST(ds AS VARCHAR)")
        if "extra" in row[4]
    ]
    assert sorted((row[5], *row[:4]) for row in extra) == [
        *((str(FIRST), line, "erased person", None, None) for line in (2, 3, 4, 5, 8, 9)),
        (str(DAY), 2, "erased person", None, None),
    ]
    counted = {(file, str(ds)): landed for ds, file, landed in world.rows("ops.batches", "ds", "file", "rows_landed")}
    assert counted[f"calls/ds={FIRST}/extra.csv", str(FIRST)] == 2


def test_a_delivered_list_loses_the_row_and_its_manifest_says_so(erased: dict[str, Any]) -> None:
    content = erased["list"].read_bytes()
    assert content.decode() == f"customer_id,phone\n{OTHER},{SHARED_NUMBER}\n"
    entry = {"name": "care.csv", "rows": 1, "sha256": hashlib.sha256(content).hexdigest()}
    assert json.loads((erased["list"].parent / "manifest.json").read_text()) == {"files": [entry], "is_corrected": True}


def test_the_same_nights_again_and_a_further_one_bring_nobody_back_though_the_files_still_hold_the_person(
    erased: dict[str, Any],
) -> None:
    from jobs import ranges

    world = erased["world"]
    calls = [
        call("x-own", PERSON, OWN_NUMBER, FIRST),
        call("y-late", PERSON, OWN_NUMBER, FIRST),
        call("y-other", OTHER, SHARED_NUMBER, NEXT),
        f"y-short,{PERSON},{OWN_NUMBER}\n",
    ]
    world.drop("calls", str(NEXT), HEADER_OF_CALLS + "".join(calls), "extra.csv")
    # A number alone may be barred again: the entry lands, its value in clear does not.
    world.drop("do_not_call", str(NEXT), f"customer_id,phone,added_at\n,{OWN_NUMBER},{NEXT} 09:00:00\n", "extra.csv")
    turn = f'{{"call_id":"y-other","turn":1,"speaker":"agent","text":"Zebulon Quist, {PERSON}, again"}}'
    world.drop("transcripts", str(NEXT), turn, "extra.jsonl")
    summary = ranges.load(FIRST, NEXT, "next", say=lambda _: None)
    assert "complete" in summary
    again = contents(world)
    for name in (name for name in again if name.startswith(("bronze.", "quarantine."))):
        ds = [column for column in TABLES[name].column_names if column not in SILENT].index("ds")
        assert Counter({row: n for row, n in again[name].items() if row[ds] != NEXT}) == erased["after"][name], name
    assert [row for row in world.rows("silver.calls", "call_id") if row[0].startswith("y-")] == [("y-other",)]
    assert_gone_but_for(world, erased["tokens"])
    assert ("y-other", "[name], [erased], again") in world.rows("silver.transcripts", "call_id", "text")
    barred = world.rows("silver.do_not_call", "customer_id", "phone_token", "CAST(added_at AS VARCHAR)")
    number = number_token(world)
    assert [row for row in barred if row[1] == number] == [
        (None, number, f"{day} 09:00:00+00") for day in (FIRST, NEXT)
    ]


def assert_gone_but_for(world: World, tokens: set[str]) -> None:
    """As `assert_gone`, with the number in bronze among the opt-outs that came since."""
    pattern = of_person(tokens - {number_token(world)})
    assert not [file for file, text in everything(world.lake).items() if pattern.search(text)]


def test_a_customer_of_whom_nothing_is_held_is_an_error(erased: dict[str, Any]) -> None:
    code, said = erase("P-none")
    assert code == 1
    assert "nothing of such a customer" in said
