"""Long windows without their rows: the figures of before, plus what came in, less what left."""

from collections.abc import Sequence
from datetime import date, timedelta

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.columns import business_date
from jobs.features.aggregates import aggregated, columns_of, event_of, last_of
from jobs.features.rows import in_window, weight
from jobs.tables.tags import Measure

LOOKED_UP = ("last", "latest", "dates")
"""Figures that cannot be told by adding and taking off."""
GAINED = ("insert", "update_postimage")
"""How Delta's change feed calls a row as it is now."""
SIDES = ("b.", "m.")
"""The figures of before, and those of the rows that moved."""


def sliding_days(measures: Sequence[Measure], before: date, as_of: date) -> list[date]:
    """The event dates that come into a window or leave it between the two dates."""
    gap = (as_of - before).days
    ends = [as_of, *(as_of - timedelta(days=measure.days or 0) for measure in measures)]
    return sorted({end - timedelta(days=n) for end in ends for n in range(gap)})


def sliding(rows: DataFrame, measures: Sequence[Measure], before: date, as_of: date) -> DataFrame:
    """Rows of those days, weighed: 1 where the row comes into a window, -1 where it leaves it."""
    return rows.withColumns(
        {
            weight(each): _one_if(in_window(each.days or 0, as_of)) - _one_if(in_window(each.days or 0, before))
            for each in measures
        }
    )


def corrections(changes: DataFrame, measures: Sequence[Measure], before: date) -> DataFrame:
    """Rows of a change feed, weighed by what they do to the windows as of the date of before."""
    sign = F.when(F.col("_change_type").isin(*GAINED), 1).otherwise(-1)
    return changes.withColumns({weight(each): sign * _one_if(in_window(each.days or 0, before)) for each in measures})


def rolled(before: DataFrame, moved: DataFrame, measures: Sequence[Measure], as_of: date, time_zone: str) -> DataFrame:
    """The measures as of the date: `before` are those of an earlier date, `moved` the weighed rows since.

    A customer without a row in the longest window is left out. Whoever lost the last event itself is
    `bereft` and has to be looked up.
    """
    joined = before.alias("b").join(aggregated(moved, measures).alias("m"), "customer_id", "full_outer")
    merged = [column for measure in measures for column in _merged(measure, as_of, time_zone)]
    return joined.select("customer_id", *merged).where(f"{_number_of_rows(measures)} > 0")


def looks_up(measures: Sequence[Measure]) -> bool:
    """Whether any of the measures cannot be told by adding and taking off."""
    return any(measure.aggregate in LOOKED_UP for measure in measures)


def bereft(before: DataFrame, lost: DataFrame, measures: Sequence[Measure]) -> DataFrame:
    """The customers whose last event, or a day with an event, is among the rows that are no more (`lost`).

    Also who had none before: a row that came and was mended since is in the feed as it came, too.
    """
    followed = [measure for measure in measures if measure.aggregate in LOOKED_UP]
    newest = lost.groupBy("customer_id").agg(*(F.max(event_of(each)).alias(f"_{each.name}") for each in followed))
    is_lost = [_is_in_doubt(each) for each in followed]
    found = newest.join(before, "customer_id", "left")
    return found.where(F.greatest(F.lit(False), *is_lost)).select("customer_id")


def looked_up(figures: DataFrame, again: DataFrame, measures: Sequence[Measure]) -> DataFrame:
    """The figures with the last events and the days of the customers of `again` as they are there."""
    names = [name for each in measures if each.aggregate in LOOKED_UP for name in columns_of(each)]
    theirs = again.select("customer_id", F.lit(True).alias("_is_again"), *(F.col(n).alias(f"_{n}") for n in names))
    joined = figures.join(F.broadcast(theirs), "customer_id", "left")
    chosen = {name: F.when(F.col("_is_again"), F.col(f"_{name}")).otherwise(F.col(name)) for name in names}
    return joined.withColumns(chosen).select(*figures.columns)


def _merged(measure: Measure, as_of: date, time_zone: str) -> list[Column]:
    name = measure.name
    if measure.aggregate in ("count", "sum"):
        total = F.coalesce(f"b.{name}", F.lit(0)) + F.coalesce(f"m.{name}", F.lit(0))
        return [total.cast(measure.type).alias(name)]
    if measure.aggregate == "items":
        return [_items(name).cast(measure.type).alias(name)]
    # A late row of a day that leaves comes and leaves at once: a figure without weights has to be cut on both sides.
    first = as_of - timedelta(days=(measure.days or 0) - 1)
    if measure.aggregate == "dates":
        return [_dates(name, first).cast(measure.type).alias(name)]
    if measure.aggregate == "latest":
        days = (F.col(f"{side}{name}") for side in SIDES)
        return [F.greatest(*(F.when(day >= F.lit(first), day) for day in days)).alias(name)]
    is_within = {side: business_date(f"{side}{name}_at", time_zone) >= F.lit(first) for side in SIDES}
    newest = F.greatest(*(F.when(is_within[side], last_of(measure, side)) for side in SIDES))
    return [newest["value"].alias(name), newest["at"].alias(f"{name}_at")]


def _number_of_rows(measures: Sequence[Measure]) -> str:
    """The measure that counts all rows in the longest window; each table of events has it (jobs.tables.tags)."""
    longest = max(measure.days or 0 for measure in measures)
    return next(m.name for m in measures if m.aggregate == "count" and m.where is None and m.days == longest)


def _items(name: str) -> Column:
    nothing = "cast(map() AS map<string,bigint>)"
    return F.expr(
        f"map_from_entries(sort_array(map_entries(map_filter("
        f"map_zip_with(coalesce(b.{name}, {nothing}), coalesce(m.{name}, {nothing}), "
        f"(item, was, more) -> coalesce(was, 0) + coalesce(more, 0)), (item, rows) -> rows <> 0))))"
    )


def _dates(name: str, first: date) -> Column:
    both = f"array_union(coalesce(b.{name}, array()), coalesce(m.{name}, array()))"
    return F.expr(f"array_sort(filter({both}, day -> day >= DATE'{first}'))")


def _is_in_doubt(measure: Measure) -> Column:
    """Whether a row that was lost may have made the figure: another event of its day may still be there."""
    lost = F.col(f"_{measure.name}")
    if measure.aggregate == "dates":
        return lost.isNotNull()
    standing = _standing(measure)
    return lost.isNotNull() & (standing.isNull() | (lost >= standing))


def _standing(measure: Measure) -> Column:
    return F.col(measure.name) if measure.aggregate == "latest" else last_of(measure)


def _one_if(condition: str) -> Column:
    return F.when(F.expr(condition), 1).otherwise(0)
