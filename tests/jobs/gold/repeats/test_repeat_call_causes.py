"""What calls are called again, against what calls of the same kind are elsewhere."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from jobs.gold.repeats import repeat_call_causes
from tests.frames import frame

pytestmark = pytest.mark.spark
DAY = date(2026, 3, 31)
END = datetime(2026, 4, 1, tzinfo=UTC)
CAUSES = [{"where": "dimension = 'team' AND rate_ratio > 1.2", "advice": "train {group}"}]


def call(call_id: str, customer: str, days_ago: float, topic: str | None, agent: str | None = "A1") -> dict[str, Any]:
    started = END - timedelta(days=days_ago)
    return {
        "call_id": call_id, "customer_id": customer, "direction": "inbound", "topic": topic, "queue": "cards",
        "agent_id": agent, "outcome": "answered" if agent else "abandoned", "started_at": started,
        "answered_at": started if agent else None, "ended_at": started + timedelta(minutes=6),
        "event_date": started.date(), "known_on": started.date(),
    }  # fmt: skip


def causes(spark: Any, calls: list[dict[str, Any]]) -> dict[tuple[str, str | None], Any]:
    agents = [
        {"agent_id": f"A{n}", "team": team, "known_on": date(2026, 1, 1)} for n, team in ((1, "red"), (2, "blue"))
    ]
    agents += [{"agent_id": "A1", "team": "gone", "known_on": date(2025, 1, 1), "superseded_on": date(2026, 1, 1)}]
    clusters = [{"as_of": DAY, "caller_key": "c:A", "cluster_name": "often"}]
    made = repeat_call_causes.build(
        frame(spark, "silver.calls", calls), frame(spark, "silver.agents_versions", agents),
        frame(spark, "gold.repeat_call_clusters", clusters), as_of=DAY, end_at=END, causes=CAUSES, minute_amount=2.0,
        transfer_minutes=15, chain_gap_days=7,
    )  # fmt: skip
    return {(row["dimension"], row["group_name"]): row for row in made.collect()}


def test_rates_stand_beside_what_the_mix_of_calls_explains(spark: Any) -> None:
    found = causes(
        spark,
        [
            # A calls again after red, B and C do not call again after blue; the last calls had no seven days yet.
            call("a1", "A", 40, "fee"), call("a2", "A", 38, "card"), call("a3", "A", 2, "card"),
            call("b1", "B", 40, "fee", "A2"), call("c1", "C", 30, "fee", "A2"), call("n1", "N", 30, None, None),
        ],
    )  # fmt: skip
    fee = found["topic", "fee"]
    assert (fee["calls"], fee["repeated"], fee["repeat_rate"], fee["repeat_minutes"]) == (3, 1, 1 / 3, 6.0)
    assert fee["expected_rate"] == 0.25, "of all first calls one in four is followed"
    assert [tuple(each) for each in fee["top_sequences"]] == [("fee", "card", 1)]
    assert (fee["minutes_of_a_point"], fee["amount_of_a_point"]) == (pytest.approx(0.18), Decimal("0.36"))
    assert (found["topic", "card"]["calls"], found["topic", None]["calls"]) == (1, 1)
    red, blue = found["team", "red"], found["team", "blue"]
    assert (red["calls"], red["repeated"], blue["calls"], blue["repeated"]) == (2, 1, 2, 0)
    # First calls about fees: one in three. The repeat about cards stands alone with its like.
    assert red["expected_rate"] == pytest.approx((1 / 3 + 0) / 2)
    assert (red["rate_ratio"], red["excess_repeats"], red["advice"]) == (
        pytest.approx(3.0),
        pytest.approx(2 / 3),
        "train red",
    )
    assert (blue["rate_ratio"], blue["advice"]) == (0.0, None)
    assert found["cluster", "often"]["calls"] == 2
    assert ("team", None) not in found


def test_a_call_that_was_offered_to_an_agent_who_did_not_take_it_is_in_no_team(spark: Any) -> None:
    offered = call("b1", "B", 40, "fee", "A2") | {"outcome": "abandoned", "answered_at": None}
    found = causes(spark, [call("a1", "A", 40, "fee"), offered])
    assert {group for dimension, group in found if dimension == "team"} == {"red"}
    assert found["topic", "fee"]["calls"] == 2


def test_calls_without_a_team_or_a_kind_are_no_group_there_and_nothing_is_expected_from_them(spark: Any) -> None:
    found = causes(
        spark,
        [
            call("a1", "A", 40, "fee"), call("a2", "A", 38, "card"), call("b1", "B", 40, "fee", "A2"),
            call("n1", "N", 30, "fee", None), call("m1", "M", 30, None, None) | {"queue": None},
        ],
    )  # fmt: skip
    assert {dimension for dimension, group in found if group is None} == {"topic", "queue"}
    expected = {group: row["expected_rate"] for group, row in found.items()}
    assert expected["queue", "cards"] == pytest.approx(0.25), "one in three about fees, of all; none about cards"
    assert expected["team", "blue"] == pytest.approx(1 / 2), "of those that have a team"
    assert expected["cluster", "often"] == pytest.approx(1 / 2), "all about fees and none about cards, of A alone"
