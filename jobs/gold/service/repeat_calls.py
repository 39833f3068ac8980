"""Repeat contact: which inbound calls repeat an earlier one, and which were followed by another."""

from datetime import datetime, timedelta

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.chains import linked, next_contact_at
from jobs.columns import MICROSECONDS_AN_HOUR, microseconds_between
from jobs.tables.gold import WINDOWS


def build(
    calls: DataFrame,
    caller_history: DataFrame,
    known_until: datetime,
    transfer_minutes: int,
    chain_gap_days: int,
) -> DataFrame:
    """One row per inbound call of `calls`, which hold all calls of their callers from some date on.

    `caller_history` is each caller's last inbound call before that date, with its chain. `known_until` (UTC) is
    the end of the latest business date that passed the gate.
    """
    chained = linked(calls, caller_history, transfer_minutes, chain_gap_days)
    on_topic = F.when(F.col("topic").isNotNull(), next_contact_at("caller_key", "topic"))
    followed = chained.withColumn("_next_on_topic_at", on_topic)
    next_at = {"any": "_next_contact_at", "topic": "_next_on_topic_at"}
    gap_hours = microseconds_between("_previous_started_at", "started_at") / MICROSECONDS_AN_HOUR
    flags = [
        F.coalesce(microseconds_between("started_at", at) <= hours * MICROSECONDS_AN_HOUR, F.lit(False)).alias(
            f"repeated_{which}_{window}"
        )
        for which, at in next_at.items()
        for window, hours in WINDOWS.items()
    ]
    mature = [
        (F.col("started_at") <= F.lit(known_until - timedelta(hours=hours))).alias(f"is_mature_{window}")
        for window, hours in WINDOWS.items()
    ]
    return followed.select(
        "call_id",
        "customer_id",
        "caller_key",
        "queue",
        "topic",
        "agent_id",
        "outcome",
        "started_at",
        "event_date",
        "chain_id",
        "position_in_chain",
        F.col("_previous_call_id").alias("previous_call_id"),
        gap_hours.alias("hours_since_previous"),
        F.when(F.col("_is_transfer"), "transfer")
        .when(F.col("position_in_chain") == 1, "first")
        .otherwise("repeat")
        .alias("role"),
        ((F.col("position_in_chain") > 1) & F.col("_previous_outcome").eqNullSafe("abandoned")).alias("is_retry"),
        *flags,
        *mature,
    )
