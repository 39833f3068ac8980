"""Airflow on this machine: its environment, and one run of a DAG to its end."""

import fcntl
import gc
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime
from importlib.metadata import version
from pathlib import Path
from threading import Thread
from typing import Any, TextIO

from dags.alerts import one_line
from jobs.errors import DataError, ExplainedError
from jobs.processes import stoppable
from jobs.settings import ROOT, read_settings

DATABASE = "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"


def environment(home: Path) -> dict[str, str]:
    """The variables that make Airflow this checkout's own, with its files in `home`, and keep it on loopback.

    Metadata is that of `run_dag`: a scheduler has its own (jobs.standalone), as it would run what it finds there.
    """
    settings = read_settings()
    logs = logs_of(home) / "airflow"
    port = os.environ.get("AIRFLOW__API__PORT", "8080")
    python_path = [str(ROOT), str(ROOT / "conf/airflow")]
    python_path += [entry for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry not in python_path]
    return {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__API__BASE_URL": f"http://127.0.0.1:{port}",
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": port,
        "AIRFLOW__API__WORKERS": "1",
        # A run in one process serves nobody, and needs no table of users.
        "AIRFLOW__CORE__AUTH_MANAGER": "airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager",
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW__CORE__DEFAULT_TIMEZONE": settings.time_zone,
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__PARALLELISM": os.environ.get("AIRFLOW__CORE__PARALLELISM", "2"),
        DATABASE: f"sqlite:///{home / 'single.db'}",
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(logs),
        "AIRFLOW__LOGGING__DAG_PROCESSOR_CHILD_PROCESS_LOG_DIRECTORY": str(logs / "dag_processor"),
        # A supervisor that misses the end of its task by a moment looks again after this time, not at once.
        "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
        "ECHOLAKE_DEADLINE_MINUTES": str(settings.configuration.deadline_minutes),
        "PYTHONPATH": os.pathsep.join(filter(None, python_path)),
    }


def default_home() -> Path:
    """Where this checkout's Airflow keeps its files."""
    return read_settings().local / "airflow"


def logs_of(home: Path) -> Path:
    """Where Airflow's parts log: the checkout's own with all else."""
    return read_settings().local / "logs" if home == default_home() else home / "logs"


def run_night(day: date) -> int:
    """Runs the nightly DAG for a business date, as `run_dag` does. Returns the exit code."""
    # Spark's client takes its time to import, and memory, of which `make airflow` has no use.
    from jobs.session import ensure_server

    settings = read_settings()
    needs_server = settings.configuration.spark.remote == "local"
    return run_dag("nightly", {"date": str(day)}, (lambda: ensure_server(settings)) if needs_server else None)


def run_dag(dag_id: str, conf: dict[str, Any], meanwhile: Callable[[], object] | None = None) -> int:
    """Runs a DAG to its end in this process, as `airflow dags test` does, and says how each task went.

    `meanwhile` runs beside Airflow's own start, which keeps one core busy for nine seconds.
    Returns the exit code.
    """
    os.environ.update(environment(default_home()))
    # Airflow's start makes a million objects that stay; looking for garbage among them takes two seconds.
    gc.disable()
    prepared = Thread(target=_quietly, args=[meanwhile or (lambda: None)])
    prepared.start()
    log_file = log_of(f"{dag_id}-{datetime.now(UTC):%Y%m%dT%H%M%S.%f}")
    say(f"{dag_id}: each task in full in {shown(log_file)}")
    with output_in(log_file) as console:
        _migrate_once()
        return _run(dag_id, conf, console)


def _quietly(work: Callable[[], object]) -> None:
    # What fails here fails again, and is told, in the task that needs it.
    with suppress(Exception):
        work()


def _run(dag_id: str, conf: dict[str, Any], console: TextIO) -> int:
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(str(ROOT / "dags"))
    for file, error in bag.import_errors.items():
        console.write(f"failed: {Path(file).name} cannot be imported: {error.strip().splitlines()[-1]}\n")
        return 1
    dag = bag.dags[dag_id]
    # A test run falls over a deadline at its end (apache/airflow#73428), and nothing watches one here.
    dag.deadline = None
    progress = Progress(console)
    tasks: list[Any] = list(dag.tasks)
    for task in tasks:
        task.on_execute_callback = [*task.on_execute_callback, progress.begun]
        task.on_success_callback = [*task.on_success_callback, progress.done]
        task.on_retry_callback = [*task.on_retry_callback, progress.retried]
        task.on_failure_callback = [*task.on_failure_callback, progress.failed]
    try:
        with stoppable():
            run = dag.test(run_conf=conf)
    except KeyboardInterrupt:
        return progress.interrupted()
    waiting = 0
    for task in run.get_task_instances():
        waiting += task.state == "upstream_failed"
        if text := task.xcom_pull(task_ids=task.task_id, key="summary"):
            console.write(f"\n{text}\n")
    return progress.ended(run.state == "success", waiting)


