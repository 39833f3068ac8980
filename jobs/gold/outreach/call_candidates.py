"""Who was to be reached on a day, who was held out, and who was spared, each with the first rule that decided."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from jobs.gold.outreach import rules
from jobs.gold.outreach.assignment import (
    BELOW_FLOOR,
    GIVES,
    LISTED,
    SUPPRESSED,
    TAKES,
    Places,
    assigned,
)  # fmt: skip
from jobs.gold.outreach.audience import wide
from jobs.gold.outreach.draws import is_drawn, season_of
from jobs.gold.outreach.hours import HOUR, Allowed, Place
from jobs.tables.tags import Standing

USUAL_HOUR = 10
"""When customers are wished for of whom no hour is known."""
PLACE = "country string, region string, time_zone string"
ALLOWED = "hours bigint, most_attempts_1d int, most_connected_1d int, most_abandoned_share double"


def build(
    outreach_customers: DataFrame,
    customer_tag_values: DataFrame,
    churn_scores: DataFrame,
    repeat_call_advice: DataFrame,
    customer_identities: DataFrame,
    list_on: date,
    standing: Mapping[str, Standing],
    campaigns: Sequence[Mapping[str, Any]],
    caps: Mapping[str, Any],
    holdout_share: float,
    capacity: Mapping[str, float],
    hours: Sequence[datetime],
    minutes: Sequence[float],
    places: Mapping[str, Mapping[Place, Allowed]],
    abandoned: Mapping[str, float],
    effects: Mapping[str, float],
    is_do_not_call_stale: bool,
    time_zone: str,
) -> DataFrame:
    """One row per customer and campaign whose audience they are in; frames of the date before `list_on`.

    `customer_identities` whole: what it says of that date counts. `standing` of tags on the date before.
    `hours`: beginnings of the hours of the day (UTC), `minutes`: free agent minutes of each, `places`: what the law
    allows there, by purpose. `abandoned`: share of dialled calls given up by us, by campaign; `effects`: relative
    effect of a contact by campaign.
    """
    audience = wide(outreach_customers, customer_tag_values, churn_scores, repeat_call_advice, standing, time_zone)
    located = _located(_with_persons(audience, customer_identities, list_on), places)
    season = season_of(list_on)

    def pair(campaign: Mapping[str, Any]) -> Column:
        """What is known of a row as a candidate of a campaign, null where it is none."""
        name = campaign["name"]
        allowed = F.col(f"_{campaign['purpose']}")
        # Rules read what the law allows by the names of its columns.
        score = F.coalesce(F.expr(str(campaign["score"])).cast("double"), F.lit(0.0))
        value = F.coalesce(F.expr(str(campaign["value"])).cast("double"), F.lit(0.0))
        told = F.struct(
            F.lit(name).alias("campaign"),
            F.lit(campaign["kind"]).alias("kind"),
            F.lit(campaign["channel"]).alias("channel"),
            F.lit(campaign["floor"]).cast("double").alias("floor"),
            score.alias("score"),
            (score * value * F.lit(effects[name]) - F.lit(campaign["cost"])).alias("expected_value"),
            allowed.alias("allowed"),
            (
                F.lit(campaign["kind"] != rules.DUTY)
                & (is_drawn(holdout_share, season, name) | F.array_contains("held_out", name))
            ).alias("is_holdout"),
            F.lit(_needs(campaign, capacity) > 0).alias("needs_agent"),
        )
        return F.when(F.coalesce(F.expr(campaign["audience"]), F.lit(False)), told)

    candidates = located.withColumn("_pairs", F.filter(F.array(*map(pair, campaigns)), lambda each: each.isNotNull()))
    rows = candidates.withColumn("_pair", F.explode("_pairs")).select(
        *outreach_customers.columns, "person_id", "_pair.*", "_pair.allowed.*"
    )
    begin = F.lit(hours[0]).cast("timestamp")
    rows = rows.withColumns({"free_hours": rules.free_hours(begin), "wish": _wish(hours, time_zone)})
    decided = F.coalesce(
        *(
            F.when(
                F.col("campaign") == campaign["name"],
                rules.reason(campaign, caps, abandoned.get(campaign["name"]), is_do_not_call_stale),
            )
            for campaign in campaigns
        )
    )
    judged = _explored(rows.withColumn("reason", decided), list_on, capacity["explore_share"])
    quotas = {campaign["name"]: campaign["quota"] for campaign in campaigns}
    needs = {campaign["name"]: _needs(campaign, capacity) for campaign in campaigns}
    free = list(minutes)
    given = _assigned(judged, lambda: Places(list(free), dict(quotas), needs, sum(free) * capacity["explore_share"]))
    return _told(judged, given, list_on, hours)


def _needs(campaign: Mapping[str, Any], capacity: Mapping[str, float]) -> float:
    """Agent minutes of a contact."""
    if campaign["channel"] != "call":
        return 0.0
    return float(campaign["minutes"] or capacity["minutes_a_call"])


def _with_persons(audience: DataFrame, customer_identities: DataFrame, list_on: date) -> DataFrame:
    """The audience with the person whose customer number each is."""
    held = f"valid_from < DATE'{list_on}' AND (valid_to IS NULL OR valid_to >= DATE'{list_on}')"
    persons = customer_identities.where(held).select("customer_id", F.col("person_id").alias("_person"))
    joined = audience.join(persons, "customer_id", "left")
    return joined.withColumn("person_id", F.coalesce("_person", "customer_id"))


def _located(audience: DataFrame, places: Mapping[str, Mapping[Place, Allowed]]) -> DataFrame:
    """The audience with what the law allows where each customer is, a struct for each purpose."""
    located = audience
    for purpose, by_place in places.items():
        rows = [
            (place.country, place.region, place.time_zone,
             (allowed.hours, allowed.attempts_1d, allowed.connected_1d, allowed.abandoned_share))
            for place, allowed in by_place.items()
        ]  # fmt: skip
        schema = f"{PLACE}, _{purpose} struct<{ALLOWED.replace(' ', ':').replace(',:', ',')}>"
        law = audience.sparkSession.createDataFrame(rows, schema).alias("law")
        names = ("country", "region", "time_zone")
        same = [F.col(f"law.{name}").eqNullSafe(F.col(f"who.{name}")) for name in names]
        joined = located.alias("who").join(F.broadcast(law), same[0] & same[1] & same[2], "left")
        located = joined.select("who.*", f"law._{purpose}")
    return located


def _explored(rows: DataFrame, list_on: date, share: float) -> DataFrame:
    """Pairs below the floor are dropped, but for some that are drawn, of customers with nothing better."""
    is_below = F.col("reason").isNull() & (F.col("expected_value") < F.col("floor"))
    better = F.count_if(F.col("reason").isNull() & ~is_below).over(Window.partitionBy("customer_id"))
    is_explored = is_below & F.col("needs_agent") & is_drawn(share, str(list_on)) & (better == 0)
    marked = rows.withColumns({"_is_below": is_below, "is_explored": is_explored})
    return marked.withColumn(
        "reason", F.when(F.col("_is_below") & ~F.col("is_explored"), BELOW_FLOOR).otherwise(F.col("reason"))
    )


def _wish(hours: Sequence[datetime], time_zone: str) -> Column:
    """The place in the day of the hour that suits: for which a call was promised, else in which they mostly speak.

    A clock that changes leaves out an hour of the day or has one twice, so that places are no hours of the clock.
    """
    seconds = F.col("callback_at").cast("double") - F.lit(hours[0]).cast("timestamp").cast("double")
    promised = F.floor(seconds / HOUR.total_seconds()).cast("int")
    clock = [begin.astimezone(ZoneInfo(time_zone)).hour for begin in hours]
    places = [
        next((place for place, hour in enumerate(clock) if hour >= wanted), len(clock) - 1) for wanted in range(24)
    ]
    usual = F.get(F.lit(places), F.coalesce("answer_hour", F.lit(USUAL_HOUR)))
    return F.coalesce(F.when(promised.between(0, len(hours) - 1), promised), usual)


def _assigned(judged: DataFrame, places: Any) -> DataFrame:
    """Decision, reason and hour of each pair that no rule drops, in the order of their worth.

    Whatever the value, promises come first, then the few below the floor, who have minutes of their own.
    """
    level = F.when(F.col("kind") == rules.DUTY, 0).when(F.col("is_explored"), 1).otherwise(2)
    is_first_draw = F.when(F.col("is_explored"), F.xxhash64("customer_id", "campaign"))
    pairs = (
        judged.where("reason IS NULL")
        .withColumns({"_level": level, "_draw": is_first_draw, "hours": F.col("free_hours")})
        .repartition(1)
        .sortWithinPartitions("_level", "_draw", F.desc("expected_value"), "campaign", "customer_id")
        .select(*TAKES)
    )

    def work(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        return assigned(batches, places())

    return pairs.mapInArrow(work, GIVES)


def _told(judged: DataFrame, given: DataFrame, list_on: date, hours: Sequence[datetime]) -> DataFrame:
    dropped = judged.where("reason IS NOT NULL").withColumns(
        {"decision": F.lit(SUPPRESSED), "slot": F.lit(None).cast("int")}
    )
    won = judged.where("reason IS NULL").drop("reason").join(given, ["campaign", "customer_id"])
    columns = ["campaign", "customer_id", "kind", "channel", "score", "expected_value", "decision", "reason", "slot"]
    rows = dropped.select(*columns).unionByName(won.select(*columns))
    best = Window.partitionBy("campaign", "decision").orderBy(F.desc("expected_value"), "customer_id")
    begins = F.array(*(F.lit(begin).cast("timestamp") for begin in hours))
    start = F.when(F.col("slot").isNotNull(), F.get(begins, F.col("slot")))
    return rows.withColumns(
        {
            "list_on": F.lit(list_on),
            "rank": F.when(F.col("decision") == LISTED, F.row_number().over(best)),
            "slot_start_at": start,
            "slot_end_at": start + F.lit(HOUR),
        }
    )
