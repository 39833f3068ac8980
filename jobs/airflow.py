"""Airflow on this machine: one run of a DAG to its end, or the real thing with scheduler and UI."""

import fcntl
import gc
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime
from importlib.metadata import version
from pathlib import Path
from threading import Thread
from typing import Any, TextIO

from dags.alerts import one_line
from jobs.errors import DataError
from jobs.session import ensure_server
from jobs.settings import ROOT, read_settings

SCHEDULED = "scheduled.db"
SINGLE = "single.db"
"""Metadata of `standalone` and of `run_dag`: a scheduler would run what it finds there as its own."""

SERVICES = ("scheduler", "dag-processor", "api-server")
STOP_SECONDS = 10


def environment(metadata: str = SCHEDULED) -> dict[str, str]:
    """The variables that make Airflow this checkout's own and keep it on loopback."""
    settings = read_settings()
    home, logs = settings.local / "airflow", settings.local / "logs/airflow"
    port = os.environ.get("AIRFLOW__API__PORT", "8080")
    python_path = [str(ROOT), str(ROOT / "conf/airflow")]
    python_path += [entry for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry not in python_path]
    return {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__API__BASE_URL": f"http://127.0.0.1:{port}",
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": port,
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW__CORE__DEFAULT_TIMEZONE": settings.time_zone,
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__PARALLELISM": os.environ.get("AIRFLOW__CORE__PARALLELISM", "2"),
        # Who reaches loopback is admin: there is no password to print, keep or lose.
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home / metadata}",
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(logs),
        "AIRFLOW__LOGGING__DAG_PROCESSOR_CHILD_PROCESS_LOG_DIRECTORY": str(logs / "dag_processor"),
        # A supervisor that misses the end of its task by a moment looks again after this time, not at once.
        "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
        "ECHOLAKE_DEADLINE_MINUTES": str(settings.configuration.deadline_minutes),
        "PYTHONPATH": os.pathsep.join(filter(None, python_path)),
    }


def run_night(day: date) -> int:
    """Runs the nightly DAG for a business date, as `run_dag` does. Returns the exit code."""
    settings = read_settings()
    needs_server = settings.configuration.spark.remote == "local"
    return run_dag("nightly", {"date": str(day)}, (lambda: ensure_server(settings)) if needs_server else None)


def run_dag(dag_id: str, conf: dict[str, Any], meanwhile: Callable[[], object] | None = None) -> int:
    """Runs a DAG to its end in this process, as `airflow dags test` does, and says how each task went.

    `meanwhile` runs beside Airflow's own start, which keeps one core busy for nine seconds.
    Returns the exit code.
    """
    os.environ.update(environment(SINGLE))
    # Airflow's start makes a million objects that stay; looking for garbage among them takes two seconds.
    gc.disable()
    prepared = Thread(target=_quietly, args=[meanwhile or (lambda: None)])
    prepared.start()
    log_file = _log_of(f"{dag_id}-{datetime.now(UTC):%Y%m%dT%H%M%S.%f}")
    _say(f"{dag_id}: each task in full in {_shown(log_file)}")
    with output_in(log_file) as console:
        _migrate()
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
        with _stoppable():
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
        reasons = str(error).splitlines() if isinstance(error, DataError) else [one_line(error)]
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


def standalone() -> int:
    """Scheduler, DAG processor and API server with the UI, until Ctrl-C. Returns the exit code."""
    env = environment()
    url = env["AIRFLOW__API__BASE_URL"]
    _demand_free_port(env["AIRFLOW__API__PORT"])
    os.environ.update(env)
    _migrate()
    services: dict[str, subprocess.Popen[bytes]] = {}
    try:
        with _stoppable():
            return _serve(url, services)
    except KeyboardInterrupt:
        _say("Airflow stops")
        return 0
    finally:
        _stop(list(services.values()))


def _serve(url: str, services: dict[str, subprocess.Popen[bytes]]) -> int:
    for name in SERVICES:
        services[name] = _start(name)
    _say("Airflow starts; Ctrl-C stops it")
    is_ready = False
    while not (ended := [name for name, service in services.items() if service.poll() is not None]):
        if not is_ready and (is_ready := _is_healthy(url)):
            _say(f"Airflow is ready: {url}/dags/nightly")
        time.sleep(0.5)
    _say(f"failed: Airflow's {ended[0]} ended by itself; its log is {_shown(_log_of(ended[0]))}")
    return 1


def _demand_free_port(port: str) -> None:
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", int(port))) != 0:
            return
    raise DataError(
        "make airflow",
        expected=f"port {port} of this machine to be free",
        found="another program that listens on it",
        todo="stop that program, or choose another port: AIRFLOW__API__PORT=8081 make airflow",
    )


def _start(name: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "airflow", name]
    if name == "scheduler":
        # The UI reads the logs from the disk; the scheduler's own log server would listen beyond loopback.
        command.append("--skip-serve-logs")
    with _log_of(name).open("ab") as log:
        # A group of its own: Ctrl-C must not reach the tasks that run, and what is left behind can be ended.
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)


def _stop(services: list[subprocess.Popen[bytes]]) -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    # The scheduler waits for tasks that run until it is told a second time.
    for _ in range(2):
        for service in services:
            service.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        while time.monotonic() < deadline and any(service.poll() is None for service in services):
            time.sleep(0.1)
    for service in services:
        # Workers whose scheduler was killed live on.
        with suppress(ProcessLookupError):
            os.killpg(service.pid, signal.SIGKILL)
        service.wait()
    signal.signal(signal.SIGINT, before)


def _is_healthy(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/api/v2/monitor/health", timeout=5) as response:
            health = json.load(response)
    except (OSError, ValueError):
        return False
    return all(health[part]["status"] == "healthy" for part in ("scheduler", "dag_processor"))


def _migrate() -> None:
    """Brings the metadata database to this version of Airflow, once."""
    home = Path(os.environ["AIRFLOW_HOME"])
    home.mkdir(parents=True, exist_ok=True)
    database = Path(os.environ["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"].removeprefix("sqlite:///"))
    stamp = database.with_suffix(".version")
    with (home / "migrate.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        current = version("apache-airflow")
        if database.exists() and stamp.exists() and stamp.read_text() == current:
            return
        with _log_of("migrate").open("ab") as log:
            subprocess.run([sys.executable, "-m", "airflow", "db", "migrate"], stdout=log, stderr=log, check=True)
        stamp.write_text(current)


@contextmanager
def _stoppable() -> Iterator[None]:
    """SIGTERM ends the work as Ctrl-C does, and Ctrl-C also a job that a shell runs in the background."""
    before = {sign: signal.signal(sign, signal.default_int_handler) for sign in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for sign, handler in before.items():
            signal.signal(sign, handler)


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


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _log_of(name: str) -> Path:
    folder = read_settings().local / "logs"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{name}.log"


def _shown(path: Path) -> str:
    return os.path.relpath(path)
