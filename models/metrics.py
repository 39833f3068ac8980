"""How well probabilities tell what came: ranking, money, calibration, each with an interval."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy.spatial.distance import jensenshannon
from scipy.stats import rankdata
from sklearn.metrics import average_precision_score

RESAMPLES, SEED = 200, 7
LOW, HIGH = 2.5, 97.5
QUANTILES = 10


@dataclass(frozen=True)
class Figure:
    """A metric with its 95 % interval over resamples of the rows."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Value:
    """What a contact is worth: `amount` if what is feared would come, prevented in `effect` of the cases, at `cost`."""

    amount: float
    effect: float
    cost: float


def auc(truth: np.ndarray, told: np.ndarray) -> float:
    """Chance that a row of which it came ranks above one of which it did not; 0.5 where there is only one kind."""
    ranks, positive = rankdata(told), truth.astype(bool)
    some, others = positive.sum(), (~positive).sum()
    if not some or not others:
        return 0.5
    return float((ranks[positive].sum() - some * (some + 1) / 2) / (some * others))


def average_precision(truth: np.ndarray, told: np.ndarray) -> float:
    """Mean precision over the rows of which it came."""
    return float(average_precision_score(truth, told)) if truth.any() else 0.0


def share_in_top(truth: np.ndarray, told: np.ndarray, share: float) -> float:
    """Of the most likely share of rows those of which it came; ties count in part."""
    wanted = max(1, round(len(told) * share))
    edge = np.partition(told, len(told) - wanted)[len(told) - wanted]
    above, at = told > edge, told == edge
    return float((truth[above].sum() + truth[at].mean() * (wanted - above.sum())) / wanted)


def lift(truth: np.ndarray, told: np.ndarray, share: float) -> float:
    """How much more often it came in the most likely share of rows than in all."""
    return share_in_top(truth, told, share) / max(float(truth.mean()), 1e-12)


def calibration_error(truth: np.ndarray, told: np.ndarray) -> float:
    """Mean distance of what was told from what came, over tenths of the rows (expected calibration error)."""
    off = (len(rows) * abs(told[rows].mean() - truth[rows].mean()) for rows in tenths(told))
    return float(sum(off) / max(len(told), 1))


def tenths(told: np.ndarray) -> list[np.ndarray]:
    """The places of the rows by tenths, the least likely first; of fewer than ten rows none is empty."""
    return [rows for rows in np.array_split(np.argsort(told, kind="stable"), 10) if len(rows)]


def money(truth: np.ndarray, told: np.ndarray, value: Value) -> float:
    """Expected value per contact when the most likely twentieth of the rows is contacted."""
    return share_in_top(truth, told, 0.05) * value.amount * value.effect - value.cost


def of(value: Value) -> dict[str, Callable[[np.ndarray, np.ndarray], float]]:
    """The metrics by name."""
    return {
        "auc": auc,
        "average_precision": average_precision,
        "lift_at_5_percent": lambda truth, told: lift(truth, told, 0.05),
        "lift_at_10_percent": lambda truth, told: lift(truth, told, 0.10),
        "calibration_error": calibration_error,
        "brier": lambda truth, told: float(np.mean((told - truth) ** 2)),
        "value_of_top_5_percent": lambda truth, told: money(truth, told, value),
    }


def figures(truth: np.ndarray, told: np.ndarray, value: Value) -> dict[str, Figure]:
    """Each metric with its interval (bootstrap over rows; the same rows give the same interval)."""
    measures = of(value)
    rng = np.random.default_rng(SEED)
    drawn = [rng.integers(0, len(truth), len(truth)) for _ in range(RESAMPLES)]
    made = {}
    for name, measure in measures.items():
        spread = [measure(truth[rows], told[rows]) for rows in drawn]
        low, high = np.percentile(spread, [LOW, HIGH])
        made[name] = Figure(measure(truth, told), float(low), float(high))
    return made


def cuts(values: np.ndarray) -> list[float]:
    """The quantiles that part known values into tenths, each once."""
    known = values[~np.isnan(values)]
    if not len(known):
        return []
    parts = np.quantile(known, np.linspace(0, 1, QUANTILES + 1)[1:-1])
    return [float(each) for each in np.unique(parts)]


def shares(values: np.ndarray, parts: list[float]) -> np.ndarray:
    """The share of values in each part between the cuts, and last of those that are null."""
    known = values[~np.isnan(values)]
    counts = np.bincount(np.searchsorted(parts, known, side="left"), minlength=len(parts) + 1)
    made: np.ndarray = np.append(counts, len(values) - len(known)) / max(len(values), 1)
    return made


def drift(parts: list[float], before: np.ndarray, values: np.ndarray) -> float:
    """Jensen-Shannon distance, base 2, 0 to 1, of values from the shares of before."""
    return float(np.nan_to_num(jensenshannon(before, shares(values, parts), 2)))


def told(made: Mapping[str, Figure]) -> dict[str, dict[str, float]]:
    """As JSON."""
    return {name: {"value": each.value, "low": each.low, "high": each.high} for name, each in made.items()}
