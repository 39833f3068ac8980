"""Which kinds of people call again and again?

Callers with a repeat call in the last 90 days (features.caller_profiles) are grouped by how often they call, by how
their calls go, and by what they are about. More kinds say more, as long as they are kinds: their number is the largest
whose clusters lie about as well apart (silhouette) and are about as often found again in resamples (adjusted Rand
index) as the best. Either alone favours few: two large heaps are the easiest to find again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.metrics import adjusted_rand_score, silhouette_score
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from models.errors import NotEnoughDataError

NAME = "repeat_callers"
SEED = 7
FEWEST_CALLERS = 40
"""With fewer there are not ten of them to a kind."""
FEWEST_KINDS, MOST_KINDS = 4, 12
RESAMPLES = 8
RESAMPLED_SHARE = 0.8
COMPARED_CALLERS = 4_000
"""Silhouettes look at all pairs; resamples of more find the same."""
ABOUT_AS_APART, ABOUT_AS_STABLE = 0.65, 0.6
"""Shares of the best silhouette and stability that a finer grouping must have."""
MOST_TOPICS, RAREST_TOPIC = 20, 0.01
KEPT_COVERAGE = 0.9
"""The champion's topics are kept while they cover so much of what new ones would: what is compared stays."""
INERTIA = 1.0
"""Weight of the champion's centres against the callers of now: kinds drift, and do not jump."""
FAR = 3.0
"""Unusual: farther than the upper quartile of distances by this many times the quartiles' own distance (Tukey)."""
FEWEST_TO_JUDGE = 20
"""Callers of a kind from whose distances its reach is told; of smaller kinds, from those of everybody."""
UNUSUAL = -1

OFTEN = ("calls_90d", "repeat_calls_90d", "longest_chain", "hours_between_median")
COUNTS = (*OFTEN, "agents_90d", "cards", "tenure_days", "wait_seconds_mean")
SHARES = {
    "abandoned_share": ("abandoned_90d", "calls_90d"),
    "transferred_share": ("transferred_90d", "calls_90d"),
    "self_served_share": ("self_served_90d", "calls_90d"),
    "unresolved_share": ("unresolved_90d", "calls_90d"),
    "night_share": ("night_calls_90d", "calls_90d"),
    "weekend_share": ("weekend_calls_90d", "calls_90d"),
    "after_transaction_share": ("calls_after_transaction_28d", "calls_28d"),
    "after_digital_share": ("calls_after_digital_28d", "calls_28d"),
}
"""Share by name: calls of which, of what."""
COMPARED_SHARES = (
    "abandoned_share", "transferred_share", "self_served_share", "unresolved_share", "night_share",
    "after_transaction_share", "after_digital_share",
)  # fmt: skip
TYPICAL_CALLS = 5
"""Shares are those of a caller with so many typical calls more: of two calls one is no habit."""
TOPIC_WEIGHT = 3.0
KEPT_VARIANCE = 0.8
TOPIC = "topic: "
COLUMNS = tuple(dict.fromkeys([*COUNTS, *(column for pair in SHARES.values() for column in pair)]))
"""Of features.caller_profiles, beside a column for each topic."""

Space = NDArray[np.float64]


@dataclass(frozen=True)
class Kinds:
    """A fit: the way into the space in which callers are compared, the centres of the kinds, how far each reaches."""

    pipeline: Pipeline = field(repr=False)
    topics: tuple[str, ...]
    typical: Mapping[str, float]
    reaches: tuple[float, ...]

    @property
    def number(self) -> int:
        """How many kinds there are."""
        return len(self.reaches)

    def frame(self, profiles: pd.DataFrame) -> pd.DataFrame:
        """What the pipeline takes."""
        return _compared(profiles, self.topics, self.typical)

    def assigned(self, profiles: pd.DataFrame) -> pd.DataFrame:
        """For each row of `profiles`: `label`, the place of the nearest centre (-1: it is far), and `distance`."""
        if profiles.empty:
            return pd.DataFrame({"label": pd.Series(dtype="int64"), "distance": pd.Series(dtype="float64")})
        distances = self.pipeline.transform(self.frame(profiles))
        nearest = distances.argmin(axis=1)
        distance = distances[np.arange(len(distances)), nearest]
        is_far = distance > np.asarray(self.reaches)[nearest]
        return pd.DataFrame({"label": np.where(is_far, UNUSUAL, nearest), "distance": distance}, index=profiles.index)


