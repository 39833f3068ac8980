"""A scikit-learn model scores a Spark frame, a batch of rows at a time, inside Spark's Python workers."""

from collections.abc import Callable, Iterator

import pandas as pd
from pyspark.sql import DataFrame


def scored(rows: DataFrame, predict: Callable[[pd.DataFrame], pd.DataFrame], schema: str) -> DataFrame:
    """The rows that `predict` makes of each batch. It goes to the workers with the model in it, once a task."""

    def of_batches(batches: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        for batch in batches:
            yield predict(batch)

    return rows.mapInPandas(of_batches, schema)
