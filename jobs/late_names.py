"""Names that became known after texts of the same or a later batch had landed: those texts are redacted again."""

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.columns import row_hash
from jobs.lake import Lake, computed, in_dates
from jobs.redaction import redacted
from jobs.settings import Settings
from jobs.tables import FEEDS, TABLES, Feed, Table
from jobs.tables.landed import ERASED


def redact_again(lake: Lake, days: Sequence[date], settings: Settings) -> int:
    """Redacts texts that landed before the customers of these batches did; returns the rows that changed.

    In the order of the dates there are none, so it costs a look at the list of batches. Out of order it makes the
    lake the same as in order: a text knows the names that had arrived by its own batch.
    """
    vault = TABLES["vault.customers"]
    first = min(days)
    news = lake.read(vault).where(f"personal_column = 'name' AND ({in_dates('known_on', days)})")
    redact = redacted(lake.path(vault), lake.path(ERASED), str(settings.key_file))
    changed = 0
    for feed in (feed for feed in FEEDS if feed.texts):
        bronze = TABLES[f"bronze.{feed.name}"]
        later = [day for day in lake.dates(bronze, "ds") if day >= first]
        if later and not news.isEmpty():
            changed += _again(lake, feed, bronze, later, redact)
    return changed


def _again(lake: Lake, feed: Feed, bronze: Table, days: list[date], redact: Callable[..., Any]) -> int:
    landed = lake.read(bronze).where(in_dates("ds", days))
    again = landed
    for column in feed.texts:
        again = again.withColumn(column.name, redact(column.name, F.col("ds").cast("string")))
    again = _hashed(again, feed).select(*bronze.column_names)
    return lake.replace_changed(bronze, computed(again), "ds", landed, ignore=["loaded_at"])


def _hashed(rows: DataFrame, feed: Feed) -> DataFrame:
    return rows.withColumn("row_hash", row_hash([column.name for column in feed.lake_columns]))
