"""Each answered call of the day has a probability of another one, and its tenth among the day's calls."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from jobs.gold.repeats import repeat_call_risk
from jobs.risk import ByRule
from tests.frames import frame

pytestmark = pytest.mark.spark
DAY = date(2026, 3, 31)


def test_calls_are_scored_and_the_most_likely_ones_are_the_first_tenth(spark: Any) -> None:
    rows = [
        {"as_of": DAY, "call_id": f"k{n:02}", "caller_key": f"c:{n}", "customer_id": str(n), "topic": "fee"}
        | {"started_at": datetime(2026, 3, 31, 9, tzinfo=UTC), "calls_before_7d": 2 if n == 7 else 0}
        for n in range(10)
    ]
    made = repeat_call_risk.build(frame(spark, "features.answered_calls", rows), ByRule({True: 0.8, False: 0.25}))
    columns = ("call_id", "probability", "decile", "called_before", "model_version")
    found = sorted(map(tuple, made.select(*columns).collect()))
    assert found[7] == ("k07", 0.8, 1, True, "rule")
    assert [row[1:4] for row in found[:2]] == [(0.25, 2, False), (0.25, 3, False)]
    assert {row["scored_on"] for row in made.collect()} == {DAY}
