"""Who is fading away: the probability for each active customer, and the reasons of which it is made."""

from typing import Protocol

import pandas as pd
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from jobs.gold.churn.reasons import reasons
from jobs.scoring import scored


class Risk(Protocol):
    """What tells a probability and what each family of features adds to it: a version of the model, or the rule."""

    @property
    def version(self) -> str: ...
    @property
    def families(self) -> tuple[str, ...]: ...
    def predict(self, customers: pd.DataFrame) -> pd.DataFrame: ...


def build(customer_activity: DataFrame, consumption_warnings: DataFrame, calls: DataFrame, risk: Risk) -> DataFrame:
    """One row per customer of `customer_activity`; frames of one date, `calls` as known at its end."""
    schema = ", ".join(
        ("customer_id string", "probability double", *(f"part_{family} double" for family in risk.families))
    )
    told = scored(customer_activity.drop("as_of"), risk.predict, schema)
    phoned = calls.where("direction = 'inbound' AND customer_id IS NOT NULL").select("customer_id").distinct()
    warned = consumption_warnings.select("customer_id", F.col("what").alias("consumption_warning"))
    joined = (
        customer_activity.join(told, "customer_id")
        .join(phoned.withColumn("called_today", F.lit(True)), "customer_id", "left")
        .join(warned, "customer_id", "left")
    )
    likely = Window.partitionBy("as_of").orderBy(F.desc("probability"), "customer_id")
    return joined.select(
        F.col("as_of").alias("scored_on"),
        "customer_id",
        "probability",
        F.ntile(10).over(likely).alias("decile"),
        F.coalesce("called_today", F.lit(False)).alias("called_today"),
        *reasons(risk.families),
        "consumption_warning",
        F.lit(risk.version).alias("model_version"),
    )  # fmt: skip
