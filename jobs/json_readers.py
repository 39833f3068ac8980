"""Reads JSON as raw rows: a value a line, or files that are one document each."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import reduce

from pyspark.errors import AnalysisException
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import ArrayType, StringType, StructField, StructType

from jobs.raw_rows import Header, RawRows, decoded, encoding_of, judged, lines_of, name_of_file, nested, quoted, uris
from jobs.redaction import scrub
from jobs.source_settings import Source
from jobs.sources import SourceFile, unreadable
from jobs.spark_conf import as_texts
from jobs.tables import Feed

CASE_SENSITIVE = "spark.sql.caseSensitive"


def read_lines(
    spark: SparkSession, feed: Feed, source: Source, header: Header, files: tuple[SourceFile, ...]
) -> RawRows:
    """Raw rows of files with a JSON object a line."""
    options = {"primitivesAsString": "true", **as_texts(source.options)}
    with _named_once(feed, files):
        inferred = _inferred(spark, files, options)
    spellings = _spellings(field for field in inferred.fields if field.name != "_corrupt_record")
    schema = StructType([*(field for same in spellings for field in same), StructField("_corrupt", StringType())])
    lines = lines_of(spark, files, encoding_of(options)).where(F.trim("value") != "")
    parsing = {**options, "mode": "PERMISSIVE", "columnNameOfCorruptRecord": "_corrupt"}
    rows = lines.select("*", F.from_json("value", schema, parsing).alias("_row"))
    rows = rows.select("_row.*", "_file", "_line", F.col("value").alias("_raw"))
    rows = _of_one_spelling(rows, spellings)
    followed = F.when(~_is_one_value(F.col("_raw"), options), F.col("_raw"))
    rows = judged(rows.withColumn("_corrupt", F.coalesce("_corrupt", followed)), "malformed JSON")
    fields = [same[0] for same in spellings]
    return RawRows(rows, tuple(field.name for field in fields), files, nested(fields), True)


def read_documents(
    spark: SparkSession, feed: Feed, source: Source, header: Header, files: tuple[SourceFile, ...]
) -> RawRows:
    """Raw rows of files that are a JSON document each: one of the document, or one of each element of `rows` in it."""
    options = {"primitivesAsString": "true", **as_texts(source.options), "multiLine": "true"}
    broken = _broken_documents(spark, files, options)
    whole = tuple(file for file in files if file not in broken)
    with _named_once(feed, whole):
        parts = [_documents(spark, whole, options)] if whole else []
    parts += [_texts_of_documents(spark, broken, options)] if broken else []
    documents = reduce(lambda one, other: one.unionByName(other, allowMissingColumns=True), parts)
    own = [name for name in documents.columns if name not in ("_file", "_corrupt")]
    if source.rows is not None and own:
        documents, own = _elements(feed, source.rows, documents, own, files)
    kept = F.to_json(F.struct(*map(quoted, own))) if own else F.lit(None).cast("string")
    rows = documents.select(
        *map(quoted, own),
        "_file",
        F.lit(None).cast("bigint").alias("_line"),
        "_corrupt",
        F.coalesce("_corrupt", kept).alias("_raw"),
    )
    rows = judged(rows, "malformed JSON")
    return RawRows(rows, tuple(own), files, nested(field for field in rows.schema if field.name in own), True)


def _inferred(spark: SparkSession, files: tuple[SourceFile, ...], options: dict[str, str]) -> StructType:
    """The columns that the lines have, each in all its spellings; otherwise Spark knows the first of them alone."""
    before = spark.conf.get(CASE_SENSITIVE) or "false"
    spark.conf.set(CASE_SENSITIVE, "true")
    try:
        # Of another encoding Spark wants to be told how lines end.
        end = {"lineSep": "\n"} if encoding_of(options) else {}
        return spark.read.options(**{**end, **options}).json(uris(files)).schema
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
    documents = spark.read.options(**options).json(uris(files))
    corrupt = F.col("_corrupt_record") if "_corrupt_record" in documents.columns else F.lit(None).cast("string")
    return documents.select("*", name_of_file(files), corrupt.alias("_corrupt")).drop("_corrupt_record")


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
    text = decoded(F.col("value"), encoding_of(options))
    unmarked = F.regexp_replace(text, "^\ufeff", "").alias("_corrupt")
    return spark.read.text(uris(files), wholetext=True).select(name_of_file(files), unmarked)


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
    text = F.coalesce("_corrupt", F.to_json(F.struct(*map(quoted, own))))
    whole = elements.where("_array IS NULL OR size(_array) > 0").select(
        F.explode_outer("_array").alias("_element"),
        "_file",
        F.when(F.col("_array").isNull(), text).alias("_corrupt"),
    )
    return whole.select("_element.*", "_file", "_corrupt"), fields
