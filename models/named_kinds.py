"""What a kind of callers is called, and which kind of the fit before it is: names of what sets it apart."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from sklearn.pipeline import Pipeline

from models.repeat_callers import COLUMNS, TOPIC, UNUSUAL, Kinds, figures, topic_column

SETS_APART = 1.5
"""How many times the mean of all callers the mean of a kind must be to name it."""
FEWEST_OF_A_SHARE = 0.15
"""A share that is small is no trait, however rare it is among others."""
MOSTLY = 0.5
MOST_TRAITS = 3
SAME_GROUP = 0.5
"""Jaccard index of the callers from which on two kinds are the same one."""

TRAITS = {
    "calls_90d": "about {low:.0f} to {high:.0f} calls in 90 days",
    "repeat_calls_90d": "about {low:.0f} to {high:.0f} repeat calls in 90 days",
    "longest_chain": "about {low:.0f} to {high:.0f} calls on end",
    "hours_between_median": "days between calls",
    "agents_90d": "many agents met",
    "cards": "several cards",
    "tenure_days": "customers for long",
    "wait_seconds_mean": "long waits",
    "abandoned_share": "hang up while they wait",
    "transferred_share": "handed on",
    "self_served_share": "served by the machine",
    "unresolved_share": "leave unresolved",
    "night_share": "at night",
    "weekend_share": "at weekends",
    "after_transaction_share": "soon after a transaction",
    "after_digital_share": "after a try in a digital channel",
}
FEW = {
    "calls_90d": "about {low:.0f} to {high:.0f} calls in 90 days",
    "hours_between_median": "mostly within {high:.0f} hours of the call before",
    "agents_90d": "few agents met",
    "tenure_days": "new customers",
    "wait_seconds_mean": "short waits",
}
"""What is said of a figure that is as much less as the others are more."""
OFTEN = ("calls_90d", "longest_chain", "repeat_calls_90d")
"""Figures that say the same; the first that sets a kind apart is said."""
PLAIN = "call again without a trait of their own"
UNUSUAL_NAME = "unusual, far from every kind"


@dataclass(frozen=True)
class Lift:
    """How a figure of a kind compares with all callers; the quartiles are the kind's."""

    figure: str
    mean: float
    population_mean: float
    low: float
    high: float

    @property
    def lift(self) -> float | None:
        """The mean over that of all callers; None where nobody has any."""
        return self.mean / self.population_mean if self.population_mean > 0 else None

    @property
    def is_trait(self) -> bool:
        """Whether it sets the kind apart."""
        is_share = self.figure.startswith(TOPIC) or self.figure.endswith("_share")
        is_much = not is_share or self.mean >= FEWEST_OF_A_SHARE
        return self.lift is not None and self.lift >= SETS_APART and is_much

    @property
    def is_lack(self) -> bool:
        """Whether it sets the kind apart by being as much less than among all callers."""
        return self.lift is not None and self.lift <= 1 / SETS_APART and self.figure in FEW

    @property
    def words(self) -> str:
        """The trait, or the lack, as part of a name."""
        if self.is_lack:
            return FEW[self.figure].format(low=self.low, high=self.high)
        if self.figure.startswith(TOPIC):
            often = "mostly about" if self.mean >= MOSTLY else "often about"
            return f"{often} {self.figure.removeprefix(TOPIC).replace('_', ' ')}"
        return TRAITS[self.figure].format(low=self.low, high=self.high)


@dataclass(frozen=True)
class Cluster:
    """A kind of callers by its id, and what it is called."""

    cluster_id: int
    name: str


