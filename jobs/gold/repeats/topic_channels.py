"""Which topic is settled best on which channel: contacts after which nobody comes back about the same thing."""

from datetime import date, datetime

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from jobs.columns import MICROSECONDS_AN_HOUR, microseconds_between
from jobs.features.recent_calls import REPEAT_HOURS, recent
from jobs.features.rows import in_window, known

DAYS = 90
Z = 1.959964
"""Standard normal quantile of a 95 % interval."""


def build(
    calls: DataFrame,
    interactions: DataFrame,
    as_of: date,
    end_at: datetime,
    transfer_minutes: int,
    chain_gap_days: int,
) -> DataFrame:
    """One row per topic and channel, of the customers' contacts that had 7 days to be followed by the date's end.

    A call that was handed on is one contact.
    """
    columns = ("customer_id", "topic", "channel", "started_at", "event_date")
    linked = recent(calls, as_of, DAYS, transfer_minutes, chain_gap_days)
    spoken = linked.where("NOT is_transfer").withColumn("channel", F.lit("call"))
    written = known(interactions, as_of).select(*columns, F.col("interaction_id").alias("id"))
    contacts = (
        spoken.select(*columns, F.col("call_id").alias("id"))
        .unionByName(written)
        .where(in_window(DAYS, as_of))
        .where("customer_id IS NOT NULL AND topic IS NOT NULL")
    )
    in_time = Window.partitionBy("customer_id", "topic").orderBy("started_at", "channel", "id")
    hours = microseconds_between("started_at", "_next") / MICROSECONDS_AN_HOUR
    followed = contacts.withColumn("_next", F.lead("started_at").over(in_time)).withColumn(
        "is_resolved", F.coalesce(hours > REPEAT_HOURS, F.lit(True))
    )
    mature = followed.where(F.col("started_at") + F.expr(f"INTERVAL {REPEAT_HOURS} HOURS") <= F.lit(end_at))
    counted = mature.groupBy("topic", "channel").agg(
        F.count("*").alias("contacts"), F.count_if("is_resolved").alias("resolved")
    )
    share = F.col("resolved") / F.col("contacts")
    judged = counted.withColumns(
        {"resolved_share": share, "resolved_low": _wilson(share, -1), "resolved_high": _wilson(share, 1)}
    )
    best = F.max("resolved_low").over(Window.partitionBy("topic"))
    return judged.withColumns({"is_best": F.col("resolved_low") == best, "as_of": F.lit(as_of)})


def _wilson(share: Column, sign: int) -> Column:
    """An end of Wilson's score interval of a share of `contacts`."""
    n = F.col("contacts")
    middle = share + Z * Z / (2 * n)
    spread = Z * F.sqrt(share * (1 - share) / n + Z * Z / (4 * n * n))
    return F.least(F.greatest((middle + sign * spread) / (1 + Z * Z / n), F.lit(0.0)), F.lit(1.0))
