"""How lists went: how many of the listed were reached and won, by score, hour, agent and script."""

from datetime import date, timedelta

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from jobs.features.contact_ledger import is_spoken_to
from jobs.tables.effects import LATE_DAYS
from jobs.tables.outreach import CONTACT, NO_CONTACT

GROUPS = 10
REACHED = ("contacted", "reached", "converted")


def build(
    call_candidates: DataFrame,
    call_lists: DataFrame,
    contact_results: DataFrame,
    as_of: date,
    first: date,
    time_zone: str,
) -> DataFrame:
    """One row per list day from `first` to the date, campaign, dimension and group, by the results known on the date.

    Results come for 7 days, of attempts from 7 days before the list on; of several of one contact the best counts, of
    equally good ones the latest.
    """
    is_of_these = F.col("list_on").between(first, as_of)
    listed = call_candidates.where(is_of_these & (F.col("decision") == "listed"))
    scripts = call_lists.where(is_of_these).select(*CONTACT, "script_id")
    is_near = F.col("event_date") >= F.date_sub("list_on", LATE_DAYS)
    # Which follows, and spares the reading of what happened before.
    is_near &= F.col("event_date") >= F.lit(first - timedelta(days=LATE_DAYS))
    came = contact_results.where(
        is_of_these & is_near & (F.col("known_on") <= F.least(F.lit(as_of), F.date_add("list_on", LATE_DAYS)))
    )
    contacts = _with_tenth(listed).join(scripts, CONTACT, "left").join(_results(came), CONTACT, "left")
    at = F.coalesce("result.attempted_at", "slot_start_at")
    groups = {
        "score_decile": F.col("tenth").cast("string"),
        "hour": F.date_format(F.from_utc_timestamp(at, time_zone), "HH"),
        "agent": F.col("result.agent_id"),
        "script": F.col("script_id"),
    }
    places = [F.struct(F.lit(name).alias("dimension"), group.alias("group_name")) for name, group in groups.items()]
    counted = (
        contacts.select("list_on", "campaign", F.explode(F.array(*places)).alias("of"), "result")
        .groupBy("list_on", "campaign", "of.dimension", "of.group_name")
        .agg(F.count("*").alias("listed"), *(F.count_if(f"result.{name}").alias(name) for name in REACHED))
    )
    return counted.withColumns(
        {
            "contacted_rate": F.col("contacted") / F.col("listed"),
            "reached_rate": F.try_divide("reached", "contacted"),
            "converted_rate": F.try_divide("converted", "reached"),
        }
    )


def _results(contact_results: DataFrame) -> DataFrame:
    """The best result of each contact, as `result`."""
    best = F.max(
        F.struct(
            (is_spoken_to() & (F.col("result") == "converted")).alias("converted"),
            is_spoken_to().alias("reached"),
            (~F.col("result").isin(*NO_CONTACT)).alias("contacted"),
            "attempted_at",
            "attempt_id",
            "agent_id",
        )
    )
    return contact_results.groupBy(*CONTACT).agg(best.alias("result"))


def _with_tenth(listed: DataFrame) -> DataFrame:
    """The contacts with `tenth`, that of the list's scores, 1 = highest; null without a score.

    Equal scores are in one, that of the first of them: the customers' ids say nothing.
    """
    has_score = F.col("score").isNotNull()
    ranked = Window.partitionBy("list_on", "campaign", has_score).orderBy(F.desc("score"), "customer_id")
    equal = Window.partitionBy("list_on", "campaign", "score")
    cut = listed.withColumn("_tenth", F.when(has_score, F.ntile(GROUPS).over(ranked)))
    return cut.withColumn("tenth", F.min("_tenth").over(equal))
