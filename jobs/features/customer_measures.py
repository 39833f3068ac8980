"""The measures of each customer as of a date, from all tables together."""

from collections.abc import Mapping, Sequence
from datetime import date
from functools import reduce

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.features.aggregates import columns_of, nothing
from jobs.tables.tags import Measure


def build(figures: Mapping[str, DataFrame], measures: Sequence[Measure], as_of: date) -> DataFrame:
    """One row per customer of any table.

    `figures` by table: one row per customer who has any row there (jobs.features.aggregates). Who has none has
    zero there; a table that never had a batch is not in `figures`, and its measures are null for everybody.
    """
    joined = reduce(lambda done, more: done.join(more, "customer_id", "full_outer"), figures.values())
    made = []
    for measure in measures:
        for name in columns_of(measure):
            if measure.table not in figures:
                made.append(F.lit(None).cast("timestamp" if name.endswith("_at") else measure.type).alias(name))
            elif name != measure.name:
                made.append(F.col(name))
            else:
                made.append(F.coalesce(name, nothing(measure)).alias(name))
    return joined.select(F.lit(as_of).alias("as_of"), "customer_id", *made)
