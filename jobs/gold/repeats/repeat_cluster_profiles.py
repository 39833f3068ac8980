"""What each kind of repeat caller is like, against all repeat callers, and what to do about it."""

from collections.abc import Mapping, Sequence
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.columns import exact_sum

RAREST_TOPIC = 0.01
"""Share of all calls from which on a topic is told of."""


def build(
    caller_profiles: DataFrame,
    repeat_call_clusters: DataFrame,
    described: Mapping[str, str],
    topic_prefix: str,
    kinds: Sequence[Mapping[str, Any]],
) -> DataFrame:
    """One row per kind of one date.

    `described`: figure by name, as SQL over caller_profiles. `kinds`: advice for kinds whose mean of a figure is so
    many times that of all callers, and so large.
    """
    of_kind = ["as_of", "cluster_id", "cluster_name"]
    placed = repeat_call_clusters.select("caller_key", *of_kind).where("cluster_id IS NOT NULL")
    callers = caller_profiles.drop("as_of").join(placed, "caller_key")
    whole = callers.groupBy(*of_kind).agg(
        F.count("*").alias("callers"),
        F.count_distinct("customer_id").alias("customers"),
        F.sum("calls_90d").alias("calls"),
        F.sum("repeat_calls_90d").alias("repeat_calls"),
        F.sum("cards").alias("cards"),
    )
    compared = whole.join(_compared(callers, whole, described, topic_prefix), "cluster_id")
    return compared.withColumn("advice", _advice(kinds))


def _compared(callers: DataFrame, whole: DataFrame, described: Mapping[str, str], topic_prefix: str) -> DataFrame:
    """By cluster_id: `features`, the figures of the kind against those of all callers, each of whom it is known of."""
    fixed = F.array(*(_figure(F.lit(name), F.expr(sql)) for name, sql in described.items()))
    about = F.transform(
        F.map_entries("topics"),
        lambda entry: _figure(F.concat(F.lit(topic_prefix), entry["key"]), entry["value"] / F.col("calls_90d")),
    )
    told = callers.select("cluster_id", F.explode(F.concat(fixed, about)).alias("figure")).select(
        "cluster_id", "figure.*"
    )
    sums = told.groupBy("cluster_id", "feature").agg(
        exact_sum(F.col("value")).alias("sum"), F.count("value").alias("known")
    )
    total = sums.groupBy("feature").agg(exact_sum(F.col("sum")).alias("all"), F.sum("known").alias("all_known"))
    everybody = whole.agg(F.sum("callers").alias("everybody"))
    sizes = whole.select("cluster_id", "callers")
    is_topic = F.col("feature").startswith(topic_prefix)

    def mean(value: str, known: str, callers: str) -> Column:
        # Who has none of a topic has no row of it, and counts as none. What is not known of a caller counts as nothing.
        of_topic = F.coalesce(value, F.lit(0.0)) / F.col(callers)
        return F.when(is_topic, of_topic).otherwise(F.try_divide(value, known))

    means = (
        sizes.crossJoin(F.broadcast(total))
        .crossJoin(F.broadcast(everybody))
        .join(sums, ["cluster_id", "feature"], "left")
        .select(
            "cluster_id",
            "feature",
            mean("sum", "known", "callers").alias("cluster_mean"),
            mean("all", "all_known", "everybody").alias("population_mean"),
        )
        .where(~is_topic | (F.col("population_mean") >= RAREST_TOPIC))
    )
    lift = F.try_divide("cluster_mean", "population_mean").alias("lift")
    return means.groupBy("cluster_id").agg(
        F.sort_array(F.collect_list(F.struct("feature", "cluster_mean", "population_mean", lift))).alias("features")
    )


def _figure(name: Column, value: Column) -> Column:
    return F.struct(name.alias("feature"), value.cast("double").alias("value"))


def _advice(kinds: Sequence[Mapping[str, Any]]) -> Column:
    def suits(kind: Mapping[str, Any]) -> Column:
        return F.exists(
            "features",
            lambda each: (
                (each["feature"] == kind["feature"])
                & (each["lift"] >= kind["lift"])
                & (each["cluster_mean"] >= kind["mean"])
            ),
        )

    given = F.concat_ws("; ", *(F.when(suits(kind), F.lit(kind["advice"])) for kind in kinds))
    return F.when(given != "", given)
