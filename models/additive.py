"""A model in which each feature speaks for itself, so that every part of a score is exact and a lookup.

The trees of a model with `interaction_cst="no_interactions"` each look at one feature, and a linear model adds one term
for each, so the score in log odds is a sum of one function per feature: steps and a slope. They are read off the fitted
model once; a million rows are then scored, and taken apart, by as many lookups.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit
from sklearn.ensemble import HistGradientBoostingClassifier, StackingClassifier

from models.training import BOOSTED, LINEAR

CLOSE = 1e-6
"""How far lookups may be from the model itself, in log odds: rounding."""


@dataclass(frozen=True)
class Additive:
    """What each feature adds to the calibrated log odds, against the mean of the rows it was fitted on.

    `edges[f]`: the thresholds of a feature, ascending; `steps[f]`: what it adds at or below each of them, above the
    last, and where the feature is null. `slopes[f]`: what it adds for each unit more. `intercept`: of the mean.
    """

    features: tuple[str, ...]
    edges: tuple[np.ndarray, ...]
    steps: tuple[np.ndarray, ...]
    slopes: np.ndarray
    intercept: float

    def parts(self, rows: pd.DataFrame) -> np.ndarray:
        """What each feature adds to the log odds of each row, shape (rows, features)."""
        made = np.empty((len(rows), len(self.features)))
        for place, name in enumerate(self.features):
            values = rows[name].to_numpy(dtype=float)
            is_null = np.isnan(values)
            found = np.searchsorted(self.edges[place], values, side="left")
            found[is_null] = len(self.edges[place]) + 1
            made[:, place] = self.steps[place][found] + np.where(is_null, 0.0, self.slopes[place] * values)
        return made

    def probability(self, parts: np.ndarray) -> np.ndarray:
        """The probability, 0 to 1, of rows of which the parts are known."""
        told: np.ndarray = expit(self.intercept + parts.sum(axis=1))
        return told


def read_off(stacked: StackingClassifier, usual: pd.DataFrame) -> Additive:
    """The parts of a model that weighs a boosted model of `boosted` and a linear one (models.training).

    `usual`: rows that say what is usual of each feature.

    Raises:
        ValueError: the model is not additive, or not read as it is.
    """
    trees, linear = (stacked.named_estimators_[name] for name in (BOOSTED, LINEAR))
    (of_trees, of_linear), shift = stacked.final_estimator_.coef_[0], float(stacked.final_estimator_.intercept_[0])
    features = tuple(usual.columns)
    origin = pd.DataFrame(0.0, index=[0], columns=features)
    at_origin = [float(each.decision_function(origin)[0]) for each in (trees, linear)]
    edges = _edges(trees, len(features))
    steps, slopes = [], []
    for place, name in enumerate(features):
        one, null = (float(linear.decision_function(origin.assign(**{name: at}))[0]) for at in (1.0, np.nan))
        slopes.append(of_linear * (one - at_origin[1]))
        step = of_trees * (_along(trees, origin, name, edges[place]) - at_origin[0])
        step[-1] += of_linear * (null - at_origin[1])
        steps.append(step)
    intercept = of_trees * at_origin[0] + of_linear * at_origin[1] + shift
    raw = Additive(features, tuple(edges), tuple(steps), np.array(slopes), intercept)
    means = raw.parts(usual).mean(axis=0)
    steps = [step - mean for step, mean in zip(steps, means, strict=True)]
    made = Additive(features, raw.edges, tuple(steps), raw.slopes, intercept + float(means.sum()))
    wanted = stacked.decision_function(usual)
    found = made.intercept + made.parts(usual).sum(axis=1)
    if not np.allclose(found, wanted, atol=CLOSE):
        raise ValueError(f"the model is no sum of its features: off by {np.abs(found - wanted).max():.3g}")
    return made


def boosted(seed: int, **more: Any) -> HistGradientBoostingClassifier:
    """A model in which each feature speaks for itself."""
    arguments = {
        "learning_rate": 0.05, "max_iter": 300, "max_leaf_nodes": 8, "min_samples_leaf": 40, "l2_regularization": 1.0,
        "early_stopping": False, "random_state": seed, **more,
    }  # fmt: skip
    return HistGradientBoostingClassifier(interaction_cst="no_interactions", **arguments)


def _edges(model: HistGradientBoostingClassifier, features: int) -> list[np.ndarray]:
    """The thresholds of each feature, ascending."""
    # scikit-learn has no public way to the trees; what is read is held against the model's own scores in read_off.
    nodes = np.concatenate([tree.nodes for (tree,) in model._predictors])
    splits = nodes[nodes["is_leaf"] == 0]
    return [np.unique(splits["num_threshold"][splits["feature_idx"] == place]) for place in range(features)]


def _along(model: HistGradientBoostingClassifier, base: pd.DataFrame, name: str, edges: np.ndarray) -> np.ndarray:
    """The model's log odds at each threshold of a feature, above the last, and where it is null."""
    above = np.nextafter(edges[-1], np.inf) if len(edges) else 0.0
    points = pd.concat([base] * (len(edges) + 2), ignore_index=True)
    points[name] = [*edges, above, np.nan]
    return np.asarray(model.decision_function(points))
