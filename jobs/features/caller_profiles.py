"""Callers who had to call again: how often, about what, when, and what they did around their calls."""

from datetime import date

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from jobs.columns import MICROSECONDS_A_SECOND, MICROSECONDS_AN_HOUR, caller_key, mean_seconds, microseconds_between
from jobs.features.expressions import expanded
from jobs.features.recent_calls import recent
from jobs.features.rows import as_known, in_window, known

DAYS = 90

MORNING, EVENING = 6, 22
"""The night lasts from the evening to the morning, by the clock of the business."""

AROUND_HOURS = 24
AROUND_DAYS = 28
"""What came before a call is looked up for calls of the last weeks alone: transactions are many."""


def build(
    calls: DataFrame,
    cards_versions: DataFrame,
    customers_versions: DataFrame,
    transactions: DataFrame,
    interactions: DataFrame,
    as_of: date,
    time_zone: str,
    transfer_minutes: int,
    chain_gap_days: int,
    top_share: float,
    high_calls: int,
    mid_calls: int,
) -> DataFrame:
    """One row per caller with a repeat call in the 90 days up to the date, from what had arrived by then.

    Bands: `high` is the top share by calls with at least `high_calls`, `mid` at least `mid_calls`.
    """
    # What looks from call to call is costly, so it is asked only for what it is needed for.
    inbound = known(calls, as_of).where("direction = 'inbound'").where(in_window(DAYS, as_of))
    inbound = inbound.withColumn("caller_key", caller_key()).where("caller_key NOT LIKE 'x:%'")
    contacts = recent(calls, as_of, DAYS, transfer_minutes, chain_gap_days).where("caller_key NOT LIKE 'x:%'")
    repeats = F.count_if("is_repeat").over(Window.partitionBy("caller_key"))
    again = contacts.withColumn("_repeats", repeats).where("_repeats > 0")
    callers = again.groupBy("caller_key").agg(*_figures(as_of, time_zone))
    banded = callers.join(F.broadcast(_top(inbound, top_share)), "calls_90d", "left")
    banded = banded.withColumn("frequency_band", _band(high_calls, mid_calls))
    late = inbound.where(in_window(AROUND_DAYS, as_of)).where("customer_id IS NOT NULL")
    late = late.select("customer_id", "call_id", "started_at")
    tried = known(interactions, as_of).where("customer_id IS NOT NULL")
    # 24 hours may begin on the second date before, where the clock went forward.
    reach = in_window(AROUND_DAYS + 2, as_of)
    spent = known(transactions, as_of).where(reach).select("customer_id", F.col("posted_at").alias("at"))
    digital = tried.where(reach).select("customer_id", F.col("started_at").alias("at"))
    used = tried.where(in_window(DAYS, as_of)).groupBy("customer_id")
    joined = (
        banded.join(_preceded(late, spent, "calls_after_transaction_28d"), "customer_id", "left")
        .join(_preceded(late, digital, "calls_after_digital_28d"), "customer_id", "left")
        .join(used.agg(F.sort_array(F.collect_set("channel")).alias("digital_channels")), "customer_id", "left")
        .join(_open_cards(cards_versions, as_of), "customer_id", "left")
        .join(_opened(customers_versions, as_of), "customer_id", "left")
    )
    is_customer = F.col("customer_id").isNotNull()
    nothing = {name: F.coalesce(name, F.when(is_customer, F.lit(0))) for name in _COUNTS_OF_CUSTOMERS}
    none = F.coalesce("digital_channels", F.when(is_customer, F.expr("cast(array() AS array<string>)")))
    return joined.withColumns(nothing | {"digital_channels": none, "as_of": F.lit(as_of)}).withColumns(
        {
            "has_card": F.col("_gave_card") | F.coalesce(F.col("cards") > 0, F.lit(False)),
            "is_identified": is_customer | F.col("_gave_card"),
            "main_topic": F.expr(expanded("favourite(topics)")),
        }
    )


_COUNTS_OF_CUSTOMERS = ("calls_after_transaction_28d", "calls_after_digital_28d", "cards")


