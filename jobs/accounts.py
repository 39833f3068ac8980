"""What landing a feed leaves to be written down: the account of each file of each batch."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from datetime import date, datetime

from pyspark.sql import Row

from jobs.sources import SourceFile
from jobs.table_logs import TableLogs
from jobs.tables import TABLES, Feed


@dataclass(frozen=True)
class BatchFile:
    """The account of one file of a feed's batch (a row of ops.batches)."""

    feed: str
    ds: date | None
    file: str | None
    rows_in: int
    rows_landed: int
    rows_quarantined: int
    file_bytes: int | None = None
    file_modified_at: datetime | None = None
    rows_of_file: int = 0
    rows_erased: int = 0


@dataclass(frozen=True)
class Landed:
    """What landing a feed did: its batches, and the rows written to bronze (0 = it stood there already)."""

    batches: list[BatchFile]
    rows: int
    warnings: list[str] = field(default_factory=list)


def of_files(
    feed: Feed,
    account: list[Row],
    files: Sequence[SourceFile],
    found: dict[date, list[SourceFile]],
    sizes: dict[str, int],
) -> list[BatchFile]:
    """What came of each file. `account` counts by date and file; `sizes` are all rows of a file, of whatever date."""
    by_name = {file.name: file for file in files}
    counted = {(row["ds"], row["source_file"]): row for row in account}
    wanted = {(day, file.name) for day, members in found.items() for file in members} | counted.keys()
    batches = []
    for ds, name in sorted(wanted, key=lambda pair: (pair[0] is None, str(pair[0]), pair[1])):
        row = counted.get((ds, name))
        batches.append(
            BatchFile(
                feed.name,
                ds,
                name,
                row["rows_in"] if row else 0,
                row["rows_landed"] if row else 0,
                row["rows_quarantined"] if row else 0,
                by_name[name].bytes,
                by_name[name].modified_at,
                sizes.get(name, 0),
                row["rows_erased"] if row else 0,
            )
        )
    return batches


def files_that_came(logs: TableLogs, *feeds: str) -> dict[str, list[tuple[date, str]]]:
    """Of each of the feeds, batch date and name of every file that came, also of an empty one; undated rows aside."""
    came: dict[str, list[tuple[date, str]]] = {feed: [] for feed in feeds}
    for row in logs.records(TABLES["ops.batches"], ("feed", "in", [*came])) if came else ():
        if row["ds"] and row["file"]:
            came[row["feed"]].append((row["ds"], row["file"]))
    return came


def kept(logs: TableLogs, feed: Feed, days: Sequence[date], asked: Sequence[date]) -> Landed:
    """The account of dates that are not asked for: their batches stand as they are."""
    past = [day for day in days if day not in asked]
    if not past:
        return Landed([], 0)
    names = [each.name for each in fields(BatchFile)]
    known = logs.records(TABLES["ops.batches"], ("feed", "=", feed.name))
    batches = [BatchFile(**{name: row[name] for name in names if name in row}) for row in known if row["ds"] in past]
    accounted = {batch.ds for batch in batches}
    batches += [BatchFile(feed.name, day, None, 0, 0, 0) for day in past if day not in accounted]
    span = f"{past[0]} to {past[-1]}" if len(past) > 1 else f"{past[0]}"
    told = f"{feed.name} {span}: left as it stands, as a query that asks for no date tells of the latest alone"
    return Landed(batches, 0, [told])
