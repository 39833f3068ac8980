"""Tags, night by night: point in time, moving forward, and what reruns, gaps and corrections do to them."""

import dataclasses
import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from deltalake import CommitProperties, DeltaTable, write_deltalake

from jobs import customers, measured, runner
from jobs.lake import Lake
from jobs.settings import read_settings
from jobs.tables import TABLES
from jobs.tables.tags import CATALOGUE, Catalogue, Rule
from tests.conftest import World
from tests.frames import frame

OPTIONAL = {"feeds": {"calls": {"optional": True}, "transactions": {"optional": True}}}
CALLS = "call_id,customer_id,direction,started_at,ended_at,outcome,topic,csat\n"
SPENT = "transaction_id,customer_id,posted_at,amount,currency,kind,status,merchant_category\n"
PEOPLE = "customer_id,star_level,city,updated_at\n"
STEPS = ("features.customer_measures", "features.customer_tag_values", "gold.customer_tags", "gold.customer_portraits")
PERIOD = ("customer_id", "tag", "value", "valid_from", "valid_to", "is_partial", "rule_version")


def call(call_id: str, customer: str, at: str, topic: str = "fee", csat: str = "") -> str:
    return f"{call_id},{customer},inbound,{at}:00,{at}:30,answered,{topic},{csat}\n"


def spent(key: str, customer: str, at: str, amount: str = "10.50", status: str = "", category: str = "fuel") -> str:
    return f"{key},{customer},{at}:00,{amount},CNY,purchase,{status},{category}\n"


# Each night brings something late or corrects something: a call of the first date on the last, a purchase that was
# disputed, a last purchase taken back, a customer who moved.
NIGHTS = {
    "2026-01-01": {
        "calls": CALLS + call("a1", "C1", "2026-01-01 10:00", csat="5") + call("b1", "C2", "2026-01-01 11:00"),
        "transactions": SPENT + spent("t1", "C1", "2026-01-01 12:00") + spent("t2", "C2", "2026-01-01 12:00", "900.00"),
        "customers": PEOPLE + "C1,5,Leeds,2026-01-01 08:00:00\nC3,7,Rome,2026-01-01 08:00:00\n",
    },
    "2026-01-08": {
        "calls": CALLS
        + call("a2", "C1", "2026-01-08 10:00", "card")
        + call("a0", "C1", "2026-01-07 10:00", "card", "2"),
        "transactions": SPENT
        + spent("t3", "C1", "2026-01-08 09:00", category="grocery")
        + spent("t4", "C1", "2026-01-06 09:00", category="grocery"),
    },
    "2026-01-31": {
        "calls": CALLS + call("c1", "C3", "2026-01-31 10:00") + call("z1", "C1", "2026-01-01 09:00", "zebra"),
        "transactions": SPENT
        + spent("t2", "C2", "2026-01-01 12:00", "900.00", "disputed")
        + spent("t3", "C1", "2026-01-08 09:00", status="reversed", category="grocery"),
        "customers": PEOPLE + "C1,6,Paris,2026-01-30 08:00:00\n",
    },
    "2026-02-07": {"calls": CALLS + call("a3", "C1", "2026-02-07 10:00") + call("b0", "C2", "2026-02-01 23:59")},
}
DAYS = tuple(NIGHTS)


def night(world: World, day: str, steps: tuple[str, ...] = STEPS) -> None:
    for feed in ("calls", "transactions", "customers"):
        content = NIGHTS[day].get(feed)
        if content:
            world.drop(feed, day, content)
        world.land(feed, day)
        world.make(f"silver.{feed}", day)
    world.make("silver.customers_versions", day)
    for step in steps:
        world.make(step, day)


def history(world: World) -> list[tuple[Any, ...]]:
    return world.rows("gold.customer_tags", *PERIOD, order="customer_id, tag, valid_from")


def held(world: World, day: str, *tags: str) -> dict[tuple[str, str], str]:
    wanted = date.fromisoformat(day)
    return {
        (customer, tag): value
        for customer, tag, value, since, until, *_ in history(world)
        if since <= wanted and (until is None or until > wanted) and (not tags or tag in tags)
    }


def measures_of(world: World, day: str, lake: Path | None = None) -> list[tuple[Any, ...]]:
    rows = world.rows("features.customer_measures", lake=lake)
    return [row for row in rows if row[0] == date.fromisoformat(day)]


@pytest.fixture(scope="module")
def nights(module_world: World) -> World:
    """The lake after all nights in their order; `_after` keeps it as it was after each."""
    module_world.configure(**OPTIONAL)
    for day in DAYS:
        night(module_world, day)
        shutil.copytree(module_world.lake, _after(module_world, day))
    return module_world


