"""Business dates as values: those of a range."""

from datetime import date


def dates_between(first: date, last: date) -> list[date]:
    """All dates from first to last, both of them among them."""
    return [date.fromordinal(day) for day in range(first.toordinal(), last.toordinal() + 1)]
