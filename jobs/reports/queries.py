"""SQL over tables of the lake for the pages, by DuckDB."""

from typing import Any

import duckdb

from jobs.table_logs import TableLogs
from jobs.tables import Table


def connected() -> duckdb.DuckDBPyConnection:
    """A connection to nothing yet."""
    db = duckdb.connect()
    db.execute("SET TimeZone = 'UTC'")
    return db


def view(db: duckdb.DuckDBPyConnection, logs: TableLogs, table: Table, where: str = "true") -> None:
    """The rows of a table for which a condition holds, by its short name; all of them as all_<short name>."""
    db.register(f"all_{table.short_name}", logs.dataset(table))
    db.execute(f"CREATE VIEW {table.short_name} AS SELECT * FROM all_{table.short_name} WHERE {where}")


def rows(db: duckdb.DuckDBPyConnection, sql: str) -> list[dict[str, Any]]:
    """What a query gives, by the names of its columns."""
    found = db.sql(sql)
    return [dict(zip(found.columns, row, strict=True)) for row in found.fetchall()]
