"""What Airflow finds in dags/, as JSON for the tests; `--write` brings nightly_graph.txt up to date."""

import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

REPO = Path(__file__).resolve().parents[2]
SNAPSHOT = Path(__file__).with_name("nightly_graph.txt")
HEAVY = ("great_expectations", "mlflow", "pandas", "pyarrow", "pyspark", "sklearn")


def describe() -> dict[str, Any]:
    """All DAGs, what failed to import, and which heavy modules reading them has loaded."""
    from airflow.dag_processing.dagbag import DagBag

    # Airflow's own imports are not the DAGs'.
    before, began = set(sys.modules), time.monotonic()
    bag = DagBag(str(REPO / "dags"))
    return {
        "seconds": time.monotonic() - began,
        "errors": bag.import_errors,
        "heavy": sorted(name for name in HEAVY if name in sys.modules and name not in before),
        "dags": {dag_id: _dag(dag) for dag_id, dag in bag.dags.items()},
    }


def _dag(dag: Any) -> dict[str, Any]:
    return {
        "doc": dag.doc_md,
        "max_active_runs": dag.max_active_runs,
        "catchup": dag.catchup,
        "deadline_told_by": [type(alert.callback).__name__ for alert in dag.deadline or []],
        "tasks": {task.task_id: _task(task) for task in dag.topological_sort()},
    }


def _task(task: Any) -> dict[str, Any]:
    return {
        "owner": task.owner,
        "doc": task.doc_md,
        "group": task.task_group.group_id,
        "upstream": sorted(task.upstream_task_ids),
        "retries": task.retries,
        "retry_rules": [rule.exception for rule in task.retry_policy.rules],
        "tells_failure": bool(task.on_failure_callback),
        "trigger_rule": str(task.trigger_rule.value),
        "is_setup": task.is_setup,
        "is_teardown": task.is_teardown,
    }


def drawn(dag: dict[str, Any]) -> str:
    """One line a task: what it waits for. The summary waits for all and is left out."""
    waits = {name: task["upstream"] for name, task in dag["tasks"].items() if name != "night_summary"}
    return "".join(sorted(f"{name} <- {', '.join(upstream) or 'nothing'}\n" for name, upstream in waits.items()))


if __name__ == "__main__":
    os.environ.setdefault("AIRFLOW_HOME", tempfile.mkdtemp())
    found = describe()
    if "--write" in sys.argv:
        SNAPSHOT.write_text(drawn(found["dags"]["nightly"]))
    else:
        sys.stdout.write(json.dumps(found))
