"""The door: raw rows of a feed become typed rows, each landed or set aside with a reason."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.bronze.conversion import Converted, convert, shape
from jobs.tables.contract import Column, Feed

EARLIEST_EVENT = "1990-01-01"
EVENTS_AHEAD_DAYS = 2
"""From so many days after its batch on an event is set aside."""
RAW_COLUMNS = ("_file", "_line", "_raw", "_problem")
_RAISING = re.compile(
    r"(?<![\w.`])(?=(?:element_at|parse_json|to_binary|to_number|url_decode|variant_get)\s*\()", re.IGNORECASE
)
"""Before functions that stop a query at a value which they cannot take, whatever the mode; their try_ forms do not."""
SHORT = 1_000_000
_PLAIN_ID = r"^(?=.*[0-9])(?!\+?[0-9\-]{7,}$)(?!.*[0-9]{11})[A-Za-z0-9._:#/\-]{1,64}$"


@dataclass(frozen=True)
class Expressions:
    """How a source's columns become the feed's: Spark SQL per column, and for the batch date and the filter."""

    columns: Mapping[str, str]
    ds: str | None
    where: str | None


def build(
    rows: DataFrame,
    feed: Feed,
    expressions: Expressions,
    nested: frozenset[str],
    batches: DataFrame | date,
    time_zone: str,
    is_of_file: SparkColumn | None = None,
    is_of_json: bool = False,
) -> DataFrame:
    """Rows with the feed's columns, `ds source_file source_line raw _reason _column`; `_reason` is null on good ones.

    `batches` is the date of the batch, or (source_file, ds, is_first) where files bring several. `time_zone` is the
    business time zone. `is_of_file` says of `_ds` and `source_file` whether the night of a row's own date reads its
    file (None: it does). Rows that are not ours (`where` is false) are left out.
    """
    mapped = _mapped(rows, feed, expressions)
    dated = _dated(mapped, expressions, batches, F.lit(True) if is_of_file is None else is_of_file)
    types = dict(dated.dtypes)
    converted = {
        column.name: convert(
            column,
            F.col(f"m_{column.name}"),
            types[f"m_{column.name}"],
            is_mapped=column.name in expressions.columns,
            is_nested=column.name in nested,
            is_of_json=is_of_json,
        )
        for column in feed.columns
    }
    typed = dated.select(
        "ds",
        "source_file",
        "source_line",
        "raw",
        *(
            F.when(F.col("_problem").isNull(), converted[column.name].value).alias(column.name)
            for column in feed.columns
        ),
        _conversion_problem(feed, converted).alias("_finding"),
    )
    finding = F.coalesce("_finding", _finding(feed, time_zone))
    return typed.withColumn("_finding", finding).select(
        *(name for name in typed.columns if name != "_finding"),
        F.col("_finding.reason").alias("_reason"),
        F.col("_finding.column").alias("_column"),
    )


def with_unread(rows: DataFrame, feed: Feed) -> DataFrame:
    """The rows, whose pseudonyms stand in `_<column>`; those that nothing but unreadable numbers named have a reason.

    As `any_of` demands, and the door could not see: only the pseudonym tells what is a number.
    """
    if not feed.any_of:
        return rows
    columns = [feed.column(name) for name in feed.any_of]
    left = (F.col(f"_{c.name}.token") if c.personal else F.col(c.name).cast("string") for c in columns)
    given = (F.when(F.col(c.name).isNotNull(), _unread(c)) for c in columns if c.personal)
    finding = F.when(F.col("_reason").isNull() & F.coalesce(*left).isNull(), F.coalesce(*given))
    return rows.withColumns({f"_{name}": F.coalesce(finding[name], f"_{name}") for name in ("reason", "column")})


def shown(feed: Feed, is_whole: SparkColumn) -> SparkColumn:
    """The row as quarantine shows it: pseudonyms, what cast, plain identifiers, and the shape of all else.

    A row whose fields may stand in the wrong columns (`is_whole` is false) shows its shape alone.
    """
    values = [_shown(column).alias(column.name) for column in feed.lake_columns]
    return F.when(is_whole, F.to_json(F.struct(*values))).otherwise(shape(F.col("raw")))


def _mapped(rows: DataFrame, feed: Feed, expressions: Expressions) -> DataFrame:
    own = {name.lower(): name for name in rows.columns if name not in RAW_COLUMNS}

    def value(column: Column) -> SparkColumn:
        if column.name in expressions.columns:
            return _told(expressions.columns[column.name])
        if column.name in own:
            return F.col(f"`{own[column.name]}`")
        return F.lit(None).cast("string")

    return rows.select(
        F.col("_file").alias("source_file"),
        F.col("_line").alias("source_line"),
        F.col("_raw").alias("raw"),
        "_problem",
        (_told(expressions.ds).cast("date") if expressions.ds else F.lit(None).cast("date")).alias("_ds"),
        (_told(expressions.where).cast("boolean") if expressions.where else F.lit(True)).alias("_where"),
        *(value(column).alias(f"m_{column.name}") for column in feed.columns),
    )


def _told(expression: str) -> SparkColumn:
    """A mapping's expression, null for a value on which it fails."""
    return F.expr(_RAISING.sub("try_", expression))


