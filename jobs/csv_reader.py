"""Reads CSV as raw rows, by the names that Spark's own reader would give its columns."""

import csv
import io
import re

from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from upath import UPath

from jobs.errors import DataError
from jobs.raw_rows import Header, RawRows, encoding_of, judged, lines_of, name_of_file, quoted, uris
from jobs.source_settings import Source
from jobs.sources import SourceFile, unreadable
from jobs.spark_conf import as_texts
from jobs.tables import Feed

NATIVE_OPTIONS = {"multiline", "encoding", "charset", "linesep"}
DEFAULTS = {"header": "true", "escape": '"'}
LONGEST_HEADER = 1 << 20


def header_of(feed: Feed, source: Source, file: SourceFile) -> Header:
    """The names of a file's columns; `_c0` and so on where the source has no header.

    Raises:
        DataError: the file has no header, or one without columns that the feed needs.
    """
    options = _options(source)
    encoding = encoding_of(options) or "utf-8"
    compression = "gzip" if file.uri.endswith(".gz") else None
    comment = tuple(filter(None, [options.get("comment", "").encode(encoding)]))
    with UPath(file.uri).open("rb", compression=compression) as opened:
        # A file on S3 takes no length of a line by itself.
        stream = io.BufferedReader(opened)  # type: ignore[type-var]
        # Packed, a line without end takes no place; read whole it would take all memory.
        lines = enumerate(iter(lambda: stream.readline(LONGEST_HEADER + 1), b""))
        place, first = next(
            ((i, line) for i, line in lines if line.strip() and not line.startswith(comment)), (-1, b"")
        )
    if len(first) > LONGEST_HEADER:
        raise unreadable(feed, file.name, f"its first line is longer than {LONGEST_HEADER:,} bytes")
    has_header = options["header"].lower() == "true"
    try:
        text = first.decode(encoding).removeprefix("\ufeff").rstrip("\r\n")
    except UnicodeDecodeError:
        raise unreadable(feed, file.name, f"its first line is not {encoding}") from None
    separator, quote = options.get("sep") or ",", options.get("quote") or '"'
    if len(separator) == 1:
        fields = next(csv.reader(io.StringIO(text), delimiter=separator, quotechar=quote), [])
    else:
        fields = [field.strip(quote) for field in text.split(separator)] if text else []
    if not has_header:
        return tuple(f"_c{i}" for i in range(len(fields))), -1
    if not fields:
        raise unreadable(feed, file.name, "it is empty: not even a header")
    _check_header(feed, source, file, fields, separator)
    # As Spark's own reader names them, which tells no upper from lower case.
    names = [field.strip() for field in fields]
    lower = [name.lower() for name in names]
    return tuple(
        f"_c{i}" if not name else f"{name}{i}" if lower.count(name.lower()) > 1 else name
        for i, name in enumerate(names)
    ), place


def read(spark: SparkSession, feed: Feed, source: Source, header: Header, files: tuple[SourceFile, ...]) -> RawRows:
    """Raw rows of files with the same header."""
    columns, header_at = header
    options = _options(source)
    schema = ", ".join(f"{quoted(name)} string" for name in (*columns, "_corrupt"))
    parsing = {**options, "mode": "PERMISSIVE", "columnNameOfCorruptRecord": "_corrupt"}
    if NATIVE_OPTIONS & {key.lower() for key in options}:
        rows = spark.read.schema(schema).options(**parsing).csv(uris(files))
        rows = rows.select("*", name_of_file(files), F.lit(None).cast("bigint").alias("_line"))
        rows = rows.withColumn("_raw", F.coalesce("_corrupt", F.to_json(F.struct(*map(quoted, columns)))))
    else:
        lines = lines_of(spark, files)
        is_header = (F.col("_place") == header_at) & (F.col("_block") == 0)
        parsed = F.from_csv("value", F.lit(schema), {k: v for k, v in parsing.items() if k != "header"})
        is_row = ~is_header & (F.trim("value") != "")
        if "comment" in options:
            is_row &= ~F.col("value").startswith(options["comment"])
        rows = lines.where(is_row).select("*", parsed.alias("_row"))
        rows = rows.select("_row.*", "_file", "_line", F.col("value").alias("_raw"))
        if (options.get("quote") or '"') == options["escape"] == '"':
            # A field may end with a separator and its closing quote, so the quotes have to be odd as well.
            quotes = F.length("_raw") - F.length(F.replace("_raw", F.lit('"'), F.lit("")))
            is_cut = (quotes % 2 == 1) & F.col("_raw").rlike(_open_quote(options.get("sep") or ","))
            rows = rows.withColumn("_is_cut", is_cut)
    rows = judged(rows, f"another number of fields than the {len(columns)} of its header")
    if "_is_cut" in rows.columns:
        problem = F.when(F.col("_is_cut"), "a quote that is not closed on its line (options.multiLine reads on)")
        rows = rows.withColumn("_problem", F.coalesce("_problem", problem)).drop("_is_cut")
    # Without a header an empty file has no columns, and no rows that would miss them.
    return RawRows(rows, columns, files)


def _open_quote(separator: str) -> str:
    """A pattern for lines whose last field begins with a quote that nothing closes: the row is only part of one."""
    return rf'(?:^|{re.escape(separator)})\s*"(?:[^"]|"")*$'


def _check_header(feed: Feed, source: Source, file: SourceFile, fields: list[str], separator: str) -> None:
    needed = [column.name for column in feed.columns if column.required and column.name not in source.columns]
    lower = {field.strip().lower() for field in fields}
    missing = [name for name in needed if name not in lower]
    if not missing:
        return
    other = next((sign for sign in ";\t|," if sign != separator and len(fields) == 1 and sign in fields[0]), None)
    hint = (
        f"the file seems to be separated by {other!r}: set options.sep"
        if other
        else ("give the file a header, or map its columns (docs/adding_a_feed.md)")
    )
    raise DataError(
        f"{feed.name}: {file.name} has another header",
        expected=f"a header with {', '.join(needed)}",
        found=f"{len(fields)} columns without {', '.join(missing)}",
        todo=hint,
    )


def _options(source: Source) -> dict[str, str]:
    given = {key.lower(): text for key, text in as_texts(source.options).items()}
    if "delimiter" in given:
        given["sep"] = given.pop("delimiter")
    if "sep" in given:
        given["sep"] = given["sep"].replace("\\t", "\t")
    return {**DEFAULTS, **given}
