"""What works on a Spark frame a batch of rows at a time, inside Spark's Python workers: a model, or numpy on Arrow."""

from collections.abc import Callable, Iterator

import pandas as pd
import pyarrow as pa
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F


def scored(rows: DataFrame, predict: Callable[[pd.DataFrame], pd.DataFrame], schema: str) -> DataFrame:
    """The rows that `predict` makes of each batch. It goes to the workers with the model in it, once a task."""

    def of_batches(batches: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        for batch in batches:
            yield predict(batch)

    return rows.mapInPandas(of_batches, schema)


def in_arrow(work: Callable[[pa.Array], pa.Array], schema: str, column: Column) -> Column:
    """What `work` makes of each batch of the column: a struct of `schema`."""

    def of_batch(values: pa.Array) -> pa.Array:
        return work(values)

    # The overloads of its stubs know no type given as text.
    made: Column = F.arrow_udf(of_batch, schema)(column)  # type: ignore[call-overload]
    return made
