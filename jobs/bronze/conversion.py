"""How a source's value becomes a column of its feed, and when it does not."""

from dataclasses import dataclass

from pyspark.sql import Column as SparkColumn
from pyspark.sql import functions as F

from jobs.tables.contract import Column

_TIME = r"^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}([.,]\d{1,9})?)?( ?(Z|z|UTC|GMT|[+-]\d{2}(:?\d{2})?))?)?$"
_BASIC_TIME = r"^(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2})(.*)$"
_DATE = r"^\d{4}-\d{2}-\d{2}([T ].*)?$"


@dataclass(frozen=True)
class Converted:
    """The typed value, and whether a non-blank value did not cast."""

    value: SparkColumn
    failed: SparkColumn


def convert(column: Column, given: SparkColumn, type_: str, is_mapped: bool, is_nested: bool) -> Converted:
    """The value of `column` from a source's value of Spark type `type_`.

    A mapped value that does not cast is null; one that came under its own name is a failure.
    """
    if is_nested and not is_mapped:
        text = F.to_json(given)
        kept = text if column.text else F.lit(None).cast(column.type)
        return Converted(kept, F.lit(False) if column.text else text.isNotNull())
    if type_ == "binary":
        given, type_ = given.cast("string"), "string"
    if type_ == "string":
        text = F.when(F.trim(given) != "", given)
        value = _from_text(column.type, text)
    else:
        text = given
        is_cut = column.type in ("int", "bigint") and type_.startswith(("double", "float", "decimal", "bigint"))
        value = _whole(given, column.type) if is_cut else given.cast(column.type)
    if column.type == "string" and type_ == "string":
        return Converted(value, F.lit(False))
    return Converted(value, F.lit(False) if is_mapped else text.isNotNull() & value.isNull())


def _from_text(type_: str, text: SparkColumn) -> SparkColumn:
    if type_ == "string":
        return text
    trimmed = F.trim(text)
    if type_ == "timestamp":
        return _instant(trimmed)
    if type_ == "date":
        return F.when(trimmed.rlike(_DATE), F.substring(trimmed, 1, 10).cast("date"))
    if type_ in ("int", "bigint"):
        return _whole(trimmed, type_)
    return trimmed.cast(type_)


def _whole(number: SparkColumn, type_: str) -> SparkColumn:
    # Spreadsheets write whole numbers as 12.0; 12.5 is none, and what does not fit would wrap around.
    exact = number.cast("decimal(25,5)")
    fits = exact.cast("decimal(20,0)").cast(type_)
    return F.when((exact == F.floor(exact)) & (fits.cast("decimal(25,5)") == exact), fits)


def _instant(text: SparkColumn) -> SparkColumn:
    extended = F.regexp_replace(text, _BASIC_TIME, "$1-$2-$3T$4:$5:$6$7")
    extended = F.regexp_replace(F.regexp_replace(extended, ",", "."), "z$", "Z")
    # Without a zone it is a time of the session's zone, which at the door is the feed's.
    return F.when(extended.rlike(_TIME), extended.cast("timestamp"))


def shape(value: SparkColumn) -> SparkColumn:
    """A value with its letters as x and its digits as 9: what it looked like, not what it said."""

    def masked(text: SparkColumn) -> SparkColumn:
        letters = F.regexp_replace(F.regexp_replace(text, r"\p{Lu}", "X"), r"[\p{L}&&[^X]]", "x")
        return F.substring(F.regexp_replace(letters, r"\p{N}", "9"), 1, 2000)

    # Few rows need it and many places may; a lambda stays out of the code that Spark generates for all rows.
    return F.transform(F.array(value), masked)[0]