def _dated(
    mapped: DataFrame, expressions: Expressions, batches: DataFrame | date, is_of_file: SparkColumn
) -> DataFrame:
    ours = mapped.where("_where IS DISTINCT FROM false")
    if expressions.ds is not None:
        # A row that the night of its date would not read is of no batch, and so once of its file.
        return ours.withColumn("ds", F.when(F.col("_where") & is_of_file, F.col("_ds")))
    if isinstance(batches, date):
        return ours.withColumn("ds", F.when(F.col("_where"), F.lit(batches)))
    per_file = ours.join(F.broadcast(batches.withColumnRenamed("ds", "_batch")), "source_file", "inner")
    # A row that does not say whether it is ours is of no date, and so once of its file.
    return per_file.where("_where OR is_first").withColumn("ds", F.when(F.col("_where"), F.col("_batch")))


def _conversion_problem(feed: Feed, converted: Mapping[str, Converted]) -> SparkColumn:
    no_column = F.lit(None).cast("string")
    findings = [
        F.when(F.col("_problem").isNotNull(), _reason(F.col("_problem"), no_column)),
        F.when(F.col("_where").isNull(), _reason(F.lit("`where` is null"), no_column)),
        F.when(F.col("ds").isNull() & F.col("_ds").isNotNull(), _reason(_in_a_wrong_file(), no_column)),
        F.when(F.col("ds").isNull(), _reason(F.lit("`ds` is null"), no_column)),
    ]
    findings += [
        F.when(converted[c.name].failed, _reason(_is_no(F.col(f"m_{c.name}"), c.type), F.lit(c.name)))
        for c in feed.columns
    ]
    return F.coalesce(*findings)


def _finding(feed: Feed, time_zone: str) -> SparkColumn:
    findings = [
        *(_required(column) for column in feed.columns if column.required),
        *(_enumerated(column) for column in feed.columns if column.values),
        *(_bounded(column, column.between) for column in feed.columns if column.between),
        *_spanned(feed),
        *_timely(feed, time_zone),
    ]
    if feed.any_of:
        none = F.coalesce(*(F.col(name).cast("string") for name in feed.any_of)).isNull()
        findings.append(
            F.when(none, _reason(F.lit(f"all of {', '.join(feed.any_of)} are null"), F.lit(feed.any_of[0])))
        )
    return F.coalesce(*findings)


def _required(column: Column) -> SparkColumn:
    return F.when(F.col(column.name).isNull(), _reason(F.lit("required, and null"), F.lit(column.name)))


def _enumerated(column: Column) -> SparkColumn:
    unknown = ~F.col(column.name).isin(list(column.values))
    text = F.concat(F.lit("unknown value '"), shape(F.col(column.name)), F.lit(f"'; known: {', '.join(column.values)}"))
    return F.when(unknown, _reason(text, F.lit(column.name)))


def _bounded(column: Column, between: tuple[int, int]) -> SparkColumn:
    low, high = between
    given = F.col(column.name).cast("string")
    text = F.concat(F.when(_is_short(column), given).otherwise(shape(given)), F.lit(f" is not {low} to {high}"))
    return F.when(~F.col(column.name).between(low, high), _reason(text, F.lit(column.name)))


def _spanned(feed: Feed) -> Sequence[SparkColumn]:
    if feed.span is None:
        return []
    start, end = feed.span
    return [F.when(F.col(end) < F.col(start), _reason(F.lit("ended before it started"), F.lit(end)))]


def _timely(feed: Feed, time_zone: str) -> Sequence[SparkColumn]:
    if feed.event == "ds":
        return []
    event = F.col(feed.event)
    first, end = F.lit(EARLIEST_EVENT), F.date_add("ds", EVENTS_AHEAD_DAYS).cast("string")
    if feed.column(feed.event).type == "timestamp":
        first, end = (F.concat(day, F.lit(f" 00:00:00 {time_zone}")) for day in (first, end))
    type_ = feed.column(feed.event).type
    return [
        F.when(event < first.cast(type_), _reason(F.lit(f"before {EARLIEST_EVENT}"), F.lit(feed.event))),
        F.when(event >= end.cast(type_), _reason(F.lit("two days or more after its batch"), F.lit(feed.event))),
    ]


def _in_a_wrong_file() -> SparkColumn:
    return F.concat(F.lit("`ds` is "), F.col("_ds").cast("string"), F.lit(", whose batch is not read from this file"))


def _unread(column: Column) -> SparkColumn:
    return _reason(_is_no(F.col(column.name), "number"), F.lit(column.name))


def _is_no(given: SparkColumn, what: str) -> SparkColumn:
    return F.concat(F.lit("'"), shape(given.cast("string")), F.lit(f"' is no {what}"))


def _reason(text: SparkColumn, column: SparkColumn) -> SparkColumn:
    return F.struct(text.alias("reason"), column.cast("string").alias("column"))


def _is_short(column: Column) -> SparkColumn:
    """Whether a whole number is too short to be that of a telephone, which a shifted row has in any column."""
    return F.col(column.name).between(1 - SHORT, SHORT - 1)


def _shown(column: Column) -> SparkColumn:
    value = F.col(column.name)
    is_pseudonym = column.name.endswith("_token") or column.name in ("phone_country", "phone_area")
    if column.type in ("int", "bigint"):
        return F.when(_is_short(column), value)
    if column.type != "string" or is_pseudonym:
        return value
    if column.values:
        return F.when(value.isin(list(column.values)), value).otherwise(shape(value))
    return F.when(value.rlike(_PLAIN_ID), value).otherwise(shape(value))
