"""The facts over callers: the runner's steps for silver.caller_history and gold.repeat_calls."""

from datetime import datetime, timedelta

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs import windows
from jobs.columns import caller_key
from jobs.gold.service import repeat_calls
from jobs.lake import Expect, Lake, in_dates
from jobs.settings import Settings
from jobs.silver import caller_history
from jobs.tables import TABLES, Table

CALLS = windows.CALLS
HISTORY = windows.HISTORY
REPEAT_CALLS = TABLES["gold.repeat_calls"]


def update_caller_history(lake: Lake, settings: Settings, expect: Expect) -> int:
    """Moves calls that leave the window of the nights into the history; returns the number of rows changed."""
    lake.create(HISTORY)
    plan = windows.plan(lake, HISTORY, settings)
    if plan is None:
        return 0
    numbers = settings.configuration.repeat_calls
    limits = (numbers.transfer_minutes, numbers.chain_gap_days)
    reach = timedelta(days=windows.LONGEST_WINDOW_DAYS + numbers.late_days + 1)
    end = plan.known_until.date() - timedelta(days=1) - reach
    if plan.since is None and not any(day < end for day in lake.dates(CALLS, "event_date")):
        return 0
    calls = lake.read(CALLS)
    # What is known to be empty is not compared with.
    history = lake.read(HISTORY) if lake.rows(HISTORY) else lake.empty(HISTORY)
    if plan.since is None:
        made = caller_history.build(calls.where(f"event_date < DATE'{end}'"), lake.empty(HISTORY), *limits)
        changes = windows.differences(made, history, HISTORY)
    else:
        leaving = calls.where(f"event_date >= DATE'{plan.since}' AND event_date < DATE'{end}'")
        made = caller_history.build(leaving, history, *limits)
        callers = windows.late_callers(plan)
        changed = made.select("caller_key")
        if callers is not None:
            last = max(end, plan.since)
            past = calls.where(f"event_date < DATE'{last}'").withColumn("caller_key", caller_key())
            again = caller_history.build(windows.of_callers(past, callers), lake.empty(HISTORY), *limits)
            made = made.join(F.broadcast(callers), "caller_key", "left_anti").unionByName(again)
            changed = made.select("caller_key").unionByName(callers).distinct()
        changes = windows.differences(made, history.join(changed, "caller_key", "left_semi"), HISTORY)
    return _merge(lake, HISTORY, changes, plan, expect)


def update_repeat_calls(lake: Lake, settings: Settings, expect: Expect) -> int:
    """Makes the last days anew, and older ones with calls of callers of whom a late row came; returns the rows written.

    In one commit, since a chain may cross from the ones to the others.
    """
    lake.create(REPEAT_CALLS)
    plan = windows.plan(lake, REPEAT_CALLS, settings)
    if plan is None:
        return 0
    numbers = settings.configuration.repeat_calls
    values = (plan.known_until, numbers.transfer_minutes, numbers.chain_gap_days)
    calls, kept = lake.read(CALLS), lake.read(REPEAT_CALLS)
    callers, history = windows.late_callers(plan), lake.empty(HISTORY)
    if plan.since is not None:
        calls, kept = (rows.where(f"event_date >= DATE'{plan.since}'") for rows in (calls, kept))
        history = lake.read(HISTORY)
    with lake.once(repeat_calls.build(calls, history, *values)) as made:
        if callers is not None:
            older, stood = _older_days(lake, plan, callers, values)
            made, kept = made.unionByName(older), kept.unionByName(stood)
        expect(REPEAT_CALLS, made)
        return lake.replace_changed(REPEAT_CALLS, made, "event_date", kept, **plan.note)


def _older_days(
    lake: Lake, plan: windows.Plan, callers: DataFrame, values: tuple[datetime, int, int]
) -> tuple[DataFrame, DataFrame]:
    """Days before `plan.since` on which these callers are now told of otherwise: the rows anew, and as they stand."""
    past = f"event_date < DATE'{plan.since}'"
    calls, kept = lake.read(CALLS), lake.read(REPEAT_CALLS).where(past)
    theirs = windows.of_callers(calls.withColumn("caller_key", caller_key()), callers)
    made = repeat_calls.build(theirs, lake.empty(HISTORY), *values).where(past)
    changes = windows.differences(made, windows.of_callers(kept, callers), REPEAT_CALLS)
    days = in_dates("event_date", [row[0] for row in changes.select("event_date").distinct().collect()])
    stood = kept.where(days)
    return made.where(days).unionByName(stood.join(F.broadcast(callers), "caller_key", "left_anti")), stood


def _merge(lake: Lake, table: Table, changes: DataFrame, plan: windows.Plan, expect: Expect) -> int:
    with lake.once(changes) as found:
        rows = found.count()
        if not rows:
            return 0
        expect(table, found.where("NOT _delete"))
        lake.merge(table, found, windows.on_key(table), **plan.note)
        return rows
