"""Makes one table for a range of dates: read, build, conform, expect, publish."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from typing import Any

from pyspark.sql import DataFrame

from jobs import (
    __version__,
    activity,
    customers,
    daily,
    dialled,
    effects,
    facts,
    identities,
    keyed,
    landed,
    late_names,
    measured,
    outreach,
    repeats,
    timeline,
)
from jobs.errors import DataError
from jobs.lake import Lake
from jobs.session import connect
from jobs.settings import Settings
from jobs.tables import TABLES, Kind, Table

NO_SPACE = "No space left on device"
"""What the system says when a disk is full, through Java and Rust alike (ENOSPC)."""


@dataclass
class Outcome:
    """What making a table came to; JSON-able by `as_dict`."""

    table: str
    state: str
    rows: int
    seconds: float
    warnings: list[str] = field(default_factory=list)
    batches: list[dict[str, Any]] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """For XCom and logs: dates and times as text."""
        return {
            **asdict(self),
            "batches": [
                {
                    key: value.isoformat() if isinstance(value, date | datetime) else value
                    for key, value in batch.items()
                }
                for batch in self.batches
            ],
        }


def run(name: str, days: Sequence[date], run_id: str, settings: Settings) -> Outcome:
    """Makes the table for these business dates.

    Raises:
        DataError: the data or the configuration are wrong, or the disk is full; the table stands as it was.
    """
    table = declared(name)
    started = time.monotonic()
    lake = open_lake(settings, {"run_id": run_id, "date": str(days[-1]), "code_version": __version__, "table": name})
    with full_disk_explained(f"{name} {days[-1]}", settings):
        outcome = _made(lake, table, days, settings)
    outcome.seconds = round(time.monotonic() - started, 2)
    return outcome


@contextmanager
def full_disk_explained(headline: str, settings: Settings) -> Iterator[None]:
    """Where the disk gets full within, the error says what to do; any other passes as it is."""
    try:
        yield
    except DataError:
        raise
    except Exception as error:
        if NO_SPACE not in str(error):
            raise
        raise DataError(
            f"{headline}: the disk is full",
            expected=f"free space for the lake ({settings.lake}) and for scratch ({settings.local / 'spark'})",
            found=NO_SPACE,
            todo="free space (docs/operations.md says how) and run the same night again; the table stands as it was",
        ) from None


def _made(lake: Lake, table: Table, days: Sequence[date], settings: Settings) -> Outcome:
    warnings: list[str] = []

    def expect(expected_of: Table, rows: DataFrame) -> None:
        warnings.extend(_broken(expected_of, rows, days[-1]))

    batches: list[dict[str, Any]] = []
    if table.kind is Kind.LANDED and table.feed is not None:
        result = landed.land(lake, table.feed, days, settings, expect)
        batches = [asdict(batch) for batch in result.batches]
        rows = result.rows
        warnings.extend(result.warnings)
        if table.name == "bronze.customers":
            rows += late_names.redact_again(lake, days, settings)
    elif table.kind is Kind.KEYED:
        rows = keyed.update(lake, table, days, settings, expect)
    elif table.kind is Kind.DAILY:
        rows = daily.update(lake, table, settings, expect)
    elif table.name in _FACTS:
        rows = _FACTS[table.name](lake, settings, expect)
    else:
        lake.create(table)
        lake.add_columns(table)
        rows = _STAMPED[table.name](lake, days[-1], settings, expect, warnings.append)
    return Outcome(table.name, "done" if rows else "unchanged", rows, 0.0, warnings, batches)


def declared(name: str) -> Table:
    """The table of that name.

    Raises:
        DataError: there is none that a night makes.
    """
    table = TABLES.get(name)
    if table is None or table.kind is Kind.RECORD:
        made = sorted(other.name for other in TABLES.values() if other.kind is not Kind.RECORD)
        raise DataError(
            f"table {name}",
            expected=f"one of {', '.join(made)}",
            found="no such table" if table is None else "a table that is written along with others",
            todo="name one of those",
        )
    return table


def open_lake(settings: Settings, note: dict[str, Any] | None = None) -> Lake:
    """The lake through a session on the configured Spark."""
    return Lake(connect(settings), settings.lake, note)


_FACTS = {
    "silver.dialled_calls": dialled.update,
    "gold.repeat_calls": facts.update_repeat_calls,
    "gold.customer_identities": identities.update_customers,
    "gold.caller_identities": identities.update_callers,
    "gold.customer_timeline": timeline.update_timeline,
    "gold.customer_journeys": timeline.update_journeys,
}

_STAMPED = {
    "features.customer_measures": measured.update,
    "features.customer_tag_values": customers.update_tag_values,
    "gold.customer_tags": customers.update_tags,
    "gold.customer_portraits": customers.update_portraits,
    "features.caller_profiles": repeats.update_profiles,
    "gold.repeat_call_clusters": repeats.update_clusters,
    "gold.repeat_cluster_profiles": repeats.update_kinds,
    "gold.repeat_call_advice": repeats.update_advice,
    "gold.repeat_call_causes": repeats.update_causes,
    "gold.topic_channels": repeats.update_channels,
    "features.answered_calls": repeats.update_answered,
    "gold.repeat_call_risk": repeats.update_risk,
    "features.customer_activity": activity.update_activity,
    "gold.consumption_warnings": activity.update_warnings,
    "gold.churn_scores": activity.update_scores,
    "features.outreach_customers": outreach.update_customers,
    "gold.call_candidates": outreach.update_candidates,
    "gold.call_lists": outreach.update_lists,
    "gold.contact_effects": effects.update_effects,
    "gold.script_effects": effects.update_scripts,
    "gold.list_quality": effects.update_quality,
}
"""What is said as of a date: of a range of dates, as of the last."""


def _broken(table: Table, rows: DataFrame, day: date) -> list[str]:
    from expectations.validate import validate

    failures = validate(table, rows)
    critical = [failure.sentence for failure in failures if failure.is_critical]
    if critical:
        raise DataError(
            f"{table.name} {day}: {critical[0]}",
            expected="; ".join(critical),
            found=f"{len(critical)} critical expectations fail; the table stands as it was",
            todo=f"look at {', '.join(table.made_from) or 'the feed'}, mend it, and run the same night again",
        )
    return [f"{table.name}: {failure.sentence}" for failure in failures]
