"""Days with a use are counted by window, and silence by the customer's own weekdays and parts of the month."""

from datetime import date, timedelta

import pyarrow as pa
import pytest

from jobs.features.use_days import of_dates

DAY = date(2026, 3, 31)  # a Tuesday


def told(*customers: list[int], history_days: int = 180, as_of: date = DAY) -> list[dict[str, float]]:
    """The figures of customers who used the card so many days before the last day of March."""
    dates = [sorted(DAY - timedelta(days=ago) for ago in each) for each in customers]
    rows: list[dict[str, float]] = of_dates(pa.array(dates, pa.list_(pa.date32())), as_of, history_days).to_pylist()
    return rows


def test_days_are_counted_to_the_edge_of_each_window() -> None:
    (row,) = told([0, 6, 7, 13, 14, 29, 30, 59, 60, 89, 90, 179])
    found = {days: row[f"use_days_{days}d"] for days in (1, 7, 8, 14, 30, 60, 90, 180)}
    assert found == {1: 1, 7: 2, 8: 3, 14: 4, 30: 6, 60: 8, 90: 10, 180: 12}
    assert row["days_since_use"] == 0
    assert row["quiet_days"] == 0


def test_silence_on_days_without_business_weighs_less() -> None:
    # On Mondays alone, the last one a week ago yesterday: one Monday was missed, and six days that never had a use.
    mondays = [8 + 7 * n for n in range(24)]
    every_day = list(range(8, 180))
    on_mondays, daily = told(mondays, every_day)
    assert on_mondays["days_since_use"] == daily["days_since_use"] == 8
    assert daily["quiet_days"] == pytest.approx(8, rel=0.1)
    assert 5 < on_mondays["quiet_days"] < 8 + 1
    on_tuesdays = told([9 - 2 + 7 * n for n in range(1, 24)])[0]
    assert on_tuesdays["days_since_use"] == 14


def test_silence_of_the_day_before_is_what_that_day_said() -> None:
    for uses in ([8 + 7 * n for n in range(12)], [9, 10, 17, 40], list(range(1, 60)), [3]):
        today, before = told(uses, history_days=120)[0], told(uses, history_days=119, as_of=DAY - timedelta(days=1))[0]
        assert today["quiet_days_before"] == pytest.approx(before["quiet_days"])


def test_the_last_week_of_a_month_is_worth_more_to_who_buys_then() -> None:
    late = [ago for ago in range(1, 180) if (DAY - timedelta(days=ago)).day > 20]
    early = [ago for ago in range(1, 180) if (DAY - timedelta(days=ago)).day <= 10]
    at_the_end, at_the_start = told(late, early)
    assert at_the_end["habit_days_7d"] > 12
    assert at_the_start["habit_days_7d"] < 2


def test_habits_stand_against_the_days_since_the_first_use_where_the_first_batch_brought_older_ones() -> None:
    daily, new = list(range(12, 100)), [1, 2]
    of_three_days, of_all = told(daily, new, history_days=3), told(daily, history_days=100)
    assert of_three_days[0] == of_all[0]
    assert of_three_days[0]["quiet_days"] > 9
    assert of_three_days[1:] == told(new, history_days=3), "whoever else is in the batch"


def test_a_batch_may_be_a_slice_of_a_longer_one() -> None:
    dates = pa.array([[DAY - timedelta(days=3)], [DAY - timedelta(days=2), DAY], []], pa.list_(pa.date32()))
    whole = of_dates(dates, DAY, 180).to_pylist()
    assert of_dates(dates.slice(1, 1), DAY, 180).to_pylist() == whole[1:2]
    assert set(whole[2].values()) == {None}
