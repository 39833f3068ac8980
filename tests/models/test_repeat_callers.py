"""The kinds of callers that the sample world has planted are found, and found again."""

from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import adjusted_rand_score

from jobs import runner
from jobs.features import caller_profiles
from jobs.gold.repeats.repeat_call_clusters import compared
from jobs.settings import read_settings
from models import repeat_callers
from models.errors import NotEnoughDataError
from sample.calls import calls
from sample.cast import CAST
from sample.world import World as Sample
from tests.conftest import World
from tests.frames import frame
from tests.models.test_named_kinds import world

DAY = date(2026, 6, 30)
PLANTED = (
    "billing_dispute", "balance_checker", "abandoned_then_retry", "transferred", "shared_phone", "mid_frequency",
    "low_frequency", "complaint",
)  # fmt: skip
EMPTY = ("cards_versions", "customers_versions", "transactions", "interactions")

Callers = tuple[pd.DataFrame, dict[str, float]]


@pytest.fixture(scope="module")
def weeks(module_world: World) -> dict[tuple[int, date], Callers]:
    """The callers of two worlds, at the end of a day and a week later."""
    spark = runner.open_lake(read_settings()).spark
    return {(seed, day): _callers(spark, seed, day) for seed in (7, 8) for day in (DAY, DAY + timedelta(days=7))}


def _callers(spark: Any, seed: int, day: date) -> Callers:
    sample = Sample(seed)
    days = [day - timedelta(days=n) for n in range(98)]
    rows = [
        row | {"event_date": each, "known_on": each, "caller_token": row["caller_number"]}
        for each in days
        for row in sample.remembered(calls, each)
        if row["direction"] == "inbound" and row["customer_id"]
    ]
    frames = {name: frame(spark, f"silver.{name}", []) for name in EMPTY}
    profiles = caller_profiles.build(
        frame(spark, "silver.calls", rows), **frames, as_of=day, time_zone="UTC", transfer_minutes=15, chain_gap_days=7,
        top_share=0.05, high_calls=6, mid_calls=3,
    )  # fmt: skip
    counted: dict[str, float] = {}
    for (topics,) in profiles.select("topics").collect():
        for topic, number in topics.items():
            counted[topic] = counted.get(topic, 0) + number
    wide = compared(profiles, repeat_callers.COLUMNS, repeat_callers.topic_columns_of(counted))
    callers: pd.DataFrame = wide.toPandas()
    return callers.sort_values("caller_key").reset_index(drop=True), counted


@pytest.mark.spark
@pytest.mark.parametrize("seed", [7, 8])
def test_planted_kinds_of_callers_are_found(weeks: dict[tuple[int, date], Callers], seed: int) -> None:
    callers, topics = weeks[seed, DAY]
    kinds, candidates = repeat_callers.fit(callers, topics)
    parts = {f"c:C{number + 1:05d}": part for part in PLANTED for number in CAST[part]}
    part = callers["caller_key"].map(parts)
    labels = kinds.assigned(callers)["label"]
    is_planted = part.notna()
    assert part[is_planted].nunique() >= 6
    assert adjusted_rand_score(part[is_planted], labels[is_planted]) >= 0.6
    assert [each.number for each in candidates] == list(range(4, 13))


@pytest.mark.spark
@pytest.mark.parametrize("seed", [7, 8])
def test_next_week_callers_who_did_not_change_stay_in_their_kind(
    weeks: dict[tuple[int, date], Callers], seed: int
) -> None:
    before, _ = repeat_callers.fit(*weeks[seed, DAY])
    callers, topics = weeks[seed, DAY + timedelta(days=7)]
    now, _ = repeat_callers.fit(callers, topics, before)
    was = weeks[seed, DAY][0].set_index("caller_key")
    both = [key for key in callers["caller_key"] if key in was.index]
    old, new = was.loc[both], callers.set_index("caller_key").loc[both]
    same = ((old["calls_90d"] == new["calls_90d"]) & (old["repeat_calls_90d"] == new["repeat_calls_90d"])).to_numpy()
    stayed = before.assigned(old)["label"].to_numpy() == now.assigned(new)["label"].to_numpy()
    assert same.sum() >= 30
    assert stayed[same].mean() >= 0.9


def test_fitting_twice_gives_the_same_kinds_and_the_order_of_labels_too() -> None:
    callers, topics = world(np.random.default_rng(3), 300)
    one, other = (repeat_callers.fit(callers, topics)[0] for _ in range(2))
    pd.testing.assert_frame_equal(one.assigned(callers), other.assigned(callers))


def test_a_caller_far_from_every_kind_is_not_forced_into_one() -> None:
    callers, topics = world(np.random.default_rng(4), 300)
    kinds, _ = repeat_callers.fit(callers, topics)
    strange = callers.head(1).assign(
        calls_90d=900.0, repeat_calls_90d=899.0, longest_chain=900.0, transferred_90d=900.0
    )
    assert kinds.assigned(strange)["label"].tolist() == [repeat_callers.UNUSUAL]
    assert kinds.assigned(callers.head(0)).empty


def test_too_few_callers_or_callers_who_are_all_alike_are_an_error() -> None:
    callers, topics = world(np.random.default_rng(5), 300)
    with pytest.raises(NotEnoughDataError, match="expected 40 callers"):
        repeat_callers.fit(callers.head(39), topics)
    with pytest.raises(NotEnoughDataError, match="kinds"):
        repeat_callers.fit(pd.concat([callers.head(1)] * 60, ignore_index=True), topics)
