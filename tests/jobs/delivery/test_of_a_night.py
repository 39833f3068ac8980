"""A night hands its lists over: from the files of the sources to the number on the list, and to the summary."""

import csv
import json
import os
import time
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from jobs import lock, night, runner
from jobs.settings import read_settings
from jobs.tables import FEEDS, TABLES
from tests.conftest import World
from tests.frames import frame

pytestmark = pytest.mark.spark
NIGHT, LIST_ON = date(2026, 1, 5), date(2026, 1, 6)
CUSTOMERS = "customer_id,name,phone,sms_consent,updated_at\nC1,李安娜,138 0013 8000,true,2026-01-05 10:00:00\n"
RUN = "test__delivery"


@pytest.fixture(scope="module")
def listed(module_world: World) -> World:
    """A customer who came with a batch, on the list of the day after."""
    module_world.configure(time_zone="Asia/Shanghai", delivery={"names": True})
    module_world.drop("customers", str(NIGHT), CUSTOMERS)
    for table in ("bronze.customers", "silver.customers", "silver.customers_versions"):
        module_world.make(table, str(NIGHT))
    lake = runner.open_lake(read_settings())
    common = {"list_on": LIST_ON, "campaign": "repeat_low_self_service", "customer_id": "C1", "channel": "sms"}
    at = datetime(2026, 1, 6, 2, tzinfo=UTC)
    contact = {
        "rank": 1, "slot_start_at": at, "slot_end_at": at.replace(hour=3), "why": "Called twice about the limit",
        "script_id": "a", "script_hint": "The limit is in the app", "expected_value": 3.0,
    }  # fmt: skip
    lake.append(TABLES["gold.call_lists"], frame(lake.spark, "gold.call_lists", [common | contact]))
    candidate = common | {"kind": "service", "decision": "listed", "rank": 1}
    lake.append(TABLES["gold.call_candidates"], frame(lake.spark, "gold.call_candidates", [candidate]))
    return module_world


@pytest.fixture(scope="module")
def outcomes(listed: World) -> list[dict[str, Any]]:
    """Of the night, and of the same night again."""
    made = [night.run_delivery(NIGHT, RUN) for _ in range(2)]
    lock.release(read_settings(), RUN)
    return made


def rows(file: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(file.read_text(encoding="utf-8-sig").splitlines()))


def test_the_number_and_name_of_the_source_are_on_the_list(listed: World, outcomes: list[dict[str, Any]]) -> None:
    [row] = rows(listed.root / "delivery/2026-01-06/repeat_low_self_service.csv")
    assert (row["customer_id"], row["name"], row["phone"]) == ("C1", "李安娜", "+8613800138000")
    assert row["slot_start"] == "2026-01-06 10:00"


def test_a_night_counts_contacts_once(outcomes: list[dict[str, Any]]) -> None:
    assert [(each["table"], each["state"], each["rows"]) for each in outcomes] == [
        ("delivery", "done", 1), ("delivery", "unchanged", 0),
    ]  # fmt: skip


def test_opt_outs_of_the_next_batch_are_told_to_the_holders_of_the_list(
    listed: World, outcomes: list[dict[str, Any]]
) -> None:
    entry = "customer_id,phone,channel,reason,added_at,expires_at\n,+86 138 0013 8000,,asked,2026-01-06 09:00:00,\n"
    listed.drop("do_not_call", str(LIST_ON), entry)
    for table in ("bronze.do_not_call", "silver.do_not_call"):
        listed.make(table, str(LIST_ON))
    done = night.deliver(LIST_ON, RUN)
    assert done.parcel is None
    [stop] = rows(listed.root / "delivery/stop/2026-01-06.csv")
    wanted = {
        "customer_id": "C1",
        "campaign": "repeat_low_self_service",
        "reason": "do_not_call",
        "known_at": "2026-01-06",
    }
    assert stop == wanted


