"""When somebody may be contacted: by the law of the place, in local time, through changes of the clock."""

from datetime import UTC, date, datetime, timedelta

import pytest
import pytz

from jobs.gold.outreach.hours import (
    Place,
    Shift,
    allowed,
    hours_of,
    minutes_of,
    unknown_countries,
    without_holidays,
)
from jobs.settings import read_settings

LAW = read_settings().configuration.law
CAPACITY = read_settings().configuration.outreach.capacity
TUESDAY = date(2026, 3, 31)


def hours(place: Place, day: date = TUESDAY, time_zone: str = "UTC", purpose: str = "general") -> list[datetime]:
    """Beginnings of the hours that are allowed."""
    bits = allowed(place, purpose, day, time_zone, "CN", LAW).hours
    return [begin for number, begin in enumerate(hours_of(day, time_zone)) if bits >> number & 1]


def test_calls_are_made_from_nine_to_twenty_in_the_customer_s_own_time() -> None:
    here = hours(Place("CN", "Hunan", "Asia/Shanghai"), time_zone="Asia/Shanghai")
    assert (here[0], here[-1]) == (datetime(2026, 3, 31, 1, tzinfo=UTC), datetime(2026, 3, 31, 11, tzinfo=UTC))
    assert len(here) == 11
    assert hours(Place("CN", "Hunan", "Asia/Shanghai")) == [datetime(2026, 3, 31, n, tzinfo=UTC) for n in range(1, 12)]
    in_half_hours = hours(Place("IN", None, "Asia/Kolkata"))
    assert in_half_hours[0] == datetime(2026, 3, 31, 4, tzinfo=UTC), "03:00 UTC is 08:30 there"
    assert in_half_hours[-1] == datetime(2026, 3, 31, 13, tzinfo=UTC), "13:00 to 14:00 is 18:30 to 19:30"


def test_of_several_laws_the_strictest_wins() -> None:
    florida = allowed(Place("US", "FL", "America/New_York"), "general", TUESDAY, "UTC", "CN", LAW)
    assert (florida.attempts_1d, florida.abandoned_share) == (3, 0.03)
    california = allowed(Place("US", "CA", "America/Los_Angeles"), "general", TUESDAY, "UTC", "CN", LAW)
    assert (california.attempts_1d, california.abandoned_share) == (None, 0.03)
    for region in (None, " ", "fl ", "US-FL", "florida"):
        place = Place("US", region, "America/New_York")
        assert allowed(place, "general", TUESDAY, "UTC", "CN", LAW).attempts_1d == 3, "it is Florida, or may be"
    collections = Place("CN", "Hunan", "Asia/Shanghai")
    assert allowed(collections, "collections", TUESDAY, "UTC", "CN", LAW).connected_1d == 3
    assert allowed(collections, "general", TUESDAY, "UTC", "CN", LAW).connected_1d is None


@pytest.mark.parametrize("zone", [None, "Mars/Olympus", ""])
def test_an_unknown_time_zone_needs_an_hour_that_suits_the_whole_country(zone: str | None) -> None:
    anywhere = hours(Place("US", "CA", zone))
    assert anywhere == [
        datetime(2026, 3, 31, 19, tzinfo=UTC),
        *(datetime(2026, 3, 31, n, tzinfo=UTC) for n in (20, 21, 22, 23)),
    ]
    for begin in anywhere:
        for each in LAW.time_zones["US"]:
            assert begin in hours(Place("US", "CA", each))
    assert hours(Place(None, None, zone)) == hours(Place("CN", None, "Asia/Shanghai")), "the country of conf"


def test_a_country_that_conf_does_not_name_has_the_zones_of_the_tz_database() -> None:
    assert hours(Place("JP", None, None)) == hours(Place("JP", None, "Asia/Tokyo")) != hours(Place("CN", None, None))
    australia = hours(Place("AU", None, None), time_zone="Asia/Shanghai")
    perth, lord_howe = (
        hours(Place("AU", None, f"Australia/{name}"), time_zone="Asia/Shanghai") for name in ("Perth", "Lord_Howe")
    )
    assert australia
    assert set(australia) <= set(perth) & set(lord_howe)
    seven_in_urumqi = datetime(2026, 3, 31, 1, tzinfo=UTC)
    assert seven_in_urumqi in hours(Place("CN", None, None)), "conf names one zone of China, and has the last word"
    for country in pytz.country_timezones:
        hours(Place(country, None, None))


