"""A range that is made again: at once where the order of nights does not matter, and the same lake either way."""

from datetime import date
from typing import Any

import pytest

from jobs import effects, keyed, ranges, runner
from jobs.errors import DataError
from jobs.lake import Lake
from jobs.settings import read_settings
from jobs.tables import FEEDS, TABLES, nightly
from tests.conftest import World
from tests.frames import frame, whole
from tests.jobs.gold.outreach.test_contact_effects import CAMPAIGN, chosen

DAYS = tuple(date(2026, 1, day) for day in (5, 6))
MADE = (
    "silver.calls",
    "gold.repeat_calls",
    "features.answered_calls",
    "features.customer_measures",
    "features.customer_tag_values",
    "gold.customer_tags",
)
HEAD = "call_id,customer_id,caller_number,direction,started_at,ended_at,outcome\n"


def test_what_a_range_makes_at_once_reads_nothing_that_is_made_night_by_night() -> None:
    at_once = {table.name for table in nightly() if not table.kind.is_stamped}
    assert {name for table in at_once for name in TABLES[table].inputs} <= at_once


def test_a_range_that_ends_before_it_begins_is_not_taken_for_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranges.night, "in_one_process", lambda *_: "nothing was made, and nothing failed")
    with pytest.raises(DataError, match="a range without a date"):
        ranges.backfill(DAYS[1], DAYS[0], "of Airflow's form")


