"""What each repeat caller should get instead of another call: a person, a text, or a way to do it alone."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import reduce
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

OWN_GAPS = 3
"""A caller's own gaps count as much as those of the kind once there are so many of them."""
SELF_SERVICE = "self_service"
OTHER = "other"


def build(
    caller_profiles: DataFrame,
    repeat_call_clusters: DataFrame,
    end_at: datetime,
    callers: Sequence[Mapping[str, Any]],
    messages: Mapping[str, str],
    self_service_topics: Sequence[str],
    self_service_channels: Sequence[str],
    lead_hours: int,
) -> DataFrame:
    """One row per customer of `caller_profiles` (of one date, which ends at `end_at`); `callers` are rules of conf."""
    placed = repeat_call_clusters.select("caller_key", "cluster_id", "cluster_name")
    customers = caller_profiles.where("customer_id IS NOT NULL").join(placed, "caller_key")
    gaps = customers.groupBy("cluster_id").agg(F.median("hours_between_median").alias("_usual_hours"))
    known = customers.join(
        F.broadcast(gaps.withColumnRenamed("cluster_id", "_id")), F.expr("cluster_id <=> _id"), "left"
    )
    unused = F.get(F.array_except(_texts(self_service_channels), F.col("digital_channels")), F.lit(0))
    chosen = known.withColumn("_unused", unused).withColumn("_rule", _first_rule(callers, self_service_topics))
    offered = F.col("_rule.channel") == SELF_SERVICE
    channel = F.when(offered, F.col("_unused")).otherwise(F.col("_rule.channel"))
    return chosen.withColumns(
        {
            "main_topic_calls": F.try_element_at("topics", "main_topic"),
            "advice_id": F.col("_rule.id"),
            "channel": channel,
            "campaign": F.col("_rule.campaign"),
            "action": F.col("_rule.action"),
            "owner": F.col("_rule.owner"),
            "message": F.when(channel.isNotNull(), _message(messages, channel)),
            "next_call_expected_at": _next_call(end_at),
        }
    ).withColumn("send_before", F.col("next_call_expected_at") - F.expr(f"INTERVAL {lead_hours} HOURS"))


def _first_rule(callers: Sequence[Mapping[str, Any]], self_service_topics: Sequence[str]) -> Column:
    def rule(each: Mapping[str, Any]) -> Column:
        told = F.struct(*(F.lit(each.get(name)).cast("string").alias(name) for name in _TOLD))
        return F.when(_suits(each, self_service_topics), told)

    return F.coalesce(*(rule(each) for each in callers))


_TOLD = ("id", "channel", "campaign", "action", "owner")


def _suits(rule: Mapping[str, Any], self_service_topics: Sequence[str]) -> Column:
    conditions = [F.lit(True)]
    if rule.get("band"):
        conditions.append(F.col("frequency_band").isin(*rule["band"]))
    if rule.get("topics"):
        topics = self_service_topics if rule["topics"] == SELF_SERVICE else rule["topics"]
        conditions.append(F.col("main_topic").isin(*topics))
    if rule.get("channel") == SELF_SERVICE:
        # Who uses all channels already is not sent to one more.
        conditions.append(F.col("_unused").isNotNull())
    if rule.get("where"):
        conditions.append(F.expr(rule["where"]))
    return reduce(lambda one, other: one & other, conditions)


def _message(messages: Mapping[str, str], channel: Column) -> Column:
    by_topic = F.create_map(*(F.lit(text) for pair in messages.items() for text in pair))
    template = F.coalesce(F.try_element_at(by_topic, F.coalesce("main_topic", F.lit(OTHER))), F.lit(messages[OTHER]))
    where = F.when(channel.isin("app", "wechat", "web"), channel).otherwise(F.lit("app"))
    return F.replace(template, F.lit("{channel}"), where)


def _next_call(end_at: datetime) -> Column:
    """The last call and then a gap: a geometric mean of the caller's own and the kind's, by how many are known.

    Where that has passed already, the next beat of the same rhythm.
    """
    usual = F.coalesce("_usual_hours", "hours_between_median")
    own = F.coalesce("hours_between_median", usual)
    weight = F.col("gaps_90d") / (F.col("gaps_90d") + F.lit(OWN_GAPS))
    # Each gap counts an hour more: one of 0 would make 0 of any other.
    hours = F.greatest(F.exp(weight * F.log(own + 1) + (1 - weight) * F.log(usual + 1)) - 1, F.lit(1.0))
    passed = (F.lit(end_at).cast("timestamp").cast("double") - F.col("last_call_at").cast("double")) / 3600
    beats = F.greatest(F.ceil(passed / hours), F.lit(1))
    expected = F.timestamp_seconds(F.round(F.col("last_call_at").cast("double") + beats * hours * 3600))
    return F.when(own.isNotNull(), expected)


def _texts(values: Sequence[str]) -> Column:
    return F.array(*(F.lit(value) for value in values))
