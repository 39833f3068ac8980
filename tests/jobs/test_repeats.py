"""Repeat callers, night by night: kinds that are fitted each week and kept, risk by rule until there is a model."""

import json
import re
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from deltalake import DeltaTable

from jobs import kinds, risk, runner
from jobs.business_dates import dates_between, end_of
from jobs.features.recent_calls import REPEAT_HOURS
from jobs.reports import pages, repeat_calls
from jobs.settings import read_settings
from jobs.tables import TABLES
from jobs.tables.repeats import REPEAT_FEATURES, REPEATS
from models import repeat_callers
from sample.calls import calls
from sample.world import World as Sample
from tests.conftest import World
from tests.frames import frame, whole

pytestmark = pytest.mark.spark
FIRST, SECOND, THIRD = (date(2026, 6, 9) + timedelta(days=n) for n in (0, 1, 8))
STEPS = [*(table.name for table in REPEAT_FEATURES), *(table.name for table in REPEATS)]
BEGAN = date(2026, 4, 20)


@pytest.fixture(scope="module")
def nights(module_world: World) -> World:
    """A lake with seven weeks of calls of the sample world, of whom three nights tell."""
    lake = runner.open_lake(read_settings())
    sample = Sample()
    rows = [
        row | {"event_date": day, "known_on": day, "ds": day, "caller_token": row["caller_number"], "row_hash": 0}
        for day in dates_between(BEGAN, THIRD)
        for row in sample.remembered(calls, day)
    ]
    lake.append(TABLES["silver.calls"], frame(lake.spark, "silver.calls", rows))
    for day in (FIRST, SECOND, THIRD):
        for step in STEPS:
            module_world.make(step, str(day))
    module_world.pass_gate(str(THIRD))
    module_world.make("gold.repeat_calls", str(THIRD))
    return module_world


def of(world: World, table: str, day: date, *columns: str) -> list[tuple[Any, ...]]:
    stamp = "scored_on" if table == "gold.repeat_call_risk" else "as_of"
    return [row[:-1] for row in world.rows(table, *columns, stamp) if row[-1] == day]


def test_a_night_that_is_run_again_and_finds_no_repeat_caller_takes_back_what_was_told_of_some(world: World) -> None:
    lake, calls_table, day = runner.open_lake(read_settings()), TABLES["silver.calls"], str(FIRST)
    at = end_of(FIRST, "UTC") - timedelta(hours=9)
    rows = [
        {
            "call_id": str(n), "customer_id": "A", "direction": "inbound", "topic": "fee", "queue": "cards",
            "outcome": "answered", "agent_id": "A1", "started_at": at + timedelta(hours=n),
            "answered_at": at + timedelta(hours=n, minutes=1), "ended_at": at + timedelta(hours=n, minutes=5),
            "event_date": FIRST, "known_on": FIRST, "ds": FIRST, "row_hash": n,
        }
        for n in (1, 2, 3)
    ]  # fmt: skip
    told = ["features.answered_calls", "features.caller_profiles", "gold.repeat_call_clusters", "gold.repeat_call_risk"]
    lake.append(calls_table, frame(lake.spark, "silver.calls", rows))
    for step in STEPS:
        world.make(step, day)
    assert sorted(step for step in STEPS if world.rows(step, "1") and step in told) == told
    lake.delete(calls_table, "true")
    for step in STEPS:
        world.make(step, day)
    assert [step for step in STEPS if world.rows(step, "1")] == []


def test_kinds_are_fitted_once_a_week_and_what_became_of_them_is_told(nights: World) -> None:
    changes = nights.rows("ops.repeat_cluster_changes", "as_of", "change", "cluster_id", "cluster_name")
    assert {row[0] for row in changes} == {FIRST, THIRD}, "nothing was due on the second night"
    born = {row[2]: row[3] for row in changes if row[0] == FIRST}
    assert len(born) >= repeat_callers.FEWEST_KINDS
    assert {row[1] for row in changes if row[0] == FIRST} == {"born"}
    kept = {row[2]: row[3] for row in changes if row[:2] == (THIRD, "kept")}
    assert len(kept) >= len(born) // 2
    assert kept.items() <= born.items(), "who stays keeps the name"
    assert not {row[2] for row in changes if row[:2] == (THIRD, "born")} & born.keys()
    assert nights.rows("gold.repeat_call_clusters", "as_of", "model_version") != []


