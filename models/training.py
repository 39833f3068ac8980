"""How a question is learnt: fitted on the past, calibrated on what came later, tested on what came last.

The same for every question: rows of several cut dates, split by time; boosted trees and a logistic regression fitted on
the past, their log odds weighed against each other and calibrated on what came later (a stacked model; Wolpert 1992);
that model and two baselines (a rule that needs no fit, and the logistic regression by itself) on the same test rows;
each figure with an interval, by segment, and with less data.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import StackingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from models import metrics
from models.errors import NotEnoughDataError
from models.metrics import Figure, Value

PARTS = ("learn", "calibrate", "test", "newest")
TIME = "as_of"
"""Column with the date of a row."""
WEIGHT = "weight"
"""Column with the weight of a row in the fit; 1 where a table has none."""
MODEL, RULE, LOGISTIC = "model", "rule", "logistic regression"
BOOSTED, LINEAR = "boosted", "linear"
WEIGHED_ALIKE = 0.05
"""Strength of the logistic regression that weighs both: with few rows to calibrate on they count alike."""
PARTS_OF_DATA = (0.25, 0.5, 1.0)
FEWEST_OF_EACH = 50
"""Rows of which it came, and of which not, in each part: with fewer a figure is a guess."""
FEWEST_OF_SEGMENT = 20
MOST_KINDS = 50


@dataclass(frozen=True)
class Question:
    """A question with a yes or a no for each row of a feature table.

    `features` makes of rows (columns `inputs`) what the estimator takes. `rule(learnt, rows)` tells probabilities
    without a model. `contradictions(rows)`: shares of rows that cannot be. `segments(rows)`: labels by which to part.
    """

    name: str
    asks: str
    label: str
    inputs: tuple[str, ...]
    features: Callable[[pd.DataFrame], pd.DataFrame]
    estimator: Callable[[], Any]
    rule: Callable[[pd.DataFrame, pd.DataFrame], np.ndarray]
    value: Value
    moving_by_right: tuple[str, ...] = ()
    """Features that move by right, with the calendar or as the history grows, so that they cannot have drifted."""
    contradictions: Callable[[pd.DataFrame], Mapping[str, float]] = lambda rows: {}
    segments: Callable[[pd.DataFrame], Mapping[str, pd.Series]] = lambda rows: {}


@dataclass(frozen=True)
class Parts:
    """Rows of a question, split by time; `newest` are today's, whose answer is to come."""

    learn: pd.DataFrame
    calibrate: pd.DataFrame
    test: pd.DataFrame
    newest: pd.DataFrame
    settled: Mapping[str, Any] = field(default_factory=dict)
    """What the history settled of the question; it goes with the model (jobs.training.Lesson.question)."""


@dataclass(frozen=True)
class Trained:
    """A fit and what it is worth on the test rows; `by` holds the figures of the model and of both baselines."""

    estimator: StackingClassifier = field(repr=False)
    told: np.ndarray = field(repr=False)
    """Probabilities of the test rows."""
    by: Mapping[str, Mapping[str, Figure]]
    segments: list[dict[str, Any]]
    learning_curve: list[dict[str, float | None]]
    curve: list[tuple[float, float]]
    """Calibration: mean probability and share, by tenths of the test rows."""
    alone: Mapping[str, float]
    """AUC of each input by itself, 0.5 to 1."""
    reference: Mapping[str, dict[str, Any]]
    """For each feature the cuts between tenths of the rows learnt from, the share in each part, and what is above."""
    scores: dict[str, Any]
    """The same of the probabilities."""
    dates: Mapping[str, list[Any]]
    sizes: Mapping[str, int]
    shares: Mapping[str, float]


