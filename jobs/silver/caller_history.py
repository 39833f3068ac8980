"""The last inbound call of each caller before the days that the nights recompute."""

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from jobs.chains import linked


def build(calls: DataFrame, caller_history: DataFrame, transfer_minutes: int, chain_gap_days: int) -> DataFrame:
    """One row per caller of `calls`, which hold all calls of their callers after `caller_history` ends.

    Callers who are neither a customer nor a number never call again, so they are left out.
    """
    in_time = Window.partitionBy("caller_key").orderBy("started_at", "call_id")
    chained = linked(calls, caller_history, transfer_minutes, chain_gap_days)
    last = chained.withColumn("_next", F.lead("call_id").over(in_time)).where("_next IS NULL")
    return last.where("caller_key NOT LIKE 'x:%'").select(
        "caller_key",
        "call_id",
        "started_at",
        "ended_at",
        "transferred",
        "outcome",
        "chain_id",
        "position_in_chain",
        "event_date",
    )
