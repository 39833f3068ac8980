"""Reads files as raw rows, each with its file, its line and its text."""

import pyarrow.parquet as pq
from pyspark.sql import Column, SparkSession
from pyspark.sql import functions as F
from upath import UPath

from jobs import csv_reader, json_readers
from jobs.errors import DataError
from jobs.raw_rows import Header, RawRows, encoding_of, name_of_file, nested, quoted, uris
from jobs.source_settings import Source
from jobs.sources import SourceFile, unreadable
from jobs.spark_conf import as_texts
from jobs.tables import Feed


def read(spark: SparkSession, feed: Feed, source: Source, files: list[SourceFile]) -> list[RawRows]:
    """Raw rows of the files, one group for each set of columns.

    Raises:
        DataError: a file that cannot be read, has no header, or a header of other columns.
    """
    groups: dict[tuple[str, tuple[str, ...], int], list[SourceFile]] = {}
    for file in files:
        format_ = source.format or file.format
        if format_ is None:
            raise DataError(
                f"{feed.name}: {file.name} is of an unknown format",
                expected="a file that ends in .csv .json .jsonl or .parquet (also .gz), or a `format`",
                found="another ending",
                todo=f"set feeds.{feed.name}.format, or keep other files out of {source.path}",
            )
        groups.setdefault((format_, *_columns_of(feed, source, file, format_)), []).append(file)
    readers = {
        "csv": csv_reader.read,
        "json": json_readers.read_lines,
        "json_document": json_readers.read_documents,
        "parquet": _parquet,
    }
    return [
        readers[format_](spark, feed, source, (columns, header_at), tuple(members))
        for (format_, columns, header_at), members in sorted(groups.items())
    ]


def _columns_of(feed: Feed, source: Source, file: SourceFile, format_: str) -> Header:
    encoding = encoding_of(source.options)
    if format_ in ("csv", "json") and encoding and encoding.lower().startswith(("utf-16", "utf16", "utf-32", "utf32")):
        raise DataError(
            f"{feed.name}: {file.name} is to be read as {encoding}",
            expected="an encoding in which the end of a line is one byte",
            found=f"feeds.{feed.name}.options.encoding: {encoding}",
            todo=f"have it delivered in UTF-8 or convert it (iconv -f {encoding} -t UTF-8), and drop the option",
        )
    try:
        if format_ == "csv":
            return csv_reader.header_of(feed, source, file)
        if format_ == "parquet":
            with UPath(file.uri).open("rb") as stream:
                return tuple(f"{field.name}:{field.type}" for field in pq.read_schema(stream)), -1
    except DataError:
        raise
    except Exception as error:  # any reader's error means the same: this file cannot be read
        raise unreadable(feed, file.name, f"{type(error).__name__}: {error}") from None
    return (), -1


def _of_nanoseconds(columns: tuple[str, ...]) -> dict[str, Column]:
    """The times that pandas writes in nanoseconds, which Spark gives as numbers; without a zone as such."""
    times = {}
    for column in columns:
        name, is_time, zone = column.rpartition(":timestamp[ns")
        if is_time:
            given = quoted(name)
            micros = f"(({given} - pmod({given}, 1000)) div 1000)"
            local = f"TIMESTAMP_NTZ'1970-01-01' + make_dt_interval(0, 0, 0, cast({micros} AS decimal(18, 0)) / 1000000)"
            times[name] = F.expr(f"timestamp_micros({micros})" if zone.startswith(", tz=") else local)
    return times


def _parquet(spark: SparkSession, feed: Feed, source: Source, header: Header, files: tuple[SourceFile, ...]) -> RawRows:
    rows = spark.read.options(**as_texts(source.options)).parquet(*uris(files))
    own = tuple(rows.columns)
    # Times of 96 bits (Spark's own way, Hive's, Impala's) are called nanoseconds too, and come as times.
    numbers = {name for name, type_ in rows.dtypes if type_ == "bigint"}
    times = {name: time for name, time in _of_nanoseconds(header[0]).items() if name in numbers}
    rows = rows.withColumns(times) if times else rows
    rows = rows.select(
        "*",
        name_of_file(files),
        (F.col("_metadata.row_index") + 1).alias("_line"),
        F.to_json(F.struct(*map(quoted, own))).alias("_raw"),
        F.lit(None).cast("string").alias("_problem"),
    )
    return RawRows(rows, own, files, nested(field for field in rows.schema if field.name in own))
