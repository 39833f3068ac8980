"""Outbound calls as attempts to reach a customer, and since when a result tells of each."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.columns import MICROSECONDS_A_MINUTE, microseconds_between


def build(calls: DataFrame, contact_results: DataFrame, attempt_minutes: int) -> DataFrame:
    """One row per outbound call of `calls` to a known customer.

    `contact_results` hold the attempts within `attempt_minutes` of these calls, also those over a midnight. A result
    that came later than its call leaves the call an attempt of its own until then.
    """
    dialled = calls.where("direction = 'outbound' AND customer_id IS NOT NULL")
    by_telephone = contact_results.where("channel = 'call'").select(
        F.col("customer_id").alias("_customer"), F.col("attempted_at").alias("_at"), F.col("known_on").alias("_told_on")
    )
    apart = F.abs(microseconds_between("_at", "started_at"))
    is_same = (F.col("customer_id") == F.col("_customer")) & (apart <= attempt_minutes * MICROSECONDS_A_MINUTE)
    outcome = F.col("outcome")
    result = F.when(outcome == "answered", "reached").when(outcome == "voicemail", "voicemail").otherwise("no_answer")
    call = ("call_id", "event_date", "customer_id", "started_at", "outcome", "known_on")
    told = dialled.join(by_telephone, is_same, "left").groupBy(*call).agg(F.min("_told_on").alias("told_on"))
    return told.withColumn("result", result)
