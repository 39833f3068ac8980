"""Silver is the same whatever the order in which batches arrive, and gives back what a mended batch takes back."""

from datetime import date
from typing import Any

import pytest

from jobs import ops, runner
from jobs.lake import Lake
from jobs.settings import read_settings
from jobs.tables import TABLES
from tests.conftest import World

CUSTOMERS = "customer_id,name,phone,city,updated_at\n"
CALLS = "call_id,customer_id,direction,started_at,ended_at,outcome,topic\n"


def call(call_id: str, at: str, topic: str) -> str:
    return f"{call_id},C1,inbound,{at} 10:00:00,{at} 10:05:00,answered,{topic}\n"


BATCHES = {
    "2026-01-01": CALLS + call("once", "2026-01-01", "a") + call("twice", "2026-01-01", "a") + call("moved", "2026-01-01", "a"),
    "2026-01-02": CALLS + call("twice", "2026-01-01", "a") + call("moved", "2026-01-02", "b") + call("tie", "2026-01-02", "x") + call("tie", "2026-01-02", "y"),
    "2026-03-20": CALLS + call("once", "2026-03-20", "reused") + call("late", "2026-01-03", "a"),
}  # fmt: skip


@pytest.fixture(scope="module")
def in_order(module_world: World) -> list[tuple]:
    return _calls_after(module_world, sorted(BATCHES))


def test_the_last_batch_wins_and_a_key_used_anew_is_another_call(in_order: list[tuple]) -> None:
    assert [row[:3] for row in in_order] == [
        ("late", date(2026, 1, 3), date(2026, 3, 20)),
        ("moved", date(2026, 1, 2), date(2026, 1, 1)),
        ("once", date(2026, 1, 1), date(2026, 1, 1)),
        ("once", date(2026, 3, 20), date(2026, 3, 20)),
        ("tie", date(2026, 1, 2), date(2026, 1, 2)),
        ("twice", date(2026, 1, 1), date(2026, 1, 1)),
    ]


@pytest.mark.parametrize("order", [(2, 1, 0)])
def test_batches_in_another_order_end_at_the_same_silver(world: World, in_order: list[tuple], order: tuple) -> None:
    days = sorted(BATCHES)
    assert _calls_after(world, [days[i] for i in order]) == in_order


def test_a_range_at_once_ends_at_the_same_silver(world: World, in_order: list[tuple]) -> None:
    _drop_calls(world)
    world.configure(feeds={"calls": {"optional": True}})
    days = [str(date.fromordinal(n)) for n in range(date(2026, 1, 1).toordinal(), date(2026, 3, 20).toordinal() + 1)]
    world.land("calls", *days)
    world.make("silver.calls", *days)
    assert _silver_calls(world) == in_order


def test_a_mended_batch_takes_back_what_it_no_longer_brings(world: World) -> None:
    days = ["2026-01-01", "2026-01-02"]
    _drop_calls(world)
    world.land("calls", *days)
    world.make("silver.calls", *days)
    world.drop("calls", "2026-01-02", CALLS + call("twice", "2026-01-01", "a"))
    world.land("calls", "2026-01-02")
    world.make("silver.calls", "2026-01-02")
    assert [row[:2] for row in _silver_calls(world)] == [
        ("moved", date(2026, 1, 1)),
        ("once", date(2026, 1, 1)),
        ("twice", date(2026, 1, 1)),
    ]
    assert world.make("silver.calls", "2026-01-02") == 0, "a second time there is nothing to do"


