"""The rows that count as of a date: what had arrived by then, of things as they were known then."""

from collections.abc import Sequence
from datetime import date, timedelta

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.business_dates import end_of
from jobs.columns import business_date
from jobs.tables.contract import Feed
from jobs.tables.tags import Measure


def known(rows: DataFrame, as_of: date) -> DataFrame:
    """Events that had arrived and happened by the end of the date; a corrected one reads as corrected."""
    return rows.where(f"known_on <= DATE'{as_of}' AND event_date <= DATE'{as_of}'")


def by_hand(dialled_calls: DataFrame, as_of: date) -> DataFrame:
    """The calls to customers that were attempts of their own at the end of the date: no result told of them by then."""
    return known(dialled_calls, as_of).where(f"told_on IS NULL OR told_on > DATE'{as_of}'")


def known_versions(rows: DataFrame, feed: Feed, as_of: date, time_zone: str) -> DataFrame:
    """Versions that had arrived by the date, `_is_known` those known on it, with the event_date of the thing."""
    event = F.col(feed.event) if feed.column(feed.event).type == "date" else business_date(feed.event, time_zone)
    is_known = F.expr(f"superseded_on IS NULL OR superseded_on > DATE'{as_of}'")
    return rows.where(f"known_on <= DATE'{as_of}'").withColumns({"event_date": event, "_is_known": is_known})


def as_known(versions: DataFrame, as_of: date) -> DataFrame:
    """The versions that were known at the end of the date."""
    return versions.where(f"known_on <= DATE'{as_of}' AND (superseded_on IS NULL OR superseded_on > DATE'{as_of}')")


def barred(do_not_call: DataFrame, customers: DataFrame) -> DataFrame:
    """The do-not-call entries, each once for every customer whom it binds.

    An entry binds the customer whom it names and all customers who share the number, its own or else that
    customer's (docs/definitions.md). `customers` are versions; those known on the date count.
    """
    numbers = customers.where("_is_known").select("customer_id", "phone_token")
    named = do_not_call.alias("e").join(numbers.alias("c"), "customer_id", "left")
    entries = named.select(
        "customer_id",
        F.coalesce("e.phone_token", "c.phone_token").alias("phone_token"),
        *(f"e.{name}" for name in do_not_call.columns if name not in ("customer_id", "phone_token")),
    )
    by_number = entries.drop("customer_id").join(numbers, "phone_token")
    return entries.unionByName(by_number).where("customer_id IS NOT NULL")


def of_customers(rows: DataFrame, event: str, as_of: date, time_zone: str) -> DataFrame:
    """The rows with a customer, with what the expressions of measures may name beside their columns.

    as_of; end_at, the end of that date (UTC); local_at, the event's business time; event_at, its time in UTC.
    """
    at = F.col(event).cast("timestamp")
    return rows.where("customer_id IS NOT NULL").withColumns(
        {
            "as_of": F.lit(as_of),
            "end_at": F.lit(end_of(as_of, time_zone)),
            "event_at": at,
            "local_at": F.from_utc_timestamp(at, time_zone),
        }
    )


def weight(measure: Measure) -> str:
    """The column that says how often a row counts for the measure: 1, 0, or -1 where it leaves."""
    return f"_weight_{measure.days or 'all'}_{measure.reads}"


def weighed(rows: DataFrame, measures: Sequence[Measure], as_of: date) -> DataFrame:
    """The rows with a weight for each window: 1 where the row lies in it as of the date."""
    return rows.withColumns({weight(measure): _weight(measure, rows, as_of) for measure in measures})


def _weight(measure: Measure, rows: DataFrame, as_of: date) -> Column:
    counts = F.lit(True)
    if measure.reads == "within":
        first = as_of - timedelta(days=measure.days or 0)
        counts = F.expr(f"superseded_on IS NULL OR superseded_on > DATE'{first}'")
    else:
        if measure.days is not None:
            counts = F.expr(in_window(measure.days, as_of))
        if "_is_known" in rows.columns:
            counts = counts & F.col("_is_known")
    return F.when(counts, 1).otherwise(0)


def in_window(days: int, as_of: date) -> str:
    """SQL for: the event lies in that many days up to the date."""
    return f"event_date > DATE'{as_of - timedelta(days=days)}' AND event_date <= DATE'{as_of}'"