def _after(world: World, day: str) -> Path:
    return world.root / f"after-{day}"


def begin(world: World, nights: World, customers_of: str, silver_of: str) -> None:
    """A lake in which the nights after `customers_of` up to `silver_of` said nothing of customers yet."""
    world.configure(**OPTIONAL)
    shutil.copytree(_after(nights, silver_of), world.lake)
    for layer in ("features", "gold"):
        shutil.rmtree(world.lake / layer)
        shutil.copytree(_after(nights, customers_of) / layer, world.lake / layer)


def test_a_tag_tells_what_was_known_at_the_end_of_each_date(nights: World) -> None:
    told = [held(nights, day, "calls_7d", "calls_30d", "main_topics_90d", "vip", "moved_365d") for day in DAYS]
    assert [each.get(("C1", "calls_7d")) for each in told] == ["1", "2", "0", "1"]
    assert [each.get(("C1", "calls_30d")) for each in told] == ["1", "3", "2", "1"], "2026-01-01 leaves on 2026-01-31"
    assert [each.get(("C1", "main_topics_90d")) for each in told] == [
        "fee",
        "card, fee",
        "card, fee, zebra",
        "card, fee, zebra",
    ]
    assert [each.get(("C1", "vip")) for each in told] == ["no", "no", "yes", "yes"]
    assert [each.get(("C2", "calls_7d")) for each in told] == ["1", "0", "0", "1"], (
        "a late call counts once it is known"
    )
    assert ("C2", "vip") not in told[-1], "the customers feed never brought C2"


def test_corrections_count_from_the_night_that_brings_them(nights: World) -> None:
    told = [held(nights, day, "favourite_category_90d", "disputes_365d", "purchase_recency_365d") for day in DAYS]
    assert [each.get(("C2", "disputes_365d")) for each in told] == ["0", "0", "1", "1"]
    assert [each.get(("C1", "favourite_category_90d")) for each in told] == ["fuel", "grocery", "fuel", "fuel"]
    assert [each.get(("C1", "purchase_recency_365d")) for each in told] == [
        "0_7_days",
        "0_7_days",
        "8_30_days",
        "31_90_days",
    ]


def test_tags_of_a_past_date_made_again_from_silver_are_those_that_it_held(nights: World, tmp_path: Path) -> None:
    # The leak test. What a correction changed is read as corrected, so customers without one are compared.
    for day in DAYS[:-1]:
        for step in STEPS[:2]:
            nights.make(step, day)
        columns = ("customer_id", *CATALOGUE.tags)
        rows = nights.rows("features.customer_tag_values", "CAST(as_of AS VARCHAR)", *columns)
        again = {
            (customer, tag): value
            for as_of, customer, *values in rows
            if as_of == day
            for tag, value in zip(CATALOGUE.tags, values, strict=True)
            if value is not None
        }
        known = held(nights, day)
        corrected = {"C1", "C2"} if day < "2026-01-31" else set()
        spending = {t.name for t in CATALOGUE.tags.values() if "silver.transactions" in _tables(t.name)}
        differing = {key for key in known.keys() | again.keys() if known.get(key) != again.get(key)}
        assert not {(c, tag) for c, tag in differing if not (c in corrected and tag in spending)}


def test_tags_are_those_that_sql_tells_from_silver(nights: World) -> None:
    absent = {"silver.tickets_versions", "silver.contact_results"}
    names = ("silver.transactions", "silver.calls", "silver.customers_versions", STEPS[0], *absent)
    with duckdb.connect() as db:
        db.execute("SET TimeZone = 'UTC'")
        for name in names:
            runner.open_lake(read_settings()).create(TABLES[name])
            db.register("rows", DeltaTable(nights.lake / name.replace(".", "/")).to_pyarrow_dataset())
            db.execute(f"CREATE SCHEMA IF NOT EXISTS {name.split('.')[0]}; CREATE TABLE {name} AS SELECT * FROM rows")
        sql = Path(__file__).with_name("gold").joinpath("customers/tags.sql").read_text()
        told = db.execute(sql.replace("$as_of", f"DATE '{DAYS[-1]}'")).fetchall()
    # Feeds that never came say nothing, which SQL over their empty tables does not know.
    wanted = {(customer, tag): value for customer, tag, value in told if not _tables(tag) & absent}
    tags = {tag for _, tag in wanted}
    assert len(tags) >= 10
    assert {key: value for key, value in held(nights, DAYS[-1]).items() if key[1] in tags} == wanted


