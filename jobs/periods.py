"""Periods in which keys are held, cut at every date on which anything about a key changes."""

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F


def sliced(held: DataFrame) -> DataFrame:
    """Who holds a key from each of its dates on: the columns of `held`, and valid_from.

    `held` are key, since, superseded_on (exclusive, null = still) and more. From a date on which nobody holds the
    key any more there is one row with nulls.
    """
    dates = held.select("key", F.explode(F.array("since", "superseded_on")).alias("valid_from"))
    dates = dates.where("valid_from IS NOT NULL").distinct()
    holds = "d.key = h.key AND h.since <= d.valid_from AND (h.superseded_on IS NULL OR h.superseded_on > d.valid_from)"
    others = [name for name in held.columns if name != "key"]
    joined = dates.alias("d").join(held.alias("h"), F.expr(holds), "left")
    return joined.select("d.key", "d.valid_from", *(f"h.{name}" for name in others))


def compressed(rows: DataFrame, by: str, *values: str) -> DataFrame:
    """Rows of one `by` that follow each other with the same values become one; `valid_to` is where it ends.

    The other columns hang on `values`.
    """
    in_time = Window.partitionBy(by).orderBy("valid_from")
    held = F.struct(*values)
    is_same = F.lag(held).over(in_time).eqNullSafe(held)
    changes = rows.withColumn("_is_same", is_same).where("NOT _is_same").drop("_is_same")
    return changes.withColumn("valid_to", F.lead("valid_from").over(in_time))
