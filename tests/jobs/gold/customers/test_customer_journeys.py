"""One row per journey: what failed, how soon the customer called, and whether that helped."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from jobs.gold.customers import customer_journeys
from jobs.tables import TABLES

pytestmark = pytest.mark.spark
LATE = datetime(2026, 1, 5, 23, 50, tzinfo=UTC)
DAY = date(2026, 1, 5)
TABLE = TABLES["gold.customer_timeline"]


def contact(journey: str | None, minutes: float, source: str, **more: Any) -> dict[str, Any]:
    moment = LATE + timedelta(minutes=minutes)
    channel = "call" if source == "calls" else "app"
    return {
        "customer_id": "C1", "event_date": moment.date(), "happened_at": moment, "source": source, "channel": channel,
        "journey_id": journey, "journey_on": DAY if journey else None, "is_resolved_identity": False,
    } | more  # fmt: skip


def built(spark: Any, *contacts: dict[str, Any]) -> list[dict[str, Any]]:
    rows = [tuple(row.get(column.name) for column in TABLE.columns) for row in contacts]
    timeline = spark.createDataFrame(rows, ", ".join(f"{column.name} {column.type}" for column in TABLE.columns))
    return [row.asDict() for row in customer_journeys.build(timeline).orderBy("journey_id").collect()]


def test_a_journey_says_what_failed_and_what_the_calls_came_to(spark: Any) -> None:
    found = built(
        spark,
        contact("i1", 30, "calls", source_id="k2", topic="other", is_resolved=True, is_resolved_identity=True),
        contact("i1", 0, "interactions", source_id="i1", event="login_failed", topic="app"),
        contact("i1", 15, "calls", source_id="k1", topic="app", is_resolved=False),
        contact("i1", 20, "interactions", source_id="i2", channel="web", event="login_failed", topic="app"),
        contact("i1", 1, "interactions", source_id="i3", event="login_failed"),
        contact(None, 3, "calls", source_id="k0"),
    )
    assert found == [
        {
            "journey_id": "i1",
            "event_date": DAY,
            "customer_id": "C1",
            "kind": "app_then_call",
            "channels": "app > call > web > call",
            "contacts": 5,
            "calls": 2,
            "first_contact_at": LATE.replace(tzinfo=None),
            "last_contact_at": (LATE + timedelta(minutes=30)).replace(tzinfo=None),
            "first_call_id": "k1",
            "minutes_to_call": 15.0,
            "event": "login_failed",
            "topic": "app",
            "call_topic": "app",
            "is_same_topic": True,
            "is_resolved": True,
            "has_resolved_identity": True,
        }
    ]


def test_a_missing_topic_equals_none_and_a_call_at_the_same_moment_comes_after(spark: Any) -> None:
    (found,) = built(
        spark,
        contact("z", 0, "calls", source_id="a"),
        contact("z", 0, "interactions", source_id="z"),
    )
    assert (found["is_same_topic"], found["minutes_to_call"], found["channels"]) == (False, 0.0, "app > call")
    assert found["is_resolved"] is None
