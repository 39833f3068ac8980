"""What a night sees of a model: have its inputs or scores moved, and has what it told come true."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs import stamped
from jobs.lake import Lake, Warn
from jobs.tables import TABLES
from jobs.tables.models import MODELS
from jobs.training import PERFORMANCE, TRAINING, WATCH, Standing
from models import metrics, training
from models.promotion import CALIBRATION_ERROR, DRIFT
from models.training import FEWEST_OF_EACH, MODEL, Question

MOST_ROWS = 50_000
"""Rows that are looked at, chosen by a hash of their keys: more tell nothing new."""
FALLS_BY = 0.02
"""By which an AUC may lie below the lower end of what the champion was promoted with."""

Outcomes = Callable[[date], DataFrame]
"""What came, as known now, of the rows scored on a date: their key and is_yes."""


def watch(
    lake: Lake,
    question: Question,
    standing: Standing | None,
    day: date,
    horizon_days: int,
    outcomes: Outcomes,
    warn: Warn,
) -> None:
    """Writes down what is seen of a model at the date, and warns of what lies beyond its limits."""
    rows = [] if standing is None else _drifts(lake, question, standing, day)
    rows += _performance(lake, question, standing, day - timedelta(days=horizon_days), outcomes)
    label = "rule" if standing is None else standing.version.label
    made = [{"as_of": day, "model": question.name, "model_version": label, "about": None, **row} for row in rows]
    where = f"as_of = DATE'{day}' AND model = '{question.name}' AND measure <> '{TRAINING}'"
    stood = lake.records(WATCH, ("as_of", "=", day), ("model", "=", question.name), ("measure", "!=", TRAINING))
    if _in_order(stood) != _in_order(made):
        lake.record(WATCH, made, where)
    for row in made:
        if row["is_beyond"]:
            warn(_sentence(row))


def _drifts(lake: Lake, question: Question, standing: Standing, day: date) -> list[dict[str, Any]]:
    """Of the inputs and of the scores of the date against what the champion learnt."""
    model = MODELS[question.name]
    features, scores = TABLES[model.features], TABLES[model.scores]
    inputs = _some(stamped.of_date(lake, features, day), features.key)
    told = _some(stamped.of_date(lake, scores, day), scores.key)["probability"].to_numpy(dtype=float)
    moved = training.drifts(question, standing.beside["reference"], inputs)
    reference = standing.beside["scores"]
    of_scores = metrics.drift(reference["cuts"], np.asarray(reference["shares"]), told)
    found = [("input drift", name, distance) for name, distance in moved.items()]
    return [
        {"measure": measure, "name": name, "found": value, "limit": DRIFT, "is_beyond": value > DRIFT}
        for measure, name, value in [*found, ("score drift", "probability", of_scores)]
    ]


def _performance(
    lake: Lake, question: Question, standing: Standing | None, scored_on: date, outcomes: Outcomes
) -> list[dict[str, Any]]:
    """What was told on `scored_on` against what came."""
    table = TABLES[MODELS[question.name].scores]
    if scored_on not in stamped.dates(lake, table):
        return []
    joined = stamped.of_date(lake, table, scored_on).join(outcomes(scored_on), table.key[1])
    compared = _some(joined.select(table.key[1], "probability", "is_yes", "model_version"), (table.key[1],))
    truth, told = compared["is_yes"].to_numpy(dtype=int), compared["probability"].to_numpy(dtype=float)
    if min(truth.sum(), len(truth) - truth.sum()) < FEWEST_OF_EACH:
        return []
    version = str(compared["model_version"].iloc[0])
    limits: dict[str, tuple[float | None, bool]] = dict.fromkeys(metrics.of(question.value), (None, False))
    found = {name: measure(truth, told) for name, measure in metrics.of(question.value).items()}
    if version != "rule":
        limits["calibration_error"] = CALIBRATION_ERROR, found["calibration_error"] > CALIBRATION_ERROR
    if standing is not None and version == standing.version.label:
        least = max(0.5, standing.beside["card"]["figures"][MODEL]["auc"]["low"] - FALLS_BY)
        limits["auc"] = least, found["auc"] < least
    return [
        {
            "measure": PERFORMANCE,
            "name": name,
            "found": value,
            "limit": limits[name][0],
            "is_beyond": limits[name][1],
            "model_version": version,
            "about": f"what was told on {scored_on}",
        }
        for name, value in found.items()
    ]


def _some(rows: DataFrame, key: tuple[str, ...]) -> pd.DataFrame:
    """At most so many rows, the same on every run."""
    chosen: pd.DataFrame = rows.orderBy(F.xxhash64(*key), *key).limit(MOST_ROWS).toPandas()
    return chosen


def _in_order(rows: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    names = ("measure", "name", "found", "limit", "is_beyond", "model_version", "about")
    return sorted(tuple(row.get(name) for name in names) for row in rows)


def _sentence(row: dict[str, Any]) -> str:
    said = f" of {row['about']}" if row["about"] else ""
    return (
        f"model {row['model']} (version {row['model_version']}): {row['measure']} of {row['name']}{said} is "
        f"{row['found']:.3f}, its limit {row['limit']:.3f}"
    )
