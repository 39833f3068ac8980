"""Frames of the lake's tables, of rows that name only what matters."""

from collections.abc import Iterable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from jobs.tables import TABLES


def frame(spark: Any, table: str, rows: Iterable[dict[str, Any]]) -> Any:
    """Rows of a table with its declared columns; what a row does not name is null."""
    columns = TABLES[table].columns
    schema = ", ".join(f"`{column.name}` {column.type}" for column in columns)
    return spark.createDataFrame([tuple(row.get(column.name) for column in columns) for row in rows], schema)


def whole(table: str, row: dict[str, Any]) -> dict[str, Any]:
    """The row with something in every required column, so that a table of the lake takes it."""
    blank: dict[str, Any] = {
        "string": "",
        "date": date(2026, 3, 2),
        "timestamp": datetime(2026, 3, 2, tzinfo=UTC),
        "bigint": 0,
        "int": 0,
        "double": 0.0,
        "decimal(18,2)": Decimal(0),
    }
    return {column.name: blank[column.type] for column in TABLES[table].columns if column.required} | row