@pytest.mark.parametrize("mended", ["", call("once", "2026-01-01", "mended")])
@pytest.mark.parametrize(("day", "other"), [("2026-01-01", "2026-03-20"), ("2026-03-20", "2026-01-01")])
def test_a_mended_batch_leaves_the_other_call_of_a_key_that_was_used_anew_as_it_is(
    world: World, day: str, other: str, mended: str
) -> None:
    _drop_calls(world)
    for each in sorted(BATCHES):
        world.land("calls", each)
        world.make("silver.calls", each)
    others = [row for row in _silver_calls(world) if row[0] == "once" and str(row[1]) == other]
    world.drop("calls", day, CALLS + call("new", day, "a") + mended.replace("2026-01-01", day))
    world.land("calls", day)
    world.make("silver.calls", day)
    found = [row for row in _silver_calls(world) if row[0] == "once"]
    assert [row for row in found if str(row[1]) == other] == others
    assert len(found) == (2 if mended else 1)


def test_what_a_killed_run_left_to_the_server_is_not_merged_a_second_time(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    days = ["2026-01-01", "2026-01-02"]
    _drop_calls(world)
    for day in days:
        world.land("calls", day)
    world.make("silver.calls", days[0])
    merge = Lake.merge

    def comes_second(*given: Any) -> None:
        monkeypatch.setattr(Lake, "merge", merge)
        world.make("silver.calls", days[1])
        merge(*given)

    monkeypatch.setattr(Lake, "merge", comes_second)
    world.make("silver.calls", days[1])
    assert [row[0] for row in _silver_calls(world)] == ["moved", "once", "tie", "twice"]


def test_customers_are_known_as_they_were_in_any_order(world: World) -> None:
    batches = {
        "2026-01-01": "C1,Anna Lee,13800138000,Xi'an,2026-01-01 08:00:00\n",
        "2026-01-02": "C1,Anna Lee,13800138000,Beijing,2026-01-02 08:00:00\nC2,张伟,13900139000,Wuhan,2026-01-02 08:00:00\n",
        "2026-01-03": "C1,Anna Lee,13800138000,Xi'an,2026-01-01 08:00:00\n",
    }
    expected = [
        ("C1", "Xi'an", date(2026, 1, 1), date(2026, 1, 2)),
        ("C1", "Beijing", date(2026, 1, 2), None),
        ("C2", "Wuhan", date(2026, 1, 2), None),
    ]
    for day in ("2026-01-03", "2026-01-01", "2026-01-02"):
        world.drop("customers", day, CUSTOMERS + batches[day])
        world.land("customers", day)
        world.make("silver.customers_versions", day)
        world.make("silver.customers", day)
    found = world.rows("silver.customers_versions", "customer_id", "city", "known_on", "superseded_on", order="1, 3")
    assert found == expected
    assert world.rows("silver.customers", "customer_id", "city", "known_on") == [
        ("C1", "Beijing", date(2026, 1, 1)),
        ("C2", "Wuhan", date(2026, 1, 2)),
    ]


def test_versions_are_the_same_when_a_batch_comes_between_two_that_say_the_same(world: World) -> None:
    cities = {"2026-01-01": "Xi'an", "2026-01-02": "Beijing", "2026-01-03": "Xi'an"}
    for day, city in cities.items():
        world.drop("customers", day, f"{CUSTOMERS}C1,Anna Lee,13800138000,{city},2026-01-01 08:00:00\n")
    world.land("customers", *cities)
    for day in cities:
        world.pass_gate(day)
    for days in (["2026-01-01", "2026-01-03"], ["2026-01-02"]):
        world.make("silver.customers_versions", *days)
    assert world.rows("silver.customers_versions", "city", "known_on", "superseded_on", order="2") == [
        ("Xi'an", date(2026, 1, 1), date(2026, 1, 2)),
        ("Beijing", date(2026, 1, 2), date(2026, 1, 3)),
        ("Xi'an", date(2026, 1, 3), None),
    ]


def test_versions_from_before_bronze_s_retention_stay_when_the_newest_batch_is_mended(world: World) -> None:
    old, newest = "2026-01-01", "2026-01-02"
    for day, city in ((old, "Xi'an"), (newest, "Beijing")):
        world.drop("customers", day, f"{CUSTOMERS}C1,Anna Lee,,{city},{day} 08:00:00\nC2,张伟,,{city},{day} 08:00:00\n")
        world.land("customers", day)
        world.make("silver.customers_versions", day)
    lake = runner.open_lake(read_settings())
    lake.delete(TABLES["bronze.customers"], f"ds < DATE'{newest}'")
    world.drop("customers", newest, f"{CUSTOMERS}C1,Anna Lee,,Wuhan,{newest} 08:00:00\n")
    world.land("customers", newest)
    world.make("silver.customers_versions", newest)
    known = world.rows("silver.customers_versions", "customer_id", "city", "known_on", "superseded_on")
    assert known == [
        ("C1", "Wuhan", date(2026, 1, 2), None),
        ("C1", "Xi'an", date(2026, 1, 1), date(2026, 1, 2)),
        ("C2", "Xi'an", date(2026, 1, 1), None),
    ]
    assert world.make("silver.customers_versions", newest) == 0, "a second time there is nothing to do"


def test_whoever_is_absent_from_a_snapshot_is_closed_and_opens_again_when_back(world: World) -> None:
    world.configure(feeds={"cards": {"delivery": "snapshot"}})
    header = "card_id,customer_id,product,updated_at\n"
    both = "K1,C1,gold,2025-12-01 00:00:00\nK2,C2,gold,2025-12-01 00:00:00\n"
    days = ["2026-01-01", "2026-01-02", "2026-01-03"]
    for day, content in zip(days, (both, both.splitlines()[0], both.splitlines()[0]), strict=True):
        world.drop("cards", day, header + content)
    for batches in (days[:1], days[1:]):
        world.land("cards", *batches)
        world.make("silver.cards", *batches)
    assert world.rows("silver.cards", "card_id", "closed_on") == [("K1", None), ("K2", date(2026, 1, 2))]
    world.drop("cards", "2026-01-04", header + both)
    world.land("cards", "2026-01-04")
    world.make("silver.cards", "2026-01-04")
    assert world.rows("silver.cards", "card_id", "closed_on") == [("K1", None), ("K2", None)]


def test_tickets_may_come_as_snapshots(world: World) -> None:
    world.configure(feeds={"tickets": {"delivery": "snapshot"}})
    ticket = "{0},C1,2026-01-01 10:00:00,fault,2026-01-01 10:00:00\n"
    header = "ticket_id,customer_id,opened_at,category,updated_at\n"
    for day, tickets in (("2026-01-01", "AB"), ("2026-01-02", "B"), ("2026-01-03", "AB"), ("2026-01-02", "B")):
        world.drop("tickets", day, header + "".join(map(ticket.format, tickets)))
        world.land("tickets", day)
        world.pass_gate(day)
        for table in ("silver.tickets", "silver.tickets_versions"):
            world.make(table, day)
    closed = "closed_at IS NOT NULL"
    assert world.rows("silver.tickets", "ticket_id", closed, order="1") == [("A", False), ("B", False)]
    assert world.rows("silver.tickets_versions", "ticket_id", "known_on", closed, order="1, 2") == [
        ("A", date(2026, 1, 1), False), ("A", date(2026, 1, 2), True), ("A", date(2026, 1, 3), False),
        ("B", date(2026, 1, 1), False),
    ]  # fmt: skip


def test_a_batch_whose_night_the_gate_refused_closes_nobody_and_hides_nobody_s_absence(world: World) -> None:
    world.configure(feeds={"cards": {"delivery": "snapshot"}})
    header, first, second = "card_id,customer_id,updated_at\n", "K1,C1,2025-12-01\n", "K2,C2,2025-12-01\n"
    days = ["2026-01-01", "2026-01-02", "2026-01-03"]
    for day, content in zip(days, (first + second, first + "K3,C3,2025-12-01\n", first), strict=True):
        world.drop("cards", day, header + content)
    ops.write_nights(runner.open_lake(read_settings()), [date.fromisoformat(days[1])], "refused")
    for day, is_refused in zip(days, (False, True, False), strict=True):
        world.land("cards", day)
        if not is_refused:
            for table in ("silver.cards", "silver.cards_versions"):
                world.make(table, day)
    closed = [("K1", None), ("K2", date(2026, 1, 3))]
    assert world.rows("silver.cards", "card_id", "closed_on") == closed
    # The first night again knows of the second batch as little as before.
    for table in ("silver.cards", "silver.cards_versions"):
        assert world.make(table, days[0]) == 0
    world.pass_gate(days[1])
    world.make("silver.cards", days[1])
    assert world.rows("silver.cards", "card_id", "closed_on") == [
        ("K1", None), ("K2", date(2026, 1, 2)), ("K3", date(2026, 1, 3)),
    ]  # fmt: skip


def test_an_end_that_lies_ahead_does_not_keep_open_who_is_absent_from_a_snapshot(world: World) -> None:
    world.configure(feeds={"do_not_call": {"delivery": "snapshot"}, "cards": {"delivery": "snapshot"}})
    days = ["2026-01-01", "2026-01-02"]
    entries = "customer_id,added_at,expires_at\nC0,2026-01-01,\n"
    planned = "C1,2026-01-01,2027-01-01 00:00:00\nC2,2026-01-01,2026-01-01 12:00:00\n"
    cards = "card_id,customer_id,closed_on,updated_at\nK0,C0,,2026-01-01 00:00:00\n"
    ending = "K1,C1,2027-01-01,2026-01-01 00:00:00\nK2,C2,2025-12-31,2026-01-01 00:00:00\n"
    for day, more, other in zip(days, (planned, ""), (ending, ""), strict=True):
        world.drop("do_not_call", day, entries + more)
        world.drop("cards", day, cards + other)
        world.land("do_not_call", day)
        world.land("cards", day)
    for table in ("silver.do_not_call", "silver.cards", "silver.cards_versions"):
        world.make(table, *days)
    assert world.rows("silver.do_not_call", "customer_id", "CAST(expires_at AS VARCHAR)") == [
        ("C0", None),
        ("C1", "2026-01-02 00:00:00+00"),
        ("C2", "2026-01-01 12:00:00+00"),
    ]
    closed = [("K0", None), ("K1", date(2026, 1, 2)), ("K2", date(2025, 12, 31))]
    assert world.rows("silver.cards", "card_id", "closed_on") == closed
    of_versions = world.rows("silver.cards_versions", "card_id", "closed_on", "known_on", order="1, 3")
    assert of_versions[1:3] == [("K1", date(2027, 1, 1), date(2026, 1, 1)), ("K1", date(2026, 1, 2), date(2026, 1, 2))]


def test_a_snapshot_that_comes_late_is_held_against_the_next_one(world: World) -> None:
    world.configure(feeds={"do_not_call": {"delivery": "snapshot"}})
    header = "customer_id,added_at\n"
    for day, who in (("2026-01-03", "C0"), ("2026-01-02", "C0 C1")):
        world.drop("do_not_call", day, header + "".join(f"{each},2026-01-01\n" for each in who.split()))
        world.land("do_not_call", day)
        world.make("silver.do_not_call", day)
    assert world.rows("silver.do_not_call", "customer_id", "CAST(expires_at AS VARCHAR)", "known_on") == [
        ("C0", None, date(2026, 1, 2)),
        ("C1", "2026-01-03 00:00:00+00", date(2026, 1, 2)),
    ]


def _drop_calls(world: World) -> None:
    for day, content in BATCHES.items():
        world.drop("calls", day, content)


def _calls_after(world: World, order: list[str]) -> list[tuple]:
    _drop_calls(world)
    for day in order:
        world.land("calls", day)
        world.make("silver.calls", day)
    return _silver_calls(world)


def _silver_calls(world: World) -> list[tuple]:
    return world.rows("silver.calls", "call_id", "event_date", "known_on", "topic", "ds", "row_hash")
