"""Who will call again: a model that is fitted anew each week, else the simple rule."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import pandas as pd
from pyspark.sql import functions as F
from sklearn.pipeline import Pipeline

from jobs import __version__, repeats, stamped
from jobs.features.recent_calls import REPEAT_HOURS
from jobs.gold.repeats import repeat_call_risk
from jobs.lake import Expect, Lake, Warn
from jobs.model_versions import is_due, may_hold_models, registry
from jobs.settings import Settings
from jobs.tables import TABLES
from models import repeat_risk
from models.errors import NotEnoughDataError
from models.registry import Registry, Version

ANSWERED = TABLES["features.answered_calls"]
RISK = TABLES["gold.repeat_call_risk"]
LEARNT_DAYS = 84
"""Twelve weeks: four to test on, eight to learn from."""
MOST_LEARNT = 300_000
"""Calls, chosen by a hash of their ids."""
BY_RULE = "rule"
TRUSTED = (
    "functools.partial",
    "numpy.dtype",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.utils.validation.check_array",
)
"""What skops may load beside what it trusts itself: parts of scikit-learn's boosted trees."""


@dataclass(frozen=True)
class ByModel:
    """Probabilities of a version of the model."""

    pipeline: Pipeline
    version: str

    def predict(self, calls: pd.DataFrame) -> pd.DataFrame:
        """For each call: call_id, probability."""
        return pd.DataFrame({"call_id": calls["call_id"], "probability": repeat_risk.probability(self.pipeline, calls)})


@dataclass(frozen=True)
class ByRule:
    """The shares of the simple rule, while there is no model."""

    shares: Mapping[bool, float]
    version: str = BY_RULE

    def predict(self, calls: pd.DataFrame) -> pd.DataFrame:
        """For each call: call_id, probability."""
        called = calls[repeat_risk.CALLED_BEFORE] > 0
        return pd.DataFrame({"call_id": calls["call_id"], "probability": called.map(self.shares).astype("float64")})


def update(lake: Lake, day: date, settings: Settings, expect: Expect, warn: Warn) -> int:
    """Tells of each answered call of the date how likely the caller calls again; returns the rows written."""
    rows = lake.rows(ANSWERED, [day])
    if not rows:
        lake.create(RISK)
        return 0
    lake.prepare(rows)
    made = repeat_call_risk.build(stamped.of_date(lake, ANSWERED, day), _risk(lake, day, settings, warn))
    return stamped.replace_date(lake, RISK, made, day, expect)


def _risk(lake: Lake, day: date, settings: Settings, warn: Warn) -> ByModel | ByRule:
    if not may_hold_models(settings):
        calls = _learnt(lake, day, settings)
        if len(calls) < repeat_risk.FEWEST_CALLS:
            return ByRule(repeat_risk.rule(calls))
    versions = registry(settings)
    if is_due(versions, repeat_risk.NAME, day):
        try:
            _fit(lake, versions, day, settings)
        except NotEnoughDataError as error:
            warn(f"the model of repeat calls as of {day} was not fitted: {error}")
    champion = versions.champion(repeat_risk.NAME, day)
    if champion is not None:
        return ByModel(versions.load(champion)[0], champion.label)
    return ByRule(repeat_risk.rule(_learnt(lake, day, settings)))


def _fit(lake: Lake, versions: Registry, day: date, settings: Settings) -> None:
    calls = _learnt(lake, day, settings)
    champion = versions.champion(repeat_risk.NAME, day)
    tested = repeat_risk.fit(calls)
    version = versions.register(
        repeat_risk.NAME,
        tested.pipeline,
        repeat_risk.frame(calls.tail(1000)),
        day,
        beside={
            "first_test_day": str(tested.first_test_day),
            "rule": {str(k): v for k, v in repeat_risk.rule(calls).items()},
        },
        parameters={
            "seed": repeat_risk.SEED,
            "features": len(repeat_risk.FEATURES),
            "first_test_day": str(tested.first_test_day),
        },
        metrics=tested.metrics,
        tags={
            "date": str(day),
            "code_version": __version__,
            "silver.calls": f"version {lake.version(TABLES['silver.calls'])}",
        },
        trusted=TRUSTED,
    )
    _decide(versions, version, champion, tested, calls, day)


def _decide(
    versions: Registry,
    version: Version,
    champion: Version | None,
    tested: repeat_risk.Tested,
    calls: pd.DataFrame,
    day: date,
) -> None:
    """Promotes a fit that ranks the latest calls better than the rule, and no worse than the champion ranks them."""
    auc, of_rule = tested.metrics["auc"], tested.metrics["auc_of_rule"]
    if auc <= of_rule:
        return versions.reject(version, f"AUC {auc:.4f}, the rule's {of_rule:.4f}")
    if champion is None:
        versions.promote(version, day, f"the first; AUC {auc:.4f}, the rule's {of_rule:.4f}")
        return None
    latest = calls[calls["as_of"] >= tested.first_test_day]
    standing = repeat_risk.auc(versions.load(champion)[0], latest)
    reason = f"AUC {auc:.4f}, the champion's {standing:.4f} on the same calls"
    # The champion may have learnt from some of these calls, which flatters it a little.
    if auc >= standing - repeat_risk.MAY_BE_WORSE:
        versions.promote(version, day, reason)
        return None
    return versions.reject(version, reason)


def _learnt(lake: Lake, day: date, settings: Settings) -> pd.DataFrame:
    """Answered calls that had their seven days by the end of the date, with what came of them."""
    last = day - timedelta(hours=REPEAT_HOURS)
    told = repeats.of_answered(lake, last - timedelta(days=LEARNT_DAYS - 1), day, settings)
    mature = told.where(
        F.col("started_at") + F.expr(f"INTERVAL {REPEAT_HOURS} HOURS") <= F.lit(repeats.end_of(day, settings))
    )
    chosen = mature.orderBy(F.xxhash64("call_id"), "call_id").limit(MOST_LEARNT)
    columns = ("as_of", "call_id", *repeat_risk.FEATURES, repeat_risk.LABEL)
    frame: pd.DataFrame = chosen.select(*columns).toPandas()
    return frame.sort_values(["as_of", "call_id"]).reset_index(drop=True)
