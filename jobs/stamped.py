"""How a night changes tables with a date on each row: exactly one date, or the whole table, which never goes back."""

from collections.abc import Iterable
from datetime import date
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.lake import Expect, Lake
from jobs.tables import TABLES, Table

AS_OF = "as_of"
"""The column with the date, of tables that are not partitioned by another one."""


def dates(lake: Lake, table: Table) -> list[date]:
    """The dates of which the table holds rows, oldest first."""
    return lake.dates(table, _date_of(table))


def of_date(lake: Lake, table: Table, day: date) -> DataFrame:
    """The rows of one date."""
    return lake.read(table).where(f"{_date_of(table)} = DATE'{day}'")


def frames(lake: Lake, names: Iterable[str]) -> dict[str, Any]:
    """The tables of these names as a build takes them: by the name without the layer."""
    return {TABLES[name].short_name: lake.read(TABLES[name]) for name in names}


def frames_of_date(lake: Lake, names: Iterable[str], day: date) -> dict[str, Any]:
    """The same, the rows of one date alone."""
    return {TABLES[name].short_name: of_date(lake, TABLES[name], day) for name in names}


def before(lake: Lake, table: Table, day: date) -> date | None:
    """The latest date before this one of which the table holds rows."""
    return max((each for each in dates(lake, table) if each < day), default=None)


def replace_date(lake: Lake, table: Table, made: DataFrame, day: date, expect: Expect, **note: Any) -> int:
    """Puts the rows of one date in place of what stood there; returns the rows written."""
    note = {AS_OF: str(day), **note}
    with lake.once(_conformed(table, made)) as rows:
        expect(table, rows)
        if day in dates(lake, table):
            return lake.replace_changed(table, rows, _date_of(table), of_date(lake, table, day), **note)
        if rows.isEmpty():
            return 0
        lake.append(table, rows, **note)
    return lake.rows(table, [day])


def nothing(lake: Lake, table: Table, day: date) -> int:
    """Takes away what stood for a date of which there is nothing to tell any more; returns the rows written: none."""
    if day in dates(lake, table):
        lake.delete(table, f"{_date_of(table)} = DATE'{day}'")
    return 0


def replace_all(lake: Lake, table: Table, made: DataFrame, expect: Expect) -> int:
    """Puts these rows, of one date, in place of the table; returns the rows written."""
    with lake.once(_conformed(table, made)) as rows:
        expect(table, rows)
        return lake.replace_changed(table, rows, AS_OF, lake.read(table))


def replace_from(lake: Lake, table: Table, made: DataFrame, by: str, first: date, day: date, expect: Expect) -> int:
    """Puts these rows in place of those from `first` on in column `by` where they differ, and notes the date as of
    which the table stands; returns the rows written."""
    standing = lake.read(table).where(f"{by} >= DATE'{first}'")
    with lake.once(_conformed(table, made)) as rows:
        expect(table, rows)
        written = lake.replace_changed(table, rows, by, standing, **{AS_OF: str(day)})
    stands_as_of(lake, table, day)
    return written


def stands_as_of(lake: Lake, table: Table, day: date) -> None:
    """Notes the date as of which the table stands, also where nothing changed: an older night finds that it is one."""
    if lake.noted(table, AS_OF) != str(day):
        lake.remember(table, **{AS_OF: str(day)})


def _conformed(table: Table, rows: DataFrame) -> DataFrame:
    """The rows with the declared columns, in their order and types."""
    return rows.select(*(F.col(column.name).cast(column.type).alias(column.name) for column in table.columns))


def _date_of(table: Table) -> str:
    return table.partition or AS_OF
