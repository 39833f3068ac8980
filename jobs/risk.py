"""Who will call again: how a night tells it, and how the lake asks the question when a model is trained."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from sklearn.ensemble import StackingClassifier

from jobs import repeats, stamped, training, watch
from jobs.business_dates import end_of
from jobs.features.recent_calls import REPEAT_HOURS
from jobs.gold.repeats import repeat_call_risk
from jobs.lake import Expect, Lake, Warn
from jobs.settings import Settings
from jobs.tables import TABLES
from models import repeat_risk
from models.errors import NotEnoughDataError
from models.training import Parts, Question, probability

CALLS = TABLES["silver.calls"]
ANSWERED = TABLES["features.answered_calls"]
RISK = TABLES["gold.repeat_call_risk"]
READS = (CALLS.name,)
HORIZON_DAYS = REPEAT_HOURS // 24
LEARNT_DAYS = 84
"""Twelve weeks; the last third is to test on, an eighth before it to calibrate on."""
TEST_SHARE, CALIBRATE_SHARE = 1 / 3, 1 / 8
WEEK = 7
"""The fewest days to calibrate on, so that no weekday is missing."""
FEWEST_DAYS = 28
FEWEST_CALLS = 500
"""Days and calls to learn from, calibrate and test on: with fewer a share is a guess."""
MOST_LEARNT = 300_000
"""Calls, chosen by a hash of their ids."""


@dataclass(frozen=True)
class ByModel:
    """Probabilities of a version of the model."""

    estimator: StackingClassifier
    version: str
    window_days: int

    def predict(self, calls: pd.DataFrame) -> pd.DataFrame:
        """For each call: call_id, probability."""
        told = probability(repeat_risk.question(self.window_days), self.estimator, calls)
        return pd.DataFrame({"call_id": calls["call_id"], "probability": told})


@dataclass(frozen=True)
class ByRule:
    """The shares of the simple rule, while there is no model."""

    shares: Mapping[bool, float]
    version: str = "rule"

    def predict(self, calls: pd.DataFrame) -> pd.DataFrame:
        """For each call: call_id, probability."""
        told = repeat_risk.by_rule(dict(self.shares), calls)
        return pd.DataFrame({"call_id": calls["call_id"], "probability": told})


def update(lake: Lake, day: date, settings: Settings, expect: Expect, warn: Warn) -> int:
    """Tells of each answered call of the date how likely the caller calls again; returns the rows written."""
    rows = lake.rows(ANSWERED, [day])
    if not rows:
        return stamped.nothing(lake, RISK, day)
    training.train_when_due(lake, repeat_risk.NAME, day, settings, warn)
    standing = training.champion(repeat_risk.NAME, day, settings)
    if standing is None:
        risk: ByModel | ByRule = ByRule(repeat_risk.rule(_answered(lake, day, settings)))
    else:
        risk = ByModel(standing.estimator, standing.version.label, training.settled(standing)["window_days"])
    lake.prepare(rows)
    made = repeat_call_risk.build(stamped.of_date(lake, ANSWERED, day), risk)
    written = stamped.replace_date(lake, RISK, made, day, expect)
    watch.watch(
        lake,
        question(settings, training.settled(standing)),
        standing,
        day,
        HORIZON_DAYS,
        lambda scored_on: _came(lake, scored_on, day, settings),
        warn,
    )
    return written


# How the lake asks the question (jobs.training.Lesson)


def question(settings: Settings, settled: Mapping[str, Any]) -> Question:
    """The question; conf changes nothing about it, the history settles how far it looks back."""
    return repeat_risk.question(**settled)


def parameters(settings: Settings) -> dict[str, Any]:
    """What makes it another question."""
    return {"repeat_hours": REPEAT_HOURS}


def first_day(lake: Lake, settings: Settings) -> date | None:
    """Four weeks of calls that have had their seven days and the shortest window behind them."""
    began = lake.first(CALLS, "known_on")
    days = repeat_risk.WINDOWS[0] + FEWEST_DAYS + HORIZON_DAYS
    return None if began is None else began + timedelta(days=days - 1)


def parts(lake: Lake, day: date, settings: Settings, say: Callable[[str], None]) -> Parts:
    """Answered calls with what came of them: the latest to test on, those before to calibrate on.

    The windows of the calls to learn from and to calibrate on end before those to test on begin. Looked back on is the
    longest window that all of four weeks of calls have behind them, or their figures would grow with the history.
    """
    calls = _answered(lake, day, settings)
    began = lake.first(CALLS, "known_on") or day
    behind = calls["as_of"].map(lambda known: (known - began).days)
    fewest, *longer = repeat_risk.WINDOWS
    window = max((days for days in longer if (behind >= days + FEWEST_DAYS).any()), default=fewest)
    calls = calls[behind >= window]
    if len(calls) < FEWEST_CALLS:
        raise NotEnoughDataError(f"expected {FEWEST_CALLS} answered calls that had 7 days, found {len(calls)}")
    days = sorted(calls["as_of"].unique())
    gap = timedelta(days=HORIZON_DAYS)
    first_test = days[-max(1, int(len(days) * TEST_SHARE))]
    # A call late in a day has its seven days late in the seventh day after it.
    last_calibrate = first_test - gap - timedelta(days=1)
    first_calibrate = last_calibrate - timedelta(days=max(WEEK, int(len(days) * CALIBRATE_SHARE)) - 1)
    dates = calls["as_of"]
    say(f"{repeat_risk.NAME}: {len(calls):,} answered calls of {days[0]} to {days[-1]}")
    return Parts(
        learn=calls[dates < first_calibrate].reset_index(drop=True),
        calibrate=calls[(dates >= first_calibrate) & (dates <= last_calibrate)].reset_index(drop=True),
        test=calls[dates >= first_test].reset_index(drop=True),
        newest=repeats.of_answered(lake, day - gap + timedelta(days=1), day, settings).toPandas(),
        settled={"window_days": window},
    )


def _answered(lake: Lake, day: date, settings: Settings) -> pd.DataFrame:
    """Answered calls that had their seven days by the end of the date, with what came of them."""
    last = day - timedelta(days=HORIZON_DAYS)
    told = repeats.of_answered(lake, last - timedelta(days=LEARNT_DAYS - 1), day, settings)
    mature = told.where(
        F.col("started_at") + F.expr(f"INTERVAL {REPEAT_HOURS} HOURS") <= F.lit(end_of(day, settings.time_zone))
    )
    chosen = mature.orderBy(F.xxhash64("call_id"), "call_id").limit(MOST_LEARNT)
    columns = ("as_of", "call_id", *repeat_risk.FEATURES, repeat_risk.LABEL)
    frame: pd.DataFrame = chosen.select(*columns).toPandas()
    return frame.sort_values(["as_of", "call_id"]).reset_index(drop=True)


def _came(lake: Lake, scored_on: date, day: date, settings: Settings) -> DataFrame:
    """For every call scored on a date whether another one followed."""
    told = repeats.of_answered(lake, scored_on, day, settings)
    return told.where(F.col("as_of") == F.lit(scored_on)).select("call_id", F.col(repeat_risk.LABEL).alias("is_yes"))
