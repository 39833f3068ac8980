"""What each campaign changed: customers on its lists against those held out of them, by what became of both."""

from collections.abc import Mapping, Sequence
from datetime import date
from functools import reduce
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.effects_in_words import sentence
from jobs.gold.outreach import arms
from jobs.tables.outreach import NO_CONTACT

COUNTS = ("listed_successes", "listed", "held_out_successes", "held_out")
SEEN = (arms.OUTCOME, "contact", "complaint", "opt_out")
"""What may happen to a person in the outcome days."""


def build(
    call_candidates: DataFrame,
    contact_results: DataFrame,
    do_not_call: DataFrame,
    transactions: DataFrame,
    calls: DataFrame,
    interactions: DataFrame,
    statements_versions: DataFrame,
    tickets_versions: DataFrame,
    cards_versions: DataFrame,
    customers_versions: DataFrame,
    as_of: date,
    first: date,
    time_zone: str,
    campaigns: Sequence[Mapping[str, Any]],
) -> DataFrame:
    """One row per campaign and week from `first` on, which begins a season; of persons whose outcome days have passed.

    A customer counts once per campaign and season, at the first date on a list or held out of it, and stays in that arm
    whether reached or not. What happens is counted as it was known `LATE_DAYS` after the outcome days, so that a row
    is the same whichever night makes it later. `campaigns`: name, outcome, outcome_days, value and cost of each.
    """
    tables = arms.tables(
        transactions,
        calls,
        interactions,
        statements_versions,
        tickets_versions,
        cards_versions,
        as_of,
        first,
        time_zone,
    )
    is_contact = ~F.col("result").isin(*NO_CONTACT)
    complaints = tables["silver.tickets"].where("category = 'complaint'")
    opt_outs = _opt_outs(arms.recent(do_not_call, first, as_of), customers_versions)
    by_campaign = [F.when(F.col("campaign") == each["name"], F.col("event_date")) for each in campaigns]
    happened = [
        arms.outcomes(tables, campaigns),
        arms.events("contact", arms.recent(contact_results, first, as_of).where(is_contact), F.array(*by_campaign)),
        arms.events("complaint", complaints),
        arms.events("opt_out", opt_outs),
    ]
    persons = arms.persons(call_candidates, campaigns, as_of, first)
    followed = arms.followed(persons, reduce(DataFrame.unionByName, happened), campaigns, SEEN)
    return _told(_weeks(followed), campaigns)


def _opt_outs(do_not_call: DataFrame, customers_versions: DataFrame) -> DataFrame:
    """The do-not-call entries for every customer whom they bind (docs/definitions.md), with when that was known.

    Numbers change hands: who is bound by one is told as of the date on which a person is judged.
    """
    known = ("event_date", "known_on", "superseded_on")
    known_with_owner = (
        "entry.event_date",
        F.greatest("entry.known_on", "owner.known_on").alias("known_on"),
        F.least("entry.superseded_on", "owner.superseded_on").alias("superseded_on"),
    )
    entries = do_not_call.withColumn("superseded_on", F.lit(None).cast("date"))
    owners = customers_versions.alias("owner")
    of_named = entries.where("phone_token IS NULL").alias("entry").join(owners, "customer_id")
    numbers = (
        entries.where("phone_token IS NOT NULL")
        .select("phone_token", *known)
        .unionByName(of_named.select("owner.phone_token", *known_with_owner))
    )
    by_number = numbers.alias("entry").join(owners, "phone_token").select("owner.customer_id", *known_with_owner)
    return entries.select("customer_id", *known).unionByName(by_number)


def _weeks(persons: DataFrame) -> DataFrame:
    """Counts of both arms by campaign and week."""
    listed, held_out = F.col("is_listed"), ~F.col("is_listed")
    counts = {
        name: F.count_if(arm & condition)
        for arm_name, arm in {"listed": listed, "held_out": held_out}.items()
        for name, condition in {
            arm_name: F.lit(True),
            f"{arm_name}_successes": F.col("is_success"),
            f"{arm_name}_complaints": F.col("complaint") > 0,
            f"{arm_name}_opt_outs": F.col("opt_out") > 0,
        }.items()
    }
    return persons.groupBy("campaign", "week").agg(
        *(count.alias(name) for name, count in counts.items()),
        F.count_if(listed & (F.col("contact") > 0)).alias("contacted"),
        F.coalesce(F.sum(F.when(listed, F.col("contact"))), F.lit(0)).alias("contacts"),
        # A mean of doubles hangs on the order of the rows, and the same night again would differ.
        F.avg(F.col("score").cast("decimal(18,12)")).cast("double").alias("mean_score"),
    )


def _told(weeks: DataFrame, campaigns: Sequence[Mapping[str, Any]]) -> DataFrame:
    """The counts with what they say."""
    # Where the value depends on the customer, what was earned cannot be told of a whole week.
    value = arms.by_campaign(campaigns, lambda each: _number(each["value"]))
    cost = arms.by_campaign(campaigns, lambda each: float(each["cost"]))
    judged = arms.compared(weeks, COUNTS).withColumnsRenamed(
        {"difference": "incremental_effect", "low": "effect_low", "high": "effect_high"}
    )
    effect = F.col("incremental_effect")
    told = judged.withColumns(
        {
            "listed_rate": F.try_divide("listed_successes", "listed"),
            "held_out_rate": F.try_divide("held_out_successes", "held_out"),
            "reached_only_effect": effect * F.try_divide("listed", "contacted"),
            "value_earned": (effect * F.col("listed") * value).cast("decimal(18,2)"),
            "cost": (F.col("contacts") * cost).cast("decimal(18,2)"),
            "complaints_caused": _caused("complaints"),
            "opt_outs_caused": _caused("opt_outs"),
            "final_on": arms.final_on(campaigns),
        }
    )
    outcomes = arms.outcome_of(campaigns)
    says = arms.by_campaign(campaigns, lambda each: outcomes[each["name"]].says)
    return told.withColumn("sentence", sentence(says))


def _caused(what: str) -> Column:
    """How many of them there are beyond those that the held out lead one to expect."""
    shares = [F.try_divide(f"{arm}_{what}", arm) for arm in ("listed", "held_out")]
    return (shares[0] - shares[1]) * F.col("listed")


def _number(value: str | float) -> float | None:
    try:
        return float(value)
    except ValueError:
        return None
