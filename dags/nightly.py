"""Every table of the lake, for one business date.

**What**: the feeds land, pass the gate, and become silver and gold. One task per table; the arrows are the
inputs that the tables declare.

**For whom**: team leaders and analysts, who read service level and repeat calls in the morning.

**Impact of failure**: readers keep the tables of the night before, never half a table. Nothing is lost: the
failed task cleared, or the same date run again, ends as if nothing had failed. Later nights go on without it,
and their summary names the dates that are not complete.

**Backfill**: the dates of Airflow's own form are those on which nights run, the day after the business date. It is
for dates that have had no night; nights that are made again are the DAG `backfill`'s.

**Owner**: platform
"""

import os
import sys
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk import DAG, TaskGroup
from airflow.sdk.definitions.callback import AsyncCallback
from airflow.sdk.definitions.deadline import DeadlineAlert, DeadlineReference
from airflow.sdk.exceptions import AirflowFailException

from dags.alerts import deadline_missed
from dags.night_shift import DATE, DEFAULTS, business_date, close_night, every, failures_of, open_night, step
from jobs.tables import Table, nightly
from jobs.tables.delivery import DELIVERY
from jobs.tables.reports import REPORTS, Report

TABLES = nightly()
FEEDS = [table.name for table in TABLES if table.layer == "bronze"]
MADE = [*(table.name for table in TABLES), DELIVERY.name, *(report.name for report in REPORTS.values())]
STEPS = ["open_night", *FEEDS, "gate", *(name for name in MADE if name not in FEEDS)]

DEADLINE = DeadlineAlert(
    reference=DeadlineReference.DAGRUN_QUEUED_AT,
    # Set from conf by jobs.airflow; any other scheduler has it in its environment.
    interval=timedelta(minutes=int(os.environ.get("ECHOLAKE_DEADLINE_MINUTES", "360"))),
    # By the triggerer: a night that hangs holds every slot of the executor.
    callback=AsyncCallback(deadline_missed, {"impact": "team leaders open the day with yesterday's figures"}),
)


def make(table: Table) -> PythonOperator:
    """The task of one table."""

    def work(context: dict[str, Any]) -> dict[str, Any]:
        from jobs import night

        return night.run_table(table.name, business_date(context), context["run_id"])

    return step(table.name, work, owner=table.owner, doc_md=_doc(table.about, table.made_from, table.impact))


def write(report: Report) -> PythonOperator:
    """The task of one report."""

    def work(context: dict[str, Any]) -> dict[str, Any]:
        from jobs import night

        return night.run_report(report.short_name, business_date(context), context["run_id"])

    return step(report.name, work, owner=report.owner, doc_md=_doc(report.about, report.inputs, report.impact))


def deliver() -> PythonOperator:
    """The task that hands the lists over."""

    def work(context: dict[str, Any]) -> dict[str, Any]:
        from jobs import night

        return night.run_delivery(business_date(context), context["run_id"])

    doc = _doc(DELIVERY.about, DELIVERY.inputs, DELIVERY.impact)
    return step(DELIVERY.name, work, owner=DELIVERY.owner, doc_md=doc)


def _doc(about: str, made_from: Sequence[str], impact: str) -> str:
    made = ", ".join(made_from) or "the source's files"
    return f"{about}\n\n**Made from**: {made}\n\n**Impact of failure**: {impact}"


def check_feeds(context: dict[str, Any]) -> dict[str, Any]:
    """Lets silver begin when every feed has landed within its limits."""
    from jobs import night

    outcomes = context["ti"].xcom_pull(task_ids=FEEDS)
    return night.gate(business_date(context), outcomes, context["run_id"])


def summarise(context: dict[str, Any]) -> None:
    """Writes the night down, also one that failed, and fails when anything did."""
    from jobs import night

    ti, run_id, day = context["ti"], context["run_id"], business_date(context)
    failures = failures_of(context, STEPS)
    failed = [failure["task"] for failure in failures]
    if "open_night" not in failed:
        outcomes = [made for made in ti.xcom_pull(task_ids=MADE) if made]
        ti.xcom_push("summary", night.finish(day, outcomes, failures, run_id))
    if failed:
        raise AirflowFailException(f"the night of {day} is not complete: {', '.join(failed)} failed")


with DAG(
    "nightly",
    doc_md=__doc__,
    schedule=every("0 3 * * *"),
    catchup=False,
    max_active_runs=1,
    default_args=DEFAULTS,
    params={"date": DATE},
    # `airflow dags test` ends in an error over a deadline (apache/airflow#73428) that nobody watches there.
    deadline=None if "test" in sys.argv[1:3] else DEADLINE,
    tags=["lake"],
) as dag:
    opened = open_night()
    gate = step("gate", check_feeds, doc_md="All feeds have landed and none lost too many rows to quarantine.")
    summary = step("night_summary", summarise, trigger_rule="all_done", doc_md="What came in and what was made.")
    layers = dict.fromkeys(table.layer for table in TABLES)
    groups = {layer: TaskGroup(layer, prefix_group_id=False) for layer in [*layers, "reports"]}
    tasks: dict[str, PythonOperator] = {}
    for table in TABLES:
        with groups[table.layer]:
            task = make(table)
        inputs = [tasks[name] for name in table.made_from if name in tasks]
        if table.name in FEEDS:
            (inputs or [opened]) >> task >> gate
        else:
            # What has landed is read through the gate alone.
            ([made for made in inputs if made.task_id not in FEEDS] or [gate]) >> task
        tasks[table.name] = task
    tasks[DELIVERY.name] = deliver()
    [tasks[name] for name in DELIVERY.inputs] >> tasks[DELIVERY.name]
    for report in REPORTS.values():
        with groups["reports"]:
            tasks[report.name] = write(report)
        [tasks[name] for name in report.inputs] >> tasks[report.name]
    # Not only the last ones: a task that waits for a failed one counts as done while others still run. The
    # groups add no arrow, they make the UI draw one for all of a layer.
    [gate, *groups.values(), *tasks.values()] >> summary >> close_night(opened)
