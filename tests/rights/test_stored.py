"""Rows and history of tables, deleted and changed without Spark."""

from datetime import date

from deltalake import DeltaTable

from jobs.tables import TABLES
from tests.rights.conftest import ANNA, BEN, SmallLake

CALLS = TABLES["silver.calls"]


def test_a_deletion_leaves_rows_of_which_the_condition_is_null(lake: SmallLake) -> None:
    assert lake.tables.delete(CALLS, f"customer_id = '{ANNA}'") == 2
    assert lake.tables.delete(CALLS, f"customer_id = '{ANNA}'") == 0
    assert lake.rows("silver.calls", "call_id") == [("bens",), ("nobodys",), ("unidentified",), ("withheld",)]


def test_a_value_is_changed_in_the_rows_meant_and_in_no_other(lake: SmallLake) -> None:
    assert lake.tables.change(CALLS, "topic = 'fee'", "topic", "lost card") == 1
    assert lake.tables.change(CALLS, f"customer_id = '{BEN}'", "topic", "lost card") == 1
    assert lake.tables.change(CALLS, "call_id = 'own'", "topic", None) == 1
    assert lake.rows("silver.calls", "call_id", "topic") == [
        ("bens", "lost card"), ("borrowed", None), ("nobodys", None), ("own", None), ("unidentified", None), ("withheld", None),
    ]  # fmt: skip


def test_what_was_deleted_can_be_looked_for_by_other_readers(lake: SmallLake) -> None:
    lake.tables.delete(CALLS, "call_id = 'own'")
    kept = DeltaTable(lake.tables.path(CALLS)).to_pyarrow_table(filters=[("call_id", "=", "bens")])
    assert kept["customer_id"].to_pylist() == [BEN]


def test_without_history_one_version_is_left_that_says_again_what_it_was_made_from(lake: SmallLake) -> None:
    lake.tables.note = {"run_id": "night", "inputs": {"bronze.calls": 1}}
    lake.tables.delete(CALLS, "call_id = 'own'")
    lake.tables.note = {"run_id": "erase"}
    before, version = lake.rows("silver.calls"), lake.tables.version(CALLS)
    assert version is not None
    notes = lake.tables.notes(CALLS)
    assert notes == {"inputs": {"bronze.calls": 1}}
    lake.tables.forget_history(CALLS, {"inputs": {"bronze.calls": 2}})
    assert lake.tables.version(CALLS) == version + 1
    assert lake.rows("silver.calls") == before
    assert lake.tables.noted(CALLS, "inputs") == {"bronze.calls": 2}
    assert lake.tables.superfluous(CALLS) == []
    assert lake.tables.changed_partitions(CALLS, version) == set()
    lake.tables.delete(CALLS, "call_id = 'bens'")
    assert lake.tables.changed_partitions(CALLS, version + 1) == {date(2026, 1, 5)}
