"""How a night changes facts that later events change: callers anew of whom a call changed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.business_dates import end_of
from jobs.columns import caller_key
from jobs.lake import Lake, computed, in_dates
from jobs.settings import Settings
from jobs.tables import TABLES, Table
from jobs.tables.gold import WINDOWS

CALLS = TABLES["silver.calls"]
HISTORY = TABLES["silver.caller_history"]
LONGEST_WINDOW_DAYS = max(WINDOWS.values()) // 24
MOST_CALLERS = 1_000_000
"""Of whom calls may have changed: more are not told apart in memory, and everything is made anew."""


@dataclass(frozen=True)
class Plan:
    """What must be made again.

    `callers`: of whom a call changed since the last time, each with `is_late`: whether a change lies so far back that
    all their calls must be looked at, not those alone that silver.caller_history has not taken in. None: all callers.
    `since`: the first date that the history has not taken in, None where it has none; `end`: the first that it shall
    not take in. `version`: of silver.calls. `matured`: the moments between which `known_until` moved. `numbers`: what
    conf tunes; other ones than the last time make everything anew.
    """

    callers: DataFrame | None
    since: date | None
    end: date
    version: int
    matured: tuple[datetime, datetime]
    known_until: datetime
    numbers: dict[str, Any]

    @property
    def note(self) -> dict[str, Any]:
        """What the commit says of its inputs."""
        return _note(self.version, self.known_until, self.numbers)


def _note(version: int, until: datetime, numbers: dict[str, Any]) -> dict[str, Any]:
    return {"inputs": {CALLS.name: version}, "known_until": until.isoformat(), "numbers": numbers}


def known_until(lake: Lake, settings: Settings) -> datetime | None:
    """The end (UTC) of the latest business date that passed the gate; None before the first."""
    nights = lake.records(TABLES["ops.nights"])
    latest = max((night["ds"] for night in nights if night["passed_gate_at"]), default=None)
    return None if latest is None else end_of(latest, settings.time_zone)


def plan(lake: Lake, facts: Table, settings: Settings) -> Plan | None:
    """What this night must make again of the facts over callers; None where that is nothing.

    Until a date has passed the gate and there are calls, nothing is. The history is written after the facts, so its
    note says what both have seen.
    """
    until, version = known_until(lake, settings), lake.version(CALLS)
    if until is None or version is None:
        return None
    conf = settings.configuration.repeat_calls
    numbers = conf.model_dump()
    stands, made = lake.noted_last(HISTORY, "known_until"), lake.noted_last(facts, "known_until")
    note = _note(version, until, numbers)
    is_usable = bool(made) and all(noted.get("numbers") == numbers for noted in (stands, made))
    if is_usable and all(stands.get(key) == value for key, value in note.items()):
        return None
    end = until.date() - timedelta(days=1 + LONGEST_WINDOW_DAYS + conf.late_days + 1)
    everything = Plan(None, None, end, version, (until, until), until, numbers)
    if is_usable:
        seen = [datetime.fromisoformat(noted["known_until"]) for noted in (stands, made)]
        moved = min(until, *seen), max(until, *seen)
        # Of a night of an earlier version the history may have seen more than the facts.
        consumed = [noted.get("inputs", {}).get(CALLS.name) for noted in (stands, made)]
        if moved[1] - moved[0] <= timedelta(days=conf.late_days) and None not in consumed:
            since = history_ends_before(lake)
            lake.prepare(
                lake.rows(CALLS, [day for day in lake.dates(CALLS, "event_date") if day >= (since or date.min)])
            )
            callers = _changed(lake, min(consumed), version, since)
            if callers is not None:
                return replace(everything, callers=callers, since=since, matured=moved)
    lake.prepare(lake.rows(CALLS))
    return everything


def _changed(lake: Lake, consumed: int, version: int, since: date | None) -> DataFrame | None:
    """The callers, before and after the change, of calls that changed; None where nobody knows, or they are many."""
    named = ("customer_id", "caller_token", "call_id", "event_date")
    changes = lake.changes(CALLS, consumed, version, "direction = 'inbound'", named)
    if changes is None:
        return None
    # A day of 25 hours lets a window of hours reach a day further.
    reach = timedelta(days=LONGEST_WINDOW_DAYS + 1)
    reaches_back = F.lit(False) if since is None else F.col("event_date") < since + reach
    by_caller = changes.groupBy(caller_key().alias("caller_key"))
    callers = computed(by_caller.agg(F.bool_or(reaches_back).alias("is_late")))
    return callers if callers.count() <= MOST_CALLERS else None


def history_ends_before(lake: Lake) -> date | None:
    """The date from which on calls are not in silver.caller_history; None while it is empty."""
    latest = lake.latest(HISTORY, "event_date")
    return None if latest is None else latest + timedelta(days=1)


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
