"""Fits a feed's mapping to the columns that a source's files really have."""

import re

from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import AtomicType

from jobs.bronze import door
from jobs.errors import DataError
from jobs.raw_rows import RawRows
from jobs.tables import Feed

ABSENT = ("UNRESOLVED_COLUMN", "FIELD_NOT_FOUND", "INVALID_EXTRACT", "UNRESOLVED_FIELD")
"""Spark's conditions of an expression over a column that the rows do not have."""

NO_VALUE = "CAST(NULL AS STRING)"


def fitting(feed: Feed, raw: RawRows, expressions: door.Expressions) -> door.Expressions:
    """The expressions that the source's columns allow: JSON may lack a key, any other source must not."""
    types = {column.name: column.type for column in feed.columns}
    named = {
        **{f"columns.{name}": (text, types[name]) for name, text in expressions.columns.items()},
        **{name: (text, type_) for name, text, type_ in _of_rows(expressions) if text},
    }
    try:
        _resolve(raw.rows, *named.values())
    except AnalysisException:
        pass
    else:
        return expressions
    absent = {key for key, typed in named.items() if _is_absent(feed, raw, key, *typed)}
    columns = {name: NO_VALUE if f"columns.{name}" in absent else text for name, text in expressions.columns.items()}
    return door.Expressions(columns, *(NO_VALUE if key in absent else text for key, text, _ in _of_rows(expressions)))


def _of_rows(expressions: door.Expressions) -> list[tuple[str, str | None, str]]:
    return [("ds", expressions.ds, "date"), ("where", expressions.where, "boolean")]


def _is_absent(feed: Feed, raw: RawRows, key: str, text: str, type_: str) -> bool:
    try:
        _resolve(raw.rows, (text, type_))
    except AnalysisException as error:
        condition = error.getCondition() or ""
        if raw.may_lack_columns and condition.startswith(ABSENT):
            return True
        if key.startswith("columns.") and condition.startswith("DATATYPE_MISMATCH.CAST") and _is_plain(raw, text):
            # A column that is null throughout comes as any type; the door goes through its text.
            return False
        # Without its header a file's first row stands in place of the names, so they are counted, not shown.
        own = [column for column in raw.rows.columns if column not in door.RAW_COLUMNS]
        said = " ".join(re.split(r"Did you mean|SQLSTATE|\n", error.getMessage().strip())[0].split())
        raise DataError(
            f"{feed.name}: {raw.files[0].name} does not suit the mapping of {key.removeprefix('columns.')}",
            expected=f"columns that suit {text}, for each row a value of type {type_}",
            found=f"{said}; the file has {len(own)} columns",
            todo=f"mend feeds.{feed.name}.{key}, or have the file mended",
        ) from None
    return False


def _is_plain(raw: RawRows, text: str) -> bool:
    try:
        return isinstance(raw.rows.select(F.expr(text)).schema[0].dataType, AtomicType)
    except AnalysisException:
        return False


def _resolve(rows: DataFrame, *typed: tuple[str, str]) -> None:
    # Beside a plain column, so that an aggregate shows as the mistake it is; cast, as the door will.
    values = [F.expr(text).cast(type_) for text, type_ in typed]
    rows.select("_file", *values).schema  # noqa: B018  # analysis happens when the schema is asked for
