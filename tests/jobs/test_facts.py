"""Facts over calls end the same whether nights come one by one, several at once, or in another order."""

import random
import shutil
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable
from great_expectations import expectations as gxe

from expectations.gold.service import service_kpis
from jobs import runner, windows
from jobs.errors import DataError
from jobs.settings import read_settings
from jobs.silver import caller_history
from jobs.tables import TABLES
from tests.conftest import World

HEADER = "call_id,customer_id,direction,started_at,ended_at,outcome,queue,topic\n"
NOTHING_BETWEEN = {"feeds": {"calls": {"optional": True}}}
"""The dates between the batches bring no call."""

MADE = ("gold.repeat_calls", "gold.service_kpis")
FACTS = ("silver.caller_history", *MADE)


def call(call_id: str, customer: str, at: str, topic: str = "fee", outcome: str = "answered") -> str:
    return f"{call_id},{customer},inbound,{at}:00,{at}:30,{outcome},cards,{topic}\n"


# The second month begins where the first call lies beyond the days that a night makes anew; its second batch brings
# calls of the first month, before, between and after those that have become history.
BATCHES = {
    "2026-01-01": call("a1", "C1", "2026-01-01 10:00") + call("b1", "C2", "2026-01-01 11:00"),
    "2026-01-02": call("a2", "C1", "2026-01-02 09:00", outcome="abandoned"),
    "2026-02-25": call("a3", "C1", "2026-02-25 10:00") + call("c1", "C3", "2026-02-25 10:00"),
    "2026-02-26": call("a0", "C1", "2026-01-01 09:00")
    + call("b2", "C2", "2026-01-20 10:00")
    + call("a2", "C1", "2026-01-02 09:00", "card")
    + call("d1", "C4", "2026-02-26 08:00"),
    "2026-02-27": call("b3", "C2", "2026-02-27 10:00") + call("c2", "C3", "2026-02-27 10:00"),
}
LATE = "2026-02-26"


@pytest.fixture(scope="module")
def one_by_one(module_world: World) -> dict[str, list[tuple[Any, ...]]]:
    """The facts after the nights in their order; `_before_late` keeps the lake as it was before the late rows came."""
    _drop(module_world)
    for day in BATCHES:
        if day == LATE:
            shutil.copytree(module_world.lake, _before_late(module_world))
        _night(module_world, day)
    return _facts(module_world)


@pytest.fixture
def before_late(one_by_one: dict[str, list[tuple[Any, ...]]], module_world: World, world: World) -> World:
    """All batches, and the lake as it was before the late rows came."""
    _drop(world)
    shutil.copytree(_before_late(module_world), world.lake)
    shutil.copy(module_world.root / "pseudonym.key", world.root)
    return world


def test_a_late_call_is_seen_by_the_calls_after_it(
    one_by_one: dict[str, list[tuple[Any, ...]]], module_world: World
) -> None:
    columns = ("call_id", "chain_id", "position_in_chain", "previous_call_id", "is_retry", "repeated_any_30d")
    assert module_world.rows("gold.repeat_calls", *columns, order="customer_id, started_at") == [
        ("a0", "a0", 1, None, False, True),
        ("a1", "a0", 2, "a0", False, True),
        ("a2", "a0", 3, "a1", False, False),
        ("a3", "a3", 1, "a2", False, False),
        ("b1", "b1", 1, None, False, True),
        ("b2", "b2", 1, "b1", False, False),
        ("b3", "b3", 1, "b2", False, False),
        ("c1", "c1", 1, None, False, True),
        ("c2", "c1", 2, "c1", False, False),
        ("d1", "d1", 1, None, False, False),
    ]


def test_nights_in_another_order_and_several_at_once_end_at_the_same_facts(
    one_by_one: dict[str, list[tuple[Any, ...]]], world: World
) -> None:
    _drop(world)
    january_first, january_second, *february = BATCHES
    _night(world, *february)
    _night(world, january_second)
    _night(world, january_first)
    assert _facts(world) == one_by_one


