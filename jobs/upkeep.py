"""The weekly upkeep of the lake: rows past their retention go, small files are packed, old ones deleted."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from pyarrow.dataset import field

from jobs.lake import Lake, in_dates, in_texts
from jobs.loading import unended
from jobs.settings import Settings
from jobs.table_logs import Files, literal
from jobs.tables import FEEDS, TABLES, Table
from jobs.tables.landed import QUARANTINE_RAW

STAMPS = ("ds", "as_of", "scored_on", "list_on")


@dataclass(frozen=True)
class Kept:
    """What the upkeep of one table came to: its files before and after."""

    table: str
    before: Files
    after: Files
    deleted: int
    """Rows past their retention."""

    @property
    def is_news(self) -> bool:
        """Whether anything was done that readers' speed or disk feels."""
        return self.deleted > 0 or self.before != self.after

    def __str__(self) -> str:
        gone = f", {self.deleted:,} rows past their retention deleted" if self.deleted else ""
        return f"{self.table}: {self.before.count:,} -> {self.after.count:,} files{gone}"


def keep_up(lake: Lake, day: date, settings: Settings, say: Callable[[str], None]) -> list[Kept]:
    """Keeps up every table that stands, as of a business date; one after the other, each told when it is done.

    A date after the last night keeps what that night keeps: a slip of the pen must not take the whole lake away.
    """
    done = []
    day = min(day, max((night["ds"] for night in lake.records(TABLES["ops.nights"])), default=day))
    tables = [table for table in TABLES.values() if lake.exists(table)]
    load = unended(settings.lake)
    if load is not None:
        again = f"it has been run again ({load})" if load else "the same load has been run again"
        say(f"  a load has not ended: what it landed stays, whatever its age, until {again}")
    for number, table in enumerate(tables, 1):
        kept = _keep(lake, table, day, settings, may_drop=load is None or table.layer != "bronze")
        done.append(kept)
        if kept.is_news:
            say(f"  [{number}/{len(tables)}] {kept}")
    return done


def summary(done: list[Kept]) -> str:
    """What the upkeep came to, in a line."""
    before, after = sum(kept.before.count for kept in done), sum(kept.after.count for kept in done)
    deleted = sum(kept.deleted for kept in done)
    freed = sum(kept.before.bytes - kept.after.bytes for kept in done) / (1 << 20)
    return (
        f"{len(done)} tables kept up: {before:,} files packed into {after:,}, {deleted:,} rows past their retention "
        f"deleted, tables {abs(freed):,.0f} MiB {'smaller' if freed >= 0 else 'larger'}"
    )


def _keep(lake: Lake, table: Table, day: date, settings: Settings, may_drop: bool) -> Kept:
    before, rows = lake.files(table), lake.rows(table)
    days = settings.keeps(table) if may_drop else None
    past = [] if days is None else _past(lake, table, day - timedelta(days=days))
    if past:
        lake.delete(table, " OR ".join(past))
    deleted = rows - lake.rows(table)
    fragmented = lake.fragmented(table)
    if fragmented:
        lake.pack(table, _of_partitions(table, fragmented))
    lake.vacuum(table, settings.configuration.vacuum_hours)
    return Kept(table.name, before, lake.files(table), deleted)


def _past(lake: Lake, table: Table, first: date) -> list[str]:
    """SQL for the rows from before the first date that is kept; none where there are no such rows."""
    stamp = table.partition if table.partition in STAMPS else "ds"
    past = [f"{stamp} < DATE'{first}'"] if lake.may_be_before(table, stamp, first) else []
    if table.layer == "quarantine" and any(at.date() < first for (at,) in _undated(lake, table, "loaded_at")):
        past.append(f"(ds IS NULL AND loaded_at < DATE'{first}')")
    return past + (_of_gone_files(lake) if table == QUARANTINE_RAW else [])


def _of_gone_files(lake: Lake) -> list[str]:
    """SQL for the raw rows of no date of files of which quarantine, kept up before, has no such row any more."""
    stands = {
        (feed.name, file) for feed in FEEDS for (file,) in _undated(lake, TABLES[f"quarantine.{feed.name}"], "file")
    }
    files: dict[str, list[str]] = {}
    for feed, file in sorted(_undated(lake, QUARANTINE_RAW, "feed", "file") - stands):
        files.setdefault(feed, []).append(file)
    return [f"(ds IS NULL AND feed = {literal(feed)} AND {in_texts('file', names)})" for feed, names in files.items()]


def _undated(lake: Lake, table: Table, *columns: str) -> set[tuple[Any, ...]]:
    """The values of these columns in rows that are of no date."""
    if not lake.may_hold(table, {}, "ds"):
        return set()
    rows = lake.dataset(table).to_table(columns=[*columns], filter=field("ds").is_null())
    return set(zip(*(rows.column(name).to_pylist() for name in columns), strict=True))


def _of_partitions(table: Table, values: list[object]) -> str | None:
    """SQL for: of one of these partitions; None of a table without."""
    if table.partition is None:
        return None
    if all(value is None or isinstance(value, date) for value in values):
        return in_dates(table.partition, (value for value in values if value is None or isinstance(value, date)))
    return f"{table.partition} IN ({', '.join(literal(str(value)) for value in values)})"
