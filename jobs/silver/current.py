"""The winning version of each thing: the one that the source updated last."""

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from jobs.tables.contract import Feed


def build(versions: DataFrame, feed: Feed, redelivery_days: int) -> DataFrame:
    """One row per thing: its winner, `_stood_on` (event dates of the rows that silver holds of it), `_is_same`.

    `versions` are lake columns, event_date, ds, row_hash, known_on, and `_stands` (silver holds this row),
    `_counts` (a batch still supports it). Two versions of one key are the same thing when their event dates
    lie at most `redelivery_days` apart; farther apart the source has reused the key. Rows of things that no
    batch supports any more come back with `_counts` false.
    """
    things = _things(versions, feed, redelivery_days)
    thing = Window.partitionBy(*feed.lake_key, "_thing")
    ranked = thing.orderBy(F.desc("_counts"), *_newest_first(feed), F.desc("_stands"))
    whole = thing.rowsBetween(Window.unboundedPreceding, Window.unboundedFollowing)
    return (
        things.withColumn("_rank", F.row_number().over(ranked))
        .withColumn("_first_known_on", F.min("known_on").over(whole))
        .withColumn("_stood_on", F.collect_set(F.when(F.col("_stands"), F.col("event_date"))).over(whole))
        .where("_rank = 1")
        .withColumn("_is_same", F.expr("_stands AND _counts AND known_on = _first_known_on AND size(_stood_on) = 1"))
        .withColumn("known_on", F.col("_first_known_on"))
        .drop("_rank", "_first_known_on", "_thing", "_stands")
    )


def _things(versions: DataFrame, feed: Feed, redelivery_days: int) -> DataFrame:
    if feed.is_entity:
        return versions.withColumn("_thing", F.lit(0))
    in_time = Window.partitionBy(*feed.lake_key).orderBy("event_date")
    gap = F.datediff("event_date", F.lag("event_date").over(in_time))
    is_reused = (F.coalesce(gap, F.lit(0)) > redelivery_days).cast("int")
    return (
        versions.withColumn("_reused", is_reused)
        .withColumn(
            "_thing",
            F.sum("_reused").over(in_time.rangeBetween(Window.unboundedPreceding, Window.currentRow)),
        )
        .drop("_reused")
    )


def _newest_first(feed: Feed) -> Sequence[Column]:
    updated = [F.desc_nulls_last("updated_at")] if feed.has_updated_at else []
    return [*updated, F.desc("ds"), F.desc("row_hash")]