def train(question: Question, parts: Parts) -> Trained:
    """Fits, calibrates and tests.

    Raises:
        NotEnoughDataError: a part has too few rows with a yes or with a no.
    """
    for name, rows in (("learn from", parts.learn), ("calibrate on", parts.calibrate), ("test on", parts.test)):
        _check_enough(question, rows, name)
    estimator = _fitted(question, parts.learn, parts.calibrate)
    truth, told = _truth(question, parts.test), probability(question, estimator, parts.test)
    features = question.features(parts.learn)
    by_logistic = estimator.named_estimators_[LINEAR].predict_proba(question.features(parts.test))[:, 1]
    by_rule = question.rule(parts.learn, parts.test)
    return Trained(
        estimator=estimator,
        told=told,
        by={
            MODEL: metrics.figures(truth, told, question.value),
            RULE: metrics.figures(truth, by_rule, question.value),
            LOGISTIC: metrics.figures(truth, by_logistic, question.value),
        },
        segments=_segments(question, parts.test, truth, told),
        learning_curve=[_learnt_of(question, parts, share, truth, told) for share in PARTS_OF_DATA],
        curve=_curve(truth, told),
        alone=_alone(question, parts.test, truth),
        reference=references(features),
        scores=_reference(told),
        dates={name: sorted(getattr(parts, name)[TIME].unique()) for name in PARTS},
        sizes={name: len(getattr(parts, name)) for name in PARTS},
        shares={name: float(_truth(question, getattr(parts, name)).mean()) for name in ("learn", "calibrate", "test")},
    )


def probability(question: Question, estimator: StackingClassifier, rows: pd.DataFrame) -> np.ndarray:
    """For each row how likely the answer is yes, 0 to 1."""
    if rows.empty:
        return np.empty(0)
    return np.asarray(estimator.predict_proba(question.features(rows))[:, 1])


def drifts(question: Question, reference: Mapping[str, dict[str, Any]], rows: pd.DataFrame) -> dict[str, float]:
    """How far each feature has moved from what was learnt (models.metrics.drift), the farthest first.

    Of a feature that was null in all that was learnt from nothing was learnt.
    """
    features = question.features(rows)
    learnt = {name: reference[name] for name in reference if reference[name]["cuts"]}
    moved = {
        name: metrics.drift(known["cuts"], np.asarray(known["shares"]), features[name].to_numpy(dtype=float))
        for name, known in learnt.items()
        if name not in question.moving_by_right
    }
    return dict(sorted(moved.items(), key=lambda each: (-each[1], each[0])))


