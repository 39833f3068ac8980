"""Repeat callers and their kind: the nearest one, unless they are far from all."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import pandas as pd
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.scoring import scored
from jobs.tables.repeats import UNIDENTIFIED

NAMELESS = "callers without a card or customer number"
ASSIGNED = "caller_key string, cluster_id bigint, cluster_name string, distance double"
ALSO = ("customer_id", "has_card", "cards", "frequency_band", "calls_90d", "repeat_calls_90d", "main_topic")


class Kinds(Protocol):
    """What assigns callers: a version of the model (models.repeat_callers)."""

    @property
    def version(self) -> str: ...
    @property
    def columns(self) -> Sequence[str]: ...
    @property
    def topic_columns(self) -> Mapping[str, str]: ...
    def assign(self, profiles: pd.DataFrame) -> pd.DataFrame: ...


def build(caller_profiles: DataFrame, kinds: Kinds | None) -> DataFrame:
    """One row per caller of `caller_profiles` (of one date); without `kinds` nobody who was identified has one."""
    also = ("as_of", "caller_key", *ALSO)
    nameless = caller_profiles.where("NOT is_identified").select(
        *also, *_kind(F.lit(UNIDENTIFIED), F.lit(NAMELESS), F.lit(None))
    )
    identified = caller_profiles.where("is_identified")
    if kinds is None:
        rest = identified.select(*also, *_kind(F.lit(None), F.lit(None), F.lit(None)))
        return nameless.unionByName(rest).withColumn("model_version", F.lit(None).cast("string"))
    assigned = scored(compared(identified, kinds.columns, kinds.topic_columns), kinds.assign, ASSIGNED)
    rest = identified.select(*also).join(assigned, "caller_key")
    version = F.when(F.col("cluster_id") != UNIDENTIFIED, F.lit(kinds.version))
    return nameless.unionByName(rest).withColumn("model_version", version)


def compared(caller_profiles: DataFrame, columns: Sequence[str], topic_columns: Mapping[str, str]) -> DataFrame:
    """What a model compares callers by: caller_key, these columns, and the calls about each topic by its column."""
    about = (F.coalesce(F.col("topics")[topic], F.lit(0)).alias(name) for topic, name in topic_columns.items())
    return caller_profiles.select("caller_key", *(F.col(name).cast("double") for name in columns), *about)


def _kind(cluster_id: Column, name: Column, distance: Column) -> list[Column]:
    return [
        cluster_id.cast("bigint").alias("cluster_id"),
        name.cast("string").alias("cluster_name"),
        distance.cast("double").alias("distance"),
    ]
