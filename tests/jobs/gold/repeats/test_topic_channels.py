"""On which channel a topic is settled: nobody comes back about it within seven days, on any channel."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from jobs.gold.repeats import topic_channels
from tests.frames import frame

pytestmark = pytest.mark.spark
DAY = date(2026, 3, 31)
END = datetime(2026, 4, 1, tzinfo=UTC)


def at(days_ago: float) -> dict[str, Any]:
    started = END - timedelta(days=days_ago)
    return {"started_at": started, "event_date": started.date(), "known_on": started.date()}


def call(call_id: str, customer: str | None, days_ago: float, topic: str | None = "fee") -> dict[str, Any]:
    return {"call_id": call_id, "customer_id": customer, "direction": "inbound", "topic": topic} | at(days_ago)


def digital(name: str, customer: str, days_ago: float, topic: str = "fee") -> dict[str, Any]:
    return {"interaction_id": name, "customer_id": customer, "channel": "app", "topic": topic} | at(days_ago)


def test_a_contact_that_another_one_on_the_topic_follows_has_not_settled_it(spark: Any) -> None:
    calls = [
        call("k1", "A", 30), call("k2", "A", 3), call("k3", "B", 30), call("k4", "B", 28, "card"),
        call("k5", None, 30), call("k6", "C", 30, None), call("k7", "D", 19),
        call("k8", "F", 30, "lost") | {"transferred": True, "ended_at": at(30)["started_at"]}, call("k9", "F", 29.999, "lost"),
    ]  # fmt: skip
    written = [digital("i1", "A", 25), digital("i2", "D", 20), digital("i3", "E", 40)]
    made = topic_channels.build(
        frame(spark, "silver.calls", calls), frame(spark, "silver.interactions", written), as_of=DAY, end_at=END,
        transfer_minutes=15, chain_gap_days=7,
    )  # fmt: skip
    rows = {(row["topic"], row["channel"]): row for row in made.collect()}
    counts = {key: (row["contacts"], row["resolved"], row["is_best"]) for key, row in rows.items()}
    # k1 is followed by i1, i2 by k7; k2 had no seven days yet.
    assert counts == {
        ("fee", "call"): (3, 2, True),
        ("fee", "app"): (3, 2, True),
        ("card", "call"): (1, 1, True),
        ("lost", "call"): (1, 1, True),
    }
    fee = rows["fee", "call"]
    # Wilson's interval of 2 of 3 (Wilson 1927; 20.8 % to 93.9 %).
    assert (fee["resolved_low"], fee["resolved_high"]) == (
        pytest.approx(0.2077, abs=1e-4),
        pytest.approx(0.9385, abs=1e-4),
    )
