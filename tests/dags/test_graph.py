"""The DAGs as Airflow reads them: light, documented, safe to retry, with the arrows that tables declare."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from jobs.tables import nightly
from jobs.tables.delivery import DELIVERY
from jobs.tables.reports import REPORTS
from tests.dags.graph import REPO, SNAPSHOT, drawn

Dags = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def found(airflow_home: Path) -> dict[str, Any]:
    # In a process of its own, so that what other tests have imported does not count.
    command = [sys.executable, "-m", "tests.dags.graph"]
    done = subprocess.run(command, cwd=REPO, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    described: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return described


@pytest.fixture(scope="module")
def dags(found: dict[str, Any]) -> Dags:
    dags: Dags = found["dags"]
    return dags


def test_every_dag_imports(found: dict[str, Any]) -> None:
    assert found["errors"] == {}
    assert set(found["dags"]) == {"nightly", "backfill", "maintain_weekly", "train_monthly"}


def test_reading_the_dags_imports_nothing_heavy(found: dict[str, Any]) -> None:
    assert found["heavy"] == []
    # Airflow reads them anew for each task; two seconds leave room for a busy machine.
    assert found["seconds"] < 2


def test_every_dag_says_what_for_whom_impact_of_failure_and_owner(dags: Dags) -> None:
    for dag_id, dag in dags.items():
        for word in ("**What**", "**For whom**", "**Impact of failure**", "**Owner**"):
            assert word in dag["doc"], f"{dag_id} does not say {word}"


def test_every_task_has_an_owner_and_a_doc(dags: Dags) -> None:
    for dag in dags.values():
        for name, task in dag["tasks"].items():
            assert task["owner"] not in ("", "airflow"), f"{name} has no owner"
            assert task["doc"], f"{name} has no doc"


def test_every_table_task_says_what_its_failure_means(dags: Dags) -> None:
    for table in nightly():
        task = dags["nightly"]["tasks"][table.name]
        assert table.impact in task["doc"]
        assert task["owner"] == table.owner


def test_every_task_is_retried_but_not_when_data_are_wrong(dags: Dags) -> None:
    for dag in dags.values():
        for name, task in dag["tasks"].items():
            # Another night may have the lake for hours.
            assert task["retries"] == (300 if name == "open_night" else 2), name
            assert "jobs.errors.DataError" in task["retry_rules"], name


def test_every_task_tells_when_it_fails(dags: Dags) -> None:
    assert all(task["tells_failure"] for dag in dags.values() for task in dag["tasks"].values())


def test_a_step_that_was_killed_and_could_tell_nobody_fails_one_that_tells(dags: Dags) -> None:
    for dag_id, last in ("backfill", "run_ended"), ("train_monthly", "run_ended"), ("maintain_weekly", "run_ended"):
        tasks = dags[dag_id]["tasks"]
        assert tasks[last]["trigger_rule"] == "all_done", dag_id
        assert set(tasks[last]["upstream"]) == set(tasks) - {last, "open_night", "close_night"}, dag_id


def test_one_run_at_a_time_and_none_made_up_for(dags: Dags) -> None:
    assert {(dag["max_active_runs"], dag["catchup"]) for dag in dags.values()} == {(1, False)}


def test_every_dag_opens_and_closes_the_lake(dags: Dags) -> None:
    for dag_id, dag in dags.items():
        assert [name for name, task in dag["tasks"].items() if task["is_setup"]] == ["open_night"], dag_id
        assert [name for name, task in dag["tasks"].items() if task["is_teardown"]] == ["close_night"], dag_id


def test_the_night_has_a_deadline_that_needs_no_slot_of_the_executor(dags: Dags) -> None:
    assert dags["nightly"]["deadline_told_by"] == ["AsyncCallback"]


def test_the_summary_waits_for_every_table_and_runs_whatever_became_of_them(dags: Dags) -> None:
    summary = dags["nightly"]["tasks"]["night_summary"]
    assert set(summary["upstream"]) == {
        "gate",
        *(table.name for table in nightly()),
        *(report.name for report in REPORTS.values()),
        DELIVERY.name,
    }
    assert summary["trigger_rule"] == "all_done"


def test_nothing_is_made_before_every_feed_has_passed_the_gate(dags: Dags) -> None:
    tasks = dags["nightly"]["tasks"]
    feeds = {table.name for table in nightly() if table.layer == "bronze"}
    assert set(tasks["gate"]["upstream"]) == feeds
    for table in nightly():
        if table.name not in feeds:
            assert "gate" in _ancestors(tasks, table.name), f"{table.name} does not wait for the gate"


def test_what_a_table_is_made_from_is_made_before_it(dags: Dags) -> None:
    tasks = dags["nightly"]["tasks"]
    for table in nightly():
        missing = set(table.made_from) & set(tasks) - _ancestors(tasks, table.name) - {table.name}
        assert not missing, f"{table.name} does not wait for {missing}"


def test_tasks_are_grouped_by_layer(dags: Dags) -> None:
    tasks = dags["nightly"]["tasks"]
    assert all(tasks[table.name]["group"] == table.layer for table in nightly())


def test_the_nightly_graph_is_the_reviewed_one(dags: Dags) -> None:
    assert drawn(dags["nightly"]) == SNAPSHOT.read_text(), (
        "the night has changed; if that is meant, `python -m tests.dags.graph --write` puts it up for review"
    )


def _ancestors(tasks: dict[str, Any], name: str) -> set[str]:
    above: set[str] = set()
    waiting = [name]
    while waiting:
        new = set(tasks[waiting.pop()]["upstream"]) - above
        above |= new
        waiting += new
    return above