@dataclass(frozen=True)
class Candidate:
    """How good a number of kinds is: silhouette (-1 to 1), stability (mean adjusted Rand index over resamples)."""

    number: int
    silhouette: float
    stability: float


def topic_column(topic: str) -> str:
    """The column that counts a caller's calls about a topic."""
    return f"{TOPIC}{topic}"


def topic_columns_of(calls_by_topic: Mapping[str, float], kept: Sequence[str] = ()) -> dict[str, str]:
    """The columns of the topics that a fit may look at, by topic: the frequent ones, and those of the champion."""
    return {topic: topic_column(topic) for topic in dict.fromkeys([*_often(calls_by_topic), *kept])}


def figures(profiles: pd.DataFrame, topics: Sequence[str]) -> pd.DataFrame:
    """What callers are described by, a column each, of topics the share of calls; NaN where it is not known.

    `profiles` has `COLUMNS`, and for each topic its `topic_column`.
    """
    shares = {name: profiles[part] / profiles[whole] for name, (part, whole) in SHARES.items()}
    about = {name: profiles[name] / profiles["calls_90d"] for name in map(topic_column, topics)}
    counts = {name: profiles[name] for name in COUNTS}
    return pd.DataFrame({**counts, **shares, **about}, index=profiles.index).astype(float).replace(np.inf, np.nan)


