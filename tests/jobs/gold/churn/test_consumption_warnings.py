"""A long silence, far fewer days of use and a leap in spending are warned of on the first day that they show."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from jobs.gold.churn import consumption_warnings
from tests.frames import frame

pytestmark = pytest.mark.spark
DAY = date(2026, 3, 31)
NUMBERS = {"chance": 0.01, "drop_sigmas": 3.0, "spike_sigmas": 6.0}


def customer(name: str, since: int, **more: Any) -> dict[str, Any]:
    """A customer who used the card on 9 days of 10 until `since` days ago, for 100 a day."""
    before = round(0.9 * (180 - since))
    made = {
        "as_of": DAY, "customer_id": name, "observed_days": 180, "days_since_use": since,
        "usual_gap_days": 1.1, "quiet_days": float(since), "quiet_days_before": max(since - 1.0, 0.0), "habit_days_7d": 7.0, "habit_days_14d": 14.0,
        **{f"use_days_{n}d": max(0, round(0.9 * (n - since))) for n in (1, 7, 8, 14, 30, 60, 90)},
        "use_days_180d": before, "spend_1d_amount": 0 if since else 100, "spend_90d_amount": 9000,
        "spend_squares_1d": 0 if since else 10_000, "spend_squares_90d": 900_000,
    } | more  # fmt: skip
    amounts = [name for name in made if name.startswith("spend_")]
    return made | {name: Decimal(made[name]) for name in amounts}


def warned(spark: Any, *customers: dict[str, Any]) -> dict[str, Any]:
    rows = frame(spark, "features.customer_activity", customers)
    return {row["customer_id"]: row for row in consumption_warnings.build(rows, as_of=DAY, **NUMBERS).collect()}


def test_a_daily_customer_who_stops_is_warned_of_within_days_and_is_new_once(spark: Any) -> None:
    found = warned(spark, *(customer(f"s{n}", n) for n in range(6)))
    assert {name: row["is_new"] for name, row in found.items()} == {"s3": True, "s4": False, "s5": False}
    assert found["s4"]["kind"] == "silent"
    assert found["s4"]["since"] == DAY - timedelta(days=3)
    assert found["s4"]["what"].startswith("not used for 4 days, where use on 3.")


def test_a_leap_in_spending_is_warned_of_on_its_day(spark: Any) -> None:
    leap = {"spend_1d_amount": 2000, "spend_90d_amount": 10_900, "spend_squares_1d": 4_000_000}
    usual = {"spend_1d_amount": 300, "spend_90d_amount": 9200, "spend_squares_1d": 90_000}
    found = warned(
        spark,
        customer("leaps", 0, spend_squares_90d=4_890_000, **leap),
        customer("usual", 0, spend_squares_90d=980_000, **usual),
    )
    assert set(found) == {"leaps"}
    row = found["leaps"]
    assert (row["kind"], row["is_new"], row["since"], row["seen"]) == ("spike", True, DAY, 2000.0)
    assert row["what"] == "spent 2000.00 on one day, where 100.00 a day is usual"


def test_far_fewer_days_of_use_are_a_drop_and_little_known_customers_are_left_alone(spark: Any) -> None:
    drop = {"use_days_1d": 0, "use_days_7d": 1, "use_days_8d": 2, "use_days_180d": 157}
    rare = {"use_days_180d": 4, "use_days_7d": 0}
    found = warned(spark, customer("drops", 1, **drop), customer("rare", 40, **rare))
    assert set(found) == {"drops"}
    assert found["drops"]["kind"] == "drop"
    assert found["drops"]["seen"] == 1 < found["drops"]["usual"]
    assert found["drops"]["what"].startswith("used on 1 days of 7, where 6.")


def test_a_stop_of_a_week_that_is_no_silence_yet_is_a_drop(spark: Any) -> None:
    """Use on 28 of 53 days: a silence of 7 has a chance of 0.012, and no use in 7 lies 3.1 deviations below."""
    stopped = {"observed_days": 60, "use_days_180d": 28, "use_days_7d": 0, "use_days_8d": 1}
    row = warned(spark, customer("stops", 7, **stopped))["stops"]
    assert (row["kind"], row["seen"]) == ("drop", 0.0)
    assert row["what"].startswith("used on 0 days of 7, where 3.")