def test_ids_of_kinds_are_never_used_again_where_an_older_date_is_made_after_a_newer_one(world: World) -> None:
    lake, settings = runner.open_lake(read_settings()), read_settings()
    changes = TABLES["ops.repeat_cluster_changes"]
    later = whole(changes.name, {"as_of": SECOND, "cluster_id": 40, "cluster_name": "fee", "change": "born"})
    lake.record(changes, [later], f"as_of = DATE'{SECOND}'")
    rng = np.random.default_rng(1)
    of_all = dict.fromkeys(repeat_callers.COLUMNS, 0) | {
        "as_of": FIRST,
        "is_identified": True,
        "hours_between_median": 9.0,
    }
    callers = [
        of_all | dict.fromkeys(("calls_90d", "calls_28d", "longest_chain"), count) | {"repeat_calls_90d": count - 1}
        | {"caller_key": f"c:{n}", "topics": {f"t{n % 4}": count}}
        for n in range(80)
        for count in [2 + 5 * (n % 4) + int(rng.integers(2))]
    ]  # fmt: skip
    profiles = frame(lake.spark, "features.caller_profiles", callers)
    made = kinds.of_date(lake, profiles, FIRST, settings, lambda text: None)
    assert made is not None
    assert {row[0] for row in world.rows(changes.name, "cluster_id")} == {*range(40, made.next_id)}
    version = lake.version(changes)
    again = kinds.of_date(lake, profiles, FIRST, settings, lambda text: None)
    assert again is not None
    assert (again.clusters, lake.version(changes)) == (made.clusters, version), "what was decided is not fitted again"


def test_the_store_of_models_keeps_the_figures_of_no_caller(nights: World) -> None:
    kept = [pd.DataFrame(**json.loads(file.read_text())) for file in nights.root.rglob("input_example.json")]
    of_callers = [example for example in kept if "calls_90d" in example]
    assert of_callers
    for example in of_callers:
        calls = np.expm1(example["calls_90d"])
        assert (abs(calls - calls.round()) > 1e-6).all(), "nobody made this number of calls"


def test_every_repeat_caller_has_a_kind_and_a_band_where_identified(nights: World) -> None:
    profiles = set(of(nights, "features.caller_profiles", SECOND, "caller_key", "is_identified"))
    rows = of(nights, "gold.repeat_call_clusters", SECOND, "caller_key", "cluster_id", "frequency_band", "cluster_name")
    assert {row[0] for row in rows} == {row[0] for row in profiles}
    nameless = {row[0] for row in profiles if not row[1]}
    assert {row[0] for row in rows if row[1] == 0} == nameless
    assert all(row[3] for row in rows)
    assert {row[2] for row in rows} == {"high", "mid", "low", None}
    told = {row[0] for row in of(nights, "gold.repeat_cluster_profiles", SECOND, "cluster_id")}
    assert told == {row[1] for row in rows}


def test_bands_and_repeats_are_those_that_sql_tells_from_silver(nights: World) -> None:
    import duckdb

    query = f"""
        WITH calls AS (
            SELECT coalesce('c:' || customer_id, 'n:' || caller_token) AS caller, customer_id, started_at, event_date,
                   transferred, ended_at, call_id
            FROM silver WHERE direction = 'inbound' AND event_date <= DATE '{THIRD}'
        ), gaps AS (
            SELECT *, lag(started_at) OVER w AS before, coalesce(lag(transferred) OVER w, false)
                   AND started_at - lag(ended_at) OVER w < INTERVAL 15 MINUTE AS is_transfer
            FROM calls WHERE caller IS NOT NULL WINDOW w AS (PARTITION BY caller ORDER BY started_at, call_id)
        ), counted AS (
            SELECT caller, any_value(customer_id) AS customer, count(*) AS calls,
                   count(*) FILTER (started_at - before <= INTERVAL 7 DAY AND NOT is_transfer) AS repeats
            FROM gaps WHERE event_date > DATE '{THIRD}' - 90 GROUP BY 1
        ), ranked AS (
            SELECT *, rank() OVER (PARTITION BY customer IS NULL ORDER BY calls DESC) AS place,
                   count(*) OVER (PARTITION BY customer IS NULL) AS everybody FROM counted
        )
        SELECT caller, calls, repeats, CASE WHEN customer IS NULL THEN NULL
            WHEN place <= ceil(0.05 * everybody) AND calls >= 6 THEN 'high' WHEN calls >= 3 THEN 'mid' ELSE 'low' END
        FROM ranked WHERE repeats > 0 ORDER BY ALL
    """
    with duckdb.connect() as db:
        db.register("silver", DeltaTable(nights.lake / "silver/calls").to_pyarrow_dataset())
        wanted = db.execute(query).fetchall()
    columns = ("caller_key", "calls_90d", "repeat_calls_90d", "frequency_band")
    assert of(nights, "gold.repeat_call_clusters", THIRD, *columns) == wanted


def test_advice_differs_by_band(nights: World) -> None:
    rows = of(nights, "gold.repeat_call_advice", SECOND, "frequency_band", "campaign")
    by_band = {band: {campaign for each, campaign in rows if each == band} for band in ("high", "mid", "low")}
    assert by_band["high"] == {"repeat_high_call"}
    assert by_band["mid"] == {"repeat_mid_sms"}
    assert by_band["low"] <= {"repeat_low_self_service", None}


