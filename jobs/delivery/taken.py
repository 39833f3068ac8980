"""What came back of the lists as a source of the feed contact_results, and the account of it (decision 0024)."""

import json
import time
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

from jobs.settings import Settings, Source
from jobs.table_logs import TableLogs
from jobs.tables import TABLES

FEED = "contact_results"
INBOX = "inbox"
FOLDER = f"{INBOX}/taken/"
ENDINGS = (".csv", ".xlsx")
TAKEN, NOT_WORKED, REFUSED = "taken", "not worked", "refused"
"""Verdicts on a row."""
SOURCE = Source(path=f"{FOLDER}ds={{ds}}/*.jsonl", format="json", where=f"verdict <> '{NOT_WORKED}'", optional=True)
"""Where it lies below the delivery root; its `problem` and `row` are for the door."""
MODE = 0o770
"""Those who may read lists may return them."""
RETURNED = TABLES["ops.returned_lists"]


def open_inbox(root: Path) -> None:
    """Makes the folder, so that people find it."""
    inbox = root / INBOX
    if not inbox.exists():
        inbox.mkdir(parents=True)
        inbox.chmod(MODE)


def waiting(settings: Settings) -> list[Path]:
    """Files in the inbox that nobody writes any more, the oldest first: of two that say different the later counts."""
    inbox = Path(settings.delivery) / INBOX
    settled = time.time() - settings.configuration.delivery.inbox_settle_seconds
    found = [file for file in inbox.iterdir() if file.is_file()] if inbox.exists() else []
    # Office programs mark a file that is open with ~$ or .~lock.
    named = [file for file in found if file.name[0] not in ".~_" and file.suffix.lower() in ENDINGS]
    dated = sorted((file.stat().st_mtime, file.name, file) for file in named)
    return [file for modified, _, file in dated if modified <= settled]


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
    counts: dict[tuple[str, str], dict[str, int]] = {}
    for line in file.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        verdicts = counts.setdefault((row["list_on"], row["campaign"]), dict.fromkeys((TAKEN, NOT_WORKED, REFUSED), 0))
        verdicts[row["verdict"]] += 1
    return [
        {
            "ds": day, "file": f"{FOLDER}ds={day}/{file.name}", "list_on": _date_of(list_on),
            "campaign": campaign or None,
            "rows_in": sum(verdicts.values()), "rows_taken": verdicts[TAKEN], "rows_not_worked": verdicts[NOT_WORKED],
            "rows_refused": verdicts[REFUSED],
        }
        for (list_on, campaign), verdicts in counts.items()
    ]  # fmt: skip


def _date_of(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
