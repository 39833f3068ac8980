"""The runner's steps for gold.customer_timeline and gold.customer_journeys: the dates whose contacts changed."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs import contacts, midnights
from jobs.gold.customers import customer_journeys, customer_timeline
from jobs.lake import Expect, Lake, computed, fingerprints, in_dates, of_dates
from jobs.settings import Settings
from jobs.tables import TABLES, Table
from jobs.tables.contacts import DAY_SUMS

TIMELINE = TABLES["gold.customer_timeline"]
JOURNEYS = TABLES["gold.customer_journeys"]
INPUTS = [TABLES[name] for name in TIMELINE.inputs]
CALLS, INTERACTIONS, TICKETS, RESULTS, TRANSACTIONS, REPEAT_CALLS, CALLERS = INPUTS
OVER_MIDNIGHT = (CALLS, INTERACTIONS, RESULTS)
"""What may belong to a contact of another date."""
IS_SUM, IS_CONTACT = f"source = '{DAY_SUMS}'", f"source <> '{DAY_SUMS}'"

Days = list[date] | None  # None: all


@dataclass(frozen=True)
class Plan:
    """The dates whose contacts, and whose sums of transactions, are made anew; `read`: those that this takes."""

    contacts: Days
    sums: Days
    read: Days

    @property
    def days(self) -> Days:
        """All dates that may change."""
        return None if self.contacts is None or self.sums is None else sorted({*self.contacts, *self.sums})

    def of(self, table: Table) -> Days:
        """The dates of an input that are read."""
        if table is TRANSACTIONS:
            return self.sums
        return self.read if table in OVER_MIDNIGHT else self.contacts


def update_timeline(lake: Lake, settings: Settings, expect: Expect) -> int:
    """Makes the dates anew whose contacts changed, and the sums of those whose transactions did; returns the rows."""
    lake.create(TIMELINE)
    numbers = settings.numbers_of(TIMELINE)
    versions = {each.name: lake.version(each) for each in INPUTS}
    plan = _plan(lake, settings, numbers)
    note = {"inputs": versions, "numbers": numbers}
    if plan.days == []:
        if lake.noted(TIMELINE, "inputs") != versions:
            lake.remember(TIMELINE, **note)
        return 0
    dated = [each for each in INPUTS if each is not CALLERS]
    if not sum(lake.rows(each, plan.of(each)) for each in dated) + lake.rows(TIMELINE, plan.days):
        return 0
    lake.prepare(sum(lake.rows(each, plan.of(each)) for each in dated))
    frames: dict[str, Any] = {each.short_name: of_dates(lake.read(each), "event_date", plan.of(each)) for each in dated}
    built = customer_timeline.build(**frames, caller_identities=lake.read(CALLERS), **numbers)
    with lake.once(_of_plan(built, plan)) as made:
        expect(TIMELINE, made)
        return _publish(lake, made, _of_plan(lake.read(TIMELINE), plan), note)


def update_journeys(lake: Lake, settings: Settings, expect: Expect) -> int:
    """Makes the journeys anew that began on a date whose timeline changed, or on the one before; returns the rows."""
    lake.create(JOURNEYS)
    version = lake.version(TIMELINE)
    changed = lake.changed_partitions(TIMELINE, lake.consumed(JOURNEYS, TIMELINE))
    days = None if changed is None else midnights.around(changed, 1)
    if days == [] or not lake.rows(TIMELINE, days) + lake.rows(JOURNEYS, days):
        return 0
    lake.prepare(lake.rows(TIMELINE, days))
    built = customer_journeys.build(of_dates(lake.read(TIMELINE), "event_date", days and midnights.around(days, 1)))
    kept = of_dates(lake.read(JOURNEYS), "event_date", days)
    note: dict[str, Any] = {"inputs": {TIMELINE.name: version}}
    with lake.once(of_dates(built, "event_date", days)) as made:
        expect(JOURNEYS, made)
        rows = lake.replace_changed(JOURNEYS, made, "event_date", kept, **note)
    if not rows and lake.consumed(JOURNEYS, TIMELINE) != version:
        lake.remember(JOURNEYS, **note)
    return rows


def _plan(lake: Lake, settings: Settings, numbers: dict[str, Any]) -> Plan:
    everything = Plan(None, None, None)
    if lake.noted(TIMELINE, "numbers") != numbers:
        return everything
    changed = {each: lake.changed_partitions(each, lake.consumed(TIMELINE, each)) for each in INPUTS[:-1]}
    resolved = _days_of_resolved(lake, changed[CALLS] or set())
    if resolved is None or any(days is None for days in changed.values()):
        return everything
    days = {each.name: found or set() for each, found in changed.items()}
    own = {day for each in OVER_MIDNIGHT for day in days[each.name]} | resolved
    own |= _days_that_differ(lake, days[TICKETS.name] - own, days[REPEAT_CALLS.name] - own)
    if not own:
        return Plan([], sorted(days[TRANSACTIONS.name]), [])
    # What changes of a date reaches two further at most, and to make those anew takes two more.
    crossed = _crossed(lake, settings, midnights.around(own, 2 * midnights.STEPS), numbers)
    again = midnights.reached(own, crossed)
    return Plan(again, sorted(days[TRANSACTIONS.name]), midnights.reached(again, crossed))


def _days_of_resolved(lake: Lake, known: set[date]) -> set[date] | None:
    """The dates with calls from numbers that have another owner now, as far as they are not `known` to change."""
    consumed, version = lake.consumed(TIMELINE, CALLERS), lake.version(CALLERS)
    if version is None or consumed == version:
        return set()
    rows = None if consumed is None else lake.changes(CALLERS, consumed, version, "true")
    if rows is None:
        return None
    same = F.struct("customer_id", "confidence", "reason")
    is_update = F.col("_change_type").startswith("update")
    moved = F.bool_and(is_update) & (F.count_distinct(same) == 1)
    # Where the owner stayed, only the end of the period moved.
    since = F.when(moved, F.min("valid_to")).otherwise(F.col("valid_from"))
    changed = computed(rows.groupBy("caller_token", "valid_from").agg(since.alias("since")))
    first = changed.agg(F.min("since")).collect()[0][0]
    days = [day for day in lake.dates(CALLS, "event_date") if first and day >= first and day not in known]
    if not days:
        return set()
    calls = lake.read(CALLS).where(in_dates("event_date", days)).where("customer_id IS NULL")
    theirs = calls.join(F.broadcast(changed), "caller_token", "inner").where("event_date >= since")
    return {row[0] for row in theirs.select("event_date").distinct().collect()}


def _days_that_differ(lake: Lake, of_tickets: Iterable[date], of_chains: Iterable[date]) -> set[date]:
    """Dates whose tickets or chains do not stand in the timeline: most changes of either are none of a contact's."""
    ticket_days, chain_days = sorted(of_tickets), sorted(of_chains)
    if not ticket_days and not chain_days:
        return set()
    timeline = lake.read(TIMELINE)
    tickets = contacts.of_tickets(of_dates(lake.read(TICKETS), "event_date", ticket_days))
    kept = of_dates(timeline, "event_date", ticket_days).where("source = 'tickets'").select(*tickets.columns)
    both = tickets.unionByName(kept).groupBy(*tickets.columns).count()
    differing = both.where("count = 1").select("event_date")
    chains = of_dates(lake.read(REPEAT_CALLS), "event_date", chain_days).select(
        "call_id", "event_date", F.col("chain_id").alias("_chain")
    )
    linked = (
        of_dates(timeline, "event_date", chain_days)
        .select("call_id", "event_date", "chain_id")
        .join(chains, contacts.KEY, "inner")
    )
    moved = linked.where("NOT (chain_id <=> _chain)").select("event_date")
    return {row[0] for row in differing.unionByName(moved).distinct().collect()}


