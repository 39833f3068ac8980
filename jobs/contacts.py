"""The contacts of customers, each source brought to the columns of gold.customer_timeline."""

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from jobs.columns import microseconds_between

MICROSECONDS_A_MINUTE = 60_000_000
MICROSECONDS_A_SECOND = 1_000_000
KEY = ["call_id", "event_date"]


def identified(calls: DataFrame, caller_identities: DataFrame) -> DataFrame:
    """The calls of customers; a caller who was not identified is the one customer who had the number on that date."""
    known = calls.where("customer_id IS NOT NULL").select(
        "*",
        F.lit(False).alias("is_resolved_identity"),
        F.lit(None).cast("double").alias("identity_confidence"),
        F.lit(None).cast("string").alias("identity_reason"),
    )
    owners = caller_identities.where("customer_id IS NOT NULL").select(
        F.col("caller_token").alias("_number"),
        F.col("customer_id").alias("_owner"),
        "valid_from",
        "valid_to",
        F.col("confidence").alias("identity_confidence"),
        F.col("reason").alias("identity_reason"),
    )
    had_it = "caller_token = _number AND valid_from <= event_date AND (valid_to IS NULL OR valid_to > event_date)"
    unknown = calls.where("customer_id IS NULL AND caller_token IS NOT NULL").join(owners, F.expr(had_it), "inner")
    resolved = unknown.withColumns({"customer_id": F.col("_owner"), "is_resolved_identity": F.lit(True)})
    return known.unionByName(resolved.select(*known.columns))


def of_calls(calls: DataFrame) -> DataFrame:
    """Calls of customers as contacts."""
    return calls.select(
        "customer_id",
        "event_date",
        F.col("started_at").alias("happened_at"),
        F.lit("call").alias("channel"),
        "direction",
        F.lit("calls").alias("source"),
        F.col("call_id").alias("source_id"),
        "call_id",
        "outcome",
        "topic",
        F.col("resolved").alias("is_resolved"),
        "agent_id",
        _seconds("started_at", "ended_at").alias("duration_seconds"),
        "is_resolved_identity",
        "identity_confidence",
        "identity_reason",
    )


def of_interactions(interactions: DataFrame, failed_events: str) -> DataFrame:
    """Contacts of customers in the digital channels; `_failed` where a matter failed or stayed open."""
    # An event that failed and was mended within the contact is no failure.
    event = F.coalesce(F.lower("event").rlike(failed_events), F.lit(False))
    return interactions.where("customer_id IS NOT NULL").select(
        "customer_id",
        "event_date",
        F.col("started_at").alias("happened_at"),
        "channel",
        F.lit("interactions").alias("source"),
        F.col("interaction_id").alias("source_id"),
        "call_id",
        "event",
        "topic",
        F.col("resolved").alias("is_resolved"),
        "agent_id",
        _seconds("started_at", "ended_at").alias("duration_seconds"),
        F.when(F.col("resolved").isNull(), event).otherwise(~F.col("resolved")).alias("_failed"),
    )


def of_tickets(tickets: DataFrame) -> DataFrame:
    """Tickets as they were opened: their later state is no contact, and changes for months."""
    return tickets.select(
        "customer_id",
        "event_date",
        F.col("opened_at").alias("happened_at"),
        F.lit("ticket").alias("channel"),
        F.lit("tickets").alias("source"),
        F.col("ticket_id").alias("source_id"),
        "call_id",
        F.col("category").alias("event"),
        "topic",
    )


def of_attempts(contact_results: DataFrame, outbound_calls: DataFrame, attempt_minutes: int) -> DataFrame:
    """Attempts to reach customers; one by telephone has the nearest outbound call as its call."""
    nearest = Window.partitionBy("attempt_id", "r.event_date").orderBy("_gap", "c.started_at", "c.call_id")
    pairs = _dialled(contact_results, outbound_calls, attempt_minutes)
    dialled = pairs.withColumn("_rank", F.row_number().over(nearest)).where("_rank = 1")
    found = dialled.select(
        "r.attempt_id",
        "r.event_date",
        F.col("c.call_id").alias("call_id"),
        F.col("c.agent_id").alias("_agent"),
        _seconds("c.started_at", "c.ended_at").alias("_seconds"),
    )
    return contact_results.join(found, ["attempt_id", "event_date"], "left").select(
        "customer_id",
        "event_date",
        F.col("attempted_at").alias("happened_at"),
        "channel",
        F.lit("outbound").alias("direction"),
        F.lit("contact_results").alias("source"),
        F.col("attempt_id").alias("source_id"),
        "call_id",
        F.col("result").alias("outcome"),
        F.coalesce("agent_id", "_agent").alias("agent_id"),
        "campaign",
        F.coalesce(_seconds("attempted_at", "ended_at"), "_seconds").alias("duration_seconds"),
        "amount",
    )


def without_attempts(calls: DataFrame, contact_results: DataFrame, attempt_minutes: int) -> DataFrame:
    """The calls that are no attempt of `contact_results` already (docs/definitions.md)."""
    outbound = calls.where("direction = 'outbound'")
    attempts = _dialled(contact_results, outbound, attempt_minutes).select("c.call_id", "c.event_date").distinct()
    return calls.join(attempts, KEY, "left_anti")


def of_transactions(transactions: DataFrame) -> DataFrame:
    """Per customer and date the sum of the transactions that stand; what was declined or reversed only shows."""
    stands = F.coalesce(~F.col("status").isin("declined", "reversed"), F.lit(True))
    currency = F.when(stands, F.col("currency"))
    is_one = F.min(currency) == F.max(currency)
    return transactions.groupBy("customer_id", "event_date").agg(
        F.lit("transactions").alias("channel"),
        F.lit("transactions").alias("source"),
        F.col("customer_id").alias("source_id"),
        F.when(F.count_if(F.col("status") == "declined") > 0, "declined").alias("outcome"),
        F.when(is_one, F.sum(F.when(stands, F.col("amount")))).try_cast("decimal(18,2)").alias("amount"),
        F.when(is_one, F.min(currency)).alias("currency"),
        F.count_if(stands).alias("transactions"),
    )


def _dialled(contact_results: DataFrame, outbound_calls: DataFrame, attempt_minutes: int) -> DataFrame:
    """Pairs of an attempt by telephone (r) and an outbound call (c) of the customer near it, with the `_gap`."""
    pairs = (
        contact_results.where("channel = 'call'")
        .alias("r")
        .join(outbound_calls.alias("c"), F.expr("r.customer_id = c.customer_id"), "inner")
    )
    gap = F.abs(microseconds_between("r.attempted_at", "c.started_at"))
    return pairs.withColumn("_gap", gap).where(F.col("_gap") <= attempt_minutes * MICROSECONDS_A_MINUTE)


def _seconds(start: str, end: str) -> Column:
    return F.floor(microseconds_between(start, end) / MICROSECONDS_A_SECOND)