def _tables(tag: str) -> set[str]:
    return {measure.table for measure in CATALOGUE.measures_of(CATALOGUE.tags[tag].rules[0])}


def test_periods_of_a_tag_follow_each_other_and_is_current_says_which_one_holds(nights: World) -> None:
    gaps = nights.rows(
        "gold.customer_tags",
        "count(*) FILTER (is_current <> (valid_to IS NULL))",
        "count(*) FILTER (valid_to <= valid_from)",
        "count(*) - count(DISTINCT (customer_id, tag, valid_from))",
    )
    assert gaps == [(0, 0, 0)]


def test_a_window_that_begins_before_the_first_batch_is_partial(nights: World) -> None:
    periods = [
        (value, since, part) for c, tag, value, since, _, part, _ in history(nights) if (c, tag) == ("C3", "calls_7d")
    ]
    assert periods == [
        ("0", date(2026, 1, 1), True),
        ("0", date(2026, 1, 8), False),
        ("1", date(2026, 1, 31), False),
        ("0", date(2026, 2, 7), False),
    ]


def test_a_feed_that_came_without_a_row_says_no_of_everybody(world: World) -> None:
    world.configure(**OPTIONAL)
    day = DAYS[0]
    world.drop("do_not_call", day, "customer_id,phone,added_at\n")
    world.land_and_record("do_not_call", day)
    for name in ("silver.do_not_call", "silver.tickets_versions"):
        world.make(name, day)
    night(world, day)
    told = held(world, day, "do_not_call", "open_complaint")
    assert told == {(customer, "do_not_call"): "no" for customer in ("C1", "C2", "C3")}, "of tickets no file came"


def test_the_same_night_again_changes_nothing_and_an_older_one_says_so(nights: World) -> None:
    before = history(nights), nights.rows("gold.customer_portraits")
    assert [nights.make(step, DAYS[-1]) for step in STEPS] == [0, 0, 0, 0]
    outcome = runner.run("gold.customer_tags", [date.fromisoformat(DAYS[1])], "test", read_settings())
    assert outcome.rows == 0
    assert "only moves forward" in outcome.warnings[0]
    assert (history(nights), nights.rows("gold.customer_portraits")) == before


def test_a_portrait_says_what_the_lists_of_the_day_after_have_planned(nights: World, world: World) -> None:
    begin(world, nights, DAYS[2], DAYS[3])
    lake = runner.open_lake(read_settings())
    list_on = date.fromisoformat(DAYS[3]) + timedelta(days=1)
    at = datetime(list_on.year, list_on.month, list_on.day, 10, tzinfo=UTC)
    rows = [
        {"list_on": day, "customer_id": "C1", "campaign": "follow_up", "channel": "call", "why": f"of {day}", "rank": 1,
         "kind": "service", "decision": "listed", "script_id": "s", "script_hint": "ask", "expected_value": 1.0,
         "slot_start_at": at, "slot_end_at": at + timedelta(hours=1)}
        for day in (list_on - timedelta(days=1), list_on)
    ]  # fmt: skip
    for name in ("gold.call_candidates", "gold.call_lists"):
        lake.append(TABLES[name], frame(lake.spark, name, rows))
    for step in STEPS:
        world.make(step, DAYS[3])
    assert world.rows("gold.customer_portraits", "customer_id", "next_best_action") == [
        ("C1", f"Ask whether a settled matter is settled: call on {list_on}, 10:00 to 11:00. of {list_on}"),
        ("C2", None),
        ("C3", None),
    ]
    assert world.make(STEPS[3], DAYS[3]) == 0


def test_a_backfill_says_the_dates_again(nights: World) -> None:
    before = history(nights)
    lake = runner.open_lake(read_settings())
    customers.rewind(lake, date.fromisoformat(DAYS[2]), date.fromisoformat(DAYS[3]))
    assert held(nights, DAYS[3]) == held(nights, DAYS[1]), "as it stood before the range"
    for day in DAYS[2:]:
        for step in STEPS:
            nights.make(step, day)
    assert history(nights) == before


@pytest.mark.parametrize(("before", "day"), [(DAYS[0], DAYS[1]), (DAYS[0], DAYS[2]), (DAYS[2], DAYS[3])])
def test_long_windows_rolled_on_from_the_date_before_are_those_read_anew(
    nights: World, world: World, monkeypatch: pytest.MonkeyPatch, before: str, day: str
) -> None:
    begin(world, nights, before, day)
    monkeypatch.setattr(measured, "ROLLED_FROM_ROWS", 0)
    rolled: list[str] = []
    way = measured._rolled

    def seen(lake: Any, table: Any, *more: Any) -> Any:
        figures = way(lake, table, *more)
        rolled.extend([] if figures is None else [table.name])
        return figures

    monkeypatch.setattr(measured, "_rolled", seen)
    world.make(STEPS[0], day)
    assert rolled == ["silver.calls", "silver.transactions"]
    assert measures_of(world, day) == measures_of(nights, day, _after(nights, day))


