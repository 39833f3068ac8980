"""Snapshots: whoever is absent from a batch is closed, never deleted."""

from collections.abc import Sequence
from datetime import date

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from jobs.columns import row_hash
from jobs.tables.contract import Feed


def build(batches: DataFrame, feed: Feed, days: Sequence[date], time_zone: str) -> DataFrame:
    """The rows of `batches` and, for each key absent from the next of `days` (all dates with a batch), its closing.

    A closing is the row as it was last brought, ended on the date of the first batch without it if not before.
    """
    following = dict(zip(sorted(days), sorted(days)[1:], strict=False))
    if not following or feed.ends is None:
        return batches
    pairs = F.create_map(*(F.lit(day) for pair in following.items() for day in pair))
    of_key = Window.partitionBy(*feed.lake_key).orderBy("ds")
    last_of_batch = Window.partitionBy(*feed.lake_key, "ds").orderBy(
        F.desc("updated_at" if feed.has_updated_at else "ds"), F.desc("row_hash")
    )
    once = batches.withColumn("_rank", F.row_number().over(last_of_batch)).where("_rank = 1").drop("_rank")
    next_batch = F.element_at(pairs, F.col("ds"))
    absent = (
        once.withColumn("_seen", F.lead("ds").over(of_key))
        .withColumn("_next", next_batch)
        .where("_next IS NOT NULL AND _seen IS DISTINCT FROM _next")
    )
    end = F.col("_next")
    if feed.column(feed.ends).type == "timestamp":
        end = F.to_utc_timestamp(end.cast("timestamp"), time_zone)
    closed = absent.withColumn(feed.ends, F.least(feed.ends, end)).withColumn("ds", F.col("_next"))
    names = [column.name for column in feed.lake_columns]
    return batches.unionByName(closed.drop("_seen", "_next").withColumn("row_hash", row_hash(names)))