@pytest.fixture
def calls(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """Two dates with a call each; the second also brings one of the day before."""
    few = [table for table in nightly() if table.layer == "bronze" or table.name in MADE]
    monkeypatch.setattr(ranges, "nightly", lambda: few)
    world.drop("customers", str(DAYS[0]), f"customer_id,name,updated_at\nC1,Anna Lee,{DAYS[0]} 08:00:00\n")
    for n, day in enumerate(DAYS):
        rows = [call(f"call{n}", day, 10), *([call("late", DAYS[0], 20)] if n == 1 else [])]
        world.drop("calls", str(day), HEAD + "".join(rows))
        world.drop("transactions", str(day), "transaction_id,customer_id,posted_at,amount,currency,kind\n")
    return world


def call(name: str, day: date, hour: int) -> str:
    return f"{name},C1,13800138000,inbound,{day} {hour}:00:00,{day} {hour}:05:00,answered\n"


def test_at_once_and_night_by_night_end_at_the_same_lake(calls: World) -> None:
    said: list[str] = []
    ranges.backfill(DAYS[0], DAYS[-1], "at once", said.append)
    assert sum("silver.calls:" in line for line in said) == 1
    assert sum("features.answered_calls:" in line for line in said) == len(DAYS)
    at_once = calls.everything()
    accounts = "feed", "ds", "rows_in", "rows_landed"
    noted = calls.rows("ops.batches", *accounts)
    assert [row[2:] for row in noted if row[0] == "calls"] == [(1, 1), (2, 2)]
    assert calls.rows("ops.nights", "count(passed_gate_at)", "count(completed_at)") == [(2, 2)]
    calls.lake.rename(calls.root / "at-once")
    for day in DAYS:
        ranges.backfill(day, day, f"night of {day}", lambda _: None)
    assert calls.everything() == at_once
    assert calls.rows("ops.batches", *accounts) == noted


def test_where_a_later_batch_corrects_an_event_each_night_tells_it_as_it_had_come(calls: World) -> None:
    (file,) = (calls.landing / f"calls/ds={DAYS[1]}").iterdir()
    file.write_text(file.read_text() + call("call0", DAYS[0], 11))
    said: list[str] = []
    ranges.backfill(DAYS[0], DAYS[-1], "corrected", said.append)
    assert "later batches correct calls: what is made of them comes night by night" in said
    assert sum("silver.calls:" in line for line in said) == len(DAYS)
    assert sum("bronze.calls:" in line for line in said) == 1
    found = calls.rows("features.answered_calls", "as_of", "call_id", "hour")
    assert found == [(DAYS[0], "call0", 10), (DAYS[1], "call1", 10)]


def test_who_is_absent_from_a_later_snapshot_is_told_by_each_night_as_it_had_come(
    calls: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = [*ranges.nightly(), TABLES["silver.do_not_call"], TABLES["silver.customers_versions"]]
    monkeypatch.setattr(ranges, "nightly", lambda: [table for table in nightly() if table in few])
    calls.configure(feeds={"do_not_call": {"delivery": "snapshot"}})
    for day, who in zip(DAYS, (("C1", "C2"), ("C2",)), strict=True):
        rows = "".join(f"{each},{DAYS[0]} 08:00:00\n" for each in who)
        calls.drop("do_not_call", str(day), f"customer_id,added_at\n{rows}")
    after_first: list[tuple[Any, ...]] = []

    def say(line: str) -> None:
        if line.startswith(f"night {DAYS[1]} "):
            after_first.extend(calls.rows("silver.do_not_call", "customer_id", "expires_at IS NULL"))

    ranges.backfill(DAYS[0], DAYS[-1], "snapshots", say)
    assert after_first == [("C1", True), ("C2", True)]
    assert calls.rows("silver.do_not_call", "customer_id", "expires_at IS NULL") == [("C1", False), ("C2", True)]
    at_once = calls.everything()
    calls.lake.rename(calls.root / "at-once")
    for day in DAYS:
        ranges.backfill(day, day, f"night of {day}", lambda _: None)
    assert calls.everything() == at_once


def test_what_a_later_batch_corrects_may_have_come_long_before(calls: World) -> None:
    world, old, settings = calls, date(2025, 9, 1), read_settings()
    for day, hour in ((old, 10), (DAYS[0], 11)):
        world.drop("calls", str(day), HEAD + call("old", old, hour) + call(f"of {day}", day, 12))
        world.land("calls", str(day))
    lake, feed = runner.open_lake(settings), next(feed for feed in FEEDS if feed.name == "calls")
    assert keyed.is_corrected(lake, feed, [DAYS[0]], settings)
    world.drop("calls", str(DAYS[0]), HEAD + call("old", DAYS[0], 10))
    world.land("calls", str(DAYS[0]))
    assert not keyed.is_corrected(lake, feed, [DAYS[0]], settings), "a key that is used anew is another call"


def test_a_range_that_stops_before_its_gate_leaves_what_was_said_of_customers(
    calls: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    ranges.backfill(DAYS[0], DAYS[-1], "first", lambda _: None)
    told = "features.customer_measures", "features.customer_tag_values", "gold.customer_tags"
    before = {name: calls.rows(name, "*") for name in told}
    (file,) = (calls.landing / f"transactions/ds={DAYS[0]}").iterdir()
    kept = file.read_text()
    file.unlink()
    with pytest.raises(DataError, match="no file"):
        ranges.backfill(DAYS[0], DAYS[-1], "second", lambda _: None)
    assert {name: calls.rows(name, "*") for name in told} == before
    file.write_text(kept)
    # So that the nights have something to say anew.
    (heard,) = (calls.landing / f"calls/ds={DAYS[0]}").iterdir()
    heard.write_text(heard.read_text() + call("more", DAYS[0], 12))
    take_back = Lake.take_back

    def killed(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Lake, "take_back", killed)
    with pytest.raises(KeyboardInterrupt):
        ranges.backfill(DAYS[0], DAYS[-1], "killed", lambda _: None)
    complete = "ops.nights", "count(passed_gate_at)", "count(completed_at)"
    assert calls.rows(*complete) == [(2, 0)], "what the nights had said was about to be taken back"
    monkeypatch.setattr(Lake, "take_back", take_back)
    ranges.backfill(DAYS[0], DAYS[-1], "again", lambda _: None)
    anew = {name: calls.rows(name, "*") for name in told}
    calls.lake.rename(calls.root / "again")
    ranges.backfill(DAYS[0], DAYS[-1], "alone", lambda _: None)
    assert anew != before
    assert {name: calls.rows(name, "*") for name in told} == anew


def test_a_date_that_fails_stops_the_range_there_and_leaves_the_nights_before_it_made(calls: World) -> None:
    (file,) = (calls.landing / f"calls/ds={DAYS[1]}").iterdir()
    file.write_text("")
    said: list[str] = []
    with pytest.raises(DataError, match=f"calls/ds={DAYS[1]}"):
        ranges.backfill(DAYS[0], DAYS[-1], "stopped", said.append)
    assert any(line.startswith("night by night: ") for line in said)
    nights = calls.rows("ops.nights", "ds", "completed_at IS NOT NULL")
    assert [day for day, is_complete in nights if is_complete] == [DAYS[0]]
    assert calls.rows("silver.calls", "call_id") == [("call0",)]


def test_the_nights_before_one_that_the_gate_refuses_know_nothing_of_its_batches(
    calls: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = [*ranges.nightly(), TABLES["silver.customers"], TABLES["silver.customers_versions"]]
    monkeypatch.setattr(ranges, "nightly", lambda: [table for table in nightly() if table in few])
    calls.drop("customers", str(DAYS[1]), f"customer_id,name,updated_at\nC1,Bea Lee,{DAYS[1]} 08:00:00\n")
    (file,) = (calls.landing / f"calls/ds={DAYS[1]}").iterdir()
    file.write_text(HEAD + "".join(call("", DAYS[1], hour) for hour in range(11)))
    with pytest.raises(DataError, match=f"gate {DAYS[1]}"):
        ranges.backfill(DAYS[0], DAYS[-1], "refused", lambda _: None)
    assert calls.rows("bronze.customers", "ds") == [(day,) for day in DAYS]
    assert calls.rows("silver.customers_versions", "known_on", "superseded_on") == [(DAYS[0], None)]
    assert calls.rows("silver.customers", "ds") == [(DAYS[0],)]


LISTED = {"C0": date(2026, 3, 8), "C1": date(2026, 3, 8), "C2": date(2026, 3, 9)}
JUDGED = tuple(date(2026, 3, day) for day in (16, 17))
"""The date on which the first week of these becomes final, and results of the second list count the last time, and one
after it."""
OF_LISTS = ("gold.contact_effects", "gold.script_effects", "gold.list_quality")
TO_LISTS = (
    "bronze.contact_results", "bronze.transactions", "silver.contact_results", "silver.transactions", *OF_LISTS
)  # fmt: skip


@pytest.fixture
def lists(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """The files of the nights that judge two lists, of whose contacts and purchases a late batch tells."""
    few = [table for table in nightly() if table.layer == "bronze" or table.name in TO_LISTS]
    monkeypatch.setattr(ranges, "nightly", lambda: few)
    campaign = CAMPAIGN | {"outcome_days": 1, "scripts": [{"id": "ask"}, {"id": "offer"}]}
    monkeypatch.setattr(effects, "campaigns_of", lambda _: [campaign])
    for day in JUDGED:
        world.drop("calls", str(day), HEAD)
        tell(world, day, *(["no_answer"] if day == JUDGED[0] else []))
    return world


def tell(world: World, day: date, *results: str, bought: tuple[str, ...] = ()) -> None:
    """The batches of a date: each of these results of all contacts, and who bought something on 9 March."""
    head = "attempt_id,list_on,campaign,customer_id,attempted_at,channel,result\n"
    rows = [f"{who},{on},save,{who},{on} 10:00:00,call,{result}\n" for who, on in LISTED.items() for result in results]
    world.drop("contact_results", str(day), head + "".join(rows))
    head = "transaction_id,customer_id,posted_at,amount,currency,kind\n"
    rows = [f"of {who},{who},2026-03-09 10:00:00,5,CNY,purchase\n" for who in bought]
    world.drop("transactions", str(day), head + "".join(rows))


def judged(world: World) -> dict[str, Any]:
    """What the nights one by one say of the lists."""
    lake = runner.open_lake(read_settings())
    listed = [
        chosen(who, "listed", on, script_id=script)
        for (who, on), script in zip(LISTED.items(), ("ask", "offer", "ask"), strict=True)
    ]
    candidates = [*listed, chosen("held out", "holdout", LISTED["C0"])]
    for name, rows in {"gold.call_candidates": candidates, "gold.call_lists": listed}.items():
        lake.append(TABLES[name], frame(lake.spark, name, [whole(name, row) for row in rows]))
    for day in JUDGED:
        for name in TO_LISTS:
            world.make(name, str(day))
    return said_of_lists(world)


def said_of_lists(world: World) -> dict[str, Any]:
    return {name: world.rows(name, "*") for name in OF_LISTS}


def test_a_range_of_corrected_batches_says_of_lists_what_its_nights_would_have_also_after_a_kill(
    lists: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = judged(lists)
    tell(lists, JUDGED[0], "reached", bought=("C0", "held out"))
    steps, update = runner._STAMPED, effects.update_quality

    def killed(*_: Any) -> int:
        raise KeyboardInterrupt

    monkeypatch.setitem(steps, "gold.list_quality", killed)
    with pytest.raises(KeyboardInterrupt):
        ranges.backfill(JUDGED[0], JUDGED[-1], "killed", lambda _: None)
    monkeypatch.setitem(steps, "gold.list_quality", update)
    ranges.backfill(JUDGED[0], JUDGED[-1], "again", lambda _: None)
    anew = said_of_lists(lists)
    lists.lake.rename(lists.root / "again")
    assert anew == judged(lists)
    assert all(anew[name] != before[name] for name in OF_LISTS)