def test_a_changed_rule_begins_a_new_version_and_leaves_what_was_known(
    nights: World, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(world, nights, DAYS[0], DAYS[1])
    tag = CATALOGUE.tags["calls_7d"]
    fresh = Rule(2, date(2026, 1, 5), "inbound_calls_7d * 10")
    changed = {**CATALOGUE.tags, "calls_7d": dataclasses.replace(tag, rules=(fresh, *tag.rules))}
    # A tag that is no more ends as well.
    del changed["vip"]
    monkeypatch.setattr(customers, "CATALOGUE", Catalogue(CATALOGUE.measures, changed))
    columns = tuple(column for column in customers.TAG_VALUES.columns if column.name != "vip")
    monkeypatch.setattr(customers, "TAG_VALUES", dataclasses.replace(customers.TAG_VALUES, columns=columns))
    lake = runner.open_lake(read_settings())
    world.make(STEPS[0], DAYS[1])
    for update in (customers.update_tag_values, customers.update_tags):
        update(lake, date.fromisoformat(DAYS[1]), read_settings(), lambda *_: None, lambda _: None)
    first, second = (date.fromisoformat(day) for day in DAYS[:2])
    assert [p[2:] for p in history(world) if p[:2] == ("C1", "calls_7d")] == [
        ("1", first, second, True, 1),
        ("20", second, None, False, 2),
    ]
    assert [p[2:5] for p in history(world) if p[:2] == ("C3", "vip")] == [("yes", first, second)]


def test_periods_that_a_killed_run_left_to_the_server_do_not_begin_a_second_time(
    nights: World, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(world, nights, DAYS[0], DAYS[1])
    for step in STEPS[:2]:
        world.make(step, DAYS[1])
    change_periods = Lake.change_periods

    def comes_second(*given: Any, **note: Any) -> None:
        monkeypatch.setattr(Lake, "change_periods", change_periods)
        world.make(STEPS[2], DAYS[1])
        change_periods(*given, **note)

    monkeypatch.setattr(Lake, "change_periods", comes_second)
    world.make(STEPS[2], DAYS[1])
    assert history(world) == world.rows(
        STEPS[2], *PERIOD, order="customer_id, tag, valid_from", lake=_after(nights, DAYS[1])
    )


def test_a_history_takes_in_a_column_that_it_had_not_when_it_was_made(nights: World, world: World) -> None:
    begin(world, nights, DAYS[0], DAYS[1])
    table = DeltaTable(world.lake / "gold/customer_tags")
    noted = CommitProperties(custom_metadata={"userMetadata": table.history(1)[0]["userMetadata"]})
    older = table.to_pyarrow_table().drop_columns(["rule_version"])
    write_deltalake(table, older, mode="overwrite", schema_mode="overwrite", commit_properties=noted)
    for step in STEPS[:3]:
        world.make(step, DAYS[1])
    begun = world.rows("gold.customer_tags", "DISTINCT valid_from", "rule_version IS NULL", order="valid_from")
    assert begun == [(date.fromisoformat(DAYS[0]), True), (date.fromisoformat(DAYS[1]), False)]


def test_a_night_that_said_nothing_of_tags_is_made_up_for_by_the_next(nights: World, world: World) -> None:
    begin(world, nights, DAYS[0], DAYS[2])
    for step in STEPS[:2]:
        world.make(step, DAYS[1])
    for step in STEPS[:3]:
        world.make(step, DAYS[2])
    assert held(world, DAYS[1]) == held(world, DAYS[0]), "nobody said anything of that date"
    assert held(world, DAYS[2]) == held(nights, DAYS[2])


def test_where_the_wide_rows_of_before_are_gone_the_history_says_what_it_holds(nights: World, world: World) -> None:
    begin(world, nights, DAYS[0], DAYS[1])
    runner.open_lake(read_settings()).delete(customers.TAG_VALUES, f"as_of <= DATE'{DAYS[0]}'")
    for step in STEPS[:3]:
        world.make(step, DAYS[1])
    assert [p for p in history(world) if p[3] <= date.fromisoformat(DAYS[1])] == [
        (*p[:4], p[4] if p[4] and p[4] <= date.fromisoformat(DAYS[1]) else None, *p[5:])
        for p in history(nights)
        if p[3] <= date.fromisoformat(DAYS[1])
    ]
