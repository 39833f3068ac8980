"""Daily service level and repeat contact: how many calls were answered, how fast, and how many callers came back."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.columns import MICROSECONDS_A_SECOND, handle_microseconds, mean_seconds, wait_microseconds
from jobs.tables.gold import WINDOWS

ALL_QUEUES = "all"


def build(calls: DataFrame, repeat_calls: DataFrame, target_wait_seconds: int) -> DataFrame:
    """One row per day and queue, and per day over all queues; both inputs hold the same whole days."""
    flags = [f"{name}_{window}" for name in ("repeated_any", "is_mature") for window in WINDOWS]
    contact = repeat_calls.select("call_id", "event_date", "role", "hours_since_previous", *flags)
    inbound = calls.where("direction = 'inbound'").join(contact, ["call_id", "event_date"], "left")
    offered = F.col("outcome").isin("answered", "abandoned")
    answered = F.col("outcome") == "answered"
    wait, handle = wait_microseconds(), handle_microseconds()
    # Callers who hung up count against us: the standard measures offered calls, not answered ones.
    in_time = answered & (wait <= target_wait_seconds * MICROSECONDS_A_SECOND)
    measures = [
        F.count_if(offered).alias("offered"),
        F.count_if(answered).alias("answered"),
        F.count_if(F.col("outcome") == "abandoned").alias("abandoned"),
        (F.count_if(in_time) / F.count_if(offered)).alias("service_level"),
        mean_seconds(F.when(offered, wait)).alias("average_wait_seconds"),
        mean_seconds(F.when(answered, handle)).alias("average_handle_seconds"),
        *(_repeat_rate(window).alias(f"repeat_rate_{window}") for window in WINDOWS),
        *(_resolution(window, hours).alias(f"first_contact_resolution_{window}") for window, hours in WINDOWS.items()),
    ]
    # A queue of that name is told within the whole day alone: two rows of one key would stop every night.
    of_queues = inbound.where(F.col("queue").isNull() | (F.col("queue") != ALL_QUEUES))
    by_queue = of_queues.groupBy(F.col("event_date").alias("day"), "queue").agg(*measures)
    by_day = inbound.groupBy(F.col("event_date").alias("day"), F.lit(ALL_QUEUES).alias("queue")).agg(*measures)
    return by_queue.unionByName(by_day).where("offered > 0")


def _repeat_rate(window: str) -> Column:
    is_contact = F.col("role") != "transfer"
    return _mature_share(window, is_contact, F.col(f"repeated_any_{window}"))


def _resolution(window: str, hours: int) -> Column:
    is_first = F.col("hours_since_previous").isNull() | (F.col("hours_since_previous") > hours)
    counts = (
        (F.col("role") != "transfer") & (F.col("outcome") == "answered") & F.col("customer_id").isNotNull() & is_first
    )
    return _mature_share(window, counts, ~F.col(f"repeated_any_{window}"))


def _mature_share(window: str, counts: Column, is_hit: Column) -> Column:
    """Share of the calls that count, once the window of every call of the group has passed."""
    share = F.count_if(counts & is_hit) / F.when(F.count_if(counts) > 0, F.count_if(counts))
    return F.when(F.bool_and(f"is_mature_{window}"), share)
