"""Reads files as raw rows, each with its file, its line and its text."""

import csv
import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import reduce
from typing import Any

import pyarrow.parquet as pq
from pyspark.errors import AnalysisException
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import ArrayType, StringType, StructField, StructType
from upath import UPath

from jobs.errors import DataError
from jobs.privacy import scrub
from jobs.settings import Source
from jobs.sources import SourceFile, unreadable
from jobs.tables import Feed

NATIVE_OPTIONS = {"multiline", "encoding", "charset", "linesep"}
CSV_DEFAULTS = {"header": "true", "escape": '"'}
LONGEST_HEADER = 1 << 20
CASE_SENSITIVE = "spark.sql.caseSensitive"
LINES_A_PARTITION = 1 << 33
"""monotonically_increasing_id keeps the partition in the bits above (Spark's documentation)."""


@dataclass(frozen=True)
class RawRows:
    """Rows of files with the same columns: the source's own columns, and `_file _line _raw _problem`."""

    rows: DataFrame
    columns: tuple[str, ...]
    files: tuple[SourceFile, ...]
    complex: frozenset[str] = frozenset()
    may_lack_columns: bool = False


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
    readers = {"csv": _csv, "json": _json, "json_document": _json_document, "parquet": _parquet}
    return [
        readers[format_](spark, feed, source, (columns, header_at), tuple(members))
        for (format_, columns, header_at), members in sorted(groups.items())
    ]


Header = tuple[tuple[str, ...], int]
"""Names of the columns, and the number of the line that names them (from 0; -1 where none does)."""


def _columns_of(feed: Feed, source: Source, file: SourceFile, format_: str) -> Header:
    encoding = _encoding(source.options)
    if format_ in ("csv", "json") and encoding and encoding.lower().startswith(("utf-16", "utf16", "utf-32", "utf32")):
        raise DataError(
            f"{feed.name}: {file.name} is to be read as {encoding}",
            expected="an encoding in which the end of a line is one byte",
            found=f"feeds.{feed.name}.options.encoding: {encoding}",
            todo=f"have it delivered in UTF-8 or convert it (iconv -f {encoding} -t UTF-8), and drop the option",
        )
    try:
        if format_ == "csv":
            return _csv_columns(feed, source, file)
        if format_ == "parquet":
            with UPath(file.uri).open("rb") as stream:
                return tuple(f"{field.name}:{field.type}" for field in pq.read_schema(stream)), -1
    except DataError:
        raise
    except Exception as error:  # any reader's error means the same: this file cannot be read
        raise unreadable(feed, file.name, f"{type(error).__name__}: {error}") from None
    return (), -1


def _csv_columns(feed: Feed, source: Source, file: SourceFile) -> Header:
    options = _csv_options(source)
    encoding = _encoding(options) or "utf-8"
    compression = "gzip" if file.uri.endswith(".gz") else None
    comment = tuple(filter(None, [options.get("comment", "").encode(encoding)]))
    with UPath(file.uri).open("rb", compression=compression) as stream:
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


def _csv_options(source: Source) -> dict[str, str]:
    given = {
        key.lower(): str(value).lower() if isinstance(value, bool) else str(value)
        for key, value in source.options.items()
    }
    if "delimiter" in given:
        given["sep"] = given.pop("delimiter")
    if "sep" in given:
        given["sep"] = given["sep"].replace("\\t", "\t")
    return {**CSV_DEFAULTS, **given}


def _csv(spark: SparkSession, feed: Feed, source: Source, header: Header, files: tuple[SourceFile, ...]) -> RawRows:
    columns, header_at = header
    options = _csv_options(source)
    schema = ", ".join(f"`{name.replace('`', '``')}` string" for name in (*columns, "_corrupt"))
    parsing = {**options, "mode": "PERMISSIVE", "columnNameOfCorruptRecord": "_corrupt"}
    if NATIVE_OPTIONS & {key.lower() for key in options}:
        rows = spark.read.schema(schema).options(**parsing).csv(_uris(files))
        rows = rows.select("*", _file(files), F.lit(None).cast("bigint").alias("_line"))
        rows = rows.withColumn("_raw", F.coalesce("_corrupt", F.to_json(F.struct(*map(_quoted, columns)))))
    else:
        lines = _lines(spark, files)
        is_header = (F.col("_place") == header_at) & (F.col("_block") == 0)
        parsed = F.from_csv("value", F.lit(schema), {k: v for k, v in parsing.items() if k != "header"})
        is_row = ~is_header & (F.trim("value") != "")
        if "comment" in options:
            is_row &= ~F.col("value").startswith(options["comment"])
        rows = lines.where(is_row).select("*", parsed.alias("_row"))
        rows = rows.select("_row.*", "_file", "_line", F.col("value").alias("_raw"))
    rows = _judged(rows, f"another number of fields than the {len(columns)} of its header")
    # Without a header an empty file has no columns, and no rows that would miss them.
    return RawRows(rows, columns, files, may_lack_columns=not columns)


