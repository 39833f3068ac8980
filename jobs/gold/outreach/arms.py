"""Two arms of persons and what became of them: chosen by chance, counted alike once their days have passed."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from functools import reduce
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.effects_settings import Outcome
from jobs.features.rows import known_versions
from jobs.scoring import in_arrow
from jobs.tables.call_centre import TICKETS
from jobs.tables.card_business import CARD_ACCOUNTS, STATEMENTS
from jobs.tables.effects import LATE_DAYS
from models import effects

LAST_OF_WEEK = 6
OUTCOME = "outcome"
JUDGED = "difference double, low double, high double, is_claim boolean"
"""What comes of comparing two arms."""

Campaigns = Sequence[Mapping[str, Any]]


def tables(
    transactions: DataFrame,
    calls: DataFrame,
    interactions: DataFrame,
    statements_versions: DataFrame,
    tickets_versions: DataFrame,
    cards_versions: DataFrame,
    as_of: date,
    first: date,
    time_zone: str,
) -> dict[str, DataFrame]:
    """What an outcome may name, by its name in conf: events from `first` on, things as they were known since."""
    versions = {"statements": statements_versions, "tickets": tickets_versions, "cards": cards_versions}
    feeds = {"statements": STATEMENTS, "tickets": TICKETS, "cards": CARD_ACCOUNTS}
    events = {"transactions": transactions, "calls": calls, "interactions": interactions}
    return {
        **{f"silver.{name}": recent(rows, first, as_of) for name, rows in events.items()},
        **{f"silver.{name}": known_versions(rows, feeds[name], as_of, time_zone) for name, rows in versions.items()},
    }


def recent(rows: DataFrame, first: date, as_of: date) -> DataFrame:
    """Rows of events from `first` on."""
    return rows.where(F.col("event_date").between(first, as_of))


def persons(call_candidates: DataFrame, campaigns: Campaigns, as_of: date, first: date) -> DataFrame:
    """The persons of both arms whose outcome days have passed, each at the first date in the season."""
    days = by_campaign(campaigns, lambda campaign: campaign["outcome_days"])
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


def outcomes(tables: Mapping[str, DataFrame], campaigns: Campaigns) -> DataFrame:
    """The rows that count for the outcome of some campaign; each table is read once, and a row stays one row."""
    wanted = outcome_of(campaigns)
    found = []
    for table in dict.fromkeys(outcome.table for outcome in wanted.values()):
        dates = [
            F.when(F.expr(outcome.where), F.to_date(F.expr(outcome.dated)))
            if outcome.table == table
            else F.lit(None).cast("date")
            for outcome in wanted.values()
        ]
        counted = tables[table].where(F.coalesce(*dates).isNotNull())
        found.append(events(OUTCOME, counted, F.array(*dates)))
    return reduce(DataFrame.unionByName, found)


def events(seen: str, rows: DataFrame, dates: Column | None = None) -> DataFrame:
    """What was seen of customers, and when; `dates`: when it counts for each campaign, by place, null = not at all."""
    superseded = F.col("superseded_on") if "superseded_on" in rows.columns else F.lit(None).cast("date")
    return rows.where("customer_id IS NOT NULL").select(
        F.lit(seen).alias("seen"),
        F.col("customer_id").alias("of_customer"),
        (F.array("event_date") if dates is None else dates).alias("dates"),
        "known_on",
        superseded.alias("superseded_on"),
    )


def followed(persons: DataFrame, happened: DataFrame, campaigns: Campaigns, seen: Sequence[str]) -> DataFrame:
    """The persons with how often each of `seen` (of `happened`) was in the outcome days, as known when they are judged,
    and whether the outcome of the campaign came (`is_success`)."""
    wanted = outcome_of(campaigns)
    places = {each["name"]: place for place, each in enumerate(campaigns)}
    placed = persons.withColumn("place", by_campaign(campaigns, lambda each: places[each["name"]]))
    seen_on = "get(dates, CASE WHEN size(dates) = 1 THEN 0 ELSE place END)"
    # The contact itself is made on the list's day, what comes of it is counted from the day after, in both arms.
    is_in_time = F.expr(f"{seen_on} <= until AND ({seen_on} > list_on OR seen = 'contact' AND {seen_on} = list_on)")
    is_known = F.expr("known_on <= judged_on AND (superseded_on IS NULL OR superseded_on > judged_on)")
    joined = placed.join(happened, F.expr("of_customer = customer_id") & is_in_time & is_known, "left")
    counted = joined.groupBy(*persons.columns).agg(*(F.count_if(F.col("seen") == each).alias(each) for each in seen))
    is_met = F.col(OUTCOME) >= by_campaign(campaigns, lambda each: wanted[each["name"]].at_least)
    is_negated = by_campaign(campaigns, lambda each: wanted[each["name"]].negate)
    return counted.withColumn("is_success", is_met != is_negated)


def outcome_of(campaigns: Campaigns) -> dict[str, Outcome]:
    """What is hoped for, by campaign."""
    return {each["name"]: Outcome.model_validate(each["outcome"]) for each in campaigns}


def final_on(campaigns: Campaigns) -> Column:
    """The night from which on a week stands for good: the days of its last persons have passed, and late rows came."""
    return F.date_add("week", by_campaign(campaigns, lambda each: each["outcome_days"]) + (LAST_OF_WEEK + LATE_DAYS))


def compared(rows: DataFrame, counts: Sequence[str]) -> DataFrame:
    """The rows with `JUDGED`; `counts`: columns with successes and persons of one arm, and of the other."""

    def judged(batch: pa.Array) -> pa.Array:
        arms = [batch.field(name).to_numpy(zero_copy_only=False) for name in counts]
        enough = effects.suffices(*arms[:2]) & effects.suffices(*arms[2:])
        figures = [pa.array(np.asarray(each), from_pandas=True) for each in effects.newcombe(*arms)]
        names = [column.split()[0] for column in JUDGED.split(", ")]
        return pa.StructArray.from_arrays([*figures, pa.array(enough)], names=names)

    return rows.withColumn("_judged", in_arrow(judged, JUDGED, F.struct(*counts))).select("*", "_judged.*")


def by_campaign(campaigns: Campaigns, value: Callable[[Mapping[str, Any]], Any]) -> Column:
    """What each campaign has of it; null of one that conf does not name."""
    pairs = chain.from_iterable((F.lit(each["name"]), F.lit(value(each))) for each in campaigns)
    return F.create_map(*pairs)[F.col("campaign")]
