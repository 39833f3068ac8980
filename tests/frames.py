"""Frames of the lake's tables, of rows that name only what matters."""

from collections.abc import Iterable
from typing import Any

from jobs.tables import TABLES


def frame(spark: Any, table: str, rows: Iterable[dict[str, Any]]) -> Any:
    """Rows of a table with its declared columns; what a row does not name is null."""
    columns = TABLES[table].columns
    schema = ", ".join(f"`{column.name}` {column.type}" for column in columns)
    return spark.createDataFrame([tuple(row.get(column.name) for column in columns) for row in rows], schema)
