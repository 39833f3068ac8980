"""Which dates a change reaches over midnights that customers were in contact around."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from jobs import midnights


def day(number: int) -> date:
    return date(2026, 1, number)


def test_dates_hang_together_over_crossed_midnights_two_steps_far() -> None:
    crossed = {day(number) for number in (3, 4, 5, 6, 7, 9)}
    assert midnights.reached([day(5)], crossed) == [day(number) for number in (3, 4, 5, 6, 7)]
    assert midnights.reached([day(5), day(8)], {day(9)}) == [day(5), day(8), day(9)]
    assert midnights.reached([], crossed) == []


@pytest.mark.spark
def test_a_midnight_is_crossed_by_a_customer_on_both_sides_of_it_in_the_business_time_zone(spark: Any) -> None:
    # Midnight in Shanghai is 16:00 UTC.
    contacts = [
        ("both", day(5), datetime(2026, 1, 5, 15, 0, tzinfo=UTC), False),
        ("both", day(6), datetime(2026, 1, 5, 17, 0, tzinfo=UTC), False),
        ("too-early", day(6), datetime(2026, 1, 6, 14, 59, tzinfo=UTC), False),
        ("too-early", day(7), datetime(2026, 1, 6, 16, 0, tzinfo=UTC), False),
        ("utc", day(8), datetime(2026, 1, 7, 23, 59, tzinfo=UTC), False),
        ("utc", day(8), datetime(2026, 1, 8, 0, 1, tzinfo=UTC), False),
        ("one", day(9), datetime(2026, 1, 9, 15, 59, tzinfo=UTC), False),
        ("other", day(10), datetime(2026, 1, 9, 16, 1, tzinfo=UTC), False),
        ("attempt-and-its-call", day(11), datetime(2026, 1, 11, 15, 58, tzinfo=UTC), True),
        (None, day(13), datetime(2026, 1, 13, 8, 0, tzinfo=UTC), False),
    ]
    frame = spark.createDataFrame(contacts, "customer_id string, event_date date, happened_at timestamp, spans boolean")
    found = midnights.crossed(frame, 60, "Asia/Shanghai").collect()
    assert sorted(row[0] for row in found) == [day(6), day(12)]