@pytest.mark.parametrize("country", ["XX", "China", "?"])
def test_a_country_that_nobody_knows_has_no_hour_and_is_named(country: str) -> None:
    assert hours(Place(country, None, None)) == []
    assert hours(Place(country, None, "Mars/Olympus")) == []
    assert hours(Place(country, None, "Asia/Shanghai")) == hours(Place("CN", None, "Asia/Shanghai"))
    places = [
        Place(f" {country}", None, None),
        Place(country, "Hunan", ""),
        Place("JP", None, None),
        Place("ZZ", None, "UTC"),
    ]
    assert unknown_countries([*places, Place(None, None, None), Place(" ", None, None)], "CN", LAW) == [country]


def test_a_year_whose_holidays_nobody_wrote_down_is_told_of_countries_that_have_some() -> None:
    places = [Place("cn", None, None), Place("US", "FL", None), Place("JP", None, None), Place(None, None, None)]
    assert without_holidays(places, date(2026, 12, 31), "CN", LAW) == []
    assert without_holidays(places, date(2027, 1, 1), "CN", LAW) == ["CN", "US"]
    assert without_holidays(places[2:], date(2027, 1, 1), "JP", LAW) == [], "it never had any"


def test_places_count_however_they_are_written() -> None:
    assert hours(Place("US", "NY", " America/New_York ")) == hours(Place("US", "NY", "America/New_York"))
    for written in ("us", " US ", "Us"):
        place = Place(written, "FL", None)
        assert hours(place) == hours(Place("US", "FL", None))
        assert allowed(place, "general", TUESDAY, "UTC", "CN", LAW).attempts_1d == 3
    assert hours(Place("cn", None, "Asia/Shanghai"), date(2026, 10, 1)) == [], "a holiday there"
    assert hours(Place(" ", None, None)) == hours(Place("CN", None, None))


def test_days_on_which_the_clock_changes_have_their_own_number_of_hours() -> None:
    for day, number, first in ((date(2026, 3, 29), 23, 7), (date(2026, 10, 25), 25, 8)):
        assert len(hours_of(day, "Europe/Berlin")) == number
        allowed_hours = hours(Place("DE", None, "Europe/Berlin"), day, "Europe/Berlin")
        assert len(allowed_hours) == 11
        assert allowed_hours[0] == datetime(day.year, day.month, day.day, first, tzinfo=UTC)
    assert len(hours(Place("CN", None, "Asia/Shanghai"), date(2028, 2, 29), "Asia/Shanghai")) == 11, "a leap day"


def test_nobody_is_contacted_on_a_holiday_of_their_country() -> None:
    holiday = date(2026, 10, 1)
    assert hours(Place("CN", None, "Asia/Shanghai"), holiday, "Asia/Shanghai") == []
    assert hours(Place("US", "NY", "America/New_York"), holiday) != []


def minutes(*shifts: tuple[float, float, bool]) -> list[float]:
    """Agent minutes of the hours of the day, of shifts from and to hours after it begins."""
    begins = hours_of(TUESDAY, "UTC")
    planned = [
        Shift(begins[0] + timedelta(hours=start), begins[0] + timedelta(hours=end), is_leave)
        for start, end, is_leave in shifts
    ]
    return minutes_of(begins, planned, CAPACITY)


def test_a_shift_gives_minutes_to_all_its_hours_also_those_after_midnight() -> None:
    a_share = CAPACITY.share_of_shifts * 60
    night_and_evening = minutes((-0.5, 7.5, False), (22.5, 30, False), (-9, -1, False))
    assert night_and_evening == pytest.approx([*[a_share] * 7, a_share / 2, *[0] * 14, a_share / 2, a_share]), (
        "23:30 to 07:30, and 22:30 to the next morning"
    )


def test_where_all_are_on_leave_there_are_no_minutes_and_where_nothing_is_planned_those_of_conf() -> None:
    assert minutes((9, 17, True), (-0.5, 7.5, True)) == [0.0] * 24
    assert minutes((9, 17, True), (10, 11, False))[9:11] == [0.0, CAPACITY.share_of_shifts * 60]
    of_conf = [CAPACITY.minutes_an_hour] * 24
    assert minutes() == of_conf
    assert minutes((-9, 0, False), (24, 32, True)) == of_conf, "shifts of the days before and after"