def test_the_list_filled_in_comes_back_with_the_next_batch(listed: World, outcomes: list[dict[str, Any]]) -> None:
    folder = listed.root / "delivery"
    book = openpyxl.load_workbook(folder / "2026-01-06/repeat_low_self_service.xlsx")
    sheet = book["list"]
    names: list[Any] = [cell.value for cell in sheet[1]]
    sheet.cell(2, names.index("result") + 1, "do not call")
    sheet.cell(2, names.index("note") + 1, "李安娜 said: 138 0013 8000 never again")
    sheet.append([{"customer_id": "C7", "result": "eaten"}.get(name) for name in names])
    book.save(folder / "inbox/back.xlsx")
    aged = time.time() - 100
    os.utime(folder / "inbox/back.xlsx", (aged, aged))
    header = "attempt_id,customer_id,attempted_at,channel,result\n"
    listed.drop("contact_results", str(LIST_ON), header + "a1,C1,2026-01-06 18:00:00,call,busy\n")

    outcome = night.run_table("bronze.contact_results", LIST_ON, RUN)

    assert any("1 of 2 rows of a list are refused" in warning for warning in outcome["warnings"])
    counts = [[batch[name] for name in ("rows_in", "rows_landed", "rows_quarantined")] for batch in outcome["batches"]]
    assert counts == [[1, 1, 0], [2, 1, 1]]
    listed.make("silver.contact_results", str(LIST_ON))
    columns = ("customer_id", "campaign", "list_on", "result", "channel", "note")
    back, elsewhere = listed.rows("silver.contact_results", *columns, order="campaign")
    assert back[:-1] == ("C1", "repeat_low_self_service", LIST_ON, "do_not_call", "sms")
    assert not any(told in back[-1] for told in ("李安娜", "138"))
    assert elsewhere[3] == "busy"
    [(reason, line)] = listed.rows("quarantine.contact_results", "reason", "line")
    assert (reason, line) == ("list_on: a date such as 2026-01-31 is expected", 3)
    [(raw,)] = listed.rows("vault.quarantine_raw", "raw")
    assert json.loads(raw)["result"] == "eaten"
    # The same night again finds what was taken where it lies.
    again = night.run_table("bronze.contact_results", LIST_ON, RUN)
    assert (again["state"], again["batches"]) == ("unchanged", outcome["batches"])
    [returned] = listed.rows(
        "ops.returned_lists", "list_on", "campaign", "rows_taken", "rows_refused", order="rows_refused"
    )[:1]
    assert returned == (LIST_ON, "repeat_low_self_service", 1, 0)


def test_what_people_typed_wrong_never_stops_a_night(listed: World, outcomes: list[dict[str, Any]]) -> None:
    file = listed.root / "delivery/inbox/wrong.csv"
    lines = [f"2026-01-06,none,C{n},reached" for n in range(50)]
    file.write_text("\n".join(["list_on,campaign,customer_id,result", *lines]) + "\n")
    aged = time.time() - 100
    os.utime(file, (aged, aged))
    day = date(2026, 1, 7)
    settings = read_settings()
    landed = [night.run_table(f"bronze.{feed.name}", day, RUN) for feed in FEEDS if feed.optional]
    present = [{"table": f"bronze.{feed.name}", "batches": []} for feed in FEEDS if not feed.optional]
    assert night.gate(day, [*landed, *present], RUN)["state"] == "done"
    lock.release(settings, RUN)
    assert len(listed.rows("quarantine.contact_results", "reason")) == 51


def test_the_history_loaded_anew_has_what_came_back(
    listed: World, outcomes: list[dict[str, Any]], tmp_path: Path
) -> None:
    before = listed.rows("bronze.contact_results", "attempt_id", "ds", "result")
    days = [LIST_ON, date(2026, 1, 7)]
    settings = replace(read_settings(), lake=str(tmp_path / "lake"))
    runner.run("bronze.contact_results", days, RUN, settings)
    assert before
    assert listed.rows("bronze.contact_results", "attempt_id", "ds", "result", lake=tmp_path / "lake") == before
