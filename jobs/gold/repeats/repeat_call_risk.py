"""Who will call again: the probability for each answered call of the day."""

from typing import Protocol

import pandas as pd
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from jobs.scoring import scored

SCORED = "call_id string, probability double"


class Risk(Protocol):
    """What tells a probability: a version of the model, or the rule."""

    @property
    def version(self) -> str: ...
    def predict(self, calls: pd.DataFrame) -> pd.DataFrame: ...


def build(answered_calls: DataFrame, risk: Risk) -> DataFrame:
    """One row per call of `answered_calls`, of one date."""
    told = scored(answered_calls.drop("as_of", "caller_key", "customer_id", "started_at"), risk.predict, SCORED)
    likely = Window.partitionBy("as_of").orderBy(F.desc("probability"), "call_id")
    joined = answered_calls.join(told, "call_id")
    return joined.select(
        F.col("as_of").alias("scored_on"),
        "call_id",
        "caller_key",
        "customer_id",
        "topic",
        "probability",
        F.ntile(10).over(likely).alias("decile"),
        (F.col("calls_before_7d") > 0).alias("called_before"),
        F.lit(risk.version).alias("model_version"),
    )
