"""Calls by hand: attempts of their own until a result tells of them, for caps and tags alike."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from jobs import measured, runner
from jobs.settings import read_settings
from jobs.silver import dialled_calls
from jobs.tables import TABLES
from tests.conftest import World
from tests.frames import frame

pytestmark = pytest.mark.spark
FIRST, SECOND, THIRD = (date(2026, 1, day) for day in (1, 2, 3))
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
MIDNIGHT = datetime(2026, 1, 2, tzinfo=UTC)
DIALLED, MEASURES = "silver.dialled_calls", "features.customer_measures"
TAGS, RULES = "features.customer_tag_values", "features.outreach_customers"
STEPS = (DIALLED, MEASURES, TAGS, RULES)


def call(customer: str | None, at: datetime = NOON, known_on: date = FIRST, **more: Any) -> dict[str, Any]:
    return {
        "call_id": f"{customer} {at:%H:%M}", "customer_id": customer, "direction": "outbound", "outcome": "answered",
        "started_at": at, "ended_at": at, "event_date": at.date(), "known_on": known_on, "ds": known_on, "row_hash": 0, **more,
    }  # fmt: skip


def result(customer: str, at: datetime, known_on: date, **more: Any) -> dict[str, Any]:
    return {
        "attempt_id": f"{customer} {at:%d %H:%M:%S}", "customer_id": customer, "channel": "call", "result": "reached",
        "attempted_at": at, "event_date": at.date(), "known_on": known_on, "ds": known_on, "row_hash": 0, **more,
    }  # fmt: skip


def minutes(n: float) -> timedelta:
    return timedelta(minutes=n)


def test_a_result_within_ten_minutes_tells_of_a_call_and_the_first_that_came_counts(spark: Any) -> None:
    calls = [call(each) for each in "ABCDE"] + [call(None), call("F", direction="inbound"), call("G", outcome="failed")]
    calls += [call("H", outcome="voicemail"), call("I", MIDNIGHT - minutes(3))]
    results = [
        result("A", NOON + minutes(10), SECOND), result("A", NOON - minutes(10), THIRD), result("B", NOON + minutes(10.01), FIRST),
        result("C", NOON, FIRST, channel="sms"), result("X", NOON, FIRST), result("D", NOON, FIRST, result="no_answer"),
        result("I", MIDNIGHT + minutes(6), SECOND),
    ]  # fmt: skip
    made = dialled_calls.build(
        frame(spark, "silver.calls", calls), frame(spark, "silver.contact_results", results), attempt_minutes=10
    )
    assert {row["customer_id"]: (row["result"], row["told_on"]) for row in made.collect()} == {
        "A": ("reached", SECOND),
        "B": ("reached", None),
        "C": ("reached", None),
        "D": ("reached", FIRST),
        "E": ("reached", None),
        "G": ("no_answer", None),
        "H": ("voicemail", None),
        "I": ("reached", SECOND),
    }


NIGHTS: dict[date, dict[str, list[dict[str, Any]]]] = {
    FIRST: {
        "silver.calls": [
            call("A"), call("A", NOON + timedelta(hours=1), outcome="failed"), call("B", MIDNIGHT - minutes(3)),
            call("C", outcome="voicemail"),
        ],
        "silver.contact_results": [result("C", NOON + minutes(5), FIRST, result="voicemail"), result("D", NOON, FIRST)],
    },
    SECOND: {
        # What was done on the day before, told late, and at the same number after midnight.
        "silver.contact_results": [result("A", NOON, SECOND), result("B", MIDNIGHT + minutes(1), SECOND, result="busy")],
        "silver.calls": [call("D", NOON, SECOND, call_id="late"), call("D", NOON + timedelta(days=1), SECOND)],
    },
    THIRD: {"silver.calls": [call("B", NOON + timedelta(days=2), THIRD)]},
}  # fmt: skip
CONTACTS = {
    FIRST: {"A": 1, "B": 1, "C": 1, "D": 1},
    SECOND: {"A": 1, "B": 0, "C": 1, "D": 2},
    THIRD: {"A": 1, "B": 1, "C": 1, "D": 2},
}


ANSWERS = {
    FIRST: {
        "A": ("no_answer", "half_over"), "B": ("reached", "half_over"), "C": ("voicemail", "none"),
        "D": ("reached", "half_over"),
    },
    SECOND: {
        "A": ("no_answer", "half_over"), "B": ("busy", "none"), "C": ("voicemail", "none"), "D": ("reached", "half_over"),
    },
    THIRD: {
        "A": ("no_answer", "half_over"), "B": ("reached", "half_over"), "C": ("voicemail", "none"),
        "D": ("reached", "half_over"),
    },
}  # fmt: skip


def bring(world: World, day: date) -> None:
    lake = runner.open_lake(read_settings())
    for name, rows in NIGHTS[day].items():
        lake.append(TABLES[name], frame(lake.spark, name, rows))


def told(world: World, day: date) -> list[dict[str, int]]:
    """Contacts of seven days as the tag and as the caps count them."""
    return [
        {row[0]: int(row[1]) for row in world.rows(name, "customer_id", "contacts_7d", "as_of") if row[2] == day}
        for name in (TAGS, RULES)
    ]


def begin(world: World) -> None:
    lake = runner.open_lake(read_settings())
    people = [{"customer_id": each, "updated_at": NOON, "known_on": FIRST, "row_hash": 0} for each in "ABCD"]
    lake.append(TABLES["silver.customers_versions"], frame(lake.spark, "silver.customers_versions", people))


@pytest.fixture(scope="module")
def nights(module_world: World) -> World:
    """The lake after three nights; each said what it knew."""
    begin(module_world)
    for day in NIGHTS:
        bring(module_world, day)
        for step in STEPS:
            module_world.make(step, str(day))
        assert told(module_world, day) == [CONTACTS[day], CONTACTS[day]], day
    return module_world


def test_the_tag_and_the_caps_count_calls_by_hand_until_a_result_tells_of_them(nights: World) -> None:
    assert nights.rows(DIALLED, "call_id", "known_on", "told_on") == [
        ("A 12:00", FIRST, SECOND),
        ("A 13:00", FIRST, None),
        ("B 12:00", THIRD, None),
        ("B 23:57", FIRST, SECOND),
        ("C 12:00", FIRST, FIRST),
        ("D 12:00", SECOND, None),
        ("late", SECOND, FIRST),
    ]
    assert [told(nights, day) for day in CONTACTS] == [[contacts] * 2 for contacts in CONTACTS.values()]


def test_what_came_of_our_calls_minds_calls_by_hand_until_a_result_tells_of_them(nights: World) -> None:
    found: dict[date, dict[str, tuple[str, str]]] = {day: {} for day in NIGHTS}
    for day, *told_of in nights.rows(TAGS, "as_of", "customer_id", "last_contact_result_365d", "call_response_90d"):
        found[day][told_of[0]] = (told_of[1], told_of[2])
    assert found == ANSWERS


def test_a_past_date_made_again_says_what_it_said(nights: World) -> None:
    assert [nights.make(step, str(day)) for day in (FIRST, SECOND, THIRD) for step in STEPS] == [0] * 12


def test_contacts_and_last_calls_rolled_on_are_those_read_anew(
    nights: World, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    rolled: list[str] = []
    way = measured._rolled

    def seen(lake: Any, table: Any, *more: Any) -> Any:
        figures = way(lake, table, *more)
        rolled.extend([] if figures is None else [table.name])
        return figures

    monkeypatch.setattr(measured, "ROLLED_FROM_ROWS", 0)
    monkeypatch.setattr(measured, "_rolled", seen)
    begin(world)
    for day in NIGHTS:
        bring(world, day)
        for step in (DIALLED, MEASURES):
            world.make(step, str(day))
    assert rolled.count(DIALLED) == 2
    assert world.rows(MEASURES) == nights.rows(MEASURES)


def test_all_at_once_and_other_numbers_end_at_the_same_calls(nights: World, world: World) -> None:
    for day in reversed(NIGHTS):
        bring(world, day)
    for attempt_minutes, told_on in ((1, [None, None, FIRST]), (10, [SECOND, FIRST, FIRST])):
        world.configure(customer_timeline={"attempt_minutes": attempt_minutes})
        world.make(DIALLED, str(THIRD))
        found = dict(world.rows(DIALLED, "call_id", "told_on"))
        assert [found[each] for each in ("B 23:57", "C 12:00", "late")] == told_on
    assert world.rows(DIALLED) == nights.rows(DIALLED)
    assert world.make(DIALLED, str(THIRD)) == 0
