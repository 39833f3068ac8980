"""What Spark makes of the door: code that the JVM compiles."""

import re
from datetime import date
from pathlib import Path
from typing import Any, cast

import pytest
from pyspark.sql import functions as F

from jobs.bronze import door
from jobs.lake import COMPILED_FROM_ROWS, Lake
from jobs.tables import FEEDS, Feed

LONGEST_COMPILED = 8_000
"""Bytes of a method (HugeMethodLimit of HotSpot); a longer one is interpreted for ever."""


@pytest.mark.spark
@pytest.mark.parametrize("feed", FEEDS, ids=lambda feed: feed.name)
def test_the_code_of_a_feed_is_short_enough_to_be_compiled(spark: Any, feed: Feed, tmp_path: Path) -> None:
    Lake(spark, str(tmp_path)).prepare(COMPILED_FROM_ROWS)
    # Null for some, or Spark would know beforehand what comes of it.
    text = F.nullif(F.col("id").cast("string"), F.lit("1"))
    raw = spark.range(9).select(
        *(text.alias(column.name) for column in feed.columns),
        *(text.alias(column) for column in ("_file", "_raw", "_problem")),
        F.col("id").alias("_line"),
    )
    rows = door.build(raw, feed, door.Expressions({}, None, None), frozenset(), date(2026, 1, 5), "Asia/Shanghai")
    if not feed.personal:
        rows = rows.withColumn("row", F.when(F.col("_reason").isNotNull(), door.shown(feed, F.lit(True))))
    code = cast(Any, rows)._explain_string(mode="codegen")
    assert max(map(int, re.findall(r"maxMethodCodeSize:(\d+)", code))) < LONGEST_COMPILED
