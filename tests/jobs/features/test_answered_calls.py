"""What is known of an answered call at its end: its course, and the caller's calls before it, never one after."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from jobs.features import answered_calls
from tests.frames import frame

pytestmark = pytest.mark.spark
DAY = date(2026, 3, 31)
NOON = datetime(2026, 3, 31, 12, tzinfo=UTC)
BEFORE = ("calls_before_24h", "calls_before_7d", "calls_before_30d", "calls_before_90d", "topic_calls_before_30d")


def call(call_id: str, hours: float, topic: str | None = "fee", **more: Any) -> dict[str, Any]:
    started = NOON + timedelta(hours=hours)
    return {
        "call_id": call_id, "customer_id": "A", "direction": "inbound", "topic": topic, "outcome": "answered",
        "started_at": started, "answered_at": started + timedelta(seconds=30), "ended_at": started + timedelta(minutes=2),
        "wrap_seconds": 10, "event_date": started.date(), "known_on": started.date(),
    } | more  # fmt: skip


def told(spark: Any, calls: list[dict[str, Any]], first: date = DAY) -> dict[str, Any]:
    made = answered_calls.build(
        frame(spark, "silver.calls", calls), first=first, as_of=DAY, time_zone="Asia/Shanghai", transfer_minutes=15,
        chain_gap_days=7,
    )  # fmt: skip
    return {row["call_id"]: row for row in made.collect()}


def test_calls_before_count_by_window_and_topic_and_later_ones_do_not(spark: Any) -> None:
    calls = [
        call("k0", -89 * 24), call("k1", -20 * 24, "card"), call("k2", -6 * 24, outcome="abandoned", answered_at=None),
        call("k3", -2, None), call("now", 0), call("then", 3), call("same", 0, "card"), call("other", 1, customer_id="B"),
    ]  # fmt: skip
    found = told(spark, calls)
    assert set(found) == {"k3", "now", "then", "same", "other"}
    now = found["now"]
    assert [now[name] for name in BEFORE] == [1, 2, 3, 4, 1]
    assert (now["abandoned_before_7d"], now["hours_since_previous"], now["position_in_chain"]) == (1, 2.0, 3)
    assert (now["wait_seconds"], now["handle_seconds"], now["hour"], now["weekday"]) == (30.0, 100.0, 20, 3)
    assert found["then"]["calls_before_24h"] == 3
    assert [found["other"][name] for name in BEFORE] == [0] * 5
    assert found["other"]["hours_since_previous"] is None


def test_what_came_of_a_call_is_seen_within_a_week_and_only_what_had_arrived(spark: Any) -> None:
    calls = [
        call("a1", -20 * 24), call("a2", -13 * 24), call("a3", -5.9 * 24),
        call("a4", -5 * 24, known_on=DAY + timedelta(days=1)), call("nobody", -1, customer_id=None),
    ]  # fmt: skip
    found = told(spark, calls, DAY - timedelta(days=30))
    assert {key: row["is_followed"] for key, row in found.items()} == {"a1": True, "a2": False, "a3": False}
    assert found["a1"]["as_of"] == (NOON - timedelta(days=20)).date()


def test_a_chain_counts_from_90_days_before_the_call_whatever_dates_are_asked_for(spark: Any) -> None:
    calls = [call(f"k{days}", -24 * days) for days in range(0, 190, 6)]
    now, in_training = told(spark, calls)["k0"], told(spark, calls, DAY - timedelta(days=84))["k0"]
    assert (now["position_in_chain"], in_training["position_in_chain"]) == (16, 16)
