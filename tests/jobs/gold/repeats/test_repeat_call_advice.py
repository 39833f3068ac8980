"""What repeat callers get instead: by band and topic, on a channel that they do not use yet, before they call again."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from jobs.gold.repeats import repeat_call_advice
from tests.frames import frame

pytestmark = pytest.mark.spark
DAY = date(2026, 3, 31)
END = datetime(2026, 4, 1, tzinfo=UTC)
RULES: list[dict[str, Any]] = [
    {"id": "high", "band": ["high"], "channel": "call", "campaign": "repeat_high_call", "action": "call", "owner": "team"},
    {"id": "mid", "band": ["mid"], "channel": "sms", "campaign": "repeat_mid_sms", "action": "text", "owner": "team"},
    {"id": "low", "band": ["low"], "topics": "self_service", "channel": "self_service", "campaign": "repeat_low", "action": "push", "owner": "app"},
    {"id": "one", "where": "cluster_id = 7", "action": "mend", "owner": "process"},
]  # fmt: skip
MESSAGES = {"balance": "see it in the {channel}", "other": "we are sorry"}


def caller(key: str, band: str | None, topic: str | None, **more: Any) -> dict[str, Any]:
    return {
        "as_of": DAY, "caller_key": key, "customer_id": key[2:] if key.startswith("c:") else None, "is_identified": True,
        "has_card": False, "calls_90d": 3, "frequency_band": band, "main_topic": topic, "gaps_90d": 3,
        "hours_between_median": 24.0, "digital_channels": [], "last_call_at": END - timedelta(hours=30),
    } | more  # fmt: skip


def advice(spark: Any, *callers: dict[str, Any], kinds: dict[str, int] | None = None) -> dict[str, Any]:
    clusters = [
        {"as_of": DAY, "caller_key": each["caller_key"], "cluster_id": (kinds or {}).get(each["caller_key"], 1)}
        for each in callers
    ]
    made = repeat_call_advice.build(
        frame(spark, "features.caller_profiles", callers), frame(spark, "gold.repeat_call_clusters", clusters),
        end_at=END, callers=RULES, messages=MESSAGES, self_service_topics=["balance"],
        self_service_channels=["app", "wechat", "web"], lead_hours=6,
    )  # fmt: skip
    return {row["caller_key"]: row for row in made.collect()}


def test_each_band_gets_its_own_and_callers_who_are_no_customers_nothing(spark: Any) -> None:
    found = advice(
        spark,
        caller("c:H", "high", "fee"),
        caller("c:M", "mid", None),
        caller("c:L", "low", "balance", digital_channels=["app", "chat"]),
        caller("c:F", "low", "fee"),
        caller("c:S", "low", "fee"),
        caller("n:t", None, "fee"),
        kinds={"c:S": 7},
    )
    columns = ("advice_id", "channel", "campaign", "message")
    assert {key: tuple(row[name] for name in columns) for key, row in found.items()} == {
        "c:H": ("high", "call", "repeat_high_call", "we are sorry"),
        "c:M": ("mid", "sms", "repeat_mid_sms", "we are sorry"),
        "c:L": ("low", "wechat", "repeat_low", "see it in the wechat"),
        "c:F": (None, None, None, None),
        "c:S": ("one", None, None, None),
    }


def test_who_uses_all_channels_already_gets_what_the_next_rule_says_and_no_push_is_told_of(spark: Any) -> None:
    all_channels = {"digital_channels": ["app", "web", "wechat"]}
    found = advice(
        spark,
        caller("c:A", "low", "balance", **all_channels),
        caller("c:S", "low", "balance", **all_channels),
        kinds={"c:S": 7},
    )
    columns = ("advice_id", "channel", "campaign", "message", "action", "owner")
    assert {key: tuple(row[name] for name in columns) for key, row in found.items()} == {
        "c:A": (None, None, None, None, None, None),
        "c:S": ("one", None, None, None, "mend", "process"),
    }


def test_the_next_call_is_expected_a_gap_later_and_the_message_comes_before(spark: Any) -> None:
    found = advice(
        spark,
        caller("c:A", "low", "balance", last_call_at=END - timedelta(hours=10)),
        caller("c:B", "low", "balance"),
        caller("c:N", "low", "balance", hours_between_median=None, gaps_90d=0),
    )
    assert found["c:A"]["next_call_expected_at"] == datetime(2026, 4, 1, 14)
    assert found["c:A"]["send_before"] == datetime(2026, 4, 1, 8)
    assert found["c:B"]["next_call_expected_at"] == datetime(2026, 4, 1, 18), "one beat has passed in silence"
    assert found["c:N"]["next_call_expected_at"] == datetime(2026, 4, 1, 18), "as the others of the kind"


def test_calls_at_the_same_moment_leave_the_gap_of_the_kind_its_say_and_no_gap_is_below_an_hour(spark: Any) -> None:
    found = advice(
        spark,
        caller("c:A", "low", "balance"),
        caller("c:B", "low", "balance"),
        caller("c:Z", "low", "balance", hours_between_median=0.0, last_call_at=END - timedelta(hours=1)),
        caller("c:Y", "low", "balance", hours_between_median=0.0, last_call_at=END - timedelta(minutes=30)),
        kinds={"c:Y": 7},
    )
    hours_with_one_more = (0 + 1) ** 0.5 * (24 + 1) ** 0.5
    expected = END + timedelta(hours=hours_with_one_more - 1 - 1)
    assert found["c:Z"]["next_call_expected_at"].replace(tzinfo=UTC) == expected, "own gaps are as many as weigh half"
    assert found["c:Y"]["next_call_expected_at"] == datetime(2026, 4, 1, 0, 30)


def test_the_calls_about_the_main_topic_are_counted(spark: Any) -> None:
    found = advice(
        spark,
        caller("c:A", "high", "fee", calls_90d=18, topics={"fee": 2, "limit": 1}),
        caller("c:N", "high", None, calls_90d=18, topics={}),
    )
    assert {key: row["main_topic_calls"] for key, row in found.items()} == {"c:A": 2, "c:N": None}