@dataclass(frozen=True)
class NamedKinds:
    """A fit whose kinds have ids and names, in the order of their places in the fit; a version of the model."""

    kinds: Kinds
    clusters: tuple[Cluster, ...]
    next_id: int
    version: str = ""

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of features.caller_profiles that it looks at, beside the topics."""
        return COLUMNS

    @property
    def topic_columns(self) -> dict[str, str]:
        """The column of each topic."""
        return {topic: topic_column(topic) for topic in self.kinds.topics}

    def assign(self, profiles: pd.DataFrame) -> pd.DataFrame:
        """For each caller of `profiles`: caller_key, cluster_id, cluster_name, distance."""
        placed = self.kinds.assigned(profiles)
        ids = {label: each.cluster_id for label, each in enumerate(self.clusters)} | {UNUSUAL: UNUSUAL}
        names = {each.cluster_id: each.name for each in self.clusters} | {UNUSUAL: UNUSUAL_NAME}
        cluster_id = placed["label"].map(ids).astype("int64")
        return pd.DataFrame(
            {
                "caller_key": profiles["caller_key"],
                "cluster_id": cluster_id,
                "cluster_name": cluster_id.map(names),
                "distance": placed["distance"],
            }
        )

    def beside(self) -> dict[str, Any]:
        """What has to be kept beside the pipeline, JSON-able."""
        return {
            "topics": list(self.kinds.topics),
            "typical": dict(self.kinds.typical),
            "reaches": list(self.kinds.reaches),
            "clusters": [[each.cluster_id, each.name] for each in self.clusters],
            "next_id": self.next_id,
        }


def restored(pipeline: Pipeline, beside: Mapping[str, Any], version: str) -> NamedKinds:
    """The named kinds of a pipeline and what was kept beside it."""
    kinds = Kinds(pipeline, tuple(beside["topics"]), beside["typical"], tuple(beside["reaches"]))
    clusters = tuple(Cluster(int(each), name) for each, name in beside["clusters"])
    return NamedKinds(kinds, clusters, int(beside["next_id"]), version)


@dataclass(frozen=True)
class Change:
    """What a fit did to a kind: born, kept or ended; callers of the fit, None where it ended."""

    cluster: Cluster
    change: str
    callers: int | None


def christened(
    kinds: Kinds, profiles: pd.DataFrame, before: NamedKinds | None, first_id: int
) -> tuple[NamedKinds, list[Change]]:
    """The kinds with ids and names: those of the fit before where it is the same group, else new ones.

    `profiles`: the callers of the fit. `first_id`: from which on ids are free; none is ever used again.
    """
    labels = kinds.assigned(profiles)["label"]
    members = labels[labels != UNUSUAL]
    kept: dict[int, Cluster] = {}
    if before is not None:
        old = before.assign(profiles)["cluster_id"]
        of_both = members[old.loc[members.index] != UNUSUAL]
        by_id = {each.cluster_id: each for each in before.clusters}
        kept = {new: by_id[was] for new, was in same_groups(old.loc[of_both.index], of_both).items()}
    told = lifts(figures(profiles, kinds.topics).loc[members.index], members)
    names = named(
        {label: told.get(label, []) for label in range(kinds.number) if label not in kept},
        [each.name for each in kept.values()],
    )
    next_id = first_id
    clusters = []
    for label in range(kinds.number):
        if label not in kept:
            kept[label] = Cluster(next_id, names[label])
            next_id += 1
        clusters.append(kept[label])
    sizes = labels.value_counts()
    standing = {each.cluster_id for each in before.clusters} if before else set()
    changes = [
        Change(each, "kept" if each.cluster_id in standing else "born", int(sizes.get(label, 0)))
        for label, each in enumerate(clusters)
    ]
    now = {each.cluster_id for each in clusters}
    changes += [
        Change(each, "ended", None) for each in (before.clusters if before else ()) if each.cluster_id not in now
    ]
    return NamedKinds(kinds, tuple(clusters), next_id), changes


def lifts(figures: pd.DataFrame, labels: pd.Series) -> dict[int, list[Lift]]:
    """By label: each figure of its callers against all callers, over those of whom it is known."""
    population = figures.mean()
    found = {}
    for label, rows in figures.groupby(labels.to_numpy()):
        mean, low, high = rows.mean(), rows.quantile(0.25), rows.quantile(0.75)
        found[int(label)] = [
            Lift(name, float(mean[name]), float(population[name]), float(low[name]), float(high[name]))
            for name in figures
        ]
    return found


def named(of_kinds: Mapping[int, Sequence[Lift]], taken: Sequence[str] = ()) -> dict[int, str]:
    """A name for each kind, unique among them and those that are `taken`: its topics first, then what is rarest."""
    names: dict[int, str] = {}
    for kind, of_kind in sorted(of_kinds.items()):
        names[kind] = _unique([trait.words for trait in _traits(of_kind)], {*taken, *names.values()})
    return names


def _traits(of_kind: Sequence[Lift]) -> list[Lift]:
    """What sets a kind apart, the most telling first; what it lacks comes last."""

    def order(each: Lift) -> tuple[bool, bool, float, str]:
        lift = each.lift or 0
        return each.is_lack, not each.figure.startswith(TOPIC), lift if each.is_lack else -lift, each.figure

    # Of a figure that is known of nobody the lift is no number, which no order can place.
    told = [each for each in of_kind if each.is_trait or each.is_lack]
    apart = {each.figure: each for each in sorted(told, key=order)}
    said = next((figure for figure in OFTEN if figure in apart), None)
    return [each for figure, each in apart.items() if figure not in OFTEN or figure == said]


def same_groups(before: pd.Series, now: pd.Series) -> dict[int, int]:
    """For each group of `now` the group of `before` that it is, where they share half of their callers or more.

    Both hold the group of the same callers, in the same index.
    """
    table = pd.crosstab(now, before)
    sizes_now, sizes_before = table.sum(axis=1), table.sum(axis=0)
    pairs = sorted(
        (
            (float(table.at[one, other] / (sizes_now[one] + sizes_before[other] - table.at[one, other])), one, other)
            for one in table.index
            for other in table.columns
        ),
        key=lambda pair: (-pair[0], pair[2], pair[1]),
    )
    found: dict[int, int] = {}
    for jaccard, one, other in pairs:
        if jaccard >= SAME_GROUP and one not in found and other not in found.values():
            found[int(one)] = int(other)
    return found


def _unique(words: Sequence[str], taken: set[str]) -> str:
    for number in range(min(MOST_TRAITS, len(words)), len(words) + 1):
        name = ", ".join(words[:number]) or PLAIN
        if name not in taken:
            return name
    place = 2
    while f"{name} ({place})" in taken:
        place += 1
    return f"{name} ({place})"
