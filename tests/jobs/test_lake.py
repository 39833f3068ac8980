"""What a killed process left to the server is not added again; what a log tells of a table is true."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import CommitProperties, DeltaTable, write_deltalake

from jobs import runner, spark_conf
from jobs.errors import DataError
from jobs.lake import COMPILED_FROM_ROWS, ROWS_A_TASK, SHUFFLE_PARTITIONS
from jobs.settings import read_settings
from jobs.table_logs import TableLogs
from jobs.tables import TABLES, Table
from jobs.tables.contract import Column
from tests.conftest import World

BATCHES = TABLES["ops.batches"]


@pytest.mark.spark
def test_rows_that_another_process_added_since_the_look_are_not_added_again(world: World) -> None:
    killed, next_one = (runner.open_lake(read_settings()) for _ in range(2))
    at = datetime(2026, 1, 1, tzinfo=UTC)
    rows = killed.spark.createDataFrame(
        [("calls", None, "a.csv", 1, 1, 0, 10, at)], ", ".join(f"{c.name} {c.type}" for c in BATCHES.columns)
    )
    for lake in (killed, next_one):
        lake.create(BATCHES)
        lake.look(BATCHES)
    killed.append(BATCHES, rows)
    next_one.append(BATCHES, rows)
    assert world.rows("ops.batches", "count(*)") == [(1,)]
    other = runner.open_lake(read_settings(), {"table": "bronze.cards"})
    other.seen = {BATCHES.name: 0}
    other.append(BATCHES, rows)
    assert world.rows("ops.batches", "count(*)") == [(2,)], "another feed's rows are not those of the killed one"
    next_one.look(BATCHES)
    next_one.append(BATCHES, rows)
    assert world.rows("ops.batches", "count(*)") == [(3,)]


@pytest.mark.spark
def test_a_log_tells_how_many_rows_a_table_holds_and_up_to_which_date(world: World) -> None:
    lake = runner.open_lake(read_settings())
    history, calls = TABLES["silver.caller_history"], TABLES["gold.repeat_calls"]
    assert (lake.rows(calls), lake.latest(history, "event_date")) == (0, None)
    lake.create(history)
    assert lake.latest(history, "event_date") is None
    days = [date(2026, 1, 1), date(2026, 1, 2), date(2026, 1, 2)]
    for table in (history, calls):
        lake.create(table)
        lake.append(table, lake.spark.createDataFrame([_row(table, day) for day in days], _schema(table)))
    assert lake.latest(history, "event_date") == date(2026, 1, 2)
    assert [lake.rows(calls, wanted) for wanted in (None, days[:1], days[1:], [])] == [3, 1, 2, 0]


@pytest.mark.spark
def test_queries_over_few_rows_are_interpreted_and_those_over_many_compiled(world: World) -> None:
    lake = runner.open_lake(read_settings())

    def is_compiled() -> bool:
        (explained,) = lake.spark.sql("EXPLAIN SELECT id + 1 AS next FROM range(9)").collect()
        return "*(1)" in explained["plan"]

    lake.prepare(COMPILED_FROM_ROWS)
    assert is_compiled()
    lake.prepare(COMPILED_FROM_ROWS - 1)
    assert not is_compiled()


@pytest.mark.spark
def test_a_shuffle_has_as_many_parts_as_configured_and_more_for_many_rows(world: World) -> None:
    configured = int(spark_conf.properties(read_settings())[SHUFFLE_PARTITIONS])
    for rows, wanted in ((10, configured), (100 * ROWS_A_TASK, 100), (10, configured)):
        lake = runner.open_lake(read_settings())
        lake.prepare(rows)
        assert lake.spark.conf.get(SHUFFLE_PARTITIONS) == str(wanted), rows


def _row(table: Table, day: date) -> tuple[Any, ...]:
    values = {"string": "x", "timestamp": datetime(2026, 1, 1, tzinfo=UTC), "bigint": 1, "date": day, "boolean": True}
    return tuple(values.get(column.type) for column in table.columns)


def _schema(table: Table) -> str:
    return ", ".join(f"{column.name} {column.type}" for column in table.columns)


def test_a_table_that_wants_a_column_of_an_earlier_version_says_what_to_do(tmp_path: Path) -> None:
    logs = TableLogs(str(tmp_path))
    table = TABLES["ops.deliveries"]
    logs.create(replace(table, columns=(*table.columns, Column("carrier", "string", "Who brought it", required=True))))
    with pytest.raises(DataError, match="required columns carrier"):
        logs.add_columns(table)


def test_a_table_gains_the_columns_of_a_later_version(tmp_path: Path) -> None:
    logs = TableLogs(str(tmp_path))
    table = TABLES["ops.deliveries"]
    logs.create(table)
    logs.add_columns(replace(table, columns=(*table.columns, Column("carrier", "string", "Who brought it"))))
    held = [field.name for field in DeltaTable(logs.path(table)).schema().fields]
    assert held == [*table.column_names, "carrier"]


def test_of_a_table_that_was_deleted_and_made_again_nobody_knows_what_changed(tmp_path: Path) -> None:
    logs, calls = TableLogs(str(tmp_path)), TABLES["silver.calls"]
    logs.create(calls)
    assert logs.changed_partitions(calls, 0) == set()
    assert logs.changed_partitions(calls, 400) is None


def test_what_commits_noted_before_a_restore_is_not_trusted(tmp_path: Path) -> None:
    logs, table, calls = TableLogs(str(tmp_path)), TABLES["gold.service_kpis"], TABLES["silver.calls"]

    def commit(version_read: int) -> None:
        noted = {"userMetadata": json.dumps({"inputs": {calls.name: version_read}})}
        properties = CommitProperties(custom_metadata=noted)
        rows = pa.table({"n": [version_read]})
        write_deltalake(logs.path(table), rows, mode="append", commit_properties=properties)

    commit(1)
    commit(2)
    assert logs.consumed(table, calls) == 2
    DeltaTable(logs.path(table)).restore(0)
    assert logs.consumed(table, calls) is None
    commit(3)
    assert logs.consumed(table, calls) == 3
