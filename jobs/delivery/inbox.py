"""The way back: lists that people filled in become rows of the feed contact_results, and each file gets a reply.

A file is judged once. What it says is kept as a file of the feed below `inbox/taken/ds=<date>/`, which lands like any
other, in whatever order nights are run and in whichever lake (decision 0024).
"""

import errno
import json
import os
import re
import stat
from collections.abc import Callable
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any

from jobs.delivery import filled_in, workbook
from jobs.delivery.files import FILLED_IN, NAMED_BY, csv_bytes, digest
from jobs.delivery.filled_in import UnreadableError
from jobs.delivery.folder import replace
from jobs.delivery.judge import Judge
from jobs.delivery.taken import FOLDER, INBOX, NOT_WORKED, REFUSED, REPLACED, TAKEN, rows_of, waiting
from jobs.rights.stored import StoredTables
from jobs.settings import Settings
from jobs.tables import TABLES

REPLY = ("row", "verdict", "why", *NAMED_BY, *FILLED_IN)
NIGHTS = TABLES["ops.nights"]
Put = Callable[[str, bytes], None]
"""Puts a file below the inbox in place, whole."""


def take_in(tables: StoredTables, day: date, settings: Settings) -> list[str]:
    """Takes the files that lie in the inbox into the batch of a date; returns a line for each that was not clean.

    Nothing is taken for a date before one that has passed the gate, nor a list of a later day. A file that is no list
    stays where it is, with its reply; one that was written in the last seconds (conf) stays for the next night. Of two
    files that say different of one attempt the later counts.

    Raises:
        DataError: the disk is full, or the folder cannot be written; the file is still there.
    """
    root = Path(settings.delivery)

    def put(path: str, content: bytes) -> None:
        replace(root / INBOX / path, content, f"inbox {day}", "run the same night again; the list is still there")

    if _is_past(tables, day):
        return []
    return [line for file in waiting(settings) for line in _take(tables, root, file, day, settings, put)]


def _is_past(tables: StoredTables, day: date) -> bool:
    passed = tables.records(NIGHTS, ("ds", ">", day)) if tables.exists(NIGHTS) else []
    return any(row["passed_gate_at"] for row in passed)


def _take(tables: StoredTables, root: Path, file: Path, day: date, settings: Settings, put: Put) -> list[str]:
    try:
        content = _content_of(file)
    except OSError as error:
        return [f"inbox: a file cannot be read and stays there ({error.strerror})"]
    name = digest(content)[:12]
    reply = f"replies/{re.sub(r'[^A-Za-z0-9_-]+', '_', file.stem)[:60]}-{name}"
    # People name files after persons, and what is said here is read by others.
    told = f"see {INBOX}/replies/*-{name}.csv"
    if _was_taken(root, name, day):
        # It came twice, or the night was killed before it was taken away.
        file.unlink(missing_ok=True)
        return []
    with_bom = settings.configuration.delivery.csv_bom
    try:
        rows = filled_in.read(file.name, content)
    except UnreadableError as error:
        _answer(put, reply, [{"row": 1, "verdict": REFUSED, "why": f"the whole file: {error}"}], day, with_bom)
        return [f"inbox: a file is no list and stays there: {error}; {told}"]
    judge = Judge(tables, rows, day, settings)
    judged = judge.judged()
    if judge.is_early:
        return []
    # The reply first: what was taken has had its answer, wherever a kill strikes.
    _answer(put, reply, judged, day, with_bom)
    if judged:
        attempts = {row["of_the_feed"]["attempt_id"] for row in judged if row["verdict"] == TAKEN}
        _replace_earlier(root / FOLDER / f"ds={day}", attempts, put)
        put(f"taken/ds={day}/{name}.jsonl", _lines([row["of_the_feed"] for row in judged]))
    with suppress(OSError):
        if _content_of(file) == content:
            file.unlink()
    refused = sum(row["verdict"] == REFUSED for row in judged)
    return [f"inbox: {refused:,} of {len(judged):,} rows of a list are refused, {told}"] if refused else []


def _content_of(file: Path) -> bytes:
    """What the file holds, and one byte beyond what a list has where it has more.

    Raises:
        OSError: it is gone, may not be read, or has become a link or a pipe since it was found.
    """
    with os.fdopen(os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as opened:
        if not stat.S_ISREG(os.fstat(opened.fileno()).st_mode):
            raise OSError(errno.EINVAL, "no file")
        return opened.read(filled_in.MOST_BYTES + 1)


def _answer(put: Put, reply: str, rows: list[dict[str, Any]], day: date, with_bom: bool) -> None:
    """What became of each row, for programs and for those who mend it: spreadsheets change dates and ids of a CSV."""
    # By the values an erasure finds the workbook beside them.
    put(f"{reply}.csv", csv_bytes(REPLY, rows, with_bom))
    put(f"{reply}.xlsx", workbook.reply(REPLY, rows, day))


def _was_taken(root: Path, name: str, day: date) -> bool:
    """Whether a file of this content was taken, with any row of it or for this same date, and is the last word."""
    for file in (root / FOLDER).glob(f"ds=*/{name}.jsonl"):
        rows = rows_of(file)
        is_counted = file.parent.name == f"ds={day}" or any(row["verdict"] in (TAKEN, NOT_WORKED) for row in rows)
        if is_counted and not _was_told_anew(root, file, rows):
            return True
    return False


def _was_told_anew(root: Path, file: Path, rows: list[dict[str, Any]]) -> bool:
    """Whether a file that was taken later says something else of a contact and time of these rows."""
    if any(row["verdict"] == REPLACED for row in rows):
        return True
    attempts = {row["attempt_id"] for row in rows if row["verdict"] == TAKEN}
    later = (each for each in (root / FOLDER).glob("ds=*/*.jsonl") if each.parent.name > file.parent.name)
    return any(row["verdict"] == TAKEN and row["attempt_id"] in attempts for each in later for row in rows_of(each))


def _replace_earlier(folder: Path, attempts: set[str], put: Put) -> None:
    """Lets attempts that a later file of the same date tells anew count by that file alone."""
    for file in sorted(folder.glob("*.jsonl")):
        rows = rows_of(file)
        again = [row for row in rows if row["verdict"] == TAKEN and row["attempt_id"] in attempts]
        for row in again:
            row["verdict"] = REPLACED
        if again:
            put(f"taken/{folder.name}/{file.name}", _lines(rows))


def _lines(rows: list[dict[str, object]]) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()
