"""The facts over callers: the runner's step for gold.repeat_calls, and silver.caller_history along with it."""

from datetime import date, timedelta
from functools import reduce
from operator import or_

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs import windows
from jobs.chains import linked
from jobs.columns import caller_key
from jobs.gold.service import repeat_calls
from jobs.lake import Expect, Lake, computed, differing, in_dates
from jobs.settings import Settings
from jobs.silver import caller_history
from jobs.tables import TABLES
from jobs.tables.gold import WINDOWS

CALLS = windows.CALLS
HISTORY = windows.HISTORY
REPEAT_CALLS = TABLES["gold.repeat_calls"]
ALL = "true"


def update_repeat_calls(lake: Lake, settings: Settings, expect: Expect) -> int:
    """Makes what is told of callers anew of whom a call changed; returns the rows written.

    The history is written last. A night that was killed before finds the same changes again, and facts that tell of
    them already.
    """
    lake.create(REPEAT_CALLS)
    lake.create(HISTORY)
    plan = windows.plan(lake, REPEAT_CALLS, settings)
    if plan is None:
        return 0
    numbers = settings.configuration.repeat_calls
    limits = (numbers.transfer_minutes, numbers.chain_gap_days)
    if plan.callers is None:
        return _everything(lake, plan, limits, expect)
    return _of_callers(lake, plan, plan.callers, limits, expect)


def _everything(lake: Lake, plan: windows.Plan, limits: tuple[int, int], expect: Expect) -> int:
    made = repeat_calls.build(lake.read(CALLS), lake.empty(HISTORY), plan.known_until, *limits)
    with lake.once(made) as held:
        facts = held.select(*REPEAT_CALLS.column_names)
        expect(REPEAT_CALLS, facts)
        rows = lake.replace_changed(REPEAT_CALLS, facts, "event_date", lake.read(REPEAT_CALLS), **plan.note)
        if not rows:
            lake.remember(REPEAT_CALLS, **plan.note)
        last = caller_history.build(held, plan.end) if _leaving(lake, plan) else lake.empty(HISTORY)
        expect(HISTORY, last)
        lake.replace(HISTORY, last, ALL, **plan.note)
    return rows


def _of_callers(lake: Lake, plan: windows.Plan, callers: DataFrame, limits: tuple[int, int], expect: Expect) -> int:
    """A late caller anew from all calls, another from those that the history has not taken in."""
    calls = lake.read(CALLS).withColumn("caller_key", caller_key())
    recent, history = calls.where(_recent(plan)), lake.read(HISTORY)
    late, others = callers.where("is_late"), callers.where("NOT is_late")
    theirs = windows.of_callers(recent, others), windows.of_callers(history, others)
    made = repeat_calls.build(*theirs, plan.known_until, *limits)
    has_late = not late.isEmpty()
    if has_late:
        all_theirs = windows.of_callers(calls, late)
        made = made.unionByName(repeat_calls.build(all_theirs, lake.empty(HISTORY), plan.known_until, *limits))
    with lake.once(made) as held:
        # Where nobody is late, what stands before those dates is not even read.
        is_anew = f"is_late OR {_recent(plan)}" if has_late else _recent(plan)
        rows = _replace_days(lake, plan, held.select(*REPEAT_CALLS.column_names), callers, is_anew, expect)
        if not has_late and not _leaving(lake, plan):
            lake.remember(HISTORY, **plan.note)
            return rows
        leaving = recent.where(F.col("event_date") < F.lit(plan.end))
        last = caller_history.build(linked(leaving, windows.of_callers(history, leaving), *limits), plan.end)
        if has_late:
            again = caller_history.build(windows.of_callers(held, late), plan.end)
            last = last.join(F.broadcast(late), "caller_key", "left_anti").unionByName(again)
        last = computed(last)
        expect(HISTORY, last)
        moved = last.select("caller_key").unionByName(late.select("caller_key"))
        stays = history.join(F.broadcast(moved), "caller_key", "left_anti")
        lake.replace(HISTORY, stays.unionByName(last), ALL, **plan.note)
    return rows


def _recent(plan: windows.Plan) -> str:
    """SQL for: the history has not taken in the call's date."""
    return f"event_date >= DATE'{plan.since}'" if plan.since else "true"


def _leaving(lake: Lake, plan: windows.Plan) -> bool:
    """Whether there are calls on dates that the history is to take in."""
    return any((plan.since or date.min) <= day < plan.end for day in lake.dates(CALLS, "event_date"))


def _replace_days(
    lake: Lake, plan: windows.Plan, made: DataFrame, callers: DataFrame, is_anew: str, expect: Expect
) -> int:
    """Writes the dates on which these callers are told of otherwise, or windows passed of anybody's calls.

    `is_anew` is SQL for: a row of one of these callers is among those that were made.
    """
    standing = lake.read(REPEAT_CALLS)
    is_theirs = F.col("is_late").isNotNull() & F.expr(is_anew)
    marked = standing.join(F.broadcast(callers), "caller_key", "left").withColumn("_is_anew", is_theirs)
    changed = differing(REPEAT_CALLS, made, marked.where("_is_anew"), "event_date")
    days = sorted({*changed, *_matured(plan, standing)})
    if not days:
        lake.remember(REPEAT_CALLS, **plan.note)
        return 0
    where = in_dates("event_date", days)
    others = marked.where(f"NOT _is_anew AND ({where})").withColumns(repeat_calls.mature(plan.known_until))
    anew = made.where(where)
    expect(REPEAT_CALLS, anew)
    lake.replace(REPEAT_CALLS, anew.unionByName(others.select(*REPEAT_CALLS.column_names)), where, **plan.note)
    return lake.rows(REPEAT_CALLS, days)


def _matured(plan: windows.Plan, standing: DataFrame) -> list[date]:
    """The dates with calls of which a flag changes that tells of a window that has passed."""
    began, ended = plan.matured
    if began == ended:
        return []
    ends = [F.col("started_at").between(*(at - timedelta(hours=h) for at in plan.matured)) for h in WINDOWS.values()]
    flags = [F.col(name) != flag for name, flag in repeat_calls.mature(plan.known_until).items()]
    changed = standing.where(reduce(or_, ends)).where(reduce(or_, flags))
    return [row[0] for row in changed.select("event_date").distinct().collect()]
