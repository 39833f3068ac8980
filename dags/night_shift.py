"""What the DAGs share: which date a run is for, how a night opens and closes, what a step leaves behind."""

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk import (
    CronTriggerTimetable,
    ExceptionRetryPolicy,
    Param,
    RetryAction,
    RetryDecision,
    RetryRule,
    conf,
)
from airflow.sdk.exceptions import AirflowFailException

from dags.alerts import one_line, task_failed

FAILURE = "failure"
"""XCom key of the line in which a failed step says why."""

RETRIES = 2
LAKE_RETRIES = 300
"""Of 70 seconds each: as long as the deadline of a night."""

RULES = [
    # A database that is down comes back; a run gives it some minutes (jobs.lock.SOURCE_PAUSE_SECONDS).
    RetryRule("jobs.errors.SourceUnavailableError", retry_delay=timedelta(minutes=5), reason="a source is down"),
    RetryRule("jobs.errors.DataError", RetryAction.FAIL, reason="trying again does not mend data"),
    # Twice is longer than the two minutes after which the lock of a night that died is given up, unless in a pause.
    RetryRule("jobs.errors.LakeBusyError", retry_delay=timedelta(seconds=70), reason="another night is on"),
]


class WaitsForTheLake(ExceptionRetryPolicy):
    """Waits for hours while another night has the lake, as a backfill may; not for anything else, nor at a prompt."""

    def evaluate(self, exception: BaseException, try_number: int, max_tries: int, context: Any = None) -> RetryDecision:
        """What becomes of the task after this failure."""
        waits = type(exception).__name__ == "LakeBusyError" and not (context and _is_in_one_process(context))
        if not waits and try_number > RETRIES:
            return RetryDecision.fail(f"tried {try_number} times")
        return super().evaluate(exception, try_number, max_tries, context)


DEFAULTS: dict[str, Any] = {
    "owner": "platform",
    "retries": RETRIES,
    "retry_delay": timedelta(seconds=10),
    "retry_policy": ExceptionRetryPolicy(RULES),
    "on_failure_callback": task_failed,
}

DATE = Param(
    None,
    type=["null", "string"],
    format="date",
    description="Business date. Empty: that of the logical date, at the latest the day before the run.",
)


def every(cron: str) -> CronTriggerTimetable:
    """A schedule in the business time zone, whose runs carry the day before as their logical date."""
    zone = conf.get("core", "default_timezone")  # jobs.airflow sets it
    # And no start date: a DAG that is unpaused waits for its next time instead of making up for the last one.
    return CronTriggerTimetable(cron, timezone=zone, interval=timedelta(days=1), run_immediately=timedelta(0))


def business_date(context: dict[str, Any]) -> date:
    """The business date of a run: the same in each of its tasks, also when one is cleared days later."""
    if given := context["params"].get("date"):
        return date.fromisoformat(given)
    run = context["dag_run"]
    # A run started by hand may carry the present as its logical date; a day that is not over has no night.
    latest = _business_day(run.run_after) - timedelta(days=1)
    return min(_business_day(run.logical_date), latest) if run.logical_date else latest


def _business_day(moment: datetime) -> date:
    from jobs.settings import read_settings

    return moment.astimezone(ZoneInfo(read_settings().time_zone)).date()


def step(task_id: str, work: Callable[[dict[str, Any]], Any], **arguments: Any) -> PythonOperator:
    """A task that does `work(context)`; when that fails it leaves the reason behind for the summary."""
    return PythonOperator(task_id=task_id, python_callable=_explained, op_args=[work], **arguments)


def _explained(work: Callable[[dict[str, Any]], Any], **context: Any) -> Any:
    from jobs.guarded import guard
    from jobs.settings import read_settings

    try:
        guard(read_settings().local)
        return work(context)
    except Exception as error:
        context["ti"].xcom_push(FAILURE, one_line(error))
        raise


def open_night() -> PythonOperator:
    """The set-up task of every DAG that writes to the lake."""
    doc = "Takes the lake's lock and makes sure that the Spark Connect server is up."
    patience = {"retries": LAKE_RETRIES, "retry_policy": WaitsForTheLake(RULES)}
    return step("open_night", _open, doc_md=doc, **patience).as_setup()


def close_night(opened: PythonOperator) -> PythonOperator:
    """The teardown: it also runs after a failure, and a failure stays one."""
    doc = "Stops the Spark Connect server of this night and releases the lock, whatever came before."
    return step("close_night", _close, doc_md=doc).as_teardown(setups=opened)


def run_ended(opened: PythonOperator, steps: Sequence[PythonOperator]) -> PythonOperator:
    """The last step: fails when one before it did. A process that was killed tells nobody; this one does."""
    names = [opened.task_id, *(each.task_id for each in steps)]

    def look(context: dict[str, Any]) -> None:
        if failures := failures_of(context, names):
            raise AirflowFailException("; ".join(f"{each['task']}: {each['reason']}" for each in failures))

    ended = step("run_ended", look, trigger_rule="all_done", doc_md="Fails when a step before it did, and says which.")
    return steps >> ended


def failures_of(context: dict[str, Any], names: Sequence[str]) -> list[dict[str, str]]:
    """Which of these steps of the run failed, and why."""
    ti, run_id = context["ti"], context["run_id"]
    states = ti.get_task_states(dag_id=ti.dag_id, task_ids=list(names), run_ids=[run_id])[run_id]
    undone = [name for name in names if states.get(name) != "success"]
    # What only waited for a failed step did not fail itself.
    failed = [name for name in undone if states.get(name) != "upstream_failed"] or undone
    return [{"task": name, "reason": _reason(ti, name, states.get(name))} for name in failed]


def _reason(ti: Any, name: str, state: str | None) -> str:
    return ti.xcom_pull(task_ids=name, key=FAILURE) or f"{state}, and its process left no reason behind"


def _open(context: dict[str, Any]) -> None:
    from jobs import night

    # The lock can be that process's, and die with it.
    holder = "process" if _is_in_one_process(context) else "scheduler"
    night.open_night(context["run_id"], holder)


def _close(context: dict[str, Any]) -> None:
    from jobs import night

    night.close_night(context["run_id"])


def _is_in_one_process(context: dict[str, Any]) -> bool:
    """Whether all tasks run in one process, as under `airflow dags test`."""
    return bool(context["dag_run"].triggering_user_name == "dag_test")
