"""Repeat callers as they were known at the end of a date."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from jobs.features import caller_profiles
from tests.frames import frame

pytestmark = pytest.mark.spark
DAY = date(2026, 3, 31)
EMPTY = ("cards_versions", "customers_versions", "transactions", "interactions")


def call(call_id: str, customer: str | None, days_ago: float, **more: Any) -> dict[str, Any]:
    started = datetime(2026, 3, 31, 12, tzinfo=UTC) - timedelta(days=days_ago)
    return {
        "call_id": call_id, "customer_id": customer, "direction": "inbound", "topic": "fee", "outcome": "answered",
        "started_at": started, "answered_at": started + timedelta(seconds=20),
        "ended_at": started + timedelta(seconds=80), "event_date": started.date(), "known_on": started.date(),
    } | more  # fmt: skip


def built(spark: Any, calls: list[dict[str, Any]], day: date = DAY, **more: list[dict[str, Any]]) -> dict[str, Any]:
    frames = {name: frame(spark, f"silver.{name}", more.get(name, [])) for name in EMPTY}
    made = caller_profiles.build(
        frame(spark, "silver.calls", calls), **frames, as_of=day, time_zone="UTC", transfer_minutes=15, chain_gap_days=7,
        top_share=0.05, high_calls=6, mid_calls=3,
    )  # fmt: skip
    return {row["caller_key"]: row for row in made.collect()}


def test_only_callers_who_called_again_are_here_and_their_calls_are_counted_by_window(spark: Any) -> None:
    calls = [
        call("a1", "A", 96), call("a2", "A", 89.5), call("a3", "A", 20), call("a4", "A", 3, topic="card"),
        call("a5", "A", 2, outcome="abandoned", answered_at=None),
        call("b1", "B", 30), call("b2", "B", 10),
        call("late", "B", 9, known_on=date(2026, 4, 1)),
        call("x1", None, 2), call("x2", None, 1),
        call("o1", "O", 2), call("o2", "O", 1, direction="outbound"),
    ]  # fmt: skip
    found = built(spark, calls)
    assert list(found) == ["c:A"], "nobody else followed a call of theirs within 7 days, as far as was known"
    a = found["c:A"]
    figures = (
        "calls_7d",
        "calls_30d",
        "calls_90d",
        "repeat_calls_7d",
        "repeat_calls_90d",
        "abandoned_90d",
        "answered_90d",
    )
    assert [a[name] for name in figures] == [2, 3, 4, 1, 2, 1, 3]
    assert a["topics"] == {"card": 1, "fee": 3}
    assert (a["main_topic"], a["longest_chain"], a["hours_between_median"]) == ("fee", 2, (6.5 * 24 + 24) / 2)
    assert (a["wait_seconds_mean"], a["last_call_at"]) == ((20 * 3 + 80) / 4, datetime(2026, 3, 29, 12))


def test_a_late_call_counts_from_the_day_on_which_it_came(spark: Any) -> None:
    calls = [call("b1", "B", 3), call("b2", "B", 2, known_on=date(2026, 4, 1))]
    assert built(spark, calls) == {}
    assert built(spark, calls, date(2026, 4, 1))["c:B"]["calls_90d"] == 2


def test_a_transfer_is_no_repeat_and_a_night_call_is_one_between_22_and_6(spark: Any) -> None:
    night = datetime(2026, 3, 30, 23, tzinfo=UTC)
    calls = [
        call("a1", "A", 5, transferred=True), call("a2", "A", 5 - 5 / 1440),
        call("b1", "B", 2), call("b2", "B", 0, started_at=night, event_date=night.date()),
    ]  # fmt: skip
    found = built(spark, calls)
    assert list(found) == ["c:B"]
    assert found["c:B"]["night_calls_90d"] == 1
    assert found["c:B"]["weekdays"] == {"Mon": 1, "Sun": 1}


def test_no_agent_was_met_in_a_call_that_nobody_took(spark: Any) -> None:
    offered = {"outcome": "abandoned", "answered_at": None, "agent_id": "A2"}
    found = built(
        spark, [call("a1", "A", 3, agent_id="A1"), call("a2", "A", 2, agent_id="A1"), call("a3", "A", 1, **offered)]
    )
    assert (found["c:A"]["calls_90d"], found["c:A"]["agents_90d"]) == (3, 1)


def test_callers_have_a_card_by_the_call_or_by_the_cards_they_hold_on_the_date(spark: Any) -> None:
    calls = [call(f"{who}{n}", who, 2 - n) for who in "AB" for n in range(2)]
    calls += [call(f"n{n}", None, 2 - n, caller_token="t1", card_id="K9" if n else None) for n in range(2)]
    calls += [call(f"m{n}", None, 2 - n, caller_token="t2") for n in range(2)]
    cards = [
        {"card_id": "K1", "customer_id": "A", "known_on": DAY},
        {"card_id": "K2", "customer_id": "A", "known_on": DAY, "closed_on": DAY},
        {"card_id": "K3", "customer_id": "B", "known_on": DAY + timedelta(days=1)},
    ]
    customers = [{"customer_id": "A", "opened_on": date(2026, 3, 1), "known_on": date(2026, 3, 1)}]
    found = built(spark, calls, cards_versions=cards, customers_versions=customers)
    told = {
        key: (row["has_card"], row["cards"], row["is_identified"], row["tenure_days"]) for key, row in found.items()
    }
    assert told == {
        "c:A": (True, 1, True, 30),
        "c:B": (False, 0, True, None),
        "n:t1": (True, None, True, None),
        "n:t2": (False, None, False, None),
    }


def test_what_came_before_a_call_counts_within_a_day(spark: Any) -> None:
    noon = datetime(2026, 3, 30, 12, tzinfo=UTC)
    calls = [call("a1", "A", 4), call("a2", "A", 1)]
    spent = [
        {"transaction_id": f"t{n}", "customer_id": "A", "posted_at": noon - timedelta(hours=n), "event_date": noon.date(), "known_on": DAY}
        for n in (2, 3, 40)
    ]  # fmt: skip
    digital = [
        {"interaction_id": "i1", "customer_id": "A", "channel": "app", "started_at": noon + timedelta(hours=1), "event_date": noon.date(), "known_on": DAY},
        {"interaction_id": "i2", "customer_id": "A", "channel": "web", "started_at": noon - timedelta(hours=1), "event_date": noon.date(), "known_on": DAY + timedelta(days=1)},
    ]  # fmt: skip
    a = built(spark, calls, transactions=spent, interactions=digital)["c:A"]
    assert (a["calls_28d"], a["calls_after_transaction_28d"], a["calls_after_digital_28d"]) == (2, 1, 0)
    assert a["digital_channels"] == ["app"], "the web contact came later"


def test_the_high_band_is_the_top_twentieth_of_identified_callers_with_ties_and_six_calls(spark: Any) -> None:
    # 39 customers called once, one called seven times and two eight times: of 42 the top twentieth are three.
    calls = [call(f"s{n}", f"S{n}", 50) for n in range(39)]
    for who, times in {"M": 7, "H1": 8, "H2": 8}.items():
        calls += [call(f"{who}{n}", who, times - n) for n in range(times)]
    calls += [call(f"L{n}", "L", 2 - n) for n in range(2)] + [
        call(f"T{n}", None, 9 - n, caller_token="t") for n in range(9)
    ]
    bands = {key: row["frequency_band"] for key, row in built(spark, calls).items()}
    # 43 customers: fewer than 2.15 of them called more often than the one with seven calls.
    assert bands == {"c:H1": "high", "c:H2": "high", "c:M": "high", "c:L": "low", "n:t": None}
    assert {key: row["frequency_band"] for key, row in built(spark, calls[10:]).items()}["c:M"] == "mid"
