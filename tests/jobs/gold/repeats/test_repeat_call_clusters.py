"""A repeat caller is of the nearest kind, or unusual; whoever gave no number is of a kind of their own."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

import pandas as pd
import pytest

from jobs.gold.repeats import repeat_call_clusters
from tests.frames import frame

pytestmark = pytest.mark.spark
DAY = date(2026, 3, 31)


@dataclass(frozen=True)
class ByCalls:
    """Kinds by the number of calls about fees."""

    version: str = "3"
    columns: tuple[str, ...] = ("calls_90d",)
    topic_columns: dict[str, str] = field(default_factory=lambda: {"fee": "topic: fee"})

    def assign(self, profiles: pd.DataFrame) -> pd.DataFrame:
        often = profiles["topic: fee"] > 1
        return pd.DataFrame(
            {
                "caller_key": profiles["caller_key"],
                "cluster_id": often.map({True: 1, False: -1}),
                "cluster_name": often.map({True: "about fees", False: "unusual"}),
                "distance": profiles["calls_90d"] / 10,
            }
        )


def profiles(spark: Any) -> Any:
    common = {"as_of": DAY, "has_card": False, "repeat_calls_90d": 1, "last_call_at": datetime(2026, 3, 1, tzinfo=UTC)}
    return frame(
        spark,
        "features.caller_profiles",
        [
            common
            | {"caller_key": "c:A", "customer_id": "A", "is_identified": True, "calls_90d": 4, "topics": {"fee": 2}},
            common
            | {"caller_key": "c:B", "customer_id": "B", "is_identified": True, "calls_90d": 5, "topics": {"card": 5}},
            common | {"caller_key": "n:t", "is_identified": False, "calls_90d": 6, "topics": {}},
        ],
    )


COLUMNS = ("caller_key", "cluster_id", "cluster_name", "distance", "model_version")


def test_callers_get_the_kind_that_the_model_says(spark: Any) -> None:
    made = repeat_call_clusters.build(profiles(spark), ByCalls())
    assert sorted(map(tuple, made.select(*COLUMNS).collect())) == [
        ("c:A", 1, "about fees", 0.4, "3"),
        ("c:B", -1, "unusual", 0.5, "3"),
        ("n:t", 0, repeat_call_clusters.NAMELESS, None, None),
    ]


def test_without_a_model_nobody_has_a_kind_but_those_without_a_number(spark: Any) -> None:
    made = repeat_call_clusters.build(profiles(spark), None)
    assert sorted(map(tuple, made.select(*COLUMNS).collect()), key=str) == [
        ("c:A", None, None, None, None),
        ("c:B", None, None, None, None),
        ("n:t", 0, repeat_call_clusters.NAMELESS, None, None),
    ]
