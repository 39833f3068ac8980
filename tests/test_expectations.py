"""Keys that stand twice do not pass, whatever their values; keys that differ do."""

import pytest

from expectations.validate import validate
from jobs import runner
from jobs.settings import read_settings
from jobs.tables.contract import Column, Kind, Table
from tests.conftest import World

PAIRS = Table(
    name="gold.pairs",
    about="Pairs",
    key=("name", "number"),
    columns=(Column("name", "string", "A name"), Column("number", "int", "A number")),
    kind=Kind.DAILY,
    owner="nobody",
    subject="calls",
    impact="None",
)


@pytest.mark.spark
@pytest.mark.parametrize(
    ("rows", "is_unique"),
    [
        ([], True),
        ([("a", 1), ("a", 2), ("b", 1)], True),
        ([(None, 1), ("", 1), ("1", None), ("", None), (None, None)], True),
        ([("a", 1), ("b", 1), ("a", 1)], False),
        ([(None, 1), (None, 1)], False),
        ([(None, None), (None, None)], False),
    ],
)
def test_rows_pass_only_where_no_key_stands_twice(
    world: World, rows: list[tuple[str | None, int | None]], is_unique: bool
) -> None:
    frame = runner.open_lake(read_settings()).spark.createDataFrame(rows, "name string, number int")
    failures = validate(PAIRS, frame)
    assert not failures if is_unique else [each.is_critical for each in failures] == [True]
    assert is_unique or "['name', 'number']" in failures[0].sentence
