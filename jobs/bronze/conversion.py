"""How a source's value becomes a column of its feed, and when it does not."""

from dataclasses import dataclass

from pyspark.sql import Column as SparkColumn
from pyspark.sql import functions as F

from jobs.tables.contract import Column

_TIME = r"^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}([.,]\d{1,9})?)?( ?(Z|z|UTC|GMT|[+-]\d{2}(:?\d{2})?))?)?$"
_USUAL_TIME = r"^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(\.\d{1,9})?( ?(Z|[+-]\d{2}(:?\d{2})?))?$"
_DATE = r"^\d{4}-\d{2}-\d{2}([T ].*)?$"
_SPELLINGS = (
    (r"^(\d{4})(\d{2})(\d{2})(?=T|$)", "$1-$2-$3"),
    (r"T(\d{2})(\d{2})(\d{2})", "T$1:$2:$3"),
    (r"T(\d{2})(\d{2})(?!\d)", "T$1:$2"),
    # Spark takes no zone after minutes.
    (r"([T ]\d{2}:\d{2})(?= ?[A-Za-z+-])", "$1:00"),
    (",", "."),
    ("z$", "Z"),
)
"""Other spellings of ISO 8601, and what Spark's own has in their place."""
_BLANKS = "".join(chr(each) for each in (9, 10, 11, 12, 13, 32, 0xA0, *range(0x2000, 0x200C), 0x202F, 0x3000, 0xFEFF))
"""Spaces of all scripts, and what stands at the ends of a line."""
_NUMBERS = ("tinyint", "smallint", "int", "bigint", "float", "double", "decimal", "boolean")


@dataclass(frozen=True)
class Converted:
    """The typed value, and whether a non-blank value did not cast."""

    value: SparkColumn
    failed: SparkColumn


def convert(
    column: Column, given: SparkColumn, type_: str, is_mapped: bool, is_nested: bool, is_of_json: bool = False
) -> Converted:
    """The value of `column` from a source's value of Spark type `type_`.

    A mapped value that does not cast is null; one that came under its own name is a failure. So is an object or array
    in JSON (`is_of_json`): beside texts under the same name Spark gives it as its text, whatever is in it.
    """
    if is_nested and not is_mapped:
        text = F.to_json(given)
        kept = text if column.text else F.lit(None).cast(column.type)
        return Converted(kept, F.lit(False) if column.text else text.isNotNull())
    if type_ == "binary":
        given, type_ = given.cast("string"), "string"
    if type_ == "string":
        text = F.when(_trimmed(given) != "", given)
        value = _from_text(column.type, text)
    elif not _casts(type_, column.type):
        text = given
        value = _from_text(column.type, given.cast("string"))
    else:
        text = given
        is_cut = column.type in ("int", "bigint") and type_.startswith(("double", "float", "decimal", "bigint"))
        is_long = column.type == "string" and type_ in ("double", "float")
        value = _whole(given, column.type) if is_cut else _digits(given) if is_long else given.cast(column.type)
    if column.type == "string" and type_ == "string":
        may_be_nested = is_of_json and not is_mapped and not column.text
        return Converted(value, _is_nested(text) if may_be_nested else F.lit(False))
    return Converted(value, F.lit(False) if is_mapped else text.isNotNull() & value.isNull())


def _is_nested(text: SparkColumn) -> SparkColumn:
    return F.coalesce(text.rlike(r"^\s*[{\[]") & F.try_parse_json(text).isNotNull(), F.lit(False))


def _casts(type_: str, wanted: str) -> bool:
    """Whether Spark has a cast at all; without one a query stops, also where every value is null.

    A column that is null throughout comes as whole numbers, as pandas writes it, or as anything else.
    """
    if type_ in ("void", "date", "timestamp") or wanted == "string":
        return True
    if type_ == "timestamp_ntz":
        return wanted in ("date", "timestamp")
    return type_.partition("(")[0] in _NUMBERS and wanted != "date"


def _from_text(type_: str, text: SparkColumn) -> SparkColumn:
    if type_ == "string":
        return text
    trimmed = _trimmed(text)
    if type_ == "timestamp":
        return _instant(trimmed)
    if type_ == "date":
        extended = F.regexp_replace(trimmed, *_SPELLINGS[0])
        return F.when(extended.rlike(_DATE), F.substring(extended, 1, 10).cast("date"))
    if type_ in ("int", "bigint"):
        return _whole(trimmed, type_)
    return trimmed.cast(type_)


def _whole(number: SparkColumn, type_: str) -> SparkColumn:
    # Spreadsheets write whole numbers as 12.0; 12.5 is none, and what does not fit would wrap around.
    exact = number.cast("decimal(25,5)")
    fits = exact.cast("decimal(20,0)").cast(type_)
    return F.when((exact == F.floor(exact)) & (fits.cast("decimal(25,5)") == exact), fits)


def _digits(number: SparkColumn) -> SparkColumn:
    # An identifier or a number of a phone that became a fraction on its way, since others of its column are missing.
    is_whole = (number == F.floor(number)) & (F.abs(number) < 1e15)
    return F.when(is_whole, number.cast("bigint").cast("string")).otherwise(number.cast("string"))


def _instant(text: SparkColumn) -> SparkColumn:
    extended = text
    for spelling, plain in _SPELLINGS:
        extended = F.regexp_replace(extended, spelling, plain)
    extended = F.when(text.rlike(_USUAL_TIME), text).otherwise(extended)
    # Without a zone it is a time of the session's zone, which at the door is the feed's.
    return F.when(extended.rlike(_TIME), extended.cast("timestamp"))


def _trimmed(text: SparkColumn) -> SparkColumn:
    return F.btrim(text, F.lit(_BLANKS))


def shape(value: SparkColumn) -> SparkColumn:
    """A value with its letters as x and its digits as 9: what it looked like, not what it said."""

    def masked(text: SparkColumn) -> SparkColumn:
        letters = F.regexp_replace(F.regexp_replace(text, r"\p{Lu}", "X"), r"[\p{L}&&[^X]]", "x")
        return F.substring(F.regexp_replace(letters, r"\p{N}", "9"), 1, 2000)

    # Few rows need it and many places may; a lambda stays out of the code that Spark generates for all rows.
    return F.transform(F.array(value), masked)[0]