def _json(spark: SparkSession, feed: Feed, source: Source, header: Header, files: tuple[SourceFile, ...]) -> RawRows:
    options = {"primitivesAsString": "true", **_texts(source.options)}
    with _named_once(feed, files):
        inferred = _inferred(spark, files, options)
    spellings = _spellings(field for field in inferred.fields if field.name != "_corrupt_record")
    schema = StructType([*(field for same in spellings for field in same), StructField("_corrupt", StringType())])
    lines = _lines(spark, files, _encoding(options)).where(F.trim("value") != "")
    parsing = {**options, "mode": "PERMISSIVE", "columnNameOfCorruptRecord": "_corrupt"}
    rows = lines.select("*", F.from_json("value", schema, parsing).alias("_row"))
    rows = rows.select("_row.*", "_file", "_line", F.col("value").alias("_raw"))
    rows = _of_one_spelling(rows, spellings)
    followed = F.when(~_is_one_value(F.col("_raw"), options), F.col("_raw"))
    rows = _judged(rows.withColumn("_corrupt", F.coalesce("_corrupt", followed)), "malformed JSON")
    fields = [same[0] for same in spellings]
    names = tuple(field.name for field in fields)
    nested = frozenset(field.name for field in fields if field.dataType.typeName() in ("struct", "array", "map"))
    return RawRows(rows, names, files, nested, True)


def _json_document(
    spark: SparkSession, feed: Feed, source: Source, header: Header, files: tuple[SourceFile, ...]
) -> RawRows:
    options = {"primitivesAsString": "true", **_texts(source.options), "multiLine": "true"}
    broken = _broken_documents(spark, files, options)
    whole = tuple(file for file in files if file not in broken)
    with _named_once(feed, whole):
        parts = [_documents(spark, whole, options)] if whole else []
    parts += [_texts_of_documents(spark, broken, options)] if broken else []
    documents = reduce(lambda one, other: one.unionByName(other, allowMissingColumns=True), parts)
    own = [name for name in documents.columns if name not in ("_file", "_corrupt")]
    if source.rows is not None and own:
        documents, own = _elements(feed, source.rows, documents, own, files)
    kept = F.to_json(F.struct(*map(_quoted, own))) if own else F.lit(None).cast("string")
    rows = documents.select(
        *map(_quoted, own),
        "_file",
        F.lit(None).cast("bigint").alias("_line"),
        "_corrupt",
        F.coalesce("_corrupt", kept).alias("_raw"),
    )
    rows = _judged(rows, "malformed JSON")
    types = dict(rows.dtypes)
    nested = frozenset(name for name in own if types[name].startswith(("struct", "array", "map")))
    return RawRows(rows, tuple(own), files, nested, True)


def _inferred(spark: SparkSession, files: tuple[SourceFile, ...], options: dict[str, str]) -> StructType:
    """The columns that the lines have, each in all its spellings; otherwise Spark knows the first of them alone."""
    before = spark.conf.get(CASE_SENSITIVE) or "false"
    spark.conf.set(CASE_SENSITIVE, "true")
    try:
        # Of another encoding Spark wants to be told how lines end.
        end = {"lineSep": "\n"} if _encoding(options) else {}
        return spark.read.options(**{**end, **options}).json(_uris(files)).schema
    finally:
        spark.conf.set(CASE_SENSITIVE, before)


def _spellings(fields: Iterable[StructField]) -> list[list[StructField]]:
    """The fields by name, upper and lower case alike; those of a name are of one type."""
    by_name: dict[str, list[StructField]] = {}
    for field in fields:
        by_name.setdefault(field.name.lower(), []).append(field)
    return [
        same if len({field.dataType for field in same}) == 1 else [StructField(f.name, StringType()) for f in same]
        for same in by_name.values()
    ]


