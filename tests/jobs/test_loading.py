"""A long history loads in stretches, goes on after a kill, and ends at the lake of one pass."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from jobs import loading
from jobs.loading import stretches
from jobs.settings import read_settings
from jobs.table_logs import TableLogs
from jobs.tables import TABLES
from tests.conftest import REPO, World

FIRST, DAYS = date(2026, 1, 5), 3
DATES = [FIRST + timedelta(days=n) for n in range(DAYS)]
SMALL = """
import sys
from jobs import __main__, lake, loading, ranges
made = ranges.nightly()
names = ("silver.calls", "silver.transactions", "gold.repeat_calls")
ranges.nightly = lambda: [table for table in made if table.layer == "bronze" or table.name in names]
loading.LANDED_ROWS = loading.KEYED_ROWS = {rows}
if {rows} > 1:
    lake.HELD_AS_COLUMNS_FROM_ROWS, lake.ROWS_A_TASK = 0, 1
sys.exit(__main__.main())
"""
"""The command line with stretches of so many rows, up to repeat calls; in one stretch each frame is held as many rows are."""


def test_stretches_part_dates_by_their_rows_and_never_a_file() -> None:
    after = DATES[-1] + timedelta(days=1)
    sizes = [(DATES[0], 4, ("a",)), (DATES[1], 4, ("b",)), (DATES[2], 9, ("c",)), (after, 1, ("d",))]
    assert stretches(sizes, 8) == [DATES[:2], [DATES[2]], [after]]
    of_one_file = [(day, 100, ("month.csv",)) for day in DATES]
    assert stretches([*of_one_file, (after, 1, ("next.csv",))], 10) == [DATES, [after]]
    assert stretches([(day, 0, ()) for day in DATES], 10) == [DATES]


@pytest.fixture(scope="module")
def history(module_world: World) -> World:
    """Three dates, on each a call that comes a second time with the next batch, and a payment."""
    for n, day in enumerate(DATES):
        said = [_call(n, day)] + ([_call(n - 1, DATES[n - 1])] if n else [])
        head = "call_id,customer_id,caller_number,direction,started_at,ended_at,outcome\n"
        module_world.drop("calls", str(day), head + "".join(said))
        spent = f"t{n},C{n % 2},{day} 12:00:00,{n}.50,CNY,purchase\n"
        head = "transaction_id,customer_id,posted_at,amount,currency,kind\n"
        module_world.drop("transactions", str(day), head + spent)
    return module_world


def _call(n: int, day: date) -> str:
    return f"call{n},C{n % 2},1380013800{n},inbound,{day} 10:00:00,{day} 10:05:00,answered\n"


@pytest.fixture(scope="module")
def whole(history: World) -> dict[str, Any]:
    """The lake of one pass."""
    assert _load(os.environ.copy(), rows=1_000_000)[0] == 0
    assert not (history.lake / ".load.json").exists()
    return history.everything(history.lake)


def test_a_load_in_stretches_that_is_killed_goes_on_and_ends_at_the_lake_of_one_pass(
    history: World, whole: dict[str, Any], tmp_path: Path
) -> None:
    env = {**os.environ, "ECHOLAKE_LAKE": str(tmp_path / "lake")}
    killed, said = _load(env, kill_at=r"silver\.calls .*\(2 of 3\): done")
    assert killed == -signal.SIGKILL
    noted = json.loads((tmp_path / "lake/.load.json").read_text())["done"]
    # The kill may come between the end of the second stretch and its note.
    done = [f"silver.calls {day} {day}" for day in DATES[:2]]
    assert [key for key in noted if key.startswith("silver.calls ")] in (done[:1], done)

    ended, said = _load(env)
    assert ended == 0
    assert f"goes on: {len(noted)} stretches of this load are done" in said
    assert not re.search(r"bronze\.calls 2", said), "what had landed must not land again"
    assert re.search(r"silver\.calls 2026-01-07 to 2026-01-07 \(3 of 3\): done, 2 rows", said)
    assert not (tmp_path / "lake/.load.json").exists()
    assert history.everything(tmp_path / "lake") == whole


def test_of_a_load_that_goes_on_a_file_that_changed_lands_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "LANDED_ROWS", 1)
    head = "transaction_id,customer_id,posted_at,amount,currency,kind\n"
    files = [
        world.drop("transactions", str(day), f"{head}t{day},C1,{day} 12:00:00,1.50,CNY,purchase\n") for day in DATES
    ]
    landed: list[date] = []

    def land(days: Sequence[date], _: str) -> dict[str, Any]:
        landed.extend(days)
        world.land("transactions", *map(str, days))
        return {"table": "", "state": "done", "rows": 1, "seconds": 0.0, "warnings": [], "batches": []}

    def load() -> list[date]:
        landed.clear()
        settings = read_settings()
        loading.Load(TableLogs(settings.lake, {}), DATES, settings).make(TABLES["bronze.transactions"], land)
        return list(landed)

    assert load() == DATES
    assert load() == []
    files[1].write_text(files[1].read_text() + f"more,C1,{DATES[1]} 13:00:00,7.00,CNY,purchase\n")
    assert load() == [DATES[1]]


def test_a_date_without_a_mandatory_file_stops_the_load_before_anything_lands(history: World, tmp_path: Path) -> None:
    env = {**os.environ, "ECHOLAKE_LAKE": str(tmp_path / "lake")}
    beyond = DATES[-1] + timedelta(days=1)
    command = [sys.executable, "-c", SMALL.format(rows=1), "load", "--from", str(FIRST), "--to", str(beyond)]
    run = subprocess.run(command, cwd=REPO, env=env, capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert f"calls {beyond}: no file" in run.stderr
    assert not (tmp_path / "lake/bronze/calls/_delta_log").exists()


def _load(env: dict[str, str], kill_at: str | None = None, rows: int = 1) -> tuple[int, str]:
    command = [
        sys.executable,
        "-u",
        "-c",
        SMALL.format(rows=rows),
        "load",
        "--from",
        str(DATES[0]),
        "--to",
        str(DATES[-1]),
    ]
    process = subprocess.Popen(command, cwd=REPO, env=env, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        if kill_at is not None and re.search(kill_at, line):
            os.kill(process.pid, signal.SIGKILL)
    return process.wait(), "".join(said)