def test_the_day_s_answered_calls_have_a_risk_of_the_model_that_was_promoted(nights: World) -> None:
    rows = of(nights, "gold.repeat_call_risk", THIRD, "call_id", "probability", "decile", "model_version")
    assert {row[0] for row in rows} == {row[0] for row in of(nights, "features.answered_calls", THIRD, "call_id")}
    assert all(0 < row[1] < 1 for row in rows)
    assert {row[2] for row in rows} == set(range(1, 11))
    assert {row[3] for row in rows} != {"rule"}


def test_the_seven_days_of_what_is_learnt_end_before_the_test_begins(nights: World) -> None:
    settings = read_settings()
    split = risk.parts(runner.open_lake(settings), THIRD, settings, lambda line: None)
    learnt = {*split.learn["call_id"], *split.calibrate["call_id"]}
    started = [at for call_id, at in nights.rows("silver.calls", "call_id", "started_at") if call_id in learnt]
    day_before = min(split.test["as_of"]) - timedelta(days=1)
    assert max(started) + timedelta(hours=REPEAT_HOURS) <= end_of(day_before, settings.time_zone)
    assert max(split.learn["as_of"]) < min(split.calibrate["as_of"])
    assert max(split.calibrate["as_of"]) + timedelta(days=risk.HORIZON_DAYS) == day_before, "no day is given away"


def test_the_same_night_again_and_an_older_one_change_nothing(nights: World) -> None:
    tables = [*STEPS, "ops.repeat_cluster_changes"]
    versions = {name: DeltaTable(nights.lake / name.replace(".", "/")).version() for name in tables}
    assert [nights.make(step, str(THIRD)) for step in STEPS] == [0] * len(STEPS)
    assert [nights.make(step, str(SECOND)) for step in STEPS] == [0] * len(STEPS), "with the kinds of that date"
    assert {name: DeltaTable(nights.lake / name.replace(".", "/")).version() for name in tables} == versions


def test_the_report_is_one_page_that_names_nobody_and_asks_nobody(nights: World) -> None:
    settings = read_settings()
    file = pages.write("repeat_calls", THIRD, settings)
    assert file == str(nights.root / f"delivery/reports/{THIRD}/repeat_calls.html")
    page = (nights.root / f"delivery/reports/{THIRD}/repeat_calls.html").read_text()
    assert page.count("<svg") == 5
    assert not re.search(r"""(src|href)="(?!#|data:)|url\((?!#)|@import""", page), "all that it shows is in it"
    assert "<script" not in page
    for (name,) in of(nights, "gold.repeat_cluster_profiles", THIRD, "cluster_name"):
        assert name in page
    customers = of(nights, "gold.repeat_call_clusters", THIRD, "customer_id")
    assert not [customer for (customer,) in customers if customer and customer in page]
    pages.write("repeat_calls", THIRD, settings)
    assert (nights.root / f"delivery/reports/{THIRD}/repeat_calls.html").read_text() == page
    assert pages.write("repeat_calls", date(2026, 1, 1), settings) is None


def test_on_the_map_a_kind_is_as_all_are_in_what_is_not_known_of_it() -> None:
    def placed(lift: float | None) -> str:
        lifts: list[list[float | None]] = [[3.0, 0.5], [0.2, 2.0], [lift, 1.2]]
        kinds = [
            {"cluster_id": place, "callers": 9, "features": [{"lift": each} for each in of_kind]}
            for place, of_kind in enumerate(lifts)
        ]
        return str(repeat_calls._map(kinds))

    assert placed(None) == placed(1.0)
    assert placed(None) != placed(0.0)


def test_with_few_callers_there_are_no_kinds_and_the_risk_is_that_of_the_rule(world: World) -> None:
    lake = runner.open_lake(read_settings())
    sample = Sample()
    rows = [
        row | {"event_date": day, "known_on": day, "ds": day, "caller_token": row["caller_number"], "row_hash": 0}
        for day in (FIRST, SECOND)
        for row in sample.remembered(calls, day)
    ]
    lake.append(TABLES["silver.calls"], frame(lake.spark, "silver.calls", rows))
    outcomes = {step: runner.run(step, [SECOND], "test", read_settings()) for step in STEPS}
    assert "are needed" in " ".join(outcomes["gold.repeat_call_clusters"].warnings)
    assert {row[0] for row in world.rows("gold.repeat_call_clusters", "cluster_id")} == {0, None}
    assert {row[0] for row in world.rows("gold.repeat_call_risk", "model_version")} == {"rule"}
    assert not (world.root / "mlflow/mlflow.db").exists()
    assert len(rows) < risk.FEWEST_CALLS