def _crossed(lake: Lake, settings: Settings, days: list[date], numbers: dict[str, Any]) -> set[date]:
    """The midnights between these dates over which somebody was in contact, now or as the timeline stands."""
    if not lake.rows(TIMELINE, days) and not sum(lake.rows(each, days) for each in OVER_MIDNIGHT):
        return set()
    calls, interactions, results = (of_dates(lake.read(each), "event_date", days) for each in OVER_MIDNIGHT)
    names = ("customer_id", "event_date", "happened_at")
    new = (
        contacts.of_calls(contacts.identified(calls, lake.read(CALLERS))),
        contacts.of_interactions(interactions, numbers["failed_events"]).where("_failed"),
        results.where("channel = 'call'").withColumn("happened_at", F.col("attempted_at")),
    )
    sources = [each.short_name for each in OVER_MIDNIGHT]
    near = of_dates(lake.read(TIMELINE), "event_date", days).where(F.col("source").isin(sources))
    # The call of an attempt has no row of its own, and may have been of another date.
    spans = (F.col("source") == RESULTS.short_name) & F.col("call_id").isNotNull()
    near = near.select(*names, spans.alias("spans"))
    for rows in new:
        near = near.unionByName(rows.select(*names, F.lit(False).alias("spans")))
    minutes = max(numbers["journey_minutes"], numbers["attempt_minutes"])
    return {row[0] for row in midnights.crossed(near, minutes, settings.time_zone).collect()}


def _of_plan(rows: DataFrame, plan: Plan) -> DataFrame:
    if plan.contacts is None or plan.sums is None:
        return rows
    moments = f"{IS_CONTACT} AND ({in_dates('event_date', plan.contacts)})"
    return rows.where(f"({moments}) OR ({IS_SUM} AND ({in_dates('event_date', plan.sums)}))")


def _publish(lake: Lake, made: DataFrame, kept: DataFrame, note: dict[str, Any]) -> int:
    """Replaces the contacts of dates, and the sums of dates, that came out differently; returns the rows written."""
    by = ("event_date", "is_sum")
    new, old = (fingerprints(rows.withColumn("is_sum", F.expr(IS_SUM)), TIMELINE.columns, *by) for rows in (made, kept))
    joined = new.alias("n").join(old.alias("o"), [*by], "full_outer")
    differing = joined.where("NOT (n.print <=> o.print AND n.rows <=> o.rows)").select(
        "event_date", "is_sum", F.coalesce("n.rows", F.lit(0)).alias("rows")
    )
    found = differing.collect()
    if not found:
        lake.remember(TIMELINE, **note)
        return 0
    days = {is_sum: [row["event_date"] for row in found if row["is_sum"] == is_sum] for is_sum in (False, True)}
    kinds = {True: IS_SUM, False: IS_CONTACT}
    conditions = [f"{kinds[is_sum]} AND ({in_dates('event_date', of)})" for is_sum, of in days.items() if of]
    where = " OR ".join(f"({condition})" for condition in conditions)
    lake.replace(TIMELINE, made.where(where), where, **note)
    return sum(row["rows"] for row in found)
