"""Churn through a lake: the rule until there is a model, the champion after, the same on every run."""

from datetime import date, timedelta

import pandas as pd
import pytest
from deltalake import DeltaTable

from jobs import churn, night, runner, training
from jobs.errors import DataError
from jobs.settings import read_settings
from jobs.tables import TABLES
from tests.conftest import World
from tests.models.silent_world import world as silent_world

pytestmark = pytest.mark.spark
BEGAN = date(2025, 6, 1)
DAY = BEGAN + timedelta(days=250)
EARLY = BEGAN + timedelta(days=120)
LATE = 3
"""Days after its event on which one late row of the test arrives."""
STEPS = (
    "features.customer_measures", "features.customer_activity", "gold.consumption_warnings", "gold.churn_scores",
)  # fmt: skip


@pytest.fixture(scope="module")
def lake(module_world: World) -> World:
    """Silver with the transactions of a silent world, of whom one date before there is a model and one after is told."""
    made = runner.open_lake(read_settings())
    uses = silent_world(seed=5, customers=5000).uses[:, : (DAY - BEGAN).days + 1 + LATE]
    customers, days = uses.nonzero()
    rows = pd.DataFrame({"customer": customers, "day": days, "uses": uses[customers, days]})
    table = TABLES["silver.transactions"]
    given = {
        "transaction_id": "concat(customer, '-', day)",
        "customer_id": "concat('C', customer)",
        "amount": "80 * uses",
        "kind": "'purchase'",
        "currency": "'CNY'",
        "event_date": f"date_add(DATE'{BEGAN}', cast(day AS int))",
        "known_on": f"date_add(DATE'{BEGAN}', cast(day AS int))",
        "ds": f"date_add(DATE'{BEGAN}', cast(day AS int))",
        "posted_at": f"cast(date_add(DATE'{BEGAN}', cast(day AS int)) AS timestamp) + INTERVAL 12 HOURS",
        "row_hash": "0",
    }
    columns = (f"cast({given.get(c.name, 'NULL')} AS {c.type}) AS {c.name}" for c in table.columns)
    made.append(table, made.spark.createDataFrame(rows).selectExpr(*columns))
    for day in (EARLY, DAY):
        for step in STEPS:
            module_world.make(step, str(day))
    return module_world


def versions(lake: World) -> set[str]:
    return {row[0] for row in lake.rows("gold.churn_scores", "model_version", "scored_on") if row[1] == DAY}


def test_before_there_is_enough_history_the_rule_tells_and_training_says_why(lake: World) -> None:
    rows = lake.rows("gold.churn_scores", "scored_on", "model_version", "probability")
    early = [row for row in rows if row[0] == EARLY]
    assert early
    assert {row[1] for row in early} == {"rule"}
    first = churn.first_day(runner.open_lake(read_settings()), read_settings())
    assert first == BEGAN + timedelta(days=59 + 15 + 120)
    with pytest.raises(DataError, match=f"{first} is the first date as of which it can be trained"):
        night.train("churn", EARLY, "test")


def test_a_night_trains_by_itself_and_its_champion_scores_every_active_customer(lake: World) -> None:
    assert versions(lake) == {"1"}
    scored = [row[0] for row in lake.rows("gold.churn_scores", "customer_id", "scored_on") if row[1] == DAY]
    active = [row[0] for row in lake.rows("features.customer_activity", "customer_id", "as_of") if row[1] == DAY]
    assert scored == active
    reasons = lake.rows("gold.churn_scores", "reason_1", "probability", "scored_on")
    worst = max((row for row in reasons if row[2] == DAY), key=lambda row: row[1])
    assert worst[0].startswith("card not used for ")
    watched = lake.rows("ops.model_watch", "measure", "model", "as_of")
    assert ("training", "churn", DAY) in watched
    assert ("score drift", "churn", DAY) in watched


def test_the_same_night_again_and_the_same_training_again_change_nothing(lake: World) -> None:
    tables = [*STEPS, "ops.model_watch"]
    before = {name: DeltaTable(lake.lake / name.replace(".", "/")).version() for name in tables}
    assert [lake.make(step, str(DAY)) for step in STEPS] == [0] * len(STEPS)
    assert {name: DeltaTable(lake.lake / name.replace(".", "/")).version() for name in tables} == before
    made = training.train(runner.open_lake(read_settings()), "churn", DAY, read_settings(), lambda line: None)
    assert made.version is not None
    assert made.version.label == "1"
    assert "the same model as version 1" in made.lines[0]


def test_what_happened_after_the_date_is_not_seen(lake: World) -> None:
    # Silver holds three days more: none of them shows in what is told as of the date, nor in what is learnt.
    last = lake.rows("features.customer_activity", "min(days_since_use)", "max(use_days_180d)")
    assert last[0][0] == 0
    parts = churn.parts(runner.open_lake(read_settings()), DAY, read_settings(), lambda line: None)
    assert max(parts.newest["as_of"]) == DAY
    assert max(parts.learn["as_of"]) < min(parts.calibrate["as_of"])
    assert max(parts.calibrate["as_of"]) + timedelta(days=60) <= min(parts.test["as_of"])
    assert parts.test["as_of"].iloc[0] + timedelta(days=60) == DAY


def test_customers_of_a_saving_campaign_teach_by_the_holdouts_alone(lake: World) -> None:
    made, settings = runner.open_lake(read_settings()), read_settings()
    cut = DAY - timedelta(days=60)
    ids = list(churn._answered(made, cut, DAY, settings, "true")["customer_id"][:3])
    rows = [
        {"list_on": cut + timedelta(days=1), "campaign": "churn_save", "customer_id": ids[0], "decision": "listed"},
        {"list_on": cut + timedelta(days=60), "campaign": "churn_save", "customer_id": ids[1], "decision": "holdout"},
        {"list_on": cut + timedelta(days=1), "campaign": "follow_up", "customer_id": ids[2], "decision": "listed"},
    ]
    made.record(TABLES["gold.call_candidates"], rows, "true")
    weights = churn._answered(made, cut, DAY, settings, "true").set_index("customer_id")["weight"]
    assert ids[0] not in weights
    assert (weights[ids[1]], weights[ids[2]]) == (10.0, 1.0)
    made.record(TABLES["gold.call_candidates"], [], "true")


def test_a_rollback_leaves_the_rule_to_tell_from_that_date_on(lake: World) -> None:
    said = night.roll_back("churn", DAY, "test")
    assert said == f"churn: version 1 is taken back from {DAY} on, the rule tells again"
    assert lake.make("gold.churn_scores", str(DAY)) > 0
    assert versions(lake) == {"rule"}
    with pytest.raises(DataError, match="expected: a champion to take back"):
        night.roll_back("churn", DAY, "test")