def test_late_rows_change_older_and_latest_days_in_one_commit(before_late: World) -> None:
    facts = str(before_late.lake / "gold/repeat_calls")
    before = DeltaTable(facts).version()
    _night(before_late, LATE)
    assert DeltaTable(facts).version() == before + 1
    assert {"a0", "b2", "d1"} <= {row[0] for row in before_late.rows("gold.repeat_calls", "call_id")}


def test_a_night_killed_between_the_facts_and_the_history_ends_the_same(
    one_by_one: dict[str, list[tuple[Any, ...]]], before_late: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as killed:
        killed.setattr(caller_history, "build", _killed)
        with pytest.raises(KilledError):
            _night(before_late, LATE)
    assert ("a0", "a0") in before_late.rows("gold.repeat_calls", "call_id", "chain_id"), "the facts were written"
    _night(before_late, max(BATCHES))
    _night(before_late, LATE)
    assert _facts(before_late) == one_by_one


def test_a_night_looks_at_the_callers_alone_of_whom_a_call_changed(before_late: World) -> None:
    before_late.land("calls", LATE)
    before_late.make("silver.calls", LATE)
    before_late.pass_gate(LATE)
    callers = _plan().callers
    assert callers is not None
    assert {tuple(row) for row in callers.collect()} == {("c:C1", True), ("c:C2", True), ("c:C4", False)}


def test_a_night_without_late_callers_reads_no_fact_of_before(before_late: World) -> None:
    latest = max(BATCHES)
    history = before_late.lake / "gold/repeat_calls/event_date=2026-01-01"
    aside = history.rename(before_late.root / history.name)
    before_late.land("calls", latest)
    before_late.make("silver.calls", latest)
    before_late.pass_gate(latest)
    before_late.make("gold.repeat_calls", latest)
    aside.rename(history)
    assert ("b3", "b1") in before_late.rows("gold.repeat_calls", "call_id", "previous_call_id")


def test_a_lake_younger_than_the_longest_window_looks_at_changed_callers_alone_too(world: World) -> None:
    first, second = "2026-01-01", "2026-01-02"
    _drop(world)
    _night(world, first)
    written = _versions(world)
    world.make("gold.repeat_calls", first)
    assert _versions(world) == written, "a night run twice"
    world.land("calls", second)
    world.make("silver.calls", second)
    world.pass_gate(second)
    callers = _plan().callers
    assert callers is not None
    assert [row["caller_key"] for row in callers.collect()] == ["c:C1"]


def test_nights_without_calls_that_follow_each_other_do_not_make_all_facts_anew(before_late: World) -> None:
    last_window_passed, *quiet = "2026-04-10", "2026-04-16", "2026-04-22"
    for night in (last_window_passed, *quiet):
        before_late.pass_gate(night)
        is_anew = _plan().callers is None
        assert is_anew is (night == last_window_passed), "after more days than late_days alone"
        before_late.make("gold.repeat_calls", night)


@pytest.mark.parametrize("days", [3, 46], ids=["young", "with-history"])
def test_nights_of_chance_end_at_the_facts_of_all_calls_at_once(days: int, world: World) -> None:
    dice = random.Random(7)
    known: dict[str, datetime] = {}
    world.configure(**NOTHING_BETWEEN)
    first, *nights = (date(2026, 2, 14) + timedelta(days=n) for n in range(3))
    for n in range(days):
        day = first - timedelta(days=n)
        world.drop("calls", str(day), HEADER + _of_chance(dice, known, day, 5))
    for night in nights:
        world.drop("calls", str(night), HEADER + _of_chance(dice, known, night, 25))
    _night(world, *(str(first - timedelta(days=n)) for n in range(days)))
    for night in nights:
        _night(world, str(night))
    ended = _facts(world)
    assert (len(ended["silver.caller_history"]) > 5) is (days > 45)
    for name in FACTS:
        shutil.rmtree(world.lake / name.replace(".", "/"))
    for name in MADE:
        world.make(name, str(nights[-1]))
    assert _facts(world) == ended


def _of_chance(dice: random.Random, known: dict[str, datetime], day: date, rows: int) -> str:
    """Calls of few customers up to the date, some late, some a call that came before with other values."""
    told = {}
    for n in range(rows):
        back = dice.choice([0] * 9 + [3, 8, 20, 44])
        at = datetime.combine(day, time()) - timedelta(days=back, minutes=-dice.randrange(1440))
        before = [name for name, began in known.items() if began.date() <= day]
        name = dice.choice(before) if before and dice.random() < 0.1 else f"k{day}-{n}"
        at = known.setdefault(name, at)
        outcome = dice.choice(["answered", "abandoned"])
        told[name] = call(name, f"C{dice.randrange(12)}", f"{at:%Y-%m-%d %H:%M}", dice.choice(["fee", "card"]), outcome)
    return "".join(told.values())


def test_a_night_that_brings_nothing_new_changes_no_fact(
    one_by_one: dict[str, list[tuple[Any, ...]]], module_world: World
) -> None:
    assert [module_world.make(name, "2026-02-27") for name in MADE] == [0, 0]


def test_a_change_feed_that_is_gone_makes_the_facts_anew(
    one_by_one: dict[str, list[tuple[Any, ...]]], before_late: World
) -> None:
    before_late.land("calls", LATE)
    before_late.make("silver.calls", LATE)
    shutil.rmtree(before_late.lake / "silver/calls/_change_data")
    before_late.pass_gate(LATE)
    for name in MADE:
        before_late.make(name, LATE)
    _night(before_late, max(BATCHES))
    assert _facts(before_late) == one_by_one


def test_other_numbers_in_conf_make_the_facts_anew(
    one_by_one: dict[str, list[tuple[Any, ...]]], module_world: World
) -> None:
    numbers = {"transfer_minutes": 15, "chain_gap_days": 60, "late_days": 7}
    for repeat_calls, chain in ((numbers, "a0"), ({**numbers, "chain_gap_days": 7}, "a3")):
        module_world.configure(**NOTHING_BETWEEN, repeat_calls=repeat_calls)
        for name in MADE:
            module_world.make(name, "2026-02-27")
        assert ("a3", chain) in module_world.rows("gold.repeat_calls", "call_id", "chain_id")
    assert _facts(module_world) == one_by_one


def test_a_critical_expectation_that_fails_leaves_the_table_as_it_was_and_says_so_in_a_line(
    one_by_one: dict[str, list[tuple[Any, ...]]], module_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    impossible = gxe.ExpectColumnMaxToBeBetween(
        column="offered", max_value=0, severity="critical", notes="Nobody calls"
    )
    monkeypatch.setattr(service_kpis, "EXPECTATIONS", (*service_kpis.EXPECTATIONS, impossible))
    module_world.drop("calls", "2026-02-28", HEADER + call("e1", "C5", "2026-02-28 10:00"))
    with pytest.raises(DataError) as raised:
        _night(module_world, "2026-02-28")
    assert raised.value.headline.startswith("gold.service_kpis 2026-02-28: Nobody calls")
    assert "\n" not in raised.value.headline
    assert module_world.rows("gold.service_kpis") == one_by_one["gold.service_kpis"]


class KilledError(Exception):
    """Where a process would have ended."""


def _killed(*_: Any) -> None:
    raise KilledError


def _before_late(world: World) -> Path:
    return world.root / "before-late"


def _drop(world: World) -> None:
    world.configure(**NOTHING_BETWEEN)
    for day, rows in BATCHES.items():
        world.drop("calls", day, HEADER + rows)


def _night(world: World, *days: str) -> None:
    world.land("calls", *days)
    world.make("silver.calls", *days)
    world.pass_gate(max(days))
    for name in MADE:
        world.make(name, *days)


def _versions(world: World) -> dict[str, int]:
    return {name: DeltaTable(str(world.lake / name.replace(".", "/"))).version() for name in FACTS}


def _plan() -> windows.Plan:
    settings = read_settings()
    plan = windows.plan(runner.open_lake(settings), TABLES["gold.repeat_calls"], settings)
    assert plan is not None
    return plan


def _facts(world: World) -> dict[str, list[tuple[Any, ...]]]:
    return {name: world.rows(name) for name in FACTS}
