"""Repeat contact: which inbound calls repeat an earlier one, and which were followed by another."""

from datetime import datetime

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from jobs.chains import linked
from jobs.columns import microseconds_between
from jobs.tables.gold import WINDOWS

MICROSECONDS_AN_HOUR = 3_600_000_000


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
    followed = _followed(linked(calls, caller_history, transfer_minutes, chain_gap_days))
    gap_hours = microseconds_between("_previous.started_at", "started_at") / MICROSECONDS_AN_HOUR
    flags = [
        F.coalesce(
            microseconds_between("started_at", f"_next_{which}") <= hours * MICROSECONDS_AN_HOUR, F.lit(False)
        ).alias(f"repeated_{which}_{window}")
        for which in ("any", "topic")
        for window, hours in WINDOWS.items()
    ]
    mature = [
        (F.col("started_at") + F.expr(f"INTERVAL {hours} HOURS") <= F.lit(known_until)).alias(f"is_mature_{window}")
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
        F.col("_previous.call_id").alias("previous_call_id"),
        gap_hours.alias("hours_since_previous"),
        F.when(F.col("_is_transfer"), "transfer")
        .when(F.col("position_in_chain") == 1, "first")
        .otherwise("repeat")
        .alias("role"),
        ((F.col("position_in_chain") > 1) & F.col("_previous.outcome").eqNullSafe("abandoned")).alias("is_retry"),
        *flags,
        *mature,
    )


def _followed(calls: DataFrame) -> DataFrame:
    """Each call with the start of the caller's next one that is no transfer: any, and on the same topic."""

    # Looking back over the reversed order reads each caller once; a frame that ends at the last row would
    # be computed anew for each of a caller's calls.
    def next_start(*more: str) -> Column:
        later = Window.partitionBy("caller_key", *more).orderBy(F.desc("started_at"), F.desc("call_id"))
        start = F.when(~F.col("_is_transfer"), F.col("started_at"))
        return F.last(start, ignorenulls=True).over(later.rowsBetween(Window.unboundedPreceding, -1))

    return calls.withColumn("_next_any", next_start()).withColumn(
        "_next_topic", F.when(F.col("topic").isNotNull(), next_start("topic"))
    )
