"""`make run`: a small made-up call centre, its history and its last nights, and where to look."""

import os
import sys
import time
from datetime import date, timedelta
from pathlib import Path

from upath import UPath

import sample
from jobs import airflow, ranges
from jobs.delivery import taken
from jobs.errors import DataError
from jobs.settings import read_settings
from jobs.table_logs import TableLogs
from jobs.tables import TABLES
from jobs.whole_files import put
from sample import answers
from sample.world import World

FIRST, LAST = date(2026, 1, 1), date(2026, 2, 9)
NIGHTS = 2
"""Nights that run through Airflow; the days before them are loaded as a history."""
MARK = ".sample"
"""Says of a landing folder, and of a lake, that what it holds is made up."""


def run(run_id: str) -> int:
    """Makes the sample world and its last nights, its history under `run_id`; returns 0, or 1 when a night failed."""
    settings = read_settings()
    landing = Path(settings.landing)
    _refuse_others(landing, settings.lake)
    # Before the first file and table: what a kill leaves is made up as well, and the same command goes on with it.
    for root in (settings.landing, settings.lake):
        if "://" not in root:
            Path(root).mkdir(parents=True, exist_ok=True)
        put(UPath(root, MARK), b"")
    loaded_to = LAST - timedelta(days=NIGHTS)
    print(f"sample world {FIRST} to {LAST} -> {settings.landing}", flush=True)
    sample.write(landing, FIRST, LAST)
    print(f"history {FIRST} to {loaded_to}, each table once for the whole range", flush=True)
    ranges.load(FIRST, loaded_to, run_id, say=lambda line: print(line, flush=True))
    for number in range(NIGHTS, 0, -1):
        day = LAST - timedelta(days=number - 1)
        returned = _return_lists(Path(settings.delivery), day)
        print(f"night {day}, through Airflow; {returned} lists of the day came back filled in", flush=True)
        if airflow.run_night(day):
            print(f"the night of {day} failed; its log is below {settings.local / 'logs'}", file=sys.stderr)
            return 1
    tables = sorted(name for name in TABLES if not name.startswith("vault."))
    print(
        f"\nlake       {settings.lake}  ({len(tables)} tables: make sql)\n"
        f"repeats    SELECT * FROM gold.repeat_calls;  service: SELECT * FROM gold.service_kpis;\n"
        f"customers  SELECT * FROM gold.customer_portraits;  what happened: SELECT * FROM gold.customer_timeline;\n"
        f"lists      {settings.delivery}/{LAST + timedelta(days=1)}  (make deliver)\n"
        f"answers    {settings.delivery}/inbox/replies;  SELECT * FROM ops.returned_lists;\n"
        f"reports    {settings.delivery}/reports/{LAST}/repeat_calls.html\n"
        f"nights     SELECT * FROM ops.nights;  rows in and out: SELECT * FROM ops.batches;\n"
        f"logs       {settings.local / 'logs'}\n"
        f"Airflow    make airflow"
    )
    return 0


def _return_lists(delivery: Path, day: date) -> int:
    """Puts the lists of a day into the inbox as those who worked them fill them in; returns how many there are."""
    world, inbox, files = World(), delivery / taken.INBOX, answers.files(delivery, day)
    for file in files:
        back = inbox / f"{day} {file.name}"
        back.write_bytes(answers.filled_in(world, file, day, day) or b"")
        # Of a list that was written just now nobody knows whether it is whole.
        written_at = time.time() - read_settings().configuration.delivery.inbox_settle_seconds
        os.utime(back, (written_at, written_at))
    return len(files)


def _refuse_others(landing: Path, lake: str) -> None:
    is_ours = (landing / MARK).exists()
    holds_files = not is_ours and landing.exists() and any(landing.iterdir())
    # Sources may lie elsewhere, or in a database, and a lake takes nothing back.
    mark = UPath(lake, MARK)
    holds_nights = not mark.exists() and TableLogs(lake).exists(TABLES["ops.nights"])
    if holds_files or holds_nights:
        todo = "unset ECHOLAKE_LANDING and ECHOLAKE_LAKE, or name empty folders; for real files use make nightly"
        if not holds_files and is_ours:
            todo = f"let ECHOLAKE_LAKE name an empty folder; if all in it is made up, put an empty file {mark} there"
        raise DataError(
            "make run",
            expected="an empty landing folder and an empty lake, or those that an earlier make run filled",
            found=f"{landing} holds other files" if holds_files else f"{lake} holds nights of other sources",
            todo=todo,
        )
