"""When somebody may be contacted on a day: the hours of the business day, and the law of the customer's place."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytz

from jobs.outreach_settings import Capacity, Jurisdiction, Law

HOUR = timedelta(hours=1)
PURPOSES = ("general", "collections")


@dataclass(frozen=True)
class Place:
    """Where a customer lives, as far as known."""

    country: str | None
    region: str | None
    time_zone: str | None


@dataclass(frozen=True)
class Shift:
    """When an agent was planned to work, and whether they are on leave instead."""

    start: datetime
    end: datetime
    is_leave: bool


@dataclass(frozen=True)
class Allowed:
    """What a place allows on a day: a bit for each hour of the business day, and caps stricter than ours."""

    hours: int
    attempts_1d: int | None
    connected_1d: int | None
    abandoned_share: float | None


def hours_of(day: date, time_zone: str) -> list[datetime]:
    """The beginnings of the hours of a business day (UTC): 24, or 23 and 25 where the clock changes."""
    zone = ZoneInfo(time_zone)
    begin, end = (datetime.combine(each, time(), zone).astimezone(UTC) for each in (day, day + timedelta(days=1)))
    return [begin + HOUR * n for n in range((end - begin) // HOUR)]


def allowed(place: Place, purpose: str, day: date, time_zone: str, default_country: str, law: Law) -> Allowed:
    """What holds for a place, a purpose and a business day; of several laws the strictest.

    Where the customer's time zone is unknown, an hour has to suit all zones of the country; a country that nobody
    knows has no hour.
    """
    country = _country(place, default_country)
    rows = [row for row in law.jurisdictions if _matches(row, country, _region(place, country), purpose)]
    spans = [law.hours, *(row.hours for row in rows if row.hours)]
    zones = _zones(place, country, law)
    holidays = frozenset(law.holidays.get(country, ()))
    bits = 0
    for number, start in enumerate(hours_of(day, time_zone)):
        if zones and all(_is_within(start, zone, spans, holidays) for zone in zones):
            bits |= 1 << number
    return Allowed(
        hours=bits,
        attempts_1d=min((row.attempts_1d for row in rows if row.attempts_1d is not None), default=None),
        connected_1d=min((row.connected_1d for row in rows if row.connected_1d is not None), default=None),
        abandoned_share=min((row.abandoned_share for row in rows if row.abandoned_share is not None), default=None),
    )


def told(
    places: Iterable[Place], day: date, time_zone: str, default_country: str, law: Law
) -> dict[str, Mapping[Place, Allowed]]:
    """By purpose what each place allows on the day."""
    known = list(places)
    return {
        purpose: {place: allowed(place, purpose, day, time_zone, default_country, law) for place in known}
        for purpose in PURPOSES
    }


def unknown_countries(places: Iterable[Place], default_country: str, law: Law) -> list[str]:
    """Countries, as they came, whose time zones nobody knows, of places that bring none of their own."""
    lost = (place for place in places if not _zones(place, _country(place, default_country), law))
    return sorted({(place.country or default_country).strip() for place in lost})


def without_holidays(places: Iterable[Place], day: date, default_country: str, law: Law) -> list[str]:
    """Countries of these places whose holidays are known, but none of the day's year."""
    countries = {_country(place, default_country) for place in places}
    return sorted(
        country
        for country in countries & law.holidays.keys()
        if all(holiday.year != day.year for holiday in law.holidays[country])
    )


def _country(place: Place, default_country: str) -> str:
    return (place.country or "").strip().upper() or default_country


def _region(place: Place, country: str) -> str | None:
    """The region as laws name theirs, whatever its case, also where it came with its country (US-FL)."""
    return (place.region or "").strip().upper().removeprefix(f"{country}-") or None


def _matches(row: Jurisdiction, country: str, region: str | None, purpose: str) -> bool:
    return (
        row.country == country
        and (not row.regions or region is None or region in map(str.upper, row.regions))
        and row.purpose in (None, purpose)
    )


def _zones(place: Place, country: str, law: Law) -> list[ZoneInfo]:
    """The customer's own time zone, else those of the country: of conf, else all there are."""
    if own := _own_zone(place):
        return [own]
    names: Sequence[str] = law.time_zones.get(country) or pytz.country_timezones.get(country, ())
    return [ZoneInfo(name) for name in names]


def _own_zone(place: Place) -> ZoneInfo | None:
    name = (place.time_zone or "").strip()
    try:
        return ZoneInfo(name) if name else None
    except (KeyError, ValueError, OSError):
        return None  # as unknown as none


def _is_within(start: datetime, zone: ZoneInfo, spans: Sequence[Sequence[time]], holidays: frozenset[date]) -> bool:
    local, end = start.astimezone(zone), (start + HOUR).astimezone(zone)
    is_one_day = end.date() == local.date() and local.date() not in holidays
    return is_one_day and all(first <= local.time() and end.time() <= last for first, last in spans)


def may_overlap(day: date) -> str:
    """SQL, of Spark and of DuckDB: the shifts that may lie in a day, as known the night before.

    A night shift belongs to the date on which it began.
    """
    before = day - timedelta(days=1)
    return (
        f"event_date BETWEEN DATE '{before}' AND DATE '{day}' AND known_on <= DATE '{before}' "
        "AND planned_end_at IS NOT NULL"
    )


def minutes_of(begins: Sequence[datetime], shifts: Iterable[Shift], capacity: Capacity) -> list[float]:
    """Agent minutes for outbound calls in each hour: a share of the shifts, else the number of conf.

    Where all are on leave something was planned, and there is nobody.
    """
    of_day = [shift for shift in shifts if begins[0] < shift.end and shift.start < begins[-1] + HOUR]
    if not of_day:
        return [capacity.minutes_an_hour for _ in begins]
    at_work = [shift for shift in of_day if not shift.is_leave]

    def planned(begin: datetime) -> float:
        spans = (min(each.end, begin + HOUR) - max(each.start, begin) for each in at_work)
        return sum(max(0.0, span.total_seconds() / 60) for span in spans)

    return [capacity.share_of_shifts * planned(begin) for begin in begins]
