"""Who plays which part: the first customers have a story of their own, the others live by chance."""

from datetime import date

EPOCH = date(2025, 1, 1)  # the world's first day
END = date(2027, 12, 31)  # and its last

CAST = {
    "billing_dispute": range(3),
    "balance_checker": range(3, 5),
    "abandoned_then_retry": range(5, 8),
    "transferred": range(8, 11),
    "shared_phone": range(11, 13),
    "mid_frequency": range(13, 15),
    "low_frequency": range(15, 18),
    "fading": range(18, 26),
    "spend_spike": range(26, 29),
    "complaint": range(29, 32),
    "over_contacted": range(32, 34),
}
FIRST_ORDINARY = 34
FEWEST = 60  # customers; below, hardly anybody would be ordinary

# These call by their timetable alone, so that how often they call is known.
CALL_BY_TIMETABLE = frozenset(
    number for part, numbers in CAST.items() if part not in ("fading", "spend_spike") for number in numbers
)


def day_number(day: date) -> int:
    """Days since the world began; timetables count in these, so no story hangs on the range asked for."""
    return (day - EPOCH).days
