"""Which script works: customers of one campaign who got it by chance, against those who got another one."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from jobs.gold.outreach import arms
from jobs.tables.outreach import CONTACT

COUNTS = ("successes", "listed", "others_successes", "others_listed")


def build(
    call_candidates: DataFrame,
    call_lists: DataFrame,
    transactions: DataFrame,
    calls: DataFrame,
    interactions: DataFrame,
    statements_versions: DataFrame,
    tickets_versions: DataFrame,
    cards_versions: DataFrame,
    as_of: date,
    first: date,
    time_zone: str,
    campaigns: Sequence[Mapping[str, Any]],
) -> DataFrame:
    """One row per campaign, week from `first` on and script, of campaigns with several; persons, outcomes and days are
    those of gold.contact_effects, and a person has the script of the first list of the season.

    `campaigns`: name, outcome, outcome_days and scripts of each.
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
    listed = arms.persons(call_candidates, campaigns, as_of, first).where("is_listed")
    with_script = listed.join(call_lists.select(*CONTACT, "script_id"), CONTACT)
    followed = arms.followed(with_script, arms.outcomes(tables, campaigns), campaigns, [arms.OUTCOME])
    counted = followed.groupBy("campaign", "week", "script_id").agg(
        F.count("*").alias("listed"), F.count_if("is_success").alias("successes")
    )
    of_all = Window.partitionBy("campaign", "week")
    others = {f"others_{name}": F.sum(name).over(of_all) - F.col(name) for name in ("listed", "successes")}
    compared = arms.compared(counted.withColumns(others), COUNTS).withColumnsRenamed(
        {"low": "difference_low", "high": "difference_high"}
    )
    return compared.withColumns(
        {
            "rate": F.try_divide("successes", "listed"),
            "others_rate": F.try_divide("others_successes", "others_listed"),
            "final_on": arms.final_on(campaigns),
        }
    )
