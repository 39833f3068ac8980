"""Column expressions in business words, shared by tables."""

from collections.abc import Iterable
from functools import reduce

from pyspark.sql import Column
from pyspark.sql import functions as F

MICROSECONDS_A_SECOND = 1_000_000
MICROSECONDS_A_MINUTE = 60 * MICROSECONDS_A_SECOND
MICROSECONDS_AN_HOUR = 60 * MICROSECONDS_A_MINUTE
MICROSECONDS_A_DAY = 24 * MICROSECONDS_AN_HOUR


def business_date(instant: str, time_zone: str) -> Column:
    """The business date of a UTC timestamp."""
    return F.to_date(F.from_utc_timestamp(instant, time_zone))


def caller_key() -> Column:
    """Who called: the customer, else the number, else the call stands alone (docs/definitions.md)."""
    return F.coalesce(
        F.concat(F.lit("c:"), F.col("customer_id")),
        F.concat(F.lit("n:"), F.col("caller_token")),
        F.concat(F.lit("x:"), F.col("call_id")),
    )


def customer_of_caller(key: str = "caller_key") -> Column:
    """The customer whom a caller's key names, null where it names none."""
    return F.when(F.col(key).startswith("c:"), F.expr(f"substring(`{key}`, 3)"))


def row_hash(names: Iterable[str]) -> Column:
    """A hash of a row that tells null from empty and a value from its neighbour's."""
    parts: list[Column] = reduce(lambda done, name: [*done, F.col(name), F.isnull(name)], names, [])
    return F.xxhash64(*parts)


def microseconds_between(start: str, end: str) -> Column:
    """Exact time from one timestamp to another, each in SQL; null where either is."""
    return F.unix_micros(F.expr(end)) - F.unix_micros(F.expr(start))


def wait_microseconds() -> Column:
    """How long the caller of a call waited: until an agent answered, else until the end (docs/definitions.md)."""
    return microseconds_between("coalesce(queued_at, started_at)", "coalesce(answered_at, ended_at)")


def handle_microseconds() -> Column:
    """How long an agent was busy with a call: talk and wrap-up; null where nobody answered."""
    return microseconds_between("answered_at", "ended_at") + MICROSECONDS_A_SECOND * F.coalesce(
        F.col("wrap_seconds").cast("bigint"), F.lit(0)
    )


def mean_seconds(microseconds: Column) -> Column:
    """The mean of exact spans of time, in seconds, rounded once; null where there are none."""
    return F.try_divide(F.sum(microseconds), F.count(microseconds) * MICROSECONDS_A_SECOND)


def exact_sum(value: Column) -> Column:
    """The sum of doubles (each below 10^16) to twelve places: the same in whatever order the rows come."""
    return F.sum(value.cast("decimal(28,12)")).cast("double")