def references(features: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """How the numbers among features are spread (Trained.reference)."""
    numbers = features.select_dtypes("number")
    return {name: _reference(numbers[name].to_numpy()) for name in numbers}


def usual(question: Question, reference: Mapping[str, dict[str, Any]], rows: int = 200) -> pd.DataFrame:
    """Made-up features, spread as those learnt from, each by itself: nobody's own row. Texts are empty."""
    made: dict[str, list[Any]] = {}
    for name, known in reference.items():
        points = [*known["cuts"], known["above"], None]
        if not known["cuts"]:
            points = [None, None]
        ends = np.cumsum(known["shares"])
        places = np.searchsorted(ends, (np.arange(rows) + 0.5) / rows * ends[-1])
        made[name] = [np.nan if points[place] is None else float(points[place]) for place in places]
    columns = question.features(pd.DataFrame(columns=list(question.inputs))).columns
    return pd.DataFrame({name: made.get(name, [""] * rows) for name in columns})


def _check_enough(question: Question, rows: pd.DataFrame, name: str) -> None:
    some = int(rows[question.label].sum()) if len(rows) else 0
    if min(some, len(rows) - some) < FEWEST_OF_EACH:
        raise NotEnoughDataError(
            f"expected {FEWEST_OF_EACH} rows to {name} with a yes and as many with a no, "
            f"found {some} and {len(rows) - some}"
        )


def _fitted(question: Question, learn: pd.DataFrame, calibrate: pd.DataFrame) -> StackingClassifier:
    features, truth = _filled(question.features(learn)), _truth(question, learn)
    boosted, linear = question.estimator(), _logistic(features)
    boosted.fit(features, truth, **_weights(learn, boosted))
    linear.fit(features, truth, **_weights(learn, linear))
    stacked = StackingClassifier(
        [(BOOSTED, boosted), (LINEAR, linear)],
        LogisticRegression(C=WEIGHED_ALIKE),
        cv="prefit",
        stack_method="decision_function",
    )
    # Without weights: a probability is of the people as they come.
    return stacked.fit(question.features(calibrate), _truth(question, calibrate))


def _filled(features: pd.DataFrame) -> pd.DataFrame:
    """A figure that no source gives says nothing; trees cannot be grown on a column without any number."""
    numbers = features.select_dtypes("number").columns
    return features.fillna({name: 0.0 for name in numbers if features[name].isna().all()})


def _weights(rows: pd.DataFrame, estimator: Any) -> dict[str, np.ndarray]:
    if WEIGHT not in rows:
        return {}
    name = f"{estimator.steps[-1][0]}__sample_weight" if isinstance(estimator, Pipeline) else "sample_weight"
    return {name: rows[WEIGHT].to_numpy(dtype=float)}


def _truth(question: Question, rows: pd.DataFrame) -> np.ndarray:
    return rows[question.label].astype(int).to_numpy()


def _logistic(features: pd.DataFrame) -> Pipeline:
    numbers = list(features.select_dtypes("number").columns)
    texts = [name for name in features.columns if name not in numbers]
    known = make_pipeline(SimpleImputer(strategy="median", keep_empty_features=True), StandardScaler())
    kinds = OneHotEncoder(handle_unknown="infrequent_if_exist", max_categories=MOST_KINDS)
    columns = ColumnTransformer([("numbers", known, numbers), ("texts", kinds, texts)])
    return Pipeline([("columns", columns), ("model", LogisticRegression(max_iter=2000, C=0.1))])


def _segments(question: Question, test: pd.DataFrame, truth: np.ndarray, told: np.ndarray) -> list[dict[str, Any]]:
    made = []
    for by, labels in question.segments(test).items():
        for label in sorted(labels.unique()):
            rows = (labels == label).to_numpy()
            some = int(truth[rows].sum())
            is_enough = min(some, int(rows.sum()) - some) >= FEWEST_OF_SEGMENT
            made.append(
                {
                    "by": by,
                    "segment": label,
                    "rows": int(rows.sum()),
                    "share": float(truth[rows].mean()),
                    "told": float(told[rows].mean()),
                    "auc": metrics.auc(truth[rows], told[rows]) if is_enough else None,
                }
            )
    return made


def _learnt_of(
    question: Question, parts: Parts, share: float, truth: np.ndarray, told: np.ndarray
) -> dict[str, float | None]:
    learn = parts.learn
    if share < 1:
        # Every so many rows, so that all cuts and kinds of customers are in.
        learn = learn.iloc[:: round(1 / share)]
        if min(learn[question.label].sum(), (~learn[question.label].astype(bool)).sum()) < FEWEST_OF_EACH:
            return {"rows": float(len(learn)), "auc": None, "average_precision": None}
        told = probability(question, _fitted(question, learn, parts.calibrate), parts.test)
    return {
        "rows": float(len(learn)),
        "auc": metrics.auc(truth, told),
        "average_precision": metrics.average_precision(truth, told),
    }


def _curve(truth: np.ndarray, told: np.ndarray) -> list[tuple[float, float]]:
    return [(float(told[rows].mean()), float(truth[rows].mean())) for rows in metrics.tenths(told)]


def _alone(question: Question, test: pd.DataFrame, truth: np.ndarray) -> dict[str, float]:
    made = {}
    for name in question.inputs:
        values = pd.to_numeric(test[name], errors="coerce").to_numpy(dtype=float)
        known = ~np.isnan(values)
        if known.sum() >= FEWEST_OF_EACH:
            found = metrics.auc(truth[known], values[known])
            made[name] = max(found, 1 - found)
    return dict(sorted(made.items(), key=lambda each: (-each[1], each[0])))


def _reference(values: np.ndarray) -> dict[str, Any]:
    values = values.astype(float)
    parts = metrics.cuts(values)
    above = values[values > parts[-1]] if parts else values[:0]
    return {
        "cuts": parts,
        "shares": [float(each) for each in metrics.shares(values, parts)],
        "above": float(np.median(above)) if len(above) else None,
    }
