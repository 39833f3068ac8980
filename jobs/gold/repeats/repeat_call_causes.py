"""Why people call again: topics, queues, teams and kinds of callers that leave more behind than their calls explain."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from jobs.columns import MICROSECONDS_A_MINUTE, exact_sum
from jobs.features.recent_calls import REPEAT_HOURS, recent
from jobs.features.rows import as_known

DAYS = 90
MOST_SEQUENCES = 5
CASE_MIX = {
    "topic": ("is_repeat",),
    "queue": ("topic", "is_repeat"),
    "team": ("topic", "is_repeat"),
    "cluster": ("topic",),
}
"""What calls are compared within, for each dimension: calls of one topic that are repeats already, with their like."""


def build(
    calls: DataFrame,
    agents_versions: DataFrame,
    repeat_call_clusters: DataFrame,
    as_of: date,
    end_at: datetime,
    causes: Sequence[Mapping[str, Any]],
    minute_amount: float,
    transfer_minutes: int,
    chain_gap_days: int,
) -> DataFrame:
    """One row per dimension and group, of the calls of 90 days that had 7 days to be followed by the date's end."""
    teams = as_known(agents_versions, as_of).select("agent_id", "team")
    kinds = repeat_call_clusters.select("caller_key", F.col("cluster_name").alias("cluster"))
    is_mature = F.col("started_at") + F.expr(f"INTERVAL {REPEAT_HOURS} HOURS") <= F.lit(end_at)
    mature = (
        recent(calls, as_of, DAYS, transfer_minutes, chain_gap_days)
        .where("NOT is_transfer")
        .where(is_mature)
        .join(F.broadcast(teams), "agent_id", "left")
        .join(kinds, "caller_key", "left")
        # Some sources name whom a call was offered to, also where nobody took it.
        .withColumn("team", F.when(F.col("outcome") == "answered", F.col("team")))
    )
    figures = _counted(mature)
    sequences = _sequences(figures)
    grouped = _grouped(figures, minute_amount)
    same = "group_name <=> _group AND dimension = _dimension"
    joined = grouped.join(sequences, F.expr(same), "left").drop("_group", "_dimension")
    return joined.withColumns({"as_of": F.lit(as_of), "advice": _advice(causes)})


def _counted(calls: DataFrame) -> DataFrame:
    """Each call once for each dimension, counted by all that is asked of it; everything else is told from these few."""
    groups = F.array(*(F.struct(F.lit(name).alias("dimension"), F.col(name).alias("group_name")) for name in CASE_MIX))
    took = F.when(F.col("is_followed"), F.coalesce("next_call.handle_microseconds", F.lit(0)))
    told = calls.select(
        "topic", "is_repeat", "is_followed", F.when(F.col("is_followed"), F.col("next_call.topic")).alias("next_topic"),
        took.alias("took"), F.explode(groups).alias("_group"),
    ).select("*", "_group.*")  # fmt: skip
    # Only callers with a repeat call have a kind, only answered calls a team.
    counts = told.where("group_name IS NOT NULL OR dimension IN ('topic', 'queue')")
    return counts.groupBy("dimension", "group_name", "topic", "is_repeat", "is_followed", "next_topic").agg(
        F.count("*").alias("calls"), F.sum("took").alias("took")
    )


def _grouped(figures: DataFrame, minute_amount: float) -> DataFrame:
    repeated = F.when(F.col("is_followed"), F.col("calls")).otherwise(0)
    like = [
        F.when(
            F.col("dimension").isin(*(name for name, mix in CASE_MIX.items() if part in mix)),
            F.col(part).cast("string"),
        )
        for part in ("topic", "is_repeat")
    ]
    among = Window.partitionBy("dimension", *like)
    usual = F.sum(repeated).over(among) / F.sum("calls").over(among)
    total = figures.withColumn("_expected", usual * F.col("calls")).groupBy("dimension", "group_name").agg(
        F.sum("calls").alias("calls"),
        F.sum(repeated).alias("repeated"),
        exact_sum(F.col("_expected")).alias("_expected"),
        (F.coalesce(F.sum("took"), F.lit(0)) / MICROSECONDS_A_MINUTE).alias("repeat_minutes"),
    )  # fmt: skip
    rate, expected = F.col("repeated") / F.col("calls"), F.col("_expected") / F.col("calls")
    # One point of the rate is a hundredth of the calls, each of which takes as long as the calls that followed did.
    of_a_point = F.col("calls") * 0.01 * F.coalesce(F.try_divide("repeat_minutes", "repeated"), F.lit(0.0))
    return total.withColumns(
        {
            "repeat_rate": rate,
            "expected_rate": expected,
            "rate_ratio": F.try_divide(rate, expected),
            "excess_repeats": F.col("repeated") - F.col("_expected"),
            "minutes_of_a_point": of_a_point,
            "amount_of_a_point": (of_a_point * minute_amount).cast("decimal(18,2)"),
        }
    )


def _sequences(figures: DataFrame) -> DataFrame:
    """By `_dimension` and `_group`: topics of a call and the one that followed, most frequent first; ties by name."""
    of_group = (F.col("dimension").alias("_dimension"), F.col("group_name").alias("_group"))
    pairs = figures.where("is_followed").groupBy(*of_group, "topic", "next_topic").agg(F.sum("calls").alias("calls"))
    entry = F.struct((-F.col("calls")).alias("rank"), F.col("topic"), F.col("next_topic"), F.col("calls"))
    ordered = F.slice(F.sort_array(F.collect_list(entry)), 1, MOST_SEQUENCES)
    told = F.transform(
        ordered,
        lambda each: F.struct(
            each["topic"].alias("first_topic"), each["next_topic"].alias("next_topic"), each["calls"].alias("calls")
        ),
    )
    return pairs.groupBy("_dimension", "_group").agg(told.alias("top_sequences"))


def _advice(causes: Sequence[Mapping[str, Any]]) -> Column:
    group = F.coalesce("group_name", F.lit("calls without one"))
    given = [
        F.when(F.expr(cause["where"]), F.replace(F.lit(cause["advice"]), F.lit("{group}"), group)) for cause in causes
    ]
    told = F.concat_ws("; ", *given)
    return F.when(told != "", told)
