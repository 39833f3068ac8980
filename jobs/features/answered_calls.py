"""Calls that an agent answered, with what is known of each at its end: its course, and the caller's calls before it."""

from datetime import date

from pyspark.sql import DataFrame, Window, WindowSpec
from pyspark.sql import functions as F

from jobs.columns import MICROSECONDS_A_DAY, MICROSECONDS_A_SECOND, caller_key
from jobs.features.recent_calls import recent

REACH_DAYS = 90
BEFORE = {"24h": 1, "7d": 7, "30d": 30, "90d": 90}
"""Days of each window that ends where a call begins."""


def build(
    calls: DataFrame, first: date, as_of: date, time_zone: str, transfer_minutes: int, chain_gap_days: int
) -> DataFrame:
    """One row per call of the dates from `first` to `as_of` that an agent answered, as known at the end of the latter.

    Beside the table's columns: is_followed and started_at tell training what came of it. Callers without customer and
    number stand alone, and are left out: nobody can say whether they call again.
    """
    days = (as_of - first).days + 1
    asked = calls.where(f"outcome = 'answered' AND event_date BETWEEN DATE'{first}' AND DATE'{as_of}'")
    callers = asked.select(caller_key().alias("_key")).where("_key NOT LIKE 'x:%'").distinct()
    theirs = calls.join(callers, caller_key() == F.col("_key"), "left_semi")
    known_callers = recent(theirs, as_of, REACH_DAYS + days, transfer_minutes, chain_gap_days)
    local = F.from_utc_timestamp("started_at", time_zone)
    told = known_callers.withColumns({"_at": F.unix_micros("started_at"), "_local": local})

    def before(days: int, *more: str) -> WindowSpec:
        by = Window.partitionBy("caller_key", *more).orderBy("_at")
        # Calls that begin at the same moment are not before it.
        return by.rangeBetween(-days * MICROSECONDS_A_DAY, -1)

    counts = {f"calls_before_{name}": F.count("*").over(before(n)) for name, n in BEFORE.items()}
    same_topic = F.when(F.col("topic").isNotNull(), F.count("*").over(before(30, "topic"))).otherwise(0)
    abandoned = F.coalesce(F.sum((F.col("outcome") == "abandoned").cast("bigint")).over(before(7)), F.lit(0))
    # How far a chain is read depends on the dates that are asked for: all of them count the same calls of it.
    reach = Window.partitionBy("caller_key").orderBy("_at").rangeBetween(-REACH_DAYS * MICROSECONDS_A_DAY, 0)
    position = F.least("position_in_chain", F.count("*").over(reach))
    counted = told.withColumns(
        {
            **counts,
            "topic_calls_before_30d": same_topic,
            "abandoned_before_7d": abandoned,
            "position_in_chain": position,
        }
    )
    answered = counted.where(f"outcome = 'answered' AND event_date >= DATE'{first}'")
    within = F.col("hours_since") <= REACH_DAYS * 24
    return answered.select(
        F.col("event_date").alias("as_of"),
        "call_id",
        "caller_key",
        "customer_id",
        "started_at",
        "topic",
        "queue",
        F.hour("_local").alias("hour"),
        F.dayofweek("_local").alias("weekday"),
        (F.col("wait_microseconds") / MICROSECONDS_A_SECOND).alias("wait_seconds"),
        (F.col("handle_microseconds") / MICROSECONDS_A_SECOND).alias("handle_seconds"),
        F.col("hold_seconds").cast("double").alias("hold_seconds"),
        F.col("transferred").cast("int").alias("transferred"),
        F.col("resolved").cast("int").alias("resolved"),
        *counts,
        "topic_calls_before_30d",
        "abandoned_before_7d",
        F.when(within, F.col("hours_since")).alias("hours_since_previous"),
        "position_in_chain",
        "is_followed",
    )
