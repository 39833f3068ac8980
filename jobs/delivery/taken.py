"""What came back of the lists as a source of the feed contact_results, and the account of it (decision 0024)."""

import json
import os
import stat
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any

from jobs.errors import DataError
from jobs.settings import Settings
from jobs.source_settings import Source
from jobs.table_logs import TableLogs
from jobs.tables import TABLES

FEED = "contact_results"
INBOX = "inbox"
OWN = ("taken", "replies")
FOLDER = f"{INBOX}/{OWN[0]}/"
TAKEN, NOT_WORKED, REFUSED, REPLACED = "taken", "not worked", "refused", "replaced"
"""Verdicts on a row; replaced: a later file of the same date told the attempt anew."""
SOURCE = Source(
    path=f"{FOLDER}ds={{ds}}/*.jsonl",
    format="json",
    where=f"verdict NOT IN ('{NOT_WORKED}', '{REPLACED}')",
    optional=True,
)
"""Where it lies below the delivery root; its `problem` and `row` are for the door."""
MODE = stat.S_ISVTX | 0o770
"""Those who may read lists may return them, and touch nothing else there: what was taken is a file of the feed."""
OWN_MODE = 0o750
RETURNED = TABLES["ops.returned_lists"]


def open_inbox(root: Path) -> None:
    """Makes the folder, so that people find it, and those in it that are Echolake's alone.

    Raises:
        DataError: one of these is somebody else's.
    """
    inbox = root / INBOX
    is_new = not inbox.exists()
    inbox.mkdir(parents=True, exist_ok=True)
    for name in OWN:
        own = inbox / name
        if not own.exists():
            own.mkdir()
            own.chmod(OWN_MODE)
        if own.is_symlink() or own.stat().st_uid != os.geteuid():
            raise DataError(
                f"inbox: {INBOX}/{name} belongs to somebody else",
                expected="a folder of the account of the nights, as what lies there counts as judged",
                found="a link" if own.is_symlink() else f"one of the user {own.stat().st_uid}",
                todo="look at what lies there, then move it away, or give the folder to that account",
            )
    if is_new:
        # For others only when these two are there.
        inbox.chmod(MODE)
    mode = inbox.stat().st_mode
    if not mode & stat.S_ISVTX:
        # Somebody else's, who chose its mode.
        with suppress(PermissionError):
            inbox.chmod(stat.S_IMODE(mode) | stat.S_ISVTX)


def waiting(settings: Settings) -> list[Path]:
    """Files in the inbox that nobody writes any more, the oldest first: of two that say different the later counts."""
    inbox = Path(settings.delivery) / INBOX
    now, settle = time.time(), settings.configuration.delivery.inbox_settle_seconds
    found = []
    for file in inbox.iterdir() if inbox.exists() else ():
        # Office programs mark a file that is open with ~$ or .~lock. A link would let those who may write here be told
        # of a file that only Echolake may read.
        if file.name[0] in ".~_" or file.is_symlink() or not file.is_file():
            continue
        with suppress(FileNotFoundError):
            modified = file.stat().st_mtime
            # A clock that goes ahead does not keep a file waiting for long.
            if abs(now - modified) >= settle:
                found.append((modified, file.name, file))
    return [file for _, _, file in sorted(found)]


def rows_of(file: Path) -> list[dict[str, Any]]:
    """The rows of a file that was taken."""
    # Lines end with a line feed alone: what people type may hold other signs that end a line elsewhere.
    return [json.loads(line) for line in file.read_text(encoding="utf-8").split("\n") if line]


def is_taken(file: str | None) -> bool:
    """Whether a file of a batch, by its name in ops.batches, came by the inbox."""
    return file is not None and file.startswith(FOLDER)


def record(logs: TableLogs, days: Sequence[date], settings: Settings) -> None:
    """Writes the account of what was taken for these dates in place of what stood (ops.returned_lists)."""
    root = Path(settings.delivery)
    rows = [
        row for day in days for file in sorted(root.glob(f"{FOLDER}ds={day}/*.jsonl")) for row in _account(day, file)
    ]
    listed = ", ".join(f"DATE'{day}'" for day in days)
    if rows or logs.exists(RETURNED):
        logs.record(RETURNED, rows, f"ds IN ({listed})")


def _account(day: date, file: Path) -> list[dict[str, Any]]:
    """What came back of each list. Refused rows whose list nobody else in the file names may name anything."""
    counts: dict[tuple[date | None, str | None], dict[str, int]] = {}
    rows = rows_of(file)
    lists = {(row["list_on"], row["campaign"]) for row in rows if row["verdict"] != REFUSED}
    for row in rows:
        named = (row["list_on"], row["campaign"])
        key = (date.fromisoformat(row["list_on"]), row["campaign"]) if named in lists else (None, None)
        verdicts = counts.setdefault(key, dict.fromkeys((TAKEN, NOT_WORKED, REFUSED, REPLACED), 0))
        verdicts[row["verdict"]] += 1
    return [
        {
            "ds": day, "file": f"{FOLDER}ds={day}/{file.name}", "list_on": list_on, "campaign": campaign,
            "rows_in": sum(verdicts.values()), "rows_taken": verdicts[TAKEN], "rows_not_worked": verdicts[NOT_WORKED],
            "rows_refused": verdicts[REFUSED], "rows_replaced": verdicts[REPLACED],
        }
        for (list_on, campaign), verdicts in counts.items()
    ]  # fmt: skip
