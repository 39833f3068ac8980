"""How a night tells how much customers live with the card: activity, and whose use is not as usual."""

from datetime import date

from pyspark.sql import DataFrame

from jobs import stamped
from jobs.features import customer_activity
from jobs.gold.churn import consumption_warnings
from jobs.lake import Expect, Lake, Warn
from jobs.settings import Settings
from jobs.tables import TABLES

MEASURES = TABLES["features.customer_measures"]
ACTIVITY = TABLES["features.customer_activity"]
WARNINGS = TABLES["gold.consumption_warnings"]
TRANSACTIONS = TABLES["silver.transactions"]


def update_activity(lake: Lake, day: date, settings: Settings, expect: Expect, warn: Warn) -> int:
    """Says how much each active customer lives with the card at the end of the date; returns the rows written."""
    if not lake.rows(MEASURES, [day]) or not _history_days(lake, day):
        return stamped.nothing(lake, ACTIVITY, day)
    lake.prepare(lake.rows(MEASURES, [day]))
    made = active(lake, stamped.of_date(lake, MEASURES, day), day, settings)
    return stamped.replace_date(lake, ACTIVITY, made, day, expect)


def update_warnings(lake: Lake, day: date, settings: Settings, expect: Expect, warn: Warn) -> int:
    """Says whose use of the card is not as usual; returns the rows written."""
    if not lake.rows(ACTIVITY, [day]):
        return stamped.nothing(lake, WARNINGS, day)
    lake.prepare(lake.rows(ACTIVITY, [day]))
    made = consumption_warnings.build(
        stamped.of_date(lake, ACTIVITY, day), as_of=day, **settings.numbers_of(WARNINGS)
    )  # fmt: skip
    return stamped.replace_date(lake, WARNINGS, made, day, expect)


def update_scores(lake: Lake, day: date, settings: Settings, expect: Expect, warn: Warn) -> int:
    """Scores every active customer; returns the rows written."""
    # Models take a second to import, which tables without one need not pay.
    from jobs import churn

    return churn.update(lake, day, settings, expect, warn)


def active(lake: Lake, measures: DataFrame, day: date, settings: Settings) -> DataFrame:
    """features.customer_activity of a date from the measures of that date."""
    return customer_activity.build(
        measures,
        as_of=day,
        active_days=settings.configuration.churn.active_days,
        history_days=_history_days(lake, day),
    )


def _history_days(lake: Lake, day: date) -> int:
    """Days since the first batch of transactions, that of the date included; 0 where none had come."""
    began = lake.first(TRANSACTIONS, "known_on")
    return 0 if began is None or began > day else (day - began).days + 1