def _figures(as_of: date, time_zone: str) -> list[Column]:
    local = F.from_utc_timestamp("started_at", time_zone)
    answered = F.col("outcome") == "answered"
    waited = F.when(F.col("outcome").isin("answered", "abandoned"), F.col("wait_microseconds"))
    gap = F.when(F.col("is_repeat"), F.col("hours_since"))
    is_night = ~F.hour(local).between(MORNING, EVENING - 1)
    windows = {days: F.expr(in_window(days, as_of)) for days in (7, 30, DAYS)}
    return [
        F.max("customer_id").alias("customer_id"),
        F.bool_or(F.col("card_id").isNotNull()).alias("_gave_card"),
        *(F.count_if(window).alias(f"calls_{days}d") for days, window in windows.items()),
        *(F.count_if(window & F.col("is_repeat")).alias(f"repeat_calls_{days}d") for days, window in windows.items()),
        F.count_if(F.expr(in_window(AROUND_DAYS, as_of))).alias("calls_28d"),
        _counted("topic").alias("topics"),
        _counted("queue").alias("queues"),
        _counted(F.lpad(F.hour(local).cast("string"), 2, "0")).alias("hours"),
        _counted(F.date_format(local, "E")).alias("weekdays"),
        F.count_if(is_night).alias("night_calls_90d"),
        F.count_if(F.dayofweek(local).isin(1, 7)).alias("weekend_calls_90d"),
        _different("chain_id").alias("chains_90d"),
        F.max("position_in_chain").alias("longest_chain"),
        F.median(gap).alias("hours_between_median"),
        F.count(gap).alias("gaps_90d"),
        F.count_if(answered).alias("answered_90d"),
        F.count_if(F.col("outcome") == "abandoned").alias("abandoned_90d"),
        F.count_if(F.col("outcome") == "ivr").alias("self_served_90d"),
        F.count_if("transferred").alias("transferred_90d"),
        F.count_if(F.col("resolved").eqNullSafe(F.lit(False))).alias("unresolved_90d"),
        _different(F.when(answered, F.col("agent_id"))).alias("agents_90d"),
        mean_seconds(waited).alias("wait_seconds_mean"),
        (F.max(waited) / MICROSECONDS_A_SECOND).alias("wait_seconds_longest"),
        F.max("started_at").alias("last_call_at"),
    ]


def _different(column: str | Column) -> Column:
    """How many values there are. Several count_distinct would copy every row once for each."""
    return F.size(F.collect_set(column)).cast("bigint")


def _counted(value: str | Column) -> Column:
    """How often each value occurs, as a map in the order of the values."""
    values = F.sort_array(F.collect_list(value))
    return F.map_from_entries(
        F.transform(
            F.array_distinct(values),
            lambda each: F.struct(each, F.size(F.filter(values, lambda other: other == each)).cast("bigint")),
        )
    )


def _top(inbound: DataFrame, top_share: float) -> DataFrame:
    """For each number of calls (calls_90d) whether fewer than the top share of identified callers called more often."""
    identified = inbound.where("customer_id IS NOT NULL").groupBy("caller_key").agg(F.count("*").alias("calls_90d"))
    often = identified.groupBy("calls_90d").agg(F.count("*").alias("_callers"))
    # All counts are one group, and few.
    every = Window.partitionBy(F.lit(0))
    more = every.orderBy(F.desc("calls_90d")).rowsBetween(Window.unboundedPreceding, -1)
    share = F.coalesce(F.sum("_callers").over(more), F.lit(0)) / F.sum("_callers").over(every)
    return often.select("calls_90d", (share < top_share).alias("_is_top"))


def _band(high_calls: int, mid_calls: int) -> Column:
    return (
        F.when(F.col("customer_id").isNull(), None)
        .when(F.col("_is_top") & (F.col("calls_90d") >= high_calls), "high")
        .when(F.col("calls_90d") >= mid_calls, "mid")
        .otherwise("low")
    )


def _preceded(calls: DataFrame, events: DataFrame, name: str) -> DataFrame:
    """How many calls of each customer came within a day after one of these events (customer_id, at)."""
    hours = microseconds_between("at", "started_at") / MICROSECONDS_AN_HOUR
    pairs = calls.join(events, "customer_id").where(hours.between(0, AROUND_HOURS))
    return pairs.groupBy("customer_id").agg(F.count_distinct("call_id").alias(name))


def _open_cards(cards_versions: DataFrame, as_of: date) -> DataFrame:
    is_open = F.expr(f"closed_on IS NULL OR closed_on > DATE'{as_of}'")
    return as_known(cards_versions, as_of).where(is_open).groupBy("customer_id").agg(F.count("*").alias("cards"))


def _opened(customers_versions: DataFrame, as_of: date) -> DataFrame:
    tenure = F.when(F.col("opened_on") <= F.lit(as_of), F.date_diff(F.lit(as_of), "opened_on"))
    return as_known(customers_versions, as_of).select("customer_id", tenure.alias("tenure_days"))
