"""What happened to a customer: every contact over all channels in its order, and what was spent each day."""

from functools import reduce

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from jobs import contacts, journeys
from jobs.tables.contacts import CUSTOMER_TIMELINE


def build(
    calls: DataFrame,
    interactions: DataFrame,
    tickets: DataFrame,
    contact_results: DataFrame,
    transactions: DataFrame,
    repeat_calls: DataFrame,
    caller_identities: DataFrame,
    attempt_minutes: int,
    journey_minutes: int,
    failed_events: str,
) -> DataFrame:
    """One row per contact of a customer, and per customer and date with transactions.

    All inputs but `caller_identities` hold whole business dates. A date is right where calls, interactions and
    contact_results hold the two dates before it and the one after it as well, if anybody was in contact over midnight.
    """
    moments = _united(
        contacts.of_calls(contacts.identified(calls, caller_identities)),
        contacts.of_interactions(interactions, failed_events),
        contacts.of_tickets(tickets),
        contacts.of_attempts(contact_results),
    )
    # Everything below looks at a customer, so that one shuffle serves all of it.
    once = contacts.merged(moments.repartition("customer_id"), attempt_minutes)
    linked = journeys.linked(once, journey_minutes)
    # The chain of another date's call would need that date as well.
    chains = repeat_calls.select("call_id", "event_date", "chain_id")
    in_day = Window.partitionBy("customer_id", "event_date").orderBy("happened_at", "source", "source_id")
    ordered = linked.join(chains, contacts.KEY, "left").withColumn("position", F.row_number().over(in_day))
    rows = _united(ordered, contacts.of_transactions(transactions))
    is_resolved = F.coalesce("is_resolved_identity", F.lit(False))
    return rows.withColumn("is_resolved_identity", is_resolved).select(
        *(F.col(column.name).cast(column.type).alias(column.name) for column in CUSTOMER_TIMELINE.columns)
    )


def _united(*frames: DataFrame) -> DataFrame:
    return reduce(lambda one, other: one.unionByName(other, allowMissingColumns=True), frames)
