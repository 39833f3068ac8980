"""Which date a run is for, and what a night leaves behind when something fails."""

import sys
from datetime import UTC, date, datetime, timedelta
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from jobs.errors import DataError, LakeBusyError, SourceUnavailableError
from jobs.lock import SOURCE_PAUSE_SECONDS

DAY = date(2026, 1, 31)


@pytest.fixture
def night(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Stands in for jobs.night, whose import needs Spark; keeps what it was told."""
    import jobs

    told = SimpleNamespace(finished=[])
    module = ModuleType("jobs.night")
    module.finish = lambda *given: told.finished.append(given) or "the summary"  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "jobs.night", module)
    monkeypatch.setattr(jobs, "night", module, raising=False)
    return told


class Task:
    """The part of a task instance that a step uses."""

    dag_id = "nightly"

    def __init__(self, states: dict[str, str], xcoms: dict[tuple[str, str], Any]) -> None:
        self.states, self.xcoms, self.pushed = states, xcoms, dict[str, Any]()

    def get_task_states(self, dag_id: str, task_ids: list[str], run_ids: list[str]) -> dict[str, dict[str, str]]:
        return {run_ids[0]: {name: self.states.get(name, "success") for name in task_ids}}

    def xcom_pull(self, task_ids: str | list[str], key: str = "return_value") -> Any:
        if isinstance(task_ids, str):
            return self.xcoms.get((task_ids, key))
        return [self.xcoms.get((name, key), {"table": name}) for name in task_ids]

    def xcom_push(self, key: str, value: Any) -> None:
        self.pushed[key] = value


def context(
    given: str | None = None,
    logical: datetime | None = None,
    run_after: datetime | None = None,
    ti: Task | None = None,
) -> dict[str, Any]:
    run = SimpleNamespace(logical_date=logical, run_after=run_after or datetime(2026, 2, 1, 3, tzinfo=UTC))
    return {"params": {"date": given}, "dag_run": run, "run_id": "run", "ti": ti}


def test_a_given_date_wins() -> None:
    from dags.night_shift import business_date

    assert business_date(context("2026-01-05", logical=datetime(2026, 1, 31, 3, tzinfo=UTC))) == date(2026, 1, 5)


def test_a_scheduled_run_is_for_the_day_of_its_logical_date() -> None:
    from dags.night_shift import business_date

    assert business_date(context(logical=datetime(2026, 1, 31, 3, tzinfo=UTC))) == DAY


def test_a_run_without_logical_date_is_for_the_day_before() -> None:
    from dags.night_shift import business_date

    assert business_date(context()) == DAY


def test_a_day_that_is_not_over_has_no_night() -> None:
    from dags.night_shift import business_date

    now = datetime(2026, 2, 1, 10, tzinfo=UTC)
    assert business_date(context(logical=now, run_after=now)) == DAY


def test_the_day_is_that_of_the_business_time_zone(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from dags.night_shift import business_date

    (tmp_path / "conf.yaml").write_text("time_zone: Asia/Shanghai\n")
    monkeypatch.setenv("ECHOLAKE_CONF", str(tmp_path / "conf.yaml"))
    # 01:00 on 31 January in Shanghai.
    assert business_date(context(logical=datetime(2026, 1, 30, 17, tzinfo=UTC))) == DAY


IN_USE = LakeBusyError("in use", expected="a", found="b", todo="c")


@pytest.mark.parametrize(
    ("error", "tries", "user", "action"),
    [
        (IN_USE, 200, "someone", "retry"),
        (IN_USE, 2, "dag_test", "retry"),
        (IN_USE, 3, "dag_test", "fail"),
        (RuntimeError("the server did not start"), 2, "someone", "default"),
        (RuntimeError("the server did not start"), 3, "someone", "fail"),
        (DataError("conf", expected="a", found="b", todo="c"), 1, "someone", "fail"),
    ],
)
def test_a_night_waits_long_for_the_lake_and_for_nothing_else(
    error: Exception, tries: int, user: str, action: str
) -> None:
    from dags.night_shift import open_night

    policy: Any = open_night().retry_policy
    run = {"dag_run": SimpleNamespace(triggering_user_name=user)}
    assert policy.evaluate(error, tries, 300, run).action.value == action


def test_the_lock_waits_for_a_source_as_long_as_the_night_does() -> None:
    from dags.night_shift import DEFAULTS

    down = SourceUnavailableError("calls", expected="a database", found="none", todo="wait")
    decision = DEFAULTS["retry_policy"].evaluate(down, 1, 2)
    assert decision.retry_delay == timedelta(seconds=SOURCE_PAUSE_SECONDS)


def test_a_failed_step_leaves_its_reason_on_one_line_and_still_fails() -> None:
    from dags.night_shift import step

    def land(_: dict[str, Any]) -> None:
        raise DataError("calls 2026-01-31", expected="a file", found="none", todo="have it delivered")

    ti = Task({}, {})
    with pytest.raises(DataError):
        step("bronze.calls", land).python_callable(land, ti=ti)
    assert ti.pushed == {"failure": "calls 2026-01-31 expected: a file found: none to do: have it delivered"}


def test_a_night_without_failures_is_green(night: SimpleNamespace) -> None:
    from dags.nightly import MADE, summarise

    ti = Task({}, {})
    summarise(context("2026-01-31", ti=ti))
    day, outcomes, failures, run_id = night.finished[0]
    assert (day, len(outcomes), failures, run_id) == (DAY, len(MADE), [], "run")
    assert ti.pushed == {"summary": "the summary"}


def test_a_failed_table_is_written_down_and_makes_the_night_red(night: SimpleNamespace) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    from dags.nightly import summarise

    states = {"gold.repeat_calls": "failed", "gold.service_kpis": "upstream_failed"}
    ti = Task(
        states,
        {("gold.repeat_calls", "failure"): "two keys are equal", ("gold.repeat_calls", "return_value"): None},
    )
    with pytest.raises(AirflowFailException, match=r"gold\.repeat_calls failed"):
        summarise(context("2026-01-31", ti=ti))
    assert night.finished[0][2] == [{"task": "gold.repeat_calls", "reason": "two keys are equal"}]
    assert ti.pushed == {"summary": "the summary"}


def test_a_killed_task_is_named_though_it_left_no_reason(night: SimpleNamespace) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    from dags.nightly import summarise

    with pytest.raises(AirflowFailException):
        summarise(context("2026-01-31", ti=Task({"silver.calls": "failed"}, {})))
    failure = {"task": "silver.calls", "reason": "failed, and its process left no reason behind"}
    assert night.finished[0][2] == [failure]


def test_a_run_says_which_of_its_steps_failed_and_of_a_killed_one_that_it_left_no_reason() -> None:
    from airflow.sdk import DAG
    from airflow.sdk.exceptions import AirflowFailException

    from dags.night_shift import run_ended, step

    def nothing(_: dict[str, Any]) -> None:
        """Does nothing."""

    with DAG("train_monthly", schedule=None):
        opened, steps = step("open_night", nothing), [step(f"train.{name}", nothing) for name in ("churn", "risk")]
        ended = run_ended(opened, steps)

    def look(**given: Any) -> None:
        ended.python_callable(*ended.op_args, **given)

    look(**context(ti=Task({}, {})))
    ti = Task({"train.churn": "failed", "train.risk": "failed"}, {("train.risk", "failure"): "too few calls"})
    with pytest.raises(AirflowFailException) as told:
        look(**context(ti=ti))
    assert str(told.value) == "train.churn: failed, and its process left no reason behind; train.risk: too few calls"


def test_a_night_that_could_not_open_the_lake_writes_nothing_to_it(night: SimpleNamespace) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    from dags.nightly import STEPS, summarise

    states = dict.fromkeys(STEPS, "upstream_failed") | {"open_night": "failed"}
    with pytest.raises(AirflowFailException, match="open_night failed"):
        summarise(context("2026-01-31", ti=Task(states, {})))
    assert night.finished == []
