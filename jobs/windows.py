"""How a night changes facts that later events change: the last days anew, older days where late rows touched them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.columns import caller_key
from jobs.lake import Lake, computed, in_dates
from jobs.settings import Settings
from jobs.tables import TABLES, Table
from jobs.tables.gold import WINDOWS

CALLS = TABLES["silver.calls"]
HISTORY = TABLES["silver.caller_history"]
LONGEST_WINDOW_DAYS = max(WINDOWS.values()) // 24


@dataclass(frozen=True)
class Plan:
    """What must be made again.

    `numbers`: what conf tunes; other ones than the last time make everything anew.
    `since`: all days from here on (None: all days). `late`: changes of silver.calls on days before those, or so
    shortly after that they reach back (None where `since` covers all). `version`: of silver.calls.
    """

    since: date | None
    late: DataFrame | None
    version: int
    known_until: datetime
    numbers: dict[str, Any]

    @property
    def note(self) -> dict[str, Any]:
        """What the commit says of its inputs."""
        return {
            "inputs": {CALLS.name: self.version},
            "known_until": self.known_until.isoformat(),
            "numbers": self.numbers,
        }


def known_until(lake: Lake, settings: Settings) -> datetime | None:
    """The end (UTC) of the latest business date that passed the gate; None before the first."""
    nights = lake.records(TABLES["ops.nights"])
    latest = max((night["ds"] for night in nights if night["passed_gate_at"]), default=None)
    if latest is None:
        return None
    end = datetime.combine(latest + timedelta(days=1), time(), ZoneInfo(settings.time_zone))
    return end.astimezone(UTC)


def plan(lake: Lake, table: Table, settings: Settings) -> Plan | None:
    """What this night must make again; None while no date has passed the gate or there are no calls."""
    until, version = known_until(lake, settings), lake.version(CALLS)
    if until is None or version is None:
        return None
    made = _plan(lake, table, settings, until, version)
    days = [day for day in lake.dates(CALLS, "event_date") if made.since is None or day >= made.since]
    lake.prepare(lake.rows(CALLS, days))
    return made


def _plan(lake: Lake, table: Table, settings: Settings, until: datetime, version: int) -> Plan:
    consumed = lake.consumed(table, CALLS)
    boundary = history_ends_before(lake)
    last_known = lake.noted(table, "known_until")
    numbers = settings.configuration.repeat_calls
    late_days = timedelta(days=numbers.late_days)
    # Rows that matured since must lie in the days that are made again: otherwise everything is.
    skipped = last_known is None or datetime.fromisoformat(last_known) < until - late_days
    everything = Plan(None, None, version, until, numbers.model_dump())
    if consumed is None or skipped or boundary is None or lake.noted(table, "numbers") != everything.numbers:
        return everything
    # A day of 25 hours lets a window of hours reach a day further.
    reaches_back = boundary + timedelta(days=LONGEST_WINDOW_DAYS + 1)
    late = lake.changes(CALLS, consumed, version, f"event_date < DATE'{reaches_back}'")
    return everything if late is None else replace(everything, since=boundary, late=late)


def history_ends_before(lake: Lake) -> date | None:
    """The date from which on calls are not in silver.caller_history; None while it is empty."""
    latest = lake.latest(HISTORY, "event_date")
    return None if latest is None else latest + timedelta(days=1)


def late_callers(plan: Plan) -> DataFrame | None:
    """The callers, before and after the change, of late rows; None where there are none."""
    if plan.late is None:
        return None
    callers = plan.late.select(caller_key().alias("caller_key")).distinct()
    callers = computed(callers)
    return None if callers.isEmpty() else callers


def of_callers(rows: DataFrame, callers: DataFrame) -> DataFrame:
    """The rows of these callers; `rows` need a caller_key."""
    return rows.join(F.broadcast(callers), "caller_key", "left_semi")


def differences(new: DataFrame, old: DataFrame, table: Table) -> DataFrame:
    """Changes for Lake.merge that turn the rows `old` into the rows `new`."""
    same_key = " AND ".join(f"n.{name} <=> o.{name}" for name in table.key)
    is_same = " AND ".join(f"n.{name} <=> o.{name}" for name in table.column_names)
    gone = F.col(f"n.{table.key[0]}").isNull()
    joined = new.alias("n").join(old.alias("o"), F.expr(same_key), "full_outer").where(f"NOT ({is_same})")
    return joined.select(
        *(F.when(gone, F.col(f"o.{name}")).otherwise(F.col(f"n.{name}")).alias(name) for name in table.column_names),
        gone.alias("_delete"),
    )


def on_key(table: Table, days: Sequence[date] | None = None) -> str:
    """The condition of Lake.merge that compares the table's key; `days` prune the partitions."""
    same = " AND ".join(f"kept.{name} = new.{name}" for name in table.key)
    return same if days is None else f"{same} AND ({in_dates(f'kept.{table.partition}', days)})"
