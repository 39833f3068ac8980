"""Who used the card lately and is not closed is active; what is told of them stands against their own past."""

from datetime import date, timedelta
from typing import Any

import pytest

from jobs.features import customer_activity
from tests.frames import frame

pytestmark = pytest.mark.spark
DAY = date(2026, 3, 31)


def uses(*ago: int) -> list[date]:
    return sorted(DAY - timedelta(days=n) for n in ago)


def test_active_customers_are_told_and_others_are_not(spark: Any) -> None:
    measured: list[dict[str, Any]] = [
        {"customer_id": "edge", "use_dates_180d": uses(59, 100)},
        {"customer_id": "gone", "use_dates_180d": uses(60, 100)},
        {"customer_id": "closed", "use_dates_180d": uses(1), "customer_until": DAY},
        {"customer_id": "closes", "use_dates_180d": uses(1), "customer_until": DAY + timedelta(days=1)},
        {"customer_id": "never", "use_dates_180d": []},
        {"customer_id": "caller", "use_dates_180d": None},
        {"customer_id": "young", "use_dates_180d": uses(2, 5), "customer_since": DAY - timedelta(days=19)},
        {"customer_id": "odd", "use_dates_180d": uses(2, 40), "customer_since": DAY - timedelta(days=19)},
    ]
    rows = frame(spark, "features.customer_measures", ({"as_of": DAY, **row} for row in measured))
    made = customer_activity.build(rows, DAY, active_days=60, history_days=150)
    found = {row["customer_id"]: row for row in made.collect()}
    assert {name: row["observed_days"] for name, row in found.items()} == {
        "edge": 150,
        "closes": 150,
        "young": 20,
        "odd": 41,
    }
    assert (found["edge"]["days_since_use"], found["edge"]["use_days_60d"], found["edge"]["use_days_180d"]) == (
        59,
        1,
        2,
    )
    assert found["young"]["usual_gap_days"] == 10
    assert found["edge"]["calls_90d"] is None, "no calls feed"


def test_what_was_dropped_and_repeated_is_counted(spark: Any) -> None:
    row = {
        "as_of": DAY,
        "customer_id": "C1",
        "use_dates_180d": uses(1),
        "spend_categories_90d": {"fuel": 3, "grocery": 9, "travel": 1},
        "spend_categories_30d": {"grocery": 2},
        "call_topics_90d": {"fee": 3, "balance": 1},
        "credit_limit_amount": 1000,
        "card_spend_30d_amount": 250,
    }
    from decimal import Decimal

    row |= {name: Decimal(row[name]) for name in ("credit_limit_amount", "card_spend_30d_amount")}  # type: ignore[arg-type]
    (made,) = customer_activity.build(frame(spark, "features.customer_measures", [row]), DAY, 60, 180).collect()
    assert (made["categories_90d"], made["categories_dropped_30d"]) == (3, 2)
    assert made["same_topic_calls_90d"] == 2
    assert made["limit_used_share"] == pytest.approx(0.25)


def test_every_column_has_its_measure() -> None:
    names = {measure.name for measure in customer_activity.measures()}
    assert {"use_dates_180d", "card_spend_squares_90d", "leaving_calls_90d", "customer_until"} <= names