def fit(
    profiles: pd.DataFrame, calls_by_topic: Mapping[str, float], champion: Kinds | None = None
) -> tuple[Kinds, list[Candidate]]:
    """The kinds of callers, and how good each number of kinds was. The same rows in the same order give the same.

    `profiles` has a column for each topic of `calls_by_topic`. With a champion its scales are kept and its centres are
    where the search begins, and its number of kinds stays while it is about as good as the best.

    Raises:
        NotEnoughDataError: there are fewer than `FEWEST_CALLERS` callers, or they are all alike.
    """
    if len(profiles) < FEWEST_CALLERS:
        raise NotEnoughDataError(f"expected {FEWEST_CALLERS} callers with a repeat call, found {len(profiles)}")
    topics = _topics(calls_by_topic, champion)
    standing = champion if champion and champion.topics == topics else None
    raw = figures(profiles, topics).fillna(0)
    typical = standing.typical if standing else _typical(raw, profiles["calls_90d"], topics)
    frame = _compared(profiles, topics, typical)
    most = min(MOST_KINDS, len(frame.drop_duplicates()), len(profiles) // (FEWEST_CALLERS // FEWEST_KINDS))
    if most < FEWEST_KINDS:
        raise NotEnoughDataError(f"expected callers of {FEWEST_KINDS} kinds or more, found {most}")
    steps = standing.pipeline.steps[:-1] if standing else _space(topics)
    way = Pipeline(steps) if standing else Pipeline(steps).fit(frame)
    space: Space = way.transform(frame)
    # Threads that wait for each other on small matrices take longer than one alone.
    with threadpool_limits(1):
        candidates = [_candidate(space, number) for number in range(FEWEST_KINDS, most + 1)]
        number = _number(candidates, standing.number if standing else None)
        begins = standing.pipeline["kinds"].cluster_centers_ if standing and standing.number == number else None
        means = _means(number).fit(space) if begins is None else _moved(space, begins)
    return Kinds(Pipeline([*way.steps, ("kinds", means)]), topics, typical, _reaches(means, space)), candidates


def quality(kinds: Kinds, profiles: pd.DataFrame) -> float:
    """The silhouette of these callers as the kinds group them: -1 to 1, 0 where all are of one kind."""
    space = kinds.pipeline[:-1].transform(kinds.frame(profiles))
    return _silhouette(space, kinds.pipeline["kinds"].predict(space))


def _compared(profiles: pd.DataFrame, topics: Sequence[str], typical: Mapping[str, float]) -> pd.DataFrame:
    """The figures on the scales on which they are compared: logarithms, and of topics square roots (Hellinger)."""
    frame = figures(profiles, topics).fillna(0)
    calls = profiles["calls_90d"].to_numpy(dtype=float)
    for name, share in typical.items():
        frame[name] = (frame[name] * calls + share * TYPICAL_CALLS) / (calls + TYPICAL_CALLS)
    frame[list(COUNTS)] = np.log1p(frame[list(COUNTS)].clip(lower=0))
    about = [topic_column(topic) for topic in topics]
    frame[about] = np.sqrt(frame[about])
    return frame[[*OFTEN, *COMPARED_SHARES, *about]]


def _often(calls_by_topic: Mapping[str, float]) -> list[str]:
    fewest = RAREST_TOPIC * sum(calls_by_topic.values())
    often = (topic for topic, calls in calls_by_topic.items() if calls >= fewest)
    return sorted(often, key=lambda topic: (-calls_by_topic[topic], topic))[:MOST_TOPICS]


def _topics(calls_by_topic: Mapping[str, float], champion: Kinds | None) -> tuple[str, ...]:
    often = _often(calls_by_topic)
    if champion and champion.topics:
        covered = sum(calls_by_topic.get(topic, 0) for topic in champion.topics)
        if covered >= KEPT_COVERAGE * sum(calls_by_topic[topic] for topic in often):
            return champion.topics
    return tuple(often)


def _typical(raw: pd.DataFrame, calls: pd.Series, topics: Sequence[str]) -> dict[str, float]:
    names = [*COMPARED_SHARES, *map(topic_column, topics)]
    return {name: float(np.average(raw[name], weights=calls)) for name in names}


def _space(topics: Sequence[str]) -> list[tuple[str, ColumnTransformer | PCA]]:
    # Each block counts as one, however many figures it has; the square roots of a caller's topics lie on a sphere.
    # What varies least is noise of callers with few calls.
    blocks = ColumnTransformer(
        [
            ("often", StandardScaler(), list(OFTEN)),
            ("course", StandardScaler(), list(COMPARED_SHARES)),
            ("topics", "passthrough", [topic_column(topic) for topic in topics]),
        ],
        transformer_weights={
            "often": 1 / np.sqrt(len(OFTEN)),
            "course": 1 / np.sqrt(len(COMPARED_SHARES)),
            "topics": TOPIC_WEIGHT,
        },
    )
    return [("scale", blocks), ("main", PCA(KEPT_VARIANCE, svd_solver="full"))]


def _number(candidates: Sequence[Candidate], standing: int | None) -> int:
    apart = ABOUT_AS_APART * max(each.silhouette for each in candidates)
    stable = ABOUT_AS_STABLE * max(each.stability for each in candidates)
    good = [each.number for each in candidates if each.silhouette >= apart and each.stability >= stable]
    if standing in good:
        return standing
    # The best in the one may be bad in the other.
    return max(good, default=max(candidates, key=lambda each: each.silhouette * each.stability).number)


def _means(number: int, seed: int = SEED, tries: int = 20) -> KMeans:
    return KMeans(number, n_init=tries, random_state=seed)


def _moved(space: Space, centres: Space) -> KMeans:
    """The centres of before, moved towards the callers of now: each counts as so many of its callers."""
    means = KMeans(len(centres), init=centres, n_init=1, random_state=SEED)
    nearest = ((space[:, None, :] - centres[None]) ** 2).sum(axis=2).argmin(axis=1)
    callers = np.bincount(nearest, minlength=len(centres))
    weights = np.concatenate([np.ones(len(space)), np.maximum(callers * INERTIA, 1)])
    return means.fit(np.vstack([space, centres]), sample_weight=weights)


def _candidate(space: Space, number: int) -> Candidate:
    rng = np.random.default_rng(SEED)
    space = space[rng.permutation(len(space))[:COMPARED_CALLERS]]
    whole = _means(number).fit(space)
    agreements = []
    for resample in range(RESAMPLES):
        chosen = rng.choice(len(space), int(len(space) * RESAMPLED_SHARE), replace=False)
        again = _means(number, seed=SEED + resample + 1, tries=4).fit(space[chosen])
        agreements.append(adjusted_rand_score(whole.labels_, again.predict(space)))
    return Candidate(number, _silhouette(space, whole.labels_), float(np.mean(agreements)))


def _silhouette(space: Space, labels: NDArray[np.int32]) -> float:
    chosen = np.random.default_rng(SEED).permutation(len(space))[:COMPARED_CALLERS]
    if not 1 < len(np.unique(labels[chosen])) < len(chosen):
        return 0.0
    return float(silhouette_score(space[chosen], labels[chosen]))


def _reaches(means: KMeans, space: Space) -> tuple[float, ...]:
    distances = means.transform(space).min(axis=1)
    labels = means.predict(space)
    of_kind = [distances[labels == label] for label in range(means.n_clusters)]
    return tuple(_far(each if len(each) >= FEWEST_TO_JUDGE else distances) for each in of_kind)


def _far(distances: Space) -> float:
    low, high = np.quantile(distances, (0.25, 0.75))
    return float(high + FAR * (high - low))
