"""Each check of the chaos suite says so when its promise is broken, and nothing when it is kept."""

import gzip
import hashlib
import json
import os
import shutil
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from chaos import promises
from chaos.lakes import ABSENT, Lake
from chaos.readers import Reader

NIGHT, LIST_ON = date(2026, 2, 10), date(2026, 2, 11)
PHONE = "+8613800138000"
FEEDS = (
    "agent_events", "agents", "calls", "cards", "contact_results", "customers", "do_not_call", "interactions", "shifts",
    "statements", "tickets", "transactions", "transcripts",
)  # fmt: skip


def put(root: Path, name: str, rows: list[dict[str, Any]], mode: Any = "overwrite") -> None:
    write_deltalake(root / "lake" / name.replace(".", "/"), pa.Table.from_pylist(rows), mode=mode)


def calls(*ids: str) -> list[dict[str, Any]]:
    return [{"call_id": each, "topic": "fee", "ds": NIGHT, "loaded_at": datetime.now(UTC)} for each in ids]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake after a small night that went well."""
    root = tmp_path_factory.mktemp("made")
    put(root, "bronze.calls", calls("a", "b"))
    put(root, "silver.calls", calls("a"))
    put(root, "silver.calls", calls("a", "b"))
    put(root, "quarantine.calls", [{"ds": NIGHT, "reason": "unknown outcome"}])
    batches = [
        {"feed": feed, "ds": NIGHT, "file": f"{feed}.csv", "rows_in": 0, "rows_landed": 0, "rows_quarantined": 0}
        for feed in FEEDS
    ]
    batches[2] |= {"rows_in": 3, "rows_landed": 2, "rows_quarantined": 1}
    put(root, "ops.batches", batches)
    now = datetime.now(UTC)
    put(root, "ops.nights", [{"ds": NIGHT, "passed_gate_at": now, "completed_at": now}])
    put(root, "ops.pii_access", [{"customer_token": "t", "column": "phone", "reason": "lists"}])
    batch = root / f"landing/calls/ds={NIGHT}"
    batch.mkdir(parents=True)
    (batch / "calls.csv.gz").write_bytes(gzip.compress(b"call_id\na\nb\nc\n"))
    folder = root / f"delivery/{LIST_ON}"
    folder.mkdir(parents=True)
    (folder / "save.csv").write_text(f"phone\n{PHONE}\n")
    told = {"save.csv": {"sha256": hashlib.sha256((folder / "save.csv").read_bytes()).hexdigest()}}
    (folder / "manifest.json").write_text(json.dumps({"files": told}))
    (root / "log").write_text("2 rows landed\n")
    (root / "personal.txt").write_text(f"{PHONE}\n")
    return root


@pytest.fixture
def root(made: Path, tmp_path: Path) -> Path:
    """A copy of it, to be spoilt."""
    return shutil.copytree(made, tmp_path / "spoilt")


def apart(root: Path, made: Path) -> list[promises.Broken]:
    there = Lake(made / "lake")
    wanted = there.fingerprints()
    return promises.same_tables(Lake(root / "lake"), wanted, there, wanted)


def accounts(root: Path) -> list[promises.Broken]:
    return promises.every_row_accounted(Lake(root / "lake"), root / "landing", NIGHT, {})


def test_a_lake_that_is_the_same_is_the_same(root: Path, made: Path) -> None:
    put(root, "bronze.calls", calls("b", "a"))
    assert apart(root, made) == [], "neither the order of rows nor the time of loading counts"


@pytest.mark.parametrize("ids", [("a",), ("a", "b", "b"), ("a", "c"), ()])
def test_a_row_that_is_missing_doubled_or_another_is_told(root: Path, made: Path, ids: tuple[str, ...]) -> None:
    if ids:
        put(root, "silver.calls", calls(*ids))
    else:
        shutil.rmtree(root / "lake/silver/calls")
    (broken,) = apart(root, made)
    assert "silver.calls" in broken.expected


def test_a_version_that_no_other_night_has_is_told(root: Path, made: Path) -> None:
    there, here = Lake(made / "lake"), Lake(root / "lake")
    before = {"bronze.calls": -1, "silver.calls": -1, "quarantine.calls": -1}
    steps = {
        name: {ABSENT, *(there.fingerprint(name, v) for n, v in there.since(before) if n == name)} for name in before
    }
    assert promises.only_whole_versions(here, before, steps) == []
    put(root, "silver.calls", calls("b"))
    put(root, "silver.calls", calls("a", "b"))
    (broken,) = promises.only_whole_versions(here, before, steps)
    assert "silver.calls" in broken.expected
    assert "version 2 has 1 rows" in broken.found


def test_a_row_that_nobody_accounts_for_is_told(root: Path) -> None:
    assert accounts(root) == []
    (root / f"landing/calls/ds={NIGHT}/more.csv").write_text("call_id\nd\n")
    (broken,) = accounts(root)
    assert (broken.expected, broken.found) == ("4 rows of calls in", "3 in ops.batches")


def test_rows_that_left_bronze_or_quarantine_are_told(root: Path) -> None:
    put(root, "bronze.calls", calls("a"))
    DeltaTable(root / "lake/quarantine/calls").delete()
    assert [broken.expected for broken in accounts(root)] == ["1 rows of calls landed", "0 rows of calls aside"]


def test_an_account_that_does_not_add_up_or_lacks_a_feed_is_told(root: Path) -> None:
    batch = {"feed": "calls", "ds": NIGHT, "file": "f", "rows_in": 3, "rows_landed": 2, "rows_quarantined": 0}
    put(root, "ops.batches", [batch])
    told = [broken.promise for broken in accounts(root)]
    assert "rows in = landed + quarantined" in told
    assert accounts(root)[-1].expected == "an account of 13 feeds"


def test_a_night_that_is_not_complete_is_told(root: Path) -> None:
    assert promises.night_complete(Lake(root / "lake"), NIGHT) == []
    DeltaTable(root / "lake/ops/nights").delete()
    assert len(promises.night_complete(Lake(root / "lake"), NIGHT)) == 1


def test_a_number_that_went_out_without_a_note_is_told(root: Path, made: Path) -> None:
    assert promises.handed_over_noted(Lake(root / "lake"), Lake(made / "lake")) == []
    DeltaTable(root / "lake/ops/pii_access").delete()
    assert len(promises.handed_over_noted(Lake(root / "lake"), Lake(made / "lake"))) == 1


def test_a_table_that_a_stopped_night_changed_is_told(root: Path, made: Path) -> None:
    here, there = Lake(root / "lake"), Lake(made / "lake")
    assert promises.untouched(here, there, there.names("silver")) == []
    put(root, "silver.calls", calls("a"))
    assert len(promises.untouched(here, there, there.names("silver"))) == 1


@pytest.mark.parametrize("spoil", ["cut", "gone", "more", "no manifest"])
def test_a_folder_that_is_half_there_is_told(root: Path, spoil: str) -> None:
    folder = root / f"delivery/{LIST_ON}"
    assert promises.whole_folder(folder) == []
    if spoil == "cut":
        (folder / "save.csv").write_text("phone\n")
    elif spoil == "more":
        (folder / "draft.csv").touch()
    else:
        (folder / ("save.csv" if spoil == "gone" else "manifest.json")).unlink()
    assert len(promises.whole_folder(folder)) == 1


def test_a_delivery_with_other_bytes_is_told(root: Path, made: Path) -> None:
    assert promises.same_delivery(root / "delivery", made / "delivery", LIST_ON) == []
    (root / "delivery/stop").mkdir()
    (root / "delivery/stop/2026-02-11.csv").write_text("customer_id\n")
    (broken,) = promises.same_delivery(root / "delivery", made / "delivery", LIST_ON)
    assert broken.found == "stop/2026-02-11.csv"


def test_a_number_in_clear_is_told_in_a_log_and_in_a_packed_page(root: Path) -> None:
    personal = root / "personal.txt"
    files = [file for file in promises.open_files(root, 0) if file != personal]
    assert root / "log" in files
    assert promises.nothing_personal(files, personal) == [], "in the delivered list alone it may stand"
    with (root / "log").open("a") as log:
        log.write(f"cannot call {PHONE}\n")
    put(root, "gold.calls", [{"phone": PHONE, "n": number} for number in range(100)])
    (root / "lake/vault/calls").mkdir(parents=True)
    (root / "lake/vault/calls/open").write_text(PHONE)
    files = [file for file in promises.open_files(root, 0) if file != personal]
    found = {Path(broken.found).suffix for broken in promises.nothing_personal(files, personal)}
    assert found == {"", ".json", ".parquet"}, "the log, the statistics of the table's own log, and its rows"


def test_what_is_left_behind_is_told(root: Path) -> None:
    lake = root / "lake"
    assert promises.nothing_left(root, promises.processes_of(lake)) == []
    (lake / ".night.lock").touch()
    (root / f"delivery/.{LIST_ON}.abc").mkdir()
    command = [sys.executable, "-c", "import time; print(1, flush=True); time.sleep(60)"]
    with subprocess.Popen(command, env={**os.environ, "ECHOLAKE_LAKE": str(lake)}, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        (broken,) = promises.nothing_left(root, promises.processes_of(lake))
        process.kill()
    assert all(each in broken.found for each in (".night.lock", f".{LIST_ON}.abc", f"process {process.pid}"))


def test_a_reader_tells_what_it_must_not_see(root: Path, made: Path) -> None:
    steps = {"silver.calls": {Lake(made / "lake").fingerprint("silver.calls")}}
    reader = Reader(root, LIST_ON, steps, Random(1), is_strict=True)
    while reader.looks < 1:
        assert not reader.broken
    (root / f"delivery/{LIST_ON}/manifest.json").unlink()
    put(root, "silver.calls", calls("a"))
    looks = reader.looks
    while reader.looks < looks + 2:
        pass
    told = {broken.promise for broken in reader.stop()}
    assert told == {"readers never see half a table", "a delivered folder appears whole or not at all"}
