"""Raw rows of a source: its own columns, and of each row the file, the line, the text and what is wrong with it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import ArrayType, MapType, StructField, StructType

from jobs.sources import SourceFile

LINES_A_PARTITION = 1 << 33
"""monotonically_increasing_id keeps the partition in the bits above (Spark's documentation)."""

Header = tuple[tuple[str, ...], int]
"""Names of the columns, and the number of the line that names them (from 0; -1 where none does)."""


@dataclass(frozen=True)
class RawRows:
    """Rows of files with the same columns: the source's own columns, and `_file _line _raw _problem`."""

    rows: DataFrame
    columns: tuple[str, ...]
    files: tuple[SourceFile, ...]
    complex: frozenset[str] = frozenset()
    is_json: bool = False

    @property
    def may_lack_columns(self) -> bool:
        """Whether a mapping may name what is not there: a JSON object lacks a key that has no value."""
        return self.is_json or not self.columns


def lines_of(spark: SparkSession, files: tuple[SourceFile, ...], encoding: str | None = None) -> DataFrame:
    """The lines (`value`) of files of text, with their `_file`, and their `_line` where it is known.

    `_place` (from 0) is that in its `_block` of a file, which is named by the byte with which it begins.
    """
    # The door's session gives each block of a file its own partition, so the place in it is the place in the file.
    place = F.monotonically_increasing_id() % LINES_A_PARTITION
    block = F.col("_metadata.file_block_start")
    text = decoded(F.col("value"), encoding).alias("value")
    lines = spark.read.text(uris(files)).select(text, name_of_file(files), place.alias("_place"), block.alias("_block"))
    is_first = (F.col("_block") == 0) & (F.col("_place") == 0)
    unmarked = F.when(is_first, F.regexp_replace("value", "^\ufeff", "")).otherwise(F.col("value"))
    known_line = F.when(F.col("_block") == 0, F.col("_place") + 1)
    return lines.withColumns({"value": unmarked, "_line": known_line})


def encoding_of(options: dict[str, Any]) -> str | None:
    """The encoding that a reader's options name, if any."""
    return next((str(value) for key, value in options.items() if key.lower() in ("encoding", "charset")), None)


def decoded(text: Column, encoding: str | None) -> Column:
    """A text of which Spark has taken the bytes as they are."""
    return F.decode(text.cast("binary"), encoding) if encoding else text


def name_of_file(files: tuple[SourceFile, ...]) -> Column:
    """The file's name below the root of its source, from the encoded URI that Spark reports."""
    uri = F.url_decode(F.replace(F.col("_metadata.file_path"), F.lit("+"), F.lit("%2B")))
    if "://" not in files[0].uri:
        uri = F.regexp_replace(uri, "^file:/+", "/")
    prefix = files[0].uri.removesuffix(files[0].name)
    return F.when(uri.startswith(prefix), F.substring(uri, len(prefix) + 1, 1 << 16)).otherwise(uri).alias("_file")


def judged(rows: DataFrame, corrupt: str) -> DataFrame:
    """Rows with their `_problem` in place of `_corrupt`, and `_raw` as a text that every reader of Parquet takes."""
    # A reader that decodes by itself leaves the replacement character where it could not.
    is_utf8 = F.is_valid_utf8("_raw")
    # Latin-1 has a letter for every byte, so that nothing of the row is lost.
    by_byte = F.decode(F.col("_raw").cast("binary"), "ISO-8859-1")
    problem = F.when(~is_utf8, "not UTF-8").when(F.col("_corrupt").isNotNull(), corrupt)
    return rows.withColumns({"_problem": problem, "_raw": F.when(is_utf8, F.col("_raw")).otherwise(by_byte)}).drop(
        "_corrupt"
    )


def uris(files: tuple[SourceFile, ...]) -> list[str]:
    """Where the files are, as Spark's readers take it."""
    return [_escaped(file.uri) for file in files]


def nested(fields: Iterable[StructField]) -> frozenset[str]:
    """The names of those columns that hold more than one value."""
    return frozenset(field.name for field in fields if isinstance(field.dataType, StructType | ArrayType | MapType))


def quoted(name: str) -> str:
    """The name of a column in Spark's SQL, whatever signs are in it."""
    return f"`{name.replace('`', '``')}`"


def _escaped(uri: str) -> str:
    # Spark takes a path as a glob pattern.
    return "".join(f"\\{sign}" if sign in "*?[]{}\\" else sign for sign in uri)
