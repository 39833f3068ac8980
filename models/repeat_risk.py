"""Will this caller call again within 7 days?

One row per call that an agent answered (features.answered_calls); the answer is yes when another call of the caller, no
transfer, begins within 168 hours. Held against the rule that anybody would use: who called before calls again.
"""

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OrdinalEncoder

from models.metrics import Value
from models.training import Question

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
MOST_VALUES = 100
"""Topics and queues that are told apart."""
WINDOWS = (7, 30, 90)
"""Days of history that the figures may look back on."""
LOOKS_BACK = {
    "calls_before_30d": 30, "topic_calls_before_30d": 30, "position_in_chain": 30, "calls_before_90d": 90,
}  # fmt: skip
"""Days that a figure needs to be whole, where they are more than the fewest; a chain of repeats is rarely longer."""
SINCE = "hours_since_previous"


def question(window_days: int = WINDOWS[-1]) -> Question:
    """The question, as models.training asks it; `window_days`: of how many days earlier calls are looked at.

    A call that is prevented is the unit of value: the money of the first twentieth is the share that is followed.
    """
    return Question(
        name=NAME,
        asks="Which callers will call again within 7 days?",
        label=LABEL,
        inputs=FEATURES,
        features=lambda calls: features(calls, window_days),
        estimator=estimator,
        rule=lambda learnt, calls: by_rule(rule(learnt), calls),
        moving_by_right=("hour", "weekday"),
        value=Value(1.0, 1.0, 0.0),
        segments=lambda calls: {"topic": calls["topic"].astype(object).where(calls["topic"].notna(), "none")},
    )


def features(calls: pd.DataFrame, window_days: int = WINDOWS[-1]) -> pd.DataFrame:
    """What the model weighs: texts, and numbers with NaN where nothing is known.

    Figures that look back on more than `window_days`, one of `WINDOWS`, are not known.
    """
    texts = {name: calls[name].astype(object).where(calls[name].notna(), "") for name in KINDS_OF}
    numbers = {name: pd.to_numeric(calls[name]).astype(float) for name in FIGURES}
    for name in [name for name, days in LOOKS_BACK.items() if days > window_days]:
        numbers[name] = numbers[name] * np.nan
    numbers[SINCE] = numbers[SINCE].where(numbers[SINCE] <= window_days * 24)
    return pd.DataFrame({**texts, **numbers}, index=calls.index)


def estimator() -> Pipeline:
    """The model before it is fitted."""
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


def rule(calls: pd.DataFrame) -> dict[bool, float]:
    """The share of calls that another one followed, by whether the caller had called in the 7 days before.

    As of two more calls, one of them with a repeat (Laplace): of few calls no share is certain.
    """
    before = calls[CALLED_BEFORE].to_numpy() > 0
    return {
        called: float((calls.loc[before == called, LABEL].sum() + 1) / ((before == called).sum() + 2))
        for called in (False, True)
    }


def by_rule(shares: dict[bool, float], calls: pd.DataFrame) -> np.ndarray:
    """For each call the share of those like it."""
    return np.where(calls[CALLED_BEFORE].to_numpy() > 0, shares[True], shares[False])
