"""Every tag says of its golden rows what conf/tags says it does."""

from datetime import date
from typing import Any

import pytest
from pyspark.sql import functions as F

from jobs.features import customer_tag_values
from jobs.features.aggregates import columns_of
from jobs.features.expressions import expanded
from jobs.tables.tags import CATALOGUE, Rule

pytestmark = pytest.mark.spark
AS_OF = date(2026, 1, 31)


@pytest.fixture
def golden(spark: Any) -> Any:
    """All golden rows, one customer each, with every column of measures that they do not name null."""
    names = {
        name: m.type if name == m.name else "timestamp" for m in CATALOGUE.measures.values() for name in columns_of(m)
    }
    cases = [(tag.name, row) for tag in CATALOGUE.tags.values() for row in tag.golden]
    rows = [(str(place), *(_literal(row.get(name)) for name in names)) for place, (_, row) in enumerate(cases)]
    texts = spark.createDataFrame(rows, "customer_id string, " + ", ".join(f"{name} string" for name in names))
    typed = [_typed(name, type_).alias(name) for name, type_ in names.items()]
    return cases, texts.select(F.lit(AS_OF).alias("as_of"), "customer_id", *typed)


def test_golden_rows(golden: Any) -> None:
    cases, measures = golden
    unknown = {key for _, row in cases for key in row} - {"tag"} - {*measures.columns}
    assert not unknown, "golden rows name measures"
    rules = {name: tag.rules[0] for name, tag in CATALOGUE.tags.items()}
    told = customer_tag_values.build(measures, rules)
    found = {row["customer_id"]: row for row in told.collect()}
    wrong = {
        f"{name} {row}": found[str(place)][name]
        for place, (name, row) in enumerate(cases)
        if found[str(place)][name] != row.get("tag")
    }
    assert not wrong


def test_each_rule_tells_of_each_customer(spark: Any) -> None:
    measures = spark.createDataFrame([(AS_OF, "C1", 3), (AS_OF, "C2", None)], "as_of date, customer_id string, n int")
    rules = {"a": Rule(1, AS_OF, "n"), "b": Rule(4, AS_OF, "if(n > 2, 'yes', 'no')")}
    told = customer_tag_values.build(measures, rules).orderBy("customer_id")
    assert [tuple(row) for row in told.collect()] == [(AS_OF, "C1", "3", "yes"), (AS_OF, "C2", None, "no")]


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("favourite(map('a', 1L, 'b', 2L))", "b"),
        ("favourite(map('b', 2L, 'a', 2L))", "a"),
        ("favourite(cast(map() AS map<string,bigint>))", None),
        ("favourites(map('a', 1L, 'b', 2L, 'c', 1L), 2)", "b, a"),
        ("favourite(map_concat(map('a', 1L), map('b', 3L))) || favourite(map('c', 1L))", "bc"),
    ],
)
def test_favourites_are_the_most_frequent_and_of_several_the_first(spark: Any, expression: str, value: str) -> None:
    assert spark.range(1).select(F.expr(expanded(expression))).collect()[0][0] == value


def _literal(value: Any) -> str | None:
    if isinstance(value, bool) or value is None:
        return None if value is None else str(value).lower()
    if isinstance(value, list):
        return "\x1f".join(map(str, value))
    if isinstance(value, dict):
        return "\x1f".join(f"{key}\x1e{rows}" for key, rows in value.items())
    return str(value)


def _typed(name: str, type_: str) -> Any:
    # Arrays and maps go through a text, as a frame of mixed rows would need their schema per row.
    if type_.startswith("array"):
        items = f"cast(split({name}, '\\u001f') AS {type_})"
        return F.expr(f"CASE WHEN {name} = '' THEN cast(array() AS {type_}) ELSE {items} END")
    if type_.startswith("map"):
        entries = f"cast(str_to_map({name}, '\\u001f', '\\u001e') AS {type_})"
        return F.expr(f"CASE WHEN {name} = '' THEN cast(map() AS {type_}) ELSE {entries} END")
    if type_.startswith("struct"):
        return F.lit(None).cast(type_)
    return F.col(name).cast(type_)
