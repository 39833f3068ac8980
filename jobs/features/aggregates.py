"""From weighed rows to the measures of each customer."""

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.features.rows import weight
from jobs.tables.tags import Measure


def aggregated(rows: DataFrame, measures: Sequence[Measure]) -> DataFrame:
    """One row per customer of `rows` (jobs.features.rows): customer_id and the measures.

    With weights of -1 counts, sums and items are what must be added to those of before; the last and latest are
    of the rows that came.
    """
    made = [column for measure in measures if measure.aggregate != "items" for column in _figures(measure)]
    figures = rows.groupBy("customer_id").agg(*made) if made else rows.select("customer_id").distinct()
    items = [measure for measure in measures if measure.aggregate == "items"]
    if not items:
        return figures
    return figures.join(_items(rows, items), "customer_id", "left").withColumns(
        {each.name: F.coalesce(each.name, nothing(each)) for each in items}
    )


def nothing(measure: Measure) -> Column:
    """The measure of a customer without a row: zero, none of any item, else null."""
    if measure.aggregate in ("count", "sum", "distinct"):
        return F.lit(0).cast(measure.type)
    if measure.aggregate in ("items", "list", "dates"):
        return F.expr("map()" if measure.aggregate == "items" else "array()").cast(measure.type)
    return F.lit(None).cast(measure.type)


def columns_of(measure: Measure) -> tuple[str, ...]:
    """The names of the columns that hold the measure."""
    return (measure.name, f"{measure.name}_at") if measure.aggregate == "last" else (measure.name,)


def last_of(measure: Measure, side: str = "") -> Column:
    """The event behind a measure of the last event as it stands, comparable with others; null = none.

    `side`: the alias and a point, where a join has the measure twice.
    """
    at, value = F.col(f"{side}{measure.name}_at"), F.col(f"{side}{measure.name}")
    return F.when(at.isNotNull(), F.struct(at.alias("at"), value.alias("value")))


def event_of(measure: Measure) -> Column:
    """The event that a row is for a measure of the last or latest event; null = none. Ties: the greatest value."""
    if measure.aggregate in ("latest", "dates"):
        return F.when(_counts(measure), F.col("event_date"))
    value = F.expr(str(measure.of)).cast(measure.type)
    return F.when(_counts(measure) & value.isNotNull(), F.struct(F.col("event_at").alias("at"), value.alias("value")))


def _figures(measure: Measure) -> list[Column]:
    weights = F.col(weight(measure))
    if measure.aggregate == "count":
        return [_or_zero(F.sum(F.when(_counts(measure), weights)), measure)]
    came = weights > 0
    if measure.aggregate == "latest":
        return [F.max(F.when(came, event_of(measure))).alias(measure.name)]
    if measure.aggregate == "dates":
        days = F.collect_set(F.when(_counts(measure) & came, F.col("event_date")))
        return [F.sort_array(days).cast(measure.type).alias(measure.name)]
    if measure.aggregate == "last":
        newest = F.max(F.when(came, event_of(measure)))
        return [newest["value"].alias(measure.name), newest["at"].alias(f"{measure.name}_at")]
    if measure.aggregate == "sum":
        return [_or_zero(_sum(measure) if measure.per is None else _sum_of_last(measure), measure)]
    value = F.expr(str(measure.of))
    counted = F.when(_counts(measure) & came, value)
    if measure.aggregate == "value":
        return [F.max(counted).cast(measure.type).alias(measure.name)]
    different = F.sort_array(F.collect_set(counted))
    if measure.aggregate == "distinct":
        return [F.size(different).cast(measure.type).alias(measure.name)]
    return [different.cast(measure.type).alias(measure.name)]


def _sum(measure: Measure) -> Column:
    weights, value = F.col(weight(measure)), F.expr(str(measure.of))
    # A product would widen decimals beyond what a machine word holds.
    signed = F.when(weights > 0, value).when(weights < 0, -value)
    return F.sum(F.when(_counts(measure), signed))


def _sum_of_last(measure: Measure) -> Column:
    """The sum over the last event of each thing that the measure is per; ties: the greatest value."""
    value = F.coalesce(F.expr(str(measure.of)).cast(measure.type), F.lit(0).cast(measure.type))
    event = F.struct(F.expr(str(measure.per)).alias("thing"), F.col("event_at").alias("at"), value.alias("value"))
    events = F.sort_array(F.collect_list(F.when(_counts(measure) & (F.col(weight(measure)) > 0), event)))

    def is_last(each: Column, place: Column) -> Column:
        return F.coalesce(F.get(events, place + 1)["thing"] != each["thing"], F.lit(True))

    return F.aggregate(
        F.filter(events, is_last),
        F.lit(0).cast(measure.type),
        lambda total, each: (total + each["value"]).cast(measure.type),
    )


def _items(rows: DataFrame, measures: Sequence[Measure]) -> DataFrame:
    # One pass for all: each row gives one item per measure, counted, then gathered into a map.
    found = [
        part
        for place, measure in enumerate(measures)
        for part in (
            F.lit(place),
            F.when(_counts(measure) & (F.col(weight(measure)) != 0), F.expr(str(measure.of)).cast("string")),
            F.col(weight(measure)),
        )
    ]
    counted = (
        rows.select("customer_id", F.stack(F.lit(len(measures)), *found).alias("measure", "item", "weight"))
        .where("item IS NOT NULL")
        .groupBy("customer_id", "measure", "item")
        .agg(F.sum("weight").alias("rows"))
        .where("rows <> 0")
    )
    gathered = [
        F.map_from_entries(F.sort_array(F.collect_list(F.when(F.col("measure") == place, F.struct("item", "rows")))))
        .cast(measure.type)
        .alias(measure.name)
        for place, measure in enumerate(measures)
    ]
    return counted.groupBy("customer_id").agg(*gathered)


def _counts(measure: Measure) -> Column:
    return F.expr(measure.where) if measure.where else F.lit(True)


def _or_zero(figure: Column, measure: Measure) -> Column:
    return F.coalesce(figure, F.lit(0)).cast(measure.type).alias(measure.name)