def _of_one_spelling(rows: DataFrame, spellings: list[list[StructField]]) -> DataFrame:
    """Rows with one column for each name, where their first columns are all of its spellings."""
    places = [[f"_{name}_{spelling}" for spelling in range(len(same))] for name, same in enumerate(spellings)]
    first = [place for same in places for place in same]
    if len(first) == len(spellings):
        return rows
    others = rows.columns[len(first) :]
    values = [F.coalesce(*held).alias(same[0].name) for held, same in zip(places, spellings, strict=True)]
    return rows.toDF(*first, *others).select(*values, *others)


@contextmanager
def _named_once(feed: Feed, files: tuple[SourceFile, ...]) -> Iterator[None]:
    try:
        yield
    except AnalysisException as error:
        if error.getCondition() != "COLUMN_ALREADY_EXISTS":
            raise
        names = ", ".join(file.name for file in files[:3])
        key = scrub((error.getMessageParameters() or {}).get("columnName", ""))
        found = f"an object has the key {key} twice (upper and lower case are the same)"
        raise unreadable(feed, names, found) from None


def _documents(spark: SparkSession, files: tuple[SourceFile, ...], options: dict[str, str]) -> DataFrame:
    documents = spark.read.options(**options).json(_uris(files))
    corrupt = F.col("_corrupt_record") if "_corrupt_record" in documents.columns else F.lit(None).cast("string")
    return documents.select("*", _file(files), corrupt.alias("_corrupt")).drop("_corrupt_record")


def _broken_documents(
    spark: SparkSession, files: tuple[SourceFile, ...], options: dict[str, str]
) -> tuple[SourceFile, ...]:
    """The files that are not one document from beginning to end."""
    text = F.col("_corrupt")
    # Of bytes that are no UTF-8 the reader finds the encoding, or says that it cannot.
    is_text = F.is_valid_utf8(text) & ~text.contains("\0") & text.rlike(r"\S")
    texts = _texts_of_documents(spark, files, options).where(is_text)
    names = {row["_file"] for row in texts.where(~_is_one_value(text, options)).select("_file").collect()}
    return tuple(file for file in files if file.name in names)


def _texts_of_documents(spark: SparkSession, files: tuple[SourceFile, ...], options: dict[str, str]) -> DataFrame:
    text = _decoded(F.col("value"), _encoding(options))
    unmarked = F.regexp_replace(text, "^\ufeff", "").alias("_corrupt")
    return spark.read.text(_uris(files), wholetext=True).select(_file(files), unmarked)


def _is_one_value(text: Column, options: dict[str, str]) -> Column:
    """Whether a text ends with its first JSON value; Spark reads that one and drops what follows without a word."""
    both = F.concat(F.lit("["), text, F.lit('\n,"_end"]'))
    # The first is far cheaper, but keeps no options, and knows no NaN.
    seconds = (F.get_json_object(both, "$[1]"), F.get(F.from_json(both, "array<string>", options), 1))
    return F.coalesce(seconds[0] == "_end", F.lit(False)) | F.coalesce(seconds[1] == "_end", F.lit(False))


def _elements(
    feed: Feed, array: str, documents: DataFrame, own: list[str], files: tuple[SourceFile, ...]
) -> tuple[DataFrame, list[str]]:
    """A row for each element of an array of the document; a document without the array is a broken one."""
    try:
        elements = documents.withColumn("_array", F.expr(array))
        kind = elements.schema["_array"].dataType
    except AnalysisException:
        raise unreadable(feed, files[0].name, f"it has no array {array}") from None
    if not isinstance(kind, ArrayType):
        raise unreadable(feed, files[0].name, f"its {array} is no array of objects")
    if not isinstance(kind.elementType, StructType):
        # Spark takes the elements of an array that is empty everywhere for text.
        if not elements.where("size(_array) > 0").isEmpty():
            raise unreadable(feed, files[0].name, f"its {array} is no array of objects")
        none = F.array().cast("array<struct<_none:string>>")
        elements = elements.withColumn("_array", F.when(F.col("_array").isNotNull(), none))
    fields = elements.select(F.explode("_array").alias("_element")).select("_element.*").columns
    text = F.coalesce("_corrupt", F.to_json(F.struct(*map(_quoted, own))))
    whole = elements.where("_array IS NULL OR size(_array) > 0").select(
        F.explode_outer("_array").alias("_element"),
        "_file",
        F.when(F.col("_array").isNull(), text).alias("_corrupt"),
    )
    return whole.select("_element.*", "_file", "_corrupt"), fields


