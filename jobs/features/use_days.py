"""What the days on which a card was used say: how many in each window, how long ago, and on which kinds of days."""

from collections.abc import Callable
from datetime import date, timedelta

import numpy as np
import pyarrow as pa
from pyspark.sql import Column
from pyspark.sql import functions as F

from jobs.scoring import in_arrow

WINDOWS = (1, 7, 8, 14, 30, 60, 90, 180)
HABITS = (7, 14)
LONGEST = max(WINDOWS)
EPOCH = date(1970, 1, 1)
OF_A_WEEKDAY, OF_A_MONTH_PART = 1.0, 3.0
"""Days with a use that everybody is thought to have had on each weekday and in each third of the month: habits need
evidence."""
FIELDS = {
    "days_since_use": pa.int32(),
    "quiet_days": pa.float64(),
    "quiet_days_before": pa.float64(),
    **{f"habit_days_{days}d": pa.float64() for days in HABITS},
    **{f"use_days_{days}d": pa.int32() for days in WINDOWS},
}
SCHEMA = ", ".join(f"{name} {'int' if type_ == pa.int32() else 'double'}" for name, type_ in FIELDS.items())


def figures(use_dates: str, as_of: date, history_days: int) -> Column:
    """A struct of `SCHEMA` for each customer; `use_dates`: a column of ascending dates within 180 days up to `as_of`.

    `history_days`: of how many days up to the date uses are known; habits are held against those, or against the days
    since the customer's first use where they are more.
    """

    return in_arrow(lambda dates: of_dates(dates, as_of, history_days), SCHEMA, F.col(use_dates))


def of_dates(dates: pa.ListArray, as_of: date, history_days: int) -> pa.StructArray:
    """The figures of a batch of customers, each with at least one date; without any it has no figure."""
    offsets = dates.offsets.to_numpy()
    numbers = np.diff(offsets)
    # A slice of an array keeps the values of the whole.
    values = dates.values.cast(pa.int32()).to_numpy()[offsets[0] : offsets[-1]]
    ago = (as_of - EPOCH).days - values
    whose = np.repeat(np.arange(len(numbers)), numbers)
    is_known = numbers > 0
    since = np.full(len(numbers), LONGEST, dtype=np.int32)
    since[is_known] = ago[(offsets[1:] - offsets[0] - 1)[is_known]]
    weighed = _by_habits(whose, ago, len(numbers), as_of, history_days)
    earlier = ago > 0
    weighed_before = _by_habits(
        whose[earlier], ago[earlier] - 1, len(numbers), as_of - timedelta(days=1), history_days - 1
    )
    made = {
        "days_since_use": since,
        "quiet_days": weighed(since),
        "quiet_days_before": weighed_before(np.maximum(since - 1, 0)),
    }
    for days in HABITS:
        made[f"habit_days_{days}d"] = weighed(np.full(len(numbers), days, dtype=np.int32))
    for days in WINDOWS:
        counted = np.bincount(whose[ago < days], minlength=len(numbers))
        made[f"use_days_{days}d"] = counted.astype(np.int32)
    arrays = [pa.array(made[name], type=type_, mask=~is_known) for name, type_ in FIELDS.items()]
    return pa.StructArray.from_arrays(arrays, names=list(FIELDS))


def _by_habits(
    whose: np.ndarray, ago: np.ndarray, people: int, as_of: date, known_days: int
) -> Callable[[np.ndarray], np.ndarray]:
    """Weighs the last days up to a date, of each customer a number of them, by the days on which they use the card."""
    weekdays, parts = _kinds_of_days(as_of)
    worth = _worth(whose, ago, people, weekdays, 7, OF_A_WEEKDAY, known_days)
    worth_of_parts = _worth(whose, ago, people, parts, 3, OF_A_MONTH_PART, known_days)
    return lambda span: _weighed(span, worth, worth_of_parts, weekdays, parts)


def _kinds_of_days(as_of: date) -> tuple[np.ndarray, np.ndarray]:
    """Of the days before the date, itself first: the weekday, and the third of the month."""
    days = [date.fromordinal(as_of.toordinal() - back) for back in range(LONGEST)]
    return np.array([day.weekday() for day in days]), np.array([min((day.day - 1) // 10, 2) for day in days])


def _days_of_each(kinds: np.ndarray, number: int) -> np.ndarray:
    """How many of the last n days are of each kind, shape (LONGEST + 1, number), by n."""
    return np.stack([np.concatenate([[0], np.cumsum(kinds == kind)]) for kind in range(number)], axis=1)


def _worth(
    whose: np.ndarray, ago: np.ndarray, people: int, kinds: np.ndarray, number: int, beforehand: float, known_days: int
) -> np.ndarray:
    """How many times as likely as on any day each customer uses the card on each kind of day, shape (people, kinds)."""
    counted = np.bincount(whose * number + kinds[ago], minlength=people * number).reshape(people, number)
    share = (counted + beforehand) / (counted.sum(axis=1, keepdims=True) + beforehand * number)
    # The first batch may bring uses of before it: whoever has one is observed since then.
    observed = np.full(people, min(max(known_days, 1), LONGEST))
    np.maximum.at(observed, whose, ago + 1)
    usual = _days_of_each(kinds, number)[observed] / observed[:, np.newaxis]
    # A kind of day that was not yet observed weighs like any other.
    worth: np.ndarray = np.where(usual > 0, share / np.where(usual > 0, usual, 1.0), 1.0)
    return worth


def _weighed(
    span: np.ndarray, worth: np.ndarray, worth_of_parts: np.ndarray, weekdays: np.ndarray, parts: np.ndarray
) -> np.ndarray:
    """The last days of each customer, counted by the weight of their weekdays and of their parts of the month."""
    weighed = span.astype(float)
    for each, kinds in ((worth, weekdays), (worth_of_parts, parts)):
        days = (_days_of_each(kinds, each.shape[1])[span] * each).sum(axis=1)
        weighed *= np.where(span > 0, days / np.maximum(span, 1), 1.0)
    return weighed
