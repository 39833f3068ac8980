"""Which failures in the digital channels made customers call, and whether that helped."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.columns import MICROSECONDS_A_MINUTE, microseconds_between

_STEP = (
    "happened_at",
    "_is_call",
    "source",
    "source_id",
    "channel",
    "event",
    "topic",
    "is_resolved",
    "is_resolved_identity",
)


def build(customer_timeline: DataFrame) -> DataFrame:
    """One row per journey of `customer_timeline`, which holds all contacts of each journey in it."""
    contacts = customer_timeline.where("journey_id IS NOT NULL").withColumn("_is_call", F.col("source") == "calls")
    steps = contacts.groupBy("journey_id", F.col("journey_on").alias("event_date"), "customer_id").agg(
        F.array_sort(F.collect_list(F.struct(*_STEP))).alias("steps")
    )
    journeys = steps.select(
        "*",
        F.col("steps")[0].alias("first"),
        F.filter("steps", lambda step: step["_is_call"]).alias("calls"),
    ).withColumns({"first_call": F.col("calls")[0], "last_call": F.element_at("calls", -1)})
    return journeys.select(
        "journey_id",
        "event_date",
        "customer_id",
        F.concat("first.channel", F.lit("_then_call")).alias("kind"),
        F.concat_ws(" > ", F.transform(_changes_of_channel(), lambda step: step["channel"])).alias("channels"),
        F.size("steps").cast("bigint").alias("contacts"),
        F.size("calls").cast("bigint").alias("calls"),
        F.col("first.happened_at").alias("first_contact_at"),
        F.element_at("steps", -1)["happened_at"].alias("last_contact_at"),
        F.col("first_call.source_id").alias("first_call_id"),
        (microseconds_between("first.happened_at", "first_call.happened_at") / MICROSECONDS_A_MINUTE).alias(
            "minutes_to_call"
        ),
        "first.event",
        "first.topic",
        F.col("first_call.topic").alias("call_topic"),
        F.coalesce(F.col("first.topic") == F.col("first_call.topic"), F.lit(False)).alias("is_same_topic"),
        "last_call.is_resolved",
        F.exists("calls", lambda step: step["is_resolved_identity"]).alias("has_resolved_identity"),
    )


def _changes_of_channel() -> Column:
    """The steps that use another channel than the step before."""
    steps = F.col("steps")
    return F.filter(steps, lambda step, place: (place == 0) | (step["channel"] != F.get(steps, place - 1)["channel"]))
