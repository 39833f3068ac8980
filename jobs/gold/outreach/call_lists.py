"""The lists of a day: whom to reach, when, why, and what to say."""

from collections.abc import Mapping, Sequence
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.gold.outreach.assignment import LISTED
from jobs.gold.outreach.audience import said, wide
from jobs.tables.tags import Standing


def build(
    call_candidates: DataFrame,
    outreach_customers: DataFrame,
    customer_tag_values: DataFrame,
    churn_scores: DataFrame,
    repeat_call_advice: DataFrame,
    standing: Mapping[str, Standing],
    campaigns: Sequence[Mapping[str, Any]],
    time_zone: str,
) -> DataFrame:
    """One row per listed pair of `call_candidates` (of one day; the other frames of the date before)."""
    audience = wide(outreach_customers, customer_tag_values, churn_scores, repeat_call_advice, standing, time_zone)
    own = [name for name in call_candidates.columns if name != "customer_id"]
    listed = call_candidates.where(F.col("decision") == LISTED).join(audience.drop(*own), "customer_id")
    told = F.coalesce(*(F.when(F.col("campaign") == each["name"], _words(each)) for each in campaigns))
    return listed.withColumn("_words", told).select(*call_candidates.columns, "_words.*")


def _words(campaign: Mapping[str, Any]) -> Column:
    """Why, and the script: of several each customer has one by a hash, so that they can be compared."""
    scripts = campaign["scripts"]
    drawn = F.pmod(F.xxhash64("customer_id", F.lit(campaign["name"]), F.lit("script")), F.lit(len(scripts)))
    told = F.array(
        *(F.struct(F.lit(each["id"]).alias("script_id"), said(each["hint"]).alias("script_hint")) for each in scripts)
    )
    script = F.get(told, drawn.cast("int"))
    return F.struct(
        said(campaign["why"]).alias("why"),
        script["script_id"].alias("script_id"),
        script["script_hint"].alias("script_hint"),
    )
