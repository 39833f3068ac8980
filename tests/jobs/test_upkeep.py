"""The weekly upkeep: a bounded number of files, rows of one person together, old rows gone, and nothing else changed."""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable

from jobs import loading, runner, upkeep
from jobs.errors import DataError
from jobs.lake import Lake
from jobs.settings import Settings, read_settings
from jobs.tables import TABLES, Table
from tests.conftest import World

LAST = date(2026, 1, 31)
CALLS = TABLES["silver.calls"]


@pytest.fixture
def lake(world: World) -> Lake:
    """An empty lake whose settings are those of the world."""
    return runner.open_lake(read_settings())


def _bring(lake: Lake, name: str, **columns: Sequence[Any]) -> None:
    """Rows of a table, one commit each; what is required and not given is a nought of its type."""
    table = TABLES[name]
    chosen = [column for column in table.columns if column.name in columns]
    schema = ", ".join(f"{column.name} {column.type}" for column in chosen)
    for values in zip(*(columns[column.name] for column in chosen), strict=True):
        row = lake.spark.createDataFrame([values], schema)
        nought = {column.name: "0" if column.required else "NULL" for column in table.columns}
        given = {column.name: column.name for column in chosen}
        lake.append(
            table, row.selectExpr(*(f"cast({(nought | given)[c.name]} AS {c.type}) AS {c.name}" for c in table.columns))
        )


def _calls(lake: Lake, days: int, customers: Sequence[str]) -> None:
    dates = [LAST - timedelta(days=n) for n in range(days) for _ in customers]
    who = list(customers) * days
    _bring(
        lake, "silver.calls", call_id=[f"{day}-{n}" for n, day in enumerate(dates)], customer_id=who, event_date=dates,
        started_at=[_noon(day) for day in dates], ended_at=[_noon(day) for day in dates], known_on=dates, ds=dates,
    )  # fmt: skip


def _noon(day: date) -> datetime:
    return datetime.combine(day, time(12))


def test_a_date_ends_in_one_file_with_its_customers_in_order_and_the_rows_stay(world: World, lake: Lake) -> None:
    _calls(lake, 3, ["C3", "C1", "C2"])
    before = world.rows("silver.calls", "call_id", "customer_id")
    said: list[str] = []
    done = upkeep.keep_up(lake, LAST, read_settings(), said.append)
    assert [str(kept) for kept in done] == ["silver.calls: 9 -> 3 files"]
    assert len(said) == 1
    assert world.rows("silver.calls", "call_id", "customer_id") == before
    for file in DeltaTable(lake.path(CALLS)).file_uris():
        assert pq.read_table(file, columns=["customer_id"]).column(0).to_pylist() == ["C1", "C2", "C3"]


def test_what_is_packed_is_left_alone_and_readers_of_changes_see_none(world: World, lake: Lake) -> None:
    _calls(lake, 2, ["C1", "C2"])
    upkeep.keep_up(lake, LAST, read_settings(), lambda _: None)
    version = lake.version(CALLS)
    assert lake.changed_partitions(CALLS, version - 1 if version else None) == set()
    done = upkeep.keep_up(lake, LAST, read_settings(), lambda _: None)
    assert lake.version(CALLS) == version
    assert not any(kept.is_news for kept in done)


def test_files_that_no_version_needs_are_deleted(world: World, lake: Lake) -> None:
    _calls(lake, 1, ["C1", "C2", "C3"])
    world.configure(vacuum_hours=0)
    upkeep.keep_up(lake, LAST, read_settings(), lambda _: None)
    assert len(list(Path(lake.path(CALLS)).rglob("part-*.parquet"))) == 1


def test_rows_past_the_retention_of_their_layer_or_table_go_and_no_others(world: World, lake: Lake) -> None:
    settings = _keeping(world, {"features": 14, "gold.churn_scores": 30})
    dates = [LAST - timedelta(days=n) for n in (0, 14, 15, 30, 31)]
    who = ["C1"] * len(dates)
    _bring(lake, "features.customer_activity", as_of=dates, customer_id=who)
    _bring(
        lake,
        "gold.churn_scores",
        scored_on=dates,
        customer_id=who,
    )
    done = {kept.table: kept.deleted for kept in upkeep.keep_up(lake, LAST, settings, lambda _: None)}
    assert done == {"features.customer_activity": 3, "gold.churn_scores": 1}
    assert [row[0] for row in world.rows("features.customer_activity", "as_of")] == sorted(dates[:2])
    assert [row[0] for row in world.rows("gold.churn_scores", "scored_on")] == sorted(dates[:4])


