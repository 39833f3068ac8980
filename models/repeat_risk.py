"""Will this caller call again within 7 days?

One row per call that an agent answered (features.answered_calls); the answer is yes when another call of the caller, no
transfer, begins within 168 hours. Learnt from calls that had their seven days, tested on the latest of them, and held
against the rule that anybody would use: who called before calls again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import brier_score_loss, roc_auc_score
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OrdinalEncoder

from models.errors import NotEnoughDataError

NAME = "repeat_risk"
SEED = 7
KINDS_OF = ("topic", "queue")
FIGURES = (
    "hour", "weekday", "wait_seconds", "handle_seconds", "hold_seconds", "transferred", "resolved", "calls_before_24h",
    "calls_before_7d", "calls_before_30d", "calls_before_90d", "topic_calls_before_30d", "abandoned_before_7d",
    "hours_since_previous", "position_in_chain",
)  # fmt: skip
FEATURES = (*KINDS_OF, *FIGURES)
LABEL = "is_followed"
CALLED_BEFORE = "calls_before_7d"
TEST_SHARE = 1 / 3
MOST_TEST_DAYS = 28
FEWEST_CALLS, FEWEST_OF_EACH = 500, 50
"""Of calls to learn from, and of those with and without a repeat in each part: with fewer a share is a guess."""
MAY_BE_WORSE = 0.005
"""By which the AUC of a fit may be below the champion's: less than what four weeks of calls tell by chance."""
MOST_VALUES = 100
"""Topics and queues that are told apart."""


@dataclass(frozen=True)
class Tested:
    """How a fit did on calls later than those it learnt from."""

    pipeline: Pipeline = field(repr=False)
    metrics: Mapping[str, float]
    first_test_day: object


def fit(calls: pd.DataFrame) -> Tested:
    """Learns from the earlier calls and tests on the later ones.

    `calls`: one row per call with `FEATURES`, `LABEL` and `as_of` (its date), sorted by date and call.

    Raises:
        NotEnoughDataError: there are too few calls, or too few with or without a repeat.
    """
    if len(calls) < FEWEST_CALLS:
        raise NotEnoughDataError(f"expected {FEWEST_CALLS} answered calls that had 7 days, found {len(calls)}")
    days = np.sort(calls["as_of"].unique())
    first_test_day = days[-min(MOST_TEST_DAYS, max(1, int(len(days) * TEST_SHARE)))]
    is_test = (calls["as_of"] >= first_test_day).to_numpy()
    for part, name in ((calls[~is_test], "to learn from"), (calls[is_test], "to test on")):
        repeated = int(part[LABEL].sum())
        if min(repeated, len(part) - repeated) < FEWEST_OF_EACH:
            found = f"found {repeated} with and {len(part) - repeated} without"
            raise NotEnoughDataError(f"expected {FEWEST_OF_EACH} calls {name} with and without a repeat, {found}")
    learnt = frame(calls[~is_test])
    # A figure that no source gives says nothing; the trees cannot be grown on a column without any number.
    learnt = learnt.fillna({name: 0.0 for name in FIGURES if learnt[name].isna().all()})
    pipeline = _pipeline().fit(learnt, calls.loc[~is_test, LABEL].astype(int))
    return Tested(pipeline, _metrics(pipeline, calls[~is_test], calls[is_test]), first_test_day)


def frame(calls: pd.DataFrame) -> pd.DataFrame:
    """What the pipeline takes: texts, and numbers with NaN where nothing is known."""
    texts = {name: calls[name].astype(object).where(calls[name].notna(), "") for name in KINDS_OF}
    numbers = {name: pd.to_numeric(calls[name]).astype(float) for name in FIGURES}
    return pd.DataFrame({**texts, **numbers}, index=calls.index)


def probability(pipeline: Pipeline, calls: pd.DataFrame) -> np.ndarray:
    """For each call how likely another one follows, 0 to 1."""
    if calls.empty:
        return np.empty(0)
    return np.asarray(pipeline.predict_proba(frame(calls))[:, 1])


def auc(pipeline: Pipeline, calls: pd.DataFrame) -> float:
    """How well the pipeline ranks calls of which both kinds came: 0.5 by chance, 1 without a fault."""
    return float(roc_auc_score(calls[LABEL].astype(int), probability(pipeline, calls)))


def rule(calls: pd.DataFrame) -> dict[bool, float]:
    """The share of calls that another one followed, by whether the caller had called in the 7 days before.

    As of two more calls, one of them with a repeat (Laplace): of few calls no share is certain.
    """
    before = calls[CALLED_BEFORE].to_numpy() > 0
    return {
        called: float((calls.loc[before == called, LABEL].sum() + 1) / ((before == called).sum() + 2))
        for called in (False, True)
    }


def _pipeline() -> Pipeline:
    kinds = OrdinalEncoder(
        handle_unknown="use_encoded_value",
        unknown_value=np.nan,
        max_categories=MOST_VALUES,
        encoded_missing_value=np.nan,
    )
    columns = ColumnTransformer([("kinds", kinds, list(KINDS_OF)), ("figures", "passthrough", list(FIGURES))])
    model = HistGradientBoostingClassifier(
        learning_rate=0.05, max_iter=200, max_leaf_nodes=15, min_samples_leaf=40, l2_regularization=1.0,
        categorical_features=[0, 1], early_stopping=False, random_state=SEED,
    )  # fmt: skip
    return Pipeline([("columns", columns), ("model", model)])


def _metrics(pipeline: Pipeline, learnt: pd.DataFrame, test: pd.DataFrame) -> dict[str, float]:
    truth = test[LABEL].astype(int).to_numpy()
    told = probability(pipeline, test)
    shares = rule(learnt)
    by_rule = np.where(test[CALLED_BEFORE].to_numpy() > 0, shares[True], shares[False])
    return {
        "calls_learnt": float(len(learnt)),
        "calls_tested": float(len(test)),
        "repeat_rate": float(truth.mean()),
        "auc": float(roc_auc_score(truth, told)),
        "auc_of_rule": float(roc_auc_score(truth, by_rule)),
        "lift_at_10_percent": _lift(truth, told, 0.1),
        "lift_at_10_percent_of_rule": _lift(truth, by_rule, 0.1),
        "brier": float(brier_score_loss(truth, told)),
        "brier_of_rule": float(brier_score_loss(truth, by_rule)),
        "calibration_error": _calibration_error(truth, told),
    }


def _lift(truth: np.ndarray, told: np.ndarray, share: float) -> float:
    """How much more often the most likely share of calls is followed than all; ties count in part."""
    wanted = max(1, round(len(told) * share))
    edge = np.sort(told)[::-1][wanted - 1]
    above, at = told > edge, told == edge
    hits = truth[above].sum() + truth[at].mean() * (wanted - above.sum())
    return float(hits / wanted / truth.mean())


def _calibration_error(truth: np.ndarray, told: np.ndarray) -> float:
    """Mean distance of what was told from what came, over tenths of the calls (expected calibration error)."""
    order = np.argsort(told, kind="stable")
    parts = np.array_split(order, 10)
    return float(sum(len(p) * abs(told[p].mean() - truth[p].mean()) for p in parts if len(p)) / len(told))
