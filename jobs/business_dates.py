"""Business dates as values: those of a range, and when one ends."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo


def dates_between(first: date, last: date) -> list[date]:
    """All dates from first to last, both of them among them."""
    return [date.fromordinal(day) for day in range(first.toordinal(), last.toordinal() + 1)]


def end_of(day: date, time_zone: str) -> datetime:
    """The end of a business date (UTC)."""
    return datetime.combine(day + timedelta(days=1), time(), ZoneInfo(time_zone)).astimezone(UTC)
