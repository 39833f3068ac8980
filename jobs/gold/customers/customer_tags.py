"""Tags with their history: which periods end on a date, and which begin."""

from collections.abc import Mapping, Sequence
from datetime import date

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.tables.tags import Standing

CELL = ("tag", "was", "value", "is_partial", "rule_version")


def build(
    customer_tag_values: DataFrame,
    before: DataFrame,
    standing: Mapping[str, Standing],
    standing_before: Mapping[str, Standing],
) -> DataFrame:
    """The tags of customers that are another than before in value, in whether partial, or in the rule's version.

    Columns: customer_id, tag, was (a period ends where not null), value (one begins where not null), is_partial,
    rule_version. Both frames are wide and of one date; `before` may have no row (then everything begins) and tags
    that are no more, which end.
    """
    ended = [name for name in standing_before if name not in standing]
    joined = customer_tag_values.alias("n").join(before.alias("b"), "customer_id", "full_outer")
    parts = [
        part
        for name, now in standing.items()
        for part in _cell(name, now, standing_before.get(name), name in before.columns)
    ]
    parts += [part for name in ended for part in _ended(name)]
    cells = joined.select("customer_id", F.stack(F.lit(len(standing) + len(ended)), *parts).alias(*CELL, "is_same"))
    return cells.where("NOT is_same").drop("is_same")


def periods(cells: DataFrame, as_of: date) -> DataFrame:
    """The periods of gold.customer_tags that begin at the date."""
    return cells.where("value IS NOT NULL").select(
        "customer_id",
        "tag",
        "value",
        F.lit(as_of).alias("valid_from"),
        F.lit(None).cast("date").alias("valid_to"),
        "is_partial",
        "rule_version",
        F.lit(True).alias("is_current"),
    )


def merged(cells: DataFrame, began: DataFrame) -> DataFrame:
    """The periods that begin, and with `_ends` the customer and tag of those that end (Lake.change_periods)."""
    ends = cells.where("was IS NOT NULL").select("customer_id", "tag", F.lit(True).alias("_ends"))
    return began.withColumn("_ends", F.lit(False)).unionByName(ends, allowMissingColumns=True)


def wide(periods: DataFrame, tags: Sequence[str]) -> DataFrame:
    """Periods that hold on one date as the wide rows of features.customer_tag_values."""
    return periods.groupBy("customer_id").agg(
        *(F.max(F.when(F.col("tag") == name, F.col("value"))).alias(name) for name in tags)
    )


def _cell(name: str, now: Standing, before: Standing | None, was_there: bool) -> tuple[Column, ...]:
    value = F.col(f"n.{name}")
    was = F.col(f"b.{name}") if was_there else F.lit(None).cast("string")
    # Rule and window are the same for everybody, so where they changed all that have a value begin anew.
    is_same = value.eqNullSafe(was) & (value.isNull() | F.lit(now == before))
    return F.lit(name), was, value, F.lit(now.is_partial), F.lit(now.rule_version), is_same


def _ended(name: str) -> tuple[Column, ...]:
    was, nothing = F.col(f"b.{name}"), F.lit(None)
    return F.lit(name), was, nothing.cast("string"), nothing.cast("boolean"), nothing.cast("int"), was.isNull()
