"""Every active customer has a probability, a tenth, and at most three reasons that are true and raise the risk."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest

from jobs.gold.churn import churn_scores
from tests.frames import frame

pytestmark = pytest.mark.spark
DAY = date(2026, 3, 31)


@dataclass(frozen=True)
class Told:
    """Risks as a model would tell them."""

    version: str = "7"
    families: tuple[str, ...] = ("silence", "uses", "service", "complaints")

    def predict(self, customers: pd.DataFrame) -> pd.DataFrame:
        """The lively one has nothing against it, all others everything."""
        is_fading = customers["customer_id"] != "lively"
        parts = {"silence": 2.0, "uses": 0.5, "service": 0.8, "complaints": 0.9, "spend": 0.7}
        told = {f"part_{each}": is_fading.map({True: parts[each], False: -parts[each]}) for each in self.families}
        return pd.DataFrame(
            {"customer_id": customers["customer_id"], "probability": is_fading.map({True: 0.9, False: 0.1}), **told}
        )


def test_scores_say_why_in_words_and_numbers_the_strongest_first(spark: Any) -> None:
    common = {
        "as_of": DAY,
        "observed_days": 180,
        "quiet_days": 1.0,
        "quiet_days_before": 0.0,
        "habit_days_7d": 7.0,
        "habit_days_14d": 14.0,
    }
    silent = {
        "customer_id": "silent", "days_since_use": 12, "usual_gap_days": 2.25, "use_days_30d": 5, "use_days_180d": 80,
        "unresolved_calls_90d": 2, "calls_90d": 4, "complaints_90d": 0, "open_complaints": 0, "leaving_calls_90d": None,
    }  # fmt: skip
    lively = {"customer_id": "lively", "days_since_use": 0, "usual_gap_days": 1.0, "use_days_30d": 30}
    activity = frame(spark, "features.customer_activity", [common | silent, common | lively])
    warnings = frame(spark, "gold.consumption_warnings", [{"as_of": DAY, "customer_id": "silent", "what": "quiet"}])
    calls = frame(
        spark,
        "silver.calls",
        [
            {"call_id": "1", "customer_id": "lively", "direction": "inbound"},
            {"call_id": "2", "customer_id": "lively", "direction": "inbound"},
            {"call_id": "3", "customer_id": "silent", "direction": "outbound"},
        ],
    )
    rows = {row["customer_id"]: row for row in churn_scores.build(activity, warnings, calls, Told()).collect()}
    row = rows["silent"]
    assert (row["scored_on"], row["probability"], row["decile"], row["model_version"]) == (DAY, 0.9, 1, "7")
    assert row["reason_1"] == "card not used for 12 days, usually every 2.3 days"
    # Complaints tell nothing that is true of this customer, so the next family has its turn.
    assert row["reason_2"] == "2 calls in 90 days left unresolved"
    assert row["reason_3"] == "card used on 5 days of the last 30, on 15.0 of 30 before"
    assert (row["called_today"], row["consumption_warning"]) == (False, "quiet")
    row = rows["lively"]
    assert [row[f"reason_{n}"] for n in (1, 2, 3)] == [None, None, None]
    assert (row["decile"], row["called_today"], row["consumption_warning"]) == (2, True, None)


def first_reasons(spark: Any, customers: list[dict[str, Any]], family: str) -> dict[str, str]:
    activity = frame(spark, "features.customer_activity", customers)
    warnings, calls = (frame(spark, name, []) for name in ("gold.consumption_warnings", "silver.calls"))
    made = churn_scores.build(activity, warnings, calls, Told(families=(family,)))
    return dict(made.select("customer_id", "reason_1").collect())


def test_purchases_that_were_given_back_leave_no_amount_of_nothing_or_less(spark: Any) -> None:
    common = {"as_of": DAY, "observed_days": 180, "uses_30d": 1, "uses_180d": 2}
    amounts = {
        "all": {"spend_30d_amount": -50, "spend_90d_amount": 0, "spend_180d_amount": 0},
        "half": {"spend_30d_amount": -25, "spend_90d_amount": 25, "spend_180d_amount": 25},
        "more": {"spend_30d_amount": -95, "spend_90d_amount": -195, "spend_180d_amount": -195},
    }
    customers = [
        common | {"customer_id": who} | {name: Decimal(amount) for name, amount in of_each.items()}
        for who, of_each in amounts.items()
    ]
    assert first_reasons(spark, customers, "spend") == {
        "all": "no more bought than given back in 180 days",
        "half": "card spend down 100 % in 30 days against the mean of the last 90 days",
        "more": "no more bought than given back in 180 days",
    }


def test_calls_about_the_same_topic_are_told_as_calls_whether_or_not_the_customer_had_to_call_again(spark: Any) -> None:
    customers = [
        {"as_of": DAY, "customer_id": str(calls), "observed_days": 180, "same_topic_calls_90d": calls, "calls_90d": 3}
        for calls in (0, 1, 2)
    ]
    assert first_reasons(spark, customers, "service") == {
        "0": "called 3 times in 90 days",
        "1": "1 call beyond the first about the same topic in 90 days",
        "2": "2 calls beyond the first about the same topic in 90 days",
    }