def _parquet(spark: SparkSession, feed: Feed, source: Source, header: Header, files: tuple[SourceFile, ...]) -> RawRows:
    rows = spark.read.options(**_texts(source.options)).parquet(*_uris(files))
    own = tuple(rows.columns)
    rows = rows.select(
        "*",
        _file(files),
        (F.col("_metadata.row_index") + 1).alias("_line"),
        F.to_json(F.struct(*map(_quoted, own))).alias("_raw"),
        F.lit(None).cast("string").alias("_problem"),
    )
    types = dict(rows.dtypes)
    nested = frozenset(name for name in own if types[name].startswith(("struct", "array", "map")))
    return RawRows(rows, own, files, nested)


def _lines(spark: SparkSession, files: tuple[SourceFile, ...], encoding: str | None = None) -> DataFrame:
    # The door's session gives each block of a file its own partition, so the place in it is the place in the file.
    place = F.monotonically_increasing_id() % LINES_A_PARTITION
    block = F.col("_metadata.file_block_start")
    text = _decoded(F.col("value"), encoding).alias("value")
    lines = spark.read.text(_uris(files)).select(text, _file(files), place.alias("_place"), block.alias("_block"))
    is_first = (F.col("_block") == 0) & (F.col("_place") == 0)
    unmarked = F.when(is_first, F.regexp_replace("value", "^\ufeff", "")).otherwise(F.col("value"))
    known_line = F.when(F.col("_block") == 0, F.col("_place") + 1)
    return lines.withColumns({"value": unmarked, "_line": known_line})


def _encoding(options: dict[str, Any]) -> str | None:
    return next((str(value) for key, value in options.items() if key.lower() in ("encoding", "charset")), None)


def _decoded(text: Column, encoding: str | None) -> Column:
    """A text of which Spark has taken the bytes as they are."""
    return F.decode(text.cast("binary"), encoding) if encoding else text


def _file(files: tuple[SourceFile, ...]) -> Column:
    """The file's name below the landing root, from the encoded URI that Spark reports."""
    uri = F.url_decode(F.replace(F.col("_metadata.file_path"), F.lit("+"), F.lit("%2B")))
    first = files[0]
    if "://" in first.uri:
        prefix = first.uri.removesuffix(first.name)
    else:
        uri = F.regexp_replace(uri, "^file:/+", "/")
        prefix = first.uri.removesuffix(first.name)
    return F.when(uri.startswith(prefix), F.substring(uri, len(prefix) + 1, 1 << 16)).otherwise(uri).alias("_file")


def _judged(rows: DataFrame, corrupt: str) -> DataFrame:
    """Rows with their `_problem` in place of `_corrupt`, and `_raw` as a text that every reader of Parquet takes."""
    # A reader that decodes by itself leaves the replacement character where it could not.
    is_utf8 = F.is_valid_utf8("_raw")
    # Latin-1 has a letter for every byte, so that nothing of the row is lost.
    by_byte = F.decode(F.col("_raw").cast("binary"), "ISO-8859-1")
    problem = F.when(~is_utf8, "not UTF-8").when(F.col("_corrupt").isNotNull(), corrupt)
    return rows.withColumns({"_problem": problem, "_raw": F.when(is_utf8, F.col("_raw")).otherwise(by_byte)}).drop(
        "_corrupt"
    )


def _uris(files: tuple[SourceFile, ...]) -> list[str]:
    return [_escaped(file.uri) for file in files]


def _escaped(uri: str) -> str:
    # Spark takes a path as a glob pattern.
    return "".join(f"\\{sign}" if sign in "*?[]{}\\" else sign for sign in uri)


def _texts(options: dict[str, Any]) -> dict[str, str]:
    return {key: str(value).lower() if isinstance(value, bool) else str(value) for key, value in options.items()}


def _quoted(name: str) -> str:
    return f"`{name.replace('`', '``')}`"
