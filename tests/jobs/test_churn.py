"""Churn, night by night: the rule until there is history, then a model that the nights train, promote and watch."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from deltalake import DeltaTable

from jobs import runner, training
from jobs.churn import parts
from jobs.errors import DataError
from jobs.settings import read_settings
from jobs.tables import TABLES
from models.errors import NotEnoughDataError
from models.training import Parts
from tests.conftest import World
from tests.frames import frame

pytestmark = pytest.mark.spark
CUSTOMERS, DAYS = 2000, 88
BEGAN = date(2026, 1, 1)
EARLY, NIGHT, LATER = (BEGAN + timedelta(days=n) for n in (60, 85, 86))
CONFIGURATION = {"churn": {"active_days": 30, "horizon_days": 20, "cuts": 3, "cut_days": 5}}
STEPS = ("features.customer_measures", "features.customer_activity", "gold.consumption_warnings", "gold.churn_scores")


@pytest.fixture(scope="module")
def nights(module_world: World) -> World:
    """A lake in which some customers fall silent: a night before there is enough history, and two with it."""
    module_world.configure(**CONFIGURATION)
    lake = runner.open_lake(read_settings())
    lake.append(TABLES["silver.transactions"], frame(lake.spark, "silver.transactions", list(_bought())))
    for day in (EARLY, NIGHT, LATER):
        _make(module_world, day)
    return module_world


@pytest.fixture(scope="module")
def split(nights: World) -> Parts:
    """What a training as of the first night with a model learns from and is tested on."""
    settings = read_settings()
    return parts(runner.open_lake(settings), NIGHT, settings, lambda line: None)


def _bought() -> Iterator[dict[str, Any]]:
    """Purchases at a rate of each customer's own, until the day on which a sixth of them fall silent."""
    rng = np.random.default_rng(11)
    for customer in range(CUSTOMERS):
        silent_from = rng.integers(20, DAYS) if rng.random() < 0.5 else DAYS
        for day in np.flatnonzero(rng.random(DAYS) < np.exp(rng.normal(-1.0, 0.5))):
            if day < silent_from:
                at = BEGAN + timedelta(days=int(day))
                yield {
                    "transaction_id": f"{customer}-{day}", "customer_id": f"C{customer}", "kind": "purchase",
                    "amount": Decimal(10), "currency": "CNY", "posted_at": datetime(at.year, at.month, at.day, tzinfo=UTC),
                    "event_date": at, "known_on": at, "ds": at, "row_hash": 0,
                }  # fmt: skip


def _make(world: World, day: date) -> None:
    for step in STEPS:
        world.make(step, str(day))


def _told(world: World, day: date, *columns: str) -> list[tuple[Any, ...]]:
    rows = world.rows("gold.churn_scores", "customer_id", *columns, "scored_on")
    return [row[:-1] for row in rows if row[-1] == day]


def _active(world: World, day: date) -> list[tuple[Any, ...]]:
    rows = world.rows("silver.transactions", "DISTINCT customer_id", "event_date")
    return [row for row in rows if day - timedelta(days=30) < row[1] <= day]


def _train(day: date) -> training.Attempt:
    settings = read_settings()
    return training.train(runner.open_lake(settings), "churn", day, settings, lambda line: None)


def test_without_enough_history_the_rule_scores_and_training_says_what_it_lacks(nights: World) -> None:
    told = _told(nights, EARLY, "probability", "model_version", "decile")
    assert {row[2] for row in told} == {"rule"}
    assert all(0 < row[1] < 1 for row in told)
    assert {row[0] for row in told} == {row[0] for row in _active(nights, EARLY)}
    with pytest.raises(NotEnoughDataError, match=r"found less; 2026-\d\d-\d\d is the first date"):
        _train(EARLY)


