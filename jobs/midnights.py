"""Which business dates hang together: those over whose midnight a customer stayed in contact."""

from collections.abc import Iterable
from datetime import date, timedelta

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

DAY = timedelta(days=1)
STEPS = 2
"""So many dates further a change may reach: runs of contacts are cut at the second midnight (jobs/journeys.py)."""


def around(days: Iterable[date], distance: int) -> list[date]:
    """The dates at most `distance` from one of these."""
    near = range(-distance, distance + 1)
    return sorted({day + place * DAY for day in days for place in near})


def reached(days: Iterable[date], crossed: set[date]) -> list[date]:
    """The dates, and those next to them over crossed midnights; a midnight is named by the date that it begins."""
    found = set(days)
    for _ in range(STEPS):
        found |= {day for day in around(found, 1) if _is_linked(day, found, crossed)}
    return sorted(found)


def crossed(contacts: DataFrame, minutes: int, time_zone: str) -> DataFrame:
    """The midnights (`midnight`) before and after which a customer was in contact, within `minutes` each.

    `contacts` are customer_id, event_date, happened_at and `spans`: true where a contact is on both sides itself.
    """
    begins = F.to_utc_timestamp(F.col("event_date").cast("timestamp"), time_zone)
    ends = F.to_utc_timestamp(F.date_add("event_date", 1).cast("timestamp"), time_zone)
    reach = F.expr(f"INTERVAL {minutes} MINUTES")
    is_early, is_late = F.col("happened_at") - begins <= reach, ends - F.col("happened_at") <= reach
    sides = F.array(
        *(
            F.when(is_near, F.struct(F.date_add("event_date", later).alias("midnight"), F.lit(side).alias("side")))
            for is_near, later, side in _sides(is_early, is_late)
        )
    )
    near = contacts.select("customer_id", F.explode(F.array_compact(sides)).alias("near"))
    both = near.groupBy("customer_id", "near.midnight").agg(F.count_distinct("near.side").alias("_sides"))
    return both.where("_sides = 2").select("midnight").distinct()


def _sides(is_early: Column, is_late: Column) -> list[tuple[Column, int, str]]:
    spans = F.col("spans")
    return [
        (is_early, 0, "after"),
        (is_early & spans, 0, "before"),
        (is_late, 1, "before"),
        (is_late & spans, 1, "after"),
    ]


def _is_linked(day: date, found: set[date], crossed: set[date]) -> bool:
    return (day in crossed and day - DAY in found) or (day + DAY in crossed and day + DAY in found)
