"""A kind is told by the means of its callers against those of all, and by the advice that suits them."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from jobs.gold.repeats import repeat_cluster_profiles
from tests.frames import frame

pytestmark = pytest.mark.spark
DAY = date(2026, 3, 31)
Caller = tuple[int, int, dict[str, int], int, int | None]
CALLERS: dict[str, Caller] = {
    "c:A": (1, 4, {"fee": 4}, 2, 1),
    "c:B": (1, 4, {"fee": 2, "card": 2}, 2, None),
    "c:C": (2, 2, {"card": 2}, 0, 2),
    "n:t": (2, 2, {}, 0, None),
}
KINDS = [
    {"feature": "abandoned_share", "lift": 1.5, "mean": 0.4, "advice": "call back"},
    {"feature": "topic: card", "lift": 1.1, "mean": 0.1, "advice": "mend cards"},
    {"feature": "calls_90d", "lift": 9, "mean": 1, "advice": "never"},
]


def profiled(
    spark: Any, callers: dict[str, Caller], described: dict[str, str], kinds: list[dict[str, Any]]
) -> dict[int, Any]:
    """The profiles by kind, of callers by kind, calls, topics, abandoned calls and cards."""
    common = {"as_of": DAY, "has_card": False, "is_identified": True, "last_call_at": datetime(2026, 3, 1, tzinfo=UTC)}
    profiles = frame(
        spark,
        "features.caller_profiles",
        [
            common
            | {
                "caller_key": key,
                "customer_id": key[2:] if key[0] == "c" else None,
                "calls_90d": calls,
                "topics": topics,
            }
            | {"repeat_calls_90d": 1, "abandoned_90d": abandoned, "cards": cards}
            for key, (_, calls, topics, abandoned, cards) in callers.items()
        ],
    )
    clusters = frame(
        spark,
        "gold.repeat_call_clusters",
        [
            {"as_of": DAY, "caller_key": key, "cluster_id": kind, "cluster_name": f"kind {kind}", "has_card": False}
            | {"calls_90d": calls, "repeat_calls_90d": 1}
            for key, (kind, calls, *_) in callers.items()
        ],
    )
    made = repeat_cluster_profiles.build(profiles, clusters, described, "topic: ", kinds)
    return {row["cluster_id"]: row for row in made.collect()}


def figures_of(row: Any) -> dict[str, tuple[float | None, ...]]:
    return {each["feature"]: tuple(each)[1:] for each in row["features"]}


def test_means_lifts_and_advice_of_each_kind(spark: Any) -> None:
    described = {"calls_90d": "calls_90d", "abandoned_share": "try_divide(abandoned_90d, calls_90d)"}
    rows = profiled(spark, CALLERS, described, KINDS)
    told = ("callers", "customers", "calls", "repeat_calls", "cards", "advice")
    assert [rows[1][name] for name in told] == [2, 2, 8, 2, 1, "call back"]
    assert [rows[2][name] for name in told] == [2, 1, 4, 2, 2, "mend cards"]
    assert figures_of(rows[1]) == {
        "calls_90d": (4.0, 3.0, 4 / 3),
        "abandoned_share": (0.5, 0.25, 2.0),
        "topic: fee": (0.75, 0.375, 2.0),
        "topic: card": (0.25, 0.375, 2 / 3),
    }
    assert figures_of(rows[2])["topic: fee"] == (0.0, 0.375, 0.0)


def test_what_is_not_known_of_a_caller_is_in_no_mean_and_gives_no_advice(spark: Any) -> None:
    callers: dict[str, Caller] = {
        "c:A": (1, 4, {"fee": 4}, 0, 3),
        "c:B": (1, 4, {}, 0, 1),
        "n:t": (1, 4, {}, 0, None),
        "n:u": (0, 4, {}, 0, None),
    }
    kinds = [{"feature": "cards", "lift": 1.2, "mean": 1, "advice": "one bill for all cards"}]
    rows = profiled(spark, callers, {"cards": "cards", "tenure_days": "tenure_days"}, kinds)
    assert {kind: figures_of(row) for kind, row in rows.items()} == {
        1: {"cards": (2.0, 2.0, 1.0), "tenure_days": (None, None, None), "topic: fee": (1 / 3, 1 / 4, 4 / 3)},
        0: {"cards": (None, 2.0, None), "tenure_days": (None, None, None), "topic: fee": (0.0, 1 / 4, 0.0)},
    }
    assert {row["advice"] for row in rows.values()} == {None}
