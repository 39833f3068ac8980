"""Who is fading away: how a night tells it, and how the lake asks the question when a model is trained."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from scipy.special import logit

from jobs import activity, measured, stamped, training, watch
from jobs.features import customer_activity
from jobs.features.rows import known
from jobs.gold.churn import churn_scores
from jobs.lake import Expect, Lake, Warn, in_dates
from jobs.settings import Settings
from jobs.tables import TABLES
from jobs.tables.tags import CATALOGUE
from models import additive, churn
from models.additive import Additive
from models.errors import NotEnoughDataError
from models.evidence import FALLEN_SILENT
from models.metrics import Value
from models.training import WEIGHT, Parts, Question, usual

ACTIVITY = activity.ACTIVITY
WARNINGS = activity.WARNINGS
SCORES = TABLES["gold.churn_scores"]
CALLS = TABLES["silver.calls"]
TRANSACTIONS = activity.TRANSACTIONS
CANDIDATES = TABLES["gold.call_candidates"]
READS = tuple(sorted({*(each.table for each in customer_activity.measures()), TRANSACTIONS.name, CANDIDATES.name}))
USED = CATALOGUE.measures["card_uses_30d"].where
PARTS_OF_TEN_THOUSAND = 10_000


@dataclass(frozen=True)
class ByModel:
    """Probabilities of a version of the model, and what each family of features adds."""

    shapes: Additive
    question: Question
    version: str
    families: tuple[str, ...] = tuple(churn.FAMILIES)

    def predict(self, customers: pd.DataFrame) -> pd.DataFrame:
        """For each customer: customer_id, probability, part_<family>."""
        parts = self.shapes.parts(self.question.features(customers))
        places = {name: place for place, name in enumerate(churn.FEATURES)}
        told = {"customer_id": customers["customer_id"], "probability": self.shapes.probability(parts)}
        for family in self.families:
            told[f"part_{family}"] = parts[:, [places[name] for name in churn.FAMILIES[family]]].sum(axis=1)
        return pd.DataFrame(told)


@dataclass(frozen=True)
class ByRule:
    """The rule, while there is no model: time since the last use, and number of uses."""

    horizon_days: int
    version: str = "rule"
    families: tuple[str, ...] = ("silence",)

    def predict(self, customers: pd.DataFrame) -> pd.DataFrame:
        """For each customer: customer_id, probability, part_silence against what is thought of everybody."""
        told = churn.rule(customers, self.horizon_days)
        part = logit(told) - logit(FALLEN_SILENT)
        return pd.DataFrame({"customer_id": customers["customer_id"], "probability": told, "part_silence": part})


def update(lake: Lake, day: date, settings: Settings, expect: Expect, warn: Warn) -> int:
    """Scores every active customer, with the champion of the date or the rule; returns the rows written."""
    if not lake.rows(ACTIVITY, [day]):
        return stamped.nothing(lake, SCORES, day)
    training.train_when_due(lake, churn.NAME, day, settings, warn)
    standing = training.champion(churn.NAME, day, settings)
    asked = question(settings, training.settled(standing))
    horizon = settings.configuration.churn.horizon_days
    risk: ByModel | ByRule = ByRule(horizon)
    if standing is not None:
        risk = ByModel(restored(standing, asked), asked, standing.version.label)
    lake.prepare(lake.rows(ACTIVITY, [day]))
    made = churn_scores.build(
        stamped.of_date(lake, ACTIVITY, day),
        stamped.of_date(lake, WARNINGS, day),
        known(lake.read(CALLS), day).where(in_dates("event_date", [day])),
        risk,
    )
    rows = stamped.replace_date(lake, SCORES, made, day, expect)
    watch.watch(lake, asked, standing, day, horizon, lambda cut: _came(lake, cut, day, settings), warn)
    return rows


def restored(standing: training.Standing, asked: Question) -> Additive:
    """The champion as a sum of its features."""
    return additive.read_off(standing.estimator, usual(asked, standing.beside["reference"]))


# How the lake asks the question (jobs.training.Lesson)


def question(settings: Settings, settled: Mapping[str, Any]) -> Question:
    """The question as configured, looking at uses for as long as the history behind what was learnt allowed."""
    numbers = settings.configuration.churn
    value = Value(numbers.amount, numbers.effect, numbers.cost)
    return churn.question(numbers.horizon_days, value, settled.get("window_days", churn.DAYS))


def parameters(settings: Settings) -> dict[str, Any]:
    """What makes it another question."""
    numbers = settings.configuration.churn
    return {"active_days": numbers.active_days, "horizon_days": numbers.horizon_days}


def first_day(lake: Lake, settings: Settings) -> date | None:
    """One date to learn from with the shortest window behind it, and a horizon each to learn, calibrate and test."""
    began = lake.first(TRANSACTIONS, "known_on")
    numbers = settings.configuration.churn
    needed = _windows(settings)[0] - 1 + numbers.cut_days + 2 * numbers.horizon_days
    return None if began is None else began + timedelta(days=needed)


def parts(lake: Lake, day: date, settings: Settings, say: Callable[[str], None]) -> Parts:
    """Active customers at several cuts with what came of them: the later cuts calibrate and test.

    The test cut lies a horizon before the date, that to calibrate on a horizon before the test cut, so that its label
    window ends there; those to learn from lie `cut_days` apart before it. Uses are looked at for the longest window
    that lies behind half of these whole; earlier cuts are left out.
    """
    numbers = settings.configuration.churn
    test = day - timedelta(days=numbers.horizon_days)
    calibrate = test - timedelta(days=numbers.horizon_days)
    began = lake.first(TRANSACTIONS, "known_on")
    if began is None:
        raise NotEnoughDataError("expected transactions, found none")
    cuts = [calibrate - timedelta(days=numbers.cut_days * n) for n in range(1, numbers.cuts + 1)]
    behind = {cut: (cut - began).days + 1 for cut in cuts}
    half = [cut for cut in cuts if behind[cut] >= _windows(settings)[0]][: (numbers.cuts + 1) // 2]
    window = max(days for days in _windows(settings) if days <= behind[half[-1]])
    learn = sorted(cut for cut in cuts if behind[cut] >= window)
    chosen = _chosen(lake, day, settings)
    lake.prepare(lake.rows(TRANSACTIONS, [day - timedelta(days=n) for n in range(customer_activity.DAYS)]))
    made = {}
    for number, cut in enumerate([*learn, calibrate, test], 1):
        made[cut] = _answered(lake, cut, day, settings, chosen)
        say(f"{churn.NAME}: {len(made[cut]):,} active customers as of {cut} ({number} of {len(learn) + 2})")
    return Parts(
        learn=pd.concat([made[cut] for cut in learn], ignore_index=True),
        calibrate=made[calibrate],
        test=made[test],
        newest=_to_pandas(_asked(lake, day, settings, chosen)),
        settled={"window_days": window},
    )


def _windows(settings: Settings) -> list[int]:
    """The windows in which every active customer has a use, the shortest first."""
    return [days for days in churn.LONG_WINDOWS if days >= settings.configuration.churn.active_days]


def _asked(lake: Lake, cut: date, settings: Settings, chosen: str) -> DataFrame:
    """features.customer_activity of a past date, of the chosen customers, by the definition of the nights."""
    return activity.active(
        lake, measured.anew(lake, cut, settings, customer_activity.measures(), chosen), cut, settings
    )


def _answered(lake: Lake, cut: date, day: date, settings: Settings, chosen: str) -> pd.DataFrame:
    """The active customers of a cut with what came of them, weighed where a saving campaign meddled."""
    came = _outcomes(lake, cut, day, settings, chosen).withColumnRenamed("is_yes", churn.LABEL)
    rows = _to_pandas(_asked(lake, cut, settings, chosen).join(came, "customer_id", "left"))
    rows[churn.LABEL] = rows[churn.LABEL].isna() | rows[churn.LABEL].eq(True)
    return _without_own_deeds(lake, rows, cut, settings)


def _outcomes(lake: Lake, cut: date, day: date, settings: Settings, chosen: str = "true") -> DataFrame:
    """Whoever used the card in the horizon after the cut, as known at the date."""
    last = cut + timedelta(days=settings.configuration.churn.horizon_days)
    in_horizon = f"event_date > DATE'{cut}' AND event_date <= DATE'{last}' AND customer_id IS NOT NULL"
    used = known(lake.read(TRANSACTIONS), day).where(f"{in_horizon} AND {USED} AND {chosen}")
    return used.select("customer_id").distinct().withColumn("is_yes", F.lit(False))


def _came(lake: Lake, scored_on: date, day: date, settings: Settings) -> DataFrame:
    """For every customer scored on a date whether the card was not used since."""
    scored = stamped.of_date(lake, SCORES, scored_on).select("customer_id")
    used = _outcomes(lake, scored_on, day, settings)
    return scored.join(used, "customer_id", "left").select(
        "customer_id", F.coalesce("is_yes", F.lit(True)).alias("is_yes")
    )


def _without_own_deeds(lake: Lake, rows: pd.DataFrame, cut: date, settings: Settings) -> pd.DataFrame:
    """Of customers whom a saving campaign chose in the label window the holdouts alone, weighed for the listed.

    Whoever was listed may have stayed for the call; a model that learnt from them would unlearn whom to call.
    """
    numbers = settings.configuration.churn
    last = cut + timedelta(days=numbers.horizon_days)
    met = [
        row
        for row in lake.records(CANDIDATES, ("list_on", ">", cut), ("list_on", "<=", last))
        if row["campaign"] in numbers.saving_campaigns
    ]
    listed = {row["customer_id"] for row in met if row["decision"] == "listed"}
    held_out = {row["customer_id"] for row in met if row["decision"] == "holdout"}
    kept = rows[~rows["customer_id"].isin(listed)].reset_index(drop=True)
    share = settings.configuration.outreach.holdout_share
    weights = np.where(kept["customer_id"].isin(held_out), 1 / share, 1.0)
    return kept.assign(**{WEIGHT: weights})


def _chosen(lake: Lake, day: date, settings: Settings) -> str:
    """SQL for the customers to learn from: all, or as many parts of them by a hash as come near the number in conf."""
    numbers = settings.configuration.churn
    since = day - timedelta(days=numbers.active_days)
    recent = known(lake.read(TRANSACTIONS), day).where(f"event_date > DATE'{since}' AND {USED}")
    active = recent.agg(F.approx_count_distinct("customer_id")).collect()[0][0]
    wanted = PARTS_OF_TEN_THOUSAND * numbers.most_customers // max(active, 1)
    return f"pmod(xxhash64(customer_id), {PARTS_OF_TEN_THOUSAND}) < {wanted}"


def _to_pandas(rows: DataFrame) -> pd.DataFrame:
    frame: pd.DataFrame = rows.toPandas()
    return frame.sort_values("customer_id").reset_index(drop=True)
