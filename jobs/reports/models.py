"""The report on models: the cards of the champions, with what nights saw of them since."""

from datetime import date, timedelta
from typing import Any

from jobs import training
from jobs.reports.model_cards import shown
from jobs.settings import Settings
from jobs.table_logs import TableLogs
from jobs.tables.models import MODELS

DAYS = 91
"""Thirteen weeks."""


def content(logs: TableLogs, day: date, settings: Settings) -> dict[str, Any] | None:
    """What the page's template takes; None while there is no champion."""
    cards = []
    for name in MODELS:
        standing = training.champion(name, day, settings)
        if standing is not None:
            cards.append(shown(standing.beside["card"], _watched(logs, name, day), standing.version.label))
    return {"cards": cards, "title": f"Models, {day}"} if cards else None


def _watched(logs: TableLogs, name: str, day: date) -> list[dict[str, Any]]:
    """What came true, trainings, and what lay beyond its limit, the newest first."""
    since = day - timedelta(days=DAYS)
    rows = logs.records(training.WATCH, ("model", "=", name), ("as_of", ">", since), ("as_of", "<=", day))
    telling = [
        row
        for row in rows
        if row["is_beyond"] or row["measure"] == training.TRAINING
        or (row["measure"] == training.PERFORMANCE and row["limit"] is not None)
    ]  # fmt: skip
    return sorted(telling, key=lambda row: (-row["as_of"].toordinal(), row["measure"], row["name"]))
