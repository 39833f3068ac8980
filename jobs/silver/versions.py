"""How a thing was known from batch to batch."""

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from jobs.tables.contract import Feed


def build(versions: DataFrame, feed: Feed) -> DataFrame:
    """One row per key and period in which it was known so: lake columns, row_hash, known_on, superseded_on.

    `versions` are lake columns, ds and row_hash of what the batches brought. After each batch the version known
    is the one that the source updated last of all that had come by then (then the latest batch, then the
    greatest row hash); the same content brought again starts no new period.
    """
    of_batch = Window.partitionBy(*feed.lake_key, "ds").orderBy(F.desc_nulls_last("updated_at"), F.desc("row_hash"))
    so_far = Window.partitionBy(*feed.lake_key).orderBy("ds")
    best = versions.withColumn("_rank", F.row_number().over(of_batch)).where("_rank = 1").drop("_rank")
    rank = F.struct("updated_at", "ds", "row_hash")
    running = F.max(rank).over(so_far.rowsBetween(Window.unboundedPreceding, Window.currentRow))
    winners = best.withColumn("_wins", running["ds"] == F.col("ds")).where("_wins").drop("_wins")
    before = F.lag("row_hash").over(so_far)
    changed = winners.withColumn("_changed", ~before.eqNullSafe(F.col("row_hash"))).where("_changed")
    return changed.select(
        *(column.name for column in feed.lake_columns),
        F.col("ds").alias("known_on"),
        F.lead("ds").over(so_far).alias("superseded_on"),
        "row_hash",
    )
