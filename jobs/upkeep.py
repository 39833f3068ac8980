"""The weekly upkeep of the lake: rows past their retention go, small files are packed, old ones deleted."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

from jobs.lake import Lake, in_dates
from jobs.settings import Settings
from jobs.table_logs import Files, literal
from jobs.tables import TABLES, Table

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
    for number, table in enumerate(tables, 1):
        kept = _keep(lake, table, day, settings)
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


def _keep(lake: Lake, table: Table, day: date, settings: Settings) -> Kept:
    before, rows = lake.files(table), lake.rows(table)
    days = settings.keeps(table)
    stamp = table.partition if table.partition in STAMPS else "ds"
    first = None if days is None else day - timedelta(days=days)
    if first is not None and lake.may_be_before(table, stamp, first):
        lake.delete(table, f"{stamp} < DATE'{first}'")
    deleted = rows - lake.rows(table)
    fragmented = lake.fragmented(table)
    if fragmented:
        lake.pack(table, _of_partitions(table, fragmented))
    lake.vacuum(table, settings.configuration.vacuum_hours)
    return Kept(table.name, before, lake.files(table), deleted)


def _of_partitions(table: Table, values: list[object]) -> str | None:
    """SQL for: of one of these partitions; None of a table without."""
    if table.partition is None:
        return None
    if all(value is None or isinstance(value, date) for value in values):
        return in_dates(table.partition, (value for value in values if value is None or isinstance(value, date)))
    return f"{table.partition} IN ({', '.join(literal(str(value)) for value in values)})"
