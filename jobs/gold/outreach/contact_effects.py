"""What each campaign changed: customers on its lists against those held out of them, by what became of both."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from functools import reduce
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.effects_in_words import sentence
from jobs.effects_settings import Outcome
from jobs.features.rows import barred, known_versions
from jobs.scoring import in_arrow
from jobs.tables.call_centre import TICKETS
from jobs.tables.card_business import CARD_ACCOUNTS, CUSTOMERS, STATEMENTS
from jobs.tables.effects import LATE_DAYS
from jobs.tables.outreach import NO_CONTACT
from models import effects

LAST_OF_WEEK = 6
COUNTS = ("listed_successes", "listed", "held_out_successes", "held_out")
SEEN = ("outcome", "contact", "complaint", "opt_out")
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

    def versions(rows: DataFrame, feed: Any) -> DataFrame:
        return known_versions(rows, feed, as_of, time_zone)

    def recent(rows: DataFrame) -> DataFrame:
        return rows.where(F.col("event_date").between(first, as_of))

    tables = {
        "silver.transactions": recent(transactions),
        "silver.calls": recent(calls),
        "silver.interactions": recent(interactions),
        "silver.statements": versions(statements_versions, STATEMENTS),
        "silver.tickets": versions(tickets_versions, TICKETS),
        "silver.cards": versions(cards_versions, CARD_ACCOUNTS),
    }
    is_contact = ~F.col("result").isin(*NO_CONTACT)
    complaints = tables["silver.tickets"].where("category = 'complaint'")
    opt_outs = barred(recent(do_not_call), versions(customers_versions, CUSTOMERS))
    by_campaign = [F.when(F.col("campaign") == each["name"], F.col("event_date")) for each in campaigns]
    happened = [
        _outcomes(tables, campaigns),
        _events("contact", recent(contact_results).where(is_contact), F.array(*by_campaign)),
        _events("complaint", complaints),
        _events("opt_out", opt_outs),
    ]
    persons = _persons(call_candidates, campaigns, as_of, first)
    followed = _followed(persons, reduce(DataFrame.unionByName, happened), campaigns)
    return _told(_weeks(followed), campaigns)


def _persons(call_candidates: DataFrame, campaigns: Sequence[Mapping[str, Any]], as_of: date, first: date) -> DataFrame:
    """The persons of both arms whose outcome days have passed, each at the first date in the season."""
    days = _by_campaign(campaigns, lambda campaign: campaign["outcome_days"])
    tried = call_candidates.where(
        F.col("decision").isin("listed", "holdout") & F.col("list_on").between(first, as_of) & days.isNotNull()
    )
    season = F.date_trunc("quarter", "list_on").alias("season")
    firsts = tried.groupBy("campaign", "customer_id", season).agg(
        F.min(F.struct("list_on", "decision", "score")).alias("first")
    )
    dated = firsts.select("campaign", "customer_id", "first.*").withColumns(
        {
            "week": F.to_date(F.date_trunc("week", "list_on")),
            "is_listed": F.col("decision") == "listed",
            "until": F.date_add("list_on", days),
        }
    )
    # A week that began in the season before would lack its first days.
    mature = dated.where((F.col("until") <= F.lit(as_of)) & (F.col("week") >= F.lit(first)))
    return mature.withColumn("judged_on", F.least(F.lit(as_of), F.date_add("until", LATE_DAYS)))


def _outcomes(tables: Mapping[str, DataFrame], campaigns: Sequence[Mapping[str, Any]]) -> DataFrame:
    """The rows that count for the outcome of some campaign; each table is read once, and a row stays one row."""
    outcomes = {each["name"]: Outcome.model_validate(each["outcome"]) for each in campaigns}
    found = []
    for table in dict.fromkeys(outcome.table for outcome in outcomes.values()):
        dates = [
            F.when(F.expr(outcome.where), F.to_date(F.expr(outcome.dated)))
            if outcome.table == table
            else F.lit(None).cast("date")
            for outcome in outcomes.values()
        ]
        counted = tables[table].where(F.coalesce(*dates).isNotNull())
        found.append(_events("outcome", counted, F.array(*dates)))
    return reduce(DataFrame.unionByName, found)


def _events(seen: str, rows: DataFrame, dates: Column | None = None) -> DataFrame:
    """What was seen of customers, and when; `dates`: when it counts for each campaign, by place, null = not at all."""
    superseded = F.col("superseded_on") if "superseded_on" in rows.columns else F.lit(None).cast("date")
    return rows.where("customer_id IS NOT NULL").select(
        F.lit(seen).alias("seen"),
        F.col("customer_id").alias("of_customer"),
        (F.array("event_date") if dates is None else dates).alias("dates"),
        "known_on",
        superseded.alias("superseded_on"),
    )


def _followed(persons: DataFrame, events: DataFrame, campaigns: Sequence[Mapping[str, Any]]) -> DataFrame:
    """The persons with how often each was seen in the outcome days, as known when they are judged."""
    outcomes = {each["name"]: Outcome.model_validate(each["outcome"]) for each in campaigns}
    places = {each["name"]: place for place, each in enumerate(campaigns)}
    placed = persons.withColumn("place", _by_campaign(campaigns, lambda each: places[each["name"]]))
    seen_on = "get(dates, CASE WHEN size(dates) = 1 THEN 0 ELSE place END)"
    # The contact itself is made on the list's day, what comes of it is counted from the day after, in both arms.
    is_in_time = F.expr(f"{seen_on} <= until AND ({seen_on} > list_on OR seen = 'contact' AND {seen_on} = list_on)")
    is_known = F.expr("known_on <= judged_on AND (superseded_on IS NULL OR superseded_on > judged_on)")
    joined = placed.join(events, F.expr("of_customer = customer_id") & is_in_time & is_known, "left")
    counted = joined.groupBy(*persons.columns).agg(*(F.count_if(F.col("seen") == each).alias(each) for each in SEEN))
    is_met = F.col("outcome") >= _by_campaign(campaigns, lambda each: outcomes[each["name"]].at_least)
    is_negated = _by_campaign(campaigns, lambda each: outcomes[each["name"]].negate)
    return counted.withColumn("is_success", is_met != is_negated)


def _weeks(persons: DataFrame) -> DataFrame:
    """Counts of both arms by campaign and week."""
    listed, held_out = F.col("is_listed"), ~F.col("is_listed")
    arms = {"listed": listed, "held_out": held_out}
    counts = {
        name: F.count_if(arm & condition)
        for arm_name, arm in arms.items()
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
    value = _by_campaign(campaigns, lambda each: _number(each["value"]))
    cost = _by_campaign(campaigns, lambda each: float(each["cost"]))
    days = _by_campaign(campaigns, lambda each: each["outcome_days"])
    judged = weeks.withColumn("_judged", in_arrow(_judged, JUDGED, F.struct(*COUNTS))).select("*", "_judged.*")
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
            "final_on": F.date_add("week", days + (LAST_OF_WEEK + LATE_DAYS)),
        }
    )
    says = _by_campaign(campaigns, lambda each: Outcome.model_validate(each["outcome"]).says)
    return told.withColumn("sentence", sentence(says))


JUDGED = "incremental_effect double, effect_low double, effect_high double, is_claim boolean"


def _judged(weeks: pa.Array) -> pa.Array:
    """`JUDGED` of a batch of weeks, of structs with `COUNTS`."""
    counts = [weeks.field(name).to_numpy(zero_copy_only=False) for name in COUNTS]
    enough = effects.suffices(*counts[:2]) & effects.suffices(*counts[2:])
    figures = [pa.array(np.asarray(each), from_pandas=True) for each in effects.newcombe(*counts)]
    names = [column.split()[0] for column in JUDGED.split(", ")]
    return pa.StructArray.from_arrays([*figures, pa.array(enough)], names=names)


def _caused(what: str) -> Column:
    """How many of them there are beyond those that the held out lead one to expect."""
    shares = [F.try_divide(f"{arm}_{what}", arm) for arm in ("listed", "held_out")]
    return (shares[0] - shares[1]) * F.col("listed")


def _number(value: str | float) -> float | None:
    try:
        return float(value)
    except ValueError:
        return None


def _by_campaign(campaigns: Sequence[Mapping[str, Any]], value: Callable[[Mapping[str, Any]], Any]) -> Column:
    """What each campaign has of it; null of one that conf does not name."""
    pairs = chain.from_iterable((F.lit(each["name"]), F.lit(value(each))) for each in campaigns)
    return F.create_map(*pairs)[F.col("campaign")]