class Progress:
    """A line for each task on the console, whose full output goes elsewhere."""

    def __init__(self, console: TextIO) -> None:
        self.console = console
        self.opened_by: str | None = None
        self.began = time.monotonic()
        self.failures: dict[str, str] = {}

    def begun(self, context: dict[str, Any]) -> None:
        # Airflow's own start time lies before its four seconds of making the API that tasks talk to.
        self.began = time.monotonic()
        # Airflow has just taken this signal for the task alone.
        signal.signal(signal.SIGTERM, signal.default_int_handler)

    def done(self, context: dict[str, Any]) -> None:
        if context["ti"].task_id == "open_night":
            self.opened_by = context["run_id"]
            gc.freeze()
            gc.enable()
        self._line(context, "done")

    def retried(self, context: dict[str, Any]) -> None:
        self._line(context, "failed, is tried again", one_line(context["exception"]))

    def failed(self, context: dict[str, Any]) -> None:
        error = context["exception"]
        self.failures[context["ti"].task_id] = one_line(error)
        reasons = str(error).splitlines() if isinstance(error, ExplainedError) else [one_line(error)]
        self._line(context, "failed", *reasons)

    def interrupted(self) -> int:
        from jobs import night

        if self.opened_by:
            night.close_night(self.opened_by)
        self.console.write("failed: interrupted; the same command again goes on to the same end\n")
        return 1

    def ended(self, is_success: bool, waiting: int) -> int:
        if is_success:
            return 0
        # The summary fails because of the others.
        causes = [name for name in self.failures if name != "night_summary"] or list(self.failures)
        told = [f"{name}: {self.failures[name]}" for name in causes[:1]]
        told += [f"{len(causes) - 1} more tasks failed"] * (len(causes) > 1)
        told += [f"{waiting} were not begun"] * (waiting > 0)
        self.console.write(f"failed: {'; '.join(told)}\n")
        return 1

    def _line(self, context: dict[str, Any], state: str, *reasons: str) -> None:
        if isinstance(context.get("exception"), KeyboardInterrupt):
            # Airflow takes it for a failure of the task and would go on with the next one.
            raise context["exception"]
        seconds = time.monotonic() - self.began
        self.console.write(f"  {context['ti'].task_id:<28} {seconds:6.1f} s  {state}\n")
        self.console.writelines(f"      {reason}\n" for reason in reasons)


def _migrate_once() -> None:
    database = Path(os.environ[DATABASE].removeprefix("sqlite:///"))
    database.parent.mkdir(parents=True, exist_ok=True)
    stamp = database.with_suffix(".version")
    with database.with_name("migrate.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        current = version("apache-airflow")
        if database.exists() and stamp.exists() and stamp.read_text() == current:
            return
        migrate(log_of("migrate"))
        stamp.write_text(current)


def migrate(log_file: Path) -> None:
    """Brings the metadata database of this environment to this version of Airflow.

    Raises:
        DataError: Airflow could not.
    """
    expected = "airflow db migrate to bring the database to this version"
    run_logged(["airflow", "db", "migrate"], log_file, "Airflow's metadata", expected)


def run_logged(module: Sequence[str], log_file: Path, headline: str, expected: str) -> None:
    """Runs a Python module with its arguments to its end, its output at the end of a log.

    Raises:
        DataError: it ended with another code than 0.
    """
    with log_file.open("ab") as log:
        command = [sys.executable, "-m", *module]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=False)
    if done.returncode:
        found, todo = f"exit code {done.returncode}", f"its log is {shown(log_file)}"
        raise DataError(headline, expected=expected, found=found, todo=todo)


@contextmanager
def output_in(log_file: Path) -> Iterator[TextIO]:
    """All output of this process and of what it starts goes into the file; yields what was stdout before."""
    sys.stdout.flush()
    sys.stderr.flush()
    saved = os.dup(1), os.dup(2)
    try:
        with log_file.open("ab") as log, os.fdopen(os.dup(1), "w", buffering=1) as console:
            os.dup2(log.fileno(), 1)
            os.dup2(log.fileno(), 2)
            yield console
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for stream, copy in zip((1, 2), saved, strict=True):
            os.dup2(copy, stream)
            os.close(copy)


def say(line: str) -> None:
    """A line for the person who waits."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def log_of(name: str) -> Path:
    """The log file of that name."""
    folder = read_settings().local / "logs"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{name}.log"


def shown(path: Path) -> str:
    """The path as a person would type it here."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
