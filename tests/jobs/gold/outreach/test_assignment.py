"""Who gets a place, in the order of worth: once per person and number, under quotas and minutes."""

from typing import Any

from jobs.gold.outreach.assignment import Places

ALL_DAY = (1 << 24) - 1


def places(minutes: float = 60.0, quota: int | None = None, explore: float = 0.0) -> Places:
    return Places([minutes] * 24, {"call": quota, "sms": None}, {"call": 5.0, "sms": 0.0}, explore)


def decide(free: Places, person: str, number: str | None = None, campaign: str = "call", **more: Any) -> Any:
    asked = {"hours": ALL_DAY, "wish": 10, "is_holdout": False, "is_explored": False, **more}
    return free.decide(campaign, person, number or f"number of {person}", **asked)


def test_a_person_and_a_number_have_one_place_a_day() -> None:
    free = places()
    assert decide(free, "A", "1") == ("listed", None, 10)
    assert decide(free, "A", "2", "sms") == ("suppressed", "duplicate", None)
    assert decide(free, "B", "1") == ("suppressed", "duplicate", None)
    assert decide(free, "C", None, hours=0)[1] == "over_capacity"
    assert decide(free, "C") == ("listed", None, 10), "who was refused a place has the next chance"


def test_those_without_a_number_do_not_share_one() -> None:
    free = places()
    assert [free.decide("sms", who, None, ALL_DAY, 10, False, False)[0] for who in "AB"] == ["listed", "listed"]


def test_a_full_hour_gives_way_to_the_nearest_one_that_is_allowed() -> None:
    free = places(minutes=5)
    slots = [decide(free, who, hours=0b1111 << 9)[2] for who in "ABCDE"]
    assert slots == [10, 9, 11, 12, None]
    assert decide(free, "E", hours=0b1111 << 9)[1] == "over_capacity"
    assert decide(free, "E", campaign="sms", hours=1 << 9) == ("listed", None, 9), "messages need no agent"


def test_a_holdout_wins_a_place_and_uses_neither_quota_nor_minutes() -> None:
    free = places(minutes=5, quota=1)
    assert decide(free, "A", is_holdout=True) == ("holdout", "holdout", 10)
    assert decide(free, "A", campaign="sms")[1] == "duplicate", "nobody is held out and contacted on one day"
    assert decide(free, "B") == ("listed", None, 10)
    assert decide(free, "C", is_holdout=True) == ("suppressed", "over_quota", None), "drawn among those who win a place"


def test_customers_below_the_floor_have_minutes_of_their_own() -> None:
    free = places(explore=7)
    assert decide(free, "A", is_explored=True) == ("listed", "explore", 10)
    assert decide(free, "B", is_explored=True) == ("suppressed", "below_floor", None)
    assert decide(free, "B")[0] == "listed"
