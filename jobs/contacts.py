"""The contacts of customers, each source brought to the columns of gold.customer_timeline."""

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from jobs.columns import MICROSECONDS_A_MINUTE, MICROSECONDS_A_SECOND, microseconds_between

KEY = ["call_id", "event_date"]


def identified(calls: DataFrame, caller_identities: DataFrame) -> DataFrame:
    """The calls of customers; a caller who was not identified is the one customer who had the number on that date."""
    owners = caller_identities.where("customer_id IS NOT NULL").select(
        F.col("caller_token").alias("_number"),
        F.col("customer_id").alias("_owner"),
        "valid_from",
        "valid_to",
        F.col("confidence").alias("identity_confidence"),
        F.col("reason").alias("identity_reason"),
    )
    asked = F.when(F.col("customer_id").isNull(), F.col("caller_token"))
    had_it = "_asked = _number AND valid_from <= event_date AND (valid_to IS NULL OR valid_to > event_date)"
    resolved = calls.withColumn("_asked", asked).join(owners, F.expr(had_it), "left")
    return resolved.withColumns(
        {
            "customer_id": F.coalesce("customer_id", "_owner"),
            "is_resolved_identity": F.col("_owner").isNotNull(),
        }
    ).where("customer_id IS NOT NULL")


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


def of_attempts(contact_results: DataFrame) -> DataFrame:
    """Attempts to reach customers as contacts."""
    return contact_results.select(
        "customer_id",
        "event_date",
        F.col("attempted_at").alias("happened_at"),
        "channel",
        F.lit("outbound").alias("direction"),
        F.lit("contact_results").alias("source"),
        F.col("attempt_id").alias("source_id"),
        F.col("result").alias("outcome"),
        "agent_id",
        "campaign",
        _seconds("attempted_at", "ended_at").alias("duration_seconds"),
        "amount",
    )


def merged(contacts: DataFrame, attempt_minutes: int) -> DataFrame:
    """The contacts without the outbound calls near an attempt by telephone, which has the nearest as its call."""
    is_attempt = (F.col("source") == "contact_results") & (F.col("channel") == "call")
    is_outbound = (F.col("source") == "calls") & F.col("direction").eqNullSafe("outbound")
    marked = contacts.withColumns({"_is_attempt": is_attempt, "_is_outbound": is_outbound})
    marked = marked.withColumn("_is_dialled", is_attempt | is_outbound)
    reach = attempt_minutes * MICROSECONDS_A_MINUTE
    in_time = Window.partitionBy("customer_id", "_is_dialled").orderBy(F.unix_micros("happened_at"))
    call = F.when(F.col("_is_outbound"), F.struct("happened_at", "call_id", "agent_id", "duration_seconds"))
    near = marked.withColumns(
        {
            "_attempts": F.count_if("_is_attempt").over(in_time.rangeBetween(-reach, reach)),
            "_before": F.max(call).over(in_time.rangeBetween(-reach, 0)),
            "_after": F.min(call).over(in_time.rangeBetween(0, reach)),
        }
    ).where("NOT (_is_outbound AND _attempts > 0)")
    is_before = microseconds_between("_before.happened_at", "happened_at") <= microseconds_between(
        "happened_at", "_after.happened_at"
    )
    nearest = F.when(is_before | F.col("_after").isNull(), F.col("_before")).otherwise(F.col("_after"))
    dialled = near.withColumn("_call", F.when(F.col("_is_attempt"), nearest))
    joined = {name: F.coalesce(name, f"_call.{name}") for name in ("call_id", "agent_id", "duration_seconds")}
    return dialled.withColumns(joined).select(*contacts.columns)


def of_transactions(transactions: DataFrame) -> DataFrame:
    """Per customer, date and currency the sum of what stands; what was declined or reversed only shows."""
    stands = F.coalesce(~F.col("status").isin("declined", "reversed"), F.lit(True))
    return transactions.groupBy("customer_id", "event_date", "currency").agg(
        F.lit("transactions").alias("channel"),
        F.lit("transactions").alias("source"),
        F.concat_ws(":", "customer_id", "currency").alias("source_id"),
        F.when(F.count_if(F.col("status") == "declined") > 0, "declined").alias("outcome"),
        F.coalesce(F.sum(F.when(stands, F.col("amount"))), F.lit(0)).try_cast("decimal(18,2)").alias("amount"),
        F.count_if(stands).alias("transactions"),
    )


def _seconds(start: str, end: str) -> Column:
    return F.floor(microseconds_between(start, end) / MICROSECONDS_A_SECOND)