def test_rows_of_no_date_go_by_when_they_were_set_aside_and_from_the_vault_too_whenever_it_is_killed(
    world: World, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = _keeping(world, {"quarantine": 400})
    old, oldest_kept = (_noon(LAST - timedelta(days=n)) for n in (401, 400))
    odd = "calls/it's \\ old.csv"
    _bring(
        lake, "quarantine.calls", ds=[None, None, LAST, None], file=["old.csv", "new.csv", "old.csv", odd],
        loaded_at=[old, oldest_kept, old, old],
    )  # fmt: skip
    _bring(
        lake, "vault.quarantine_raw", feed=["calls", "calls", "calls", "calls", "cards"], ds=[None, None, LAST, None, None],
        file=["old.csv", "new.csv", "old.csv", odd, "new.csv"],
    )  # fmt: skip
    delete, deleted = lake.delete, []

    def killed(table: Table, where: str) -> None:
        deleted.append(table.name)
        if len(deleted) == 2:
            raise KeyboardInterrupt
        delete(table, where)

    monkeypatch.setattr(lake, "delete", killed)
    with pytest.raises(KeyboardInterrupt):
        upkeep.keep_up(lake, LAST, settings, lambda _: None)
    upkeep.keep_up(lake, LAST, settings, lambda _: None)
    assert world.rows("quarantine.calls", "ds", "file") == [(LAST, "old.csv"), (None, "new.csv")]
    kept = [("calls", LAST, "old.csv"), ("calls", None, "new.csv")]
    assert world.rows("vault.quarantine_raw", "feed", "ds", "file") == kept
    upkeep.keep_up(lake, LAST, settings, lambda _: None)
    assert deleted == ["quarantine.calls", "vault.quarantine_raw", "vault.quarantine_raw"], "nothing without effect"


def test_what_a_load_landed_stays_until_it_has_ended_and_an_old_batch_is_not_taken_back_for_want_of_its_file(
    world: World, lake: Lake
) -> None:
    settings = _keeping(world, {"bronze": 14})
    old, entries = LAST - timedelta(days=15), "customer_id,added_at\nC1,2026-01-01\n"
    for day in (old, LAST):
        world.drop("do_not_call", str(day), entries)
        world.land("do_not_call", str(day))
        world.make("silver.do_not_call", str(day))
    load = world.lake / loading.FILE
    load.write_text("{}")
    said: list[str] = []
    upkeep.keep_up(lake, LAST, settings, said.append)
    assert world.rows("bronze.do_not_call", "ds") == [(old,), (LAST,)]
    assert any("a load has not ended" in line for line in said)
    loading.Load(lake, [old, LAST], settings, "backfill").forget_unseen()
    upkeep.keep_up(lake, LAST, settings, said.append)
    assert any(line.endswith(f"until it has been run again (make backfill FROM={old} TO={LAST})") for line in said)
    load.unlink()
    upkeep.keep_up(lake, LAST, settings, said.append)
    assert world.rows("bronze.do_not_call", "ds") == [(LAST,)]
    for file in (world.landing / f"do_not_call/ds={old}").iterdir():
        file.unlink()
    with pytest.raises(DataError, match="a batch that bronze no longer holds has no file"):
        world.land("do_not_call", str(old))
    # What is younger than that is taken back, as ever.
    for file in (world.landing / f"do_not_call/ds={LAST}").iterdir():
        file.unlink()
    world.land("do_not_call", str(LAST))
    assert world.rows("bronze.do_not_call", "ds") == []


def test_an_old_date_on_which_no_batch_came_is_an_empty_one_as_ever(world: World, lake: Lake) -> None:
    """Feeds that come once a week have dates between, which lie within the bounds of silver's files."""
    _keeping(world, {"bronze": 14})
    days = [str(LAST - timedelta(days=n)) for n in (22, 15, 0)]
    for day in (days[0], days[2]):
        world.drop("cards", day, f"card_id,customer_id,updated_at\nK-{day},C1,{day} 08:00:00\n")
    world.land("cards", days[0], days[2])
    world.make("silver.cards", days[0], days[2])
    assert lake.may_hold(TABLES["silver.cards"], {"ds": [date.fromisoformat(days[1])]})
    assert [batch.rows_in for batch in world.land("cards", days[1])] == [0]


def test_a_date_that_no_night_has_come_to_takes_nothing_more_away(world: World, lake: Lake) -> None:
    settings = _keeping(world, {"features": 14})
    _bring(lake, "features.customer_activity", as_of=[LAST], customer_id=["C1"])
    world.pass_gate(str(LAST))
    upkeep.keep_up(lake, date(2062, 1, 31), settings, lambda _: None)
    assert world.rows("features.customer_activity", "as_of") == [(LAST,)]


def test_a_retention_of_facts_or_of_nothing_that_exists_is_an_error_that_says_what_may_be_dropped(world: World) -> None:
    for name in ("silver.calls", "gold.nothing"):
        with pytest.raises(DataError, match="are not dropped by their age; of these they are: bronze") as error:
            _keeping(world, {name: 30})
        assert name in str(error.value)


def _keeping(world: World, days: dict[str, int]) -> Settings:
    world.configure(retention_days=days)
    return read_settings()
