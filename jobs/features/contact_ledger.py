"""One ledger of all attempts to reach customers: results of any list or sender, calls by hand, lists still to come."""

from collections.abc import Collection, Sequence
from datetime import date, datetime

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.tables.effects import RIGHT_PARTY
from jobs.tables.outreach import CONTACT, NO_CONTACT

PENDING, SHADOW = "pending", "shadow"
"""What stands in for a result: the contact is on a list not yet worked; it was held out."""
REACHED = ("reached", "converted", SHADOW)


def ledger(
    contact_results: DataFrame,
    dialled_calls: DataFrame,
    call_candidates: DataFrame,
    results_on: Collection[date],
    returned: Sequence[tuple[date, str]],
) -> DataFrame:
    """Every attempt once: customer_id, at, channel, campaign, result (also PENDING and SHADOW), answered_by.

    `contact_results` as known at a date, `dialled_calls` those of which no result tells by then, `call_candidates` of
    lists up to it. `results_on`: dates whose results have landed, `returned`: days and campaigns of lists
    that came back; a listed contact of another, later list counts at its slot. Holdouts count as reached.
    """
    at = F.col("attempted_at").alias("at")
    attempts = contact_results.select("customer_id", at, "channel", "campaign", "result", "answered_by")
    others = _by_hand(dialled_calls).unionByName(_of_lists(call_candidates, contact_results, results_on, returned))
    return attempts.unionByName(others, allowMissingColumns=True)


def is_contact() -> Column:
    """Whether a row of the ledger is a contact: any result but busy and no answer."""
    return ~F.col("result").isin(*NO_CONTACT)


def is_spoken_to() -> Column:
    """Whether the customer was spoken to, whatever the answer, by `result` and `answered_by`."""
    is_live = F.coalesce(F.col("answered_by") != "machine", F.lit(True))
    return F.col("result").isin(*RIGHT_PARTY) & is_live


def within(days: int, begins_at: datetime) -> Column:
    """Whether a row lies in so many times 24 hours before a moment."""
    seconds = F.lit(begins_at).cast("timestamp").cast("double") - F.col("at").cast("double")
    return (seconds > 0) & (seconds <= days * 86_400)


def _by_hand(dialled_calls: DataFrame) -> DataFrame:
    return dialled_calls.select(
        "customer_id",
        F.col("started_at").alias("at"),
        F.lit("call").alias("channel"),
        F.lit(None).cast("string").alias("campaign"),
        "result",
    )


def _of_lists(
    call_candidates: DataFrame,
    contact_results: DataFrame,
    results_on: Collection[date],
    returned: Sequence[tuple[date, str]],
) -> DataFrame:
    """Listed contacts whose results are to come, and holdouts."""
    to_come = ~F.col("list_on").isin(*results_on)
    if returned:
        came_back = F.array(*(F.concat_ws("/", F.lit(day), F.lit(campaign)) for day, campaign in returned))
        to_come &= ~F.array_contains(came_back, F.concat_ws("/", "list_on", "campaign"))
    came = contact_results.where("list_on IS NOT NULL AND campaign IS NOT NULL").select(*CONTACT).distinct()
    pending = call_candidates.where((F.col("decision") == "listed") & to_come).join(came, CONTACT, "left_anti")
    held_out = call_candidates.where("decision = 'holdout'")
    standing = pending.withColumn("result", F.lit(PENDING)).unionByName(held_out.withColumn("result", F.lit(SHADOW)))
    return standing.select("customer_id", F.col("slot_start_at").alias("at"), "channel", "campaign", "result")