def test_the_first_night_with_enough_trains_a_model_and_scores_with_it(nights: World) -> None:
    for day in (NIGHT, LATER):
        told = _told(nights, day, "model_version", "reason_1", "probability")
        assert {row[1] for row in told} == {"1"}
        likeliest = sorted(told, key=lambda row: -row[3])[: len(told) // 10]
        assert all(row[2] for row in likeliest), "who is likely to go has a reason"


def test_labels_of_what_is_learnt_end_before_the_test_begins(nights: World, split: Parts) -> None:
    horizon = timedelta(days=20)
    assert max(split.learn["as_of"]) + timedelta(days=5) == min(split.calibrate["as_of"])
    assert max(split.calibrate["as_of"]) + horizon == min(split.test["as_of"])
    assert max(split.test["as_of"]) + horizon == NIGHT
    assert set(split.newest["as_of"]) == {NIGHT}
    bought = nights.rows("silver.transactions", "customer_id", "event_date")
    came = {customer for customer, day in bought if NIGHT - horizon < day <= NIGHT}
    assert split.test["is_lost"].tolist() == [customer not in came for customer in split.test["customer_id"]]


def test_the_same_night_and_the_same_training_again_change_nothing(nights: World) -> None:
    before = {step: DeltaTable(nights.lake / step.replace(".", "/")).version() for step in STEPS}
    _make(nights, NIGHT)
    assert {step: DeltaTable(nights.lake / step.replace(".", "/")).version() for step in STEPS} == before
    again = _train(NIGHT)
    assert again.version is not None
    assert (again.version.number, again.is_promoted) == (1, False)
    assert "the same model" in again.lines[0]


def test_of_a_saving_campaign_the_holdouts_alone_teach_and_stand_for_the_listed(split: Parts) -> None:
    settings = read_settings()
    lake = runner.open_lake(settings)
    listed, held_out = split.test["customer_id"][:2]
    saving = {"list_on": NIGHT - timedelta(days=5), "campaign": "churn_save", "kind": "marketing", "channel": "call"}
    lists = [
        {**saving, "customer_id": who, "decision": decision}
        for who, decision in ((listed, "listed"), (held_out, "holdout"))
    ]
    lake.append(TABLES["gold.call_candidates"], frame(lake.spark, "gold.call_candidates", lists))
    test = parts(lake, NIGHT, settings, lambda line: None).test.set_index("customer_id")
    lake.delete(TABLES["gold.call_candidates"], "campaign = 'churn_save'")
    assert listed not in test.index
    assert test.loc[held_out, "weight"] == pytest.approx(10)
    assert set(test["weight"]) == {1.0, 10.0}


def test_what_arrived_after_a_date_does_not_change_from_whom_it_learns(nights: World, split: Parts) -> None:
    nights.configure(churn={**CONFIGURATION["churn"], "most_customers": CUSTOMERS})
    settings = read_settings()
    lake = runner.open_lake(settings)
    late = {
        "kind": "purchase", "amount": Decimal(10), "currency": "CNY", "posted_at": datetime(2026, 3, 20, tzinfo=UTC),
        "event_date": date(2026, 3, 20), "known_on": LATER + timedelta(days=1), "ds": LATER, "row_hash": 0,
    }  # fmt: skip
    rows = [late | {"transaction_id": f"late-{n}", "customer_id": f"L{n}"} for n in range(2 * CUSTOMERS)]
    lake.append(TABLES["silver.transactions"], frame(lake.spark, "silver.transactions", rows))
    newest = parts(lake, NIGHT, settings, lambda line: None).newest
    lake.delete(TABLES["silver.transactions"], "transaction_id LIKE 'late-%'")
    nights.configure(**CONFIGURATION)
    assert newest["customer_id"].tolist() == split.newest["customer_id"].tolist()


@pytest.mark.parametrize(("version", "retrains"), [("1", True), ("0", False)])
def test_nights_train_anew_after_the_champion_missed_its_gate_not_a_version_of_before(
    nights: World, monkeypatch: pytest.MonkeyPatch, version: str, retrains: bool
) -> None:
    settings = read_settings()
    lake = runner.open_lake(settings)
    day = NIGHT + timedelta(days=training.PAUSE_DAYS + 1)
    seen = {
        "as_of": day - timedelta(days=1), "model": "churn", "measure": training.PERFORMANCE, "name": "calibration_error",
        "found": 0.1, "limit": 0.05, "is_beyond": True, "model_version": version,
    }  # fmt: skip
    lake.record(training.WATCH, [seen], "found = 0.1")
    asked = []

    def train(lake: Any, name: str, day: date, *_: Any) -> training.Attempt:
        asked.append((name, day))
        return training.Attempt([], None, True)

    monkeypatch.setattr(training, "train", train)
    training.train_when_due(lake, "churn", day, settings, lambda line: None)
    lake.delete(training.WATCH, "found = 0.1")
    assert asked == [("churn", day)] * retrains


def test_a_rollback_takes_back_the_champion_and_the_rule_tells_again(nights: World) -> None:
    settings = read_settings()
    lake = runner.open_lake(settings)
    after = LATER + timedelta(days=1)
    assert "the rule tells again" in training.roll_back(lake, "churn", after, settings)
    assert training.champion("churn", LATER, settings) is not None, "as of a past date it still reigns"
    assert training.champion("churn", after, settings) is None
    with pytest.raises(DataError, match="a champion to take back"):
        training.roll_back(lake, "churn", after, settings)
