"""`make airflow`: the real thing, with its four parts and its database, on this machine alone."""

import fcntl
import json
import os
import signal
import socket
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from jobs import airflow, airflow_users, postgres
from jobs.airflow import DATABASE, logs_of, say, shown
from jobs.errors import DataError
from jobs.processes import stoppable
from jobs.services import Service, ServiceEndedError, Services

PARTS = {
    # The UI reads logs from the disk; the log servers of these two would listen beyond loopback.
    "scheduler": ["scheduler", "--skip-serve-logs"],
    "dag-processor": ["dag-processor"],
    "triggerer": ["triggerer", "--skip-serve-logs"],
    "api-server": ["api-server"],
}
HEALTH_OF = {
    "metadatabase": "the database",
    "scheduler": "the scheduler",
    "dag_processor": "the DAG processor",
    "triggerer": "the triggerer",
}
"""What the API server tells of, in words."""

LOOK_SECONDS = 5.0
POSTGRES = "PostgreSQL"


def run(home: Path | None = None) -> int:
    """Scheduler, DAG processor, triggerer and API server with the UI, until Ctrl-C. Returns the exit code."""
    home = home or airflow.default_home()
    home.mkdir(parents=True, exist_ok=True)
    logs_of(home).mkdir(parents=True, exist_ok=True)
    with alone(home), stoppable():
        services = Services(home / "services.json", _tell_of_end)
        if left := services.end_leftovers():
            say(f"Airflow was killed the last time; what it had left running has ended: {', '.join(left)}")
        try:
            _serve(home, services)
        except KeyboardInterrupt:
            say("Airflow stops")
            return 0
        except ServiceEndedError as error:
            say(f"failed: {error}, again and again; its log is {shown(error.service.log)}")
            return 1
        finally:
            services.stop()


def call(home: Path | None, arguments: Sequence[str]) -> NoReturn:
    """A command of Airflow's own on the Airflow of `make airflow`, in place of this process."""
    home = home or airflow.default_home()
    server, url, _ = metadata(home)
    if server is not None and not server.answers():
        raise DataError(
            f"airflow {arguments[0]}",
            expected="the database of make airflow to be up",
            found="no answer",
            todo="run make airflow meanwhile",
        )
    os.environ.update(environment(home, url))
    os.execv(sys.executable, [sys.executable, "-m", "airflow", *arguments])


def environment(home: Path, url: str | None) -> dict[str, str]:
    """The variables of all parts; `url` is SQLAlchemy's of the metadata, None where the environment names it."""
    chosen = os.environ.get("AIRFLOW__CORE__AUTH_MANAGER", airflow_users.AUTH_MANAGER)
    variables = {
        **airflow.environment(home),
        "AIRFLOW__CORE__AUTH_MANAGER": chosen,
        # The tasks of a scheduler that was killed begin again after half a minute to a whole one instead of up to five,
        # and those of a worker that was killed before the lake's lock is given up.
        "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "15",
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "90",
    }
    if url is not None:
        return {**variables, DATABASE: url}
    del variables[DATABASE]
    return variables


def _serve(home: Path, services: Services) -> NoReturn:
    logs = logs_of(home)
    server, url, told = metadata(home)
    say(f"metadata: {told}")
    variables = environment(home, url)
    _demand_free_port(variables["AIRFLOW__API__PORT"])
    os.environ.update(variables)
    if server is not None:
        server.prepare()
        database = Service(
            POSTGRES, server.command, logs / "postgres.log", server.user, signal.SIGINT, carries_others=True
        )
        services.start(database)
        assert database.process is not None
        server.wait(database.process, database.log)
    airflow.migrate(logs / "migrate.log")
    if variables["AIRFLOW__CORE__AUTH_MANAGER"] == airflow_users.AUTH_MANAGER:
        airflow_users.ensure_admin(home, logs / "users.log")
        _tell_of_password(home)
    for name, arguments in PARTS.items():
        # What waits in the triggerer waits in the database, and it takes ten seconds to see that it has nothing to do.
        stop_signal = signal.SIGKILL if name == "triggerer" else signal.SIGTERM
        command = [sys.executable, "-m", "airflow", *arguments]
        services.start(Service(name, command, logs / f"{name}.log", stop_signal=stop_signal))
    say("Airflow starts; Ctrl-C stops it")
    _watch(services, variables["AIRFLOW__API__BASE_URL"])


def _watch(services: Services, url: str) -> NoReturn:
    health = Health(url)
    while True:
        services.watch()
        health.look()
        time.sleep(0.25)


class Health:
    """Tells a person when all parts give signs of life, and when one no longer does."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._is_well: bool | None = None
        self._missed = 0
        self._looked_at = 0.0

    def look(self) -> None:
        """Asks the API server, now and then."""
        if time.monotonic() - self._looked_at < (LOOK_SECONDS if self._is_well else 0.5):
            return
        ill = _ill(self._url)
        self._looked_at = time.monotonic()
        self._missed = self._missed + 1 if ill else 0
        if not ill and not self._is_well:
            told = "is ready" if self._is_well is None else "is well again"
            say(f"Airflow {told}: scheduler, DAG processor, triggerer and API server; {self._url}/dags/nightly")
            self._is_well = True
        # On a busy machine one answer may come too late.
        elif self._is_well and self._missed > 1:
            say(f"Airflow is not well: no sign of life from {', '.join(ill)}")
            self._is_well = False


def _ill(url: str) -> list[str]:
    """The parts that gave no sign of life of late."""
    # A proxy of the environment knows nothing of this machine's own port.
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(f"{url}/api/v2/monitor/health", timeout=10) as response:
            health = json.load(response)
    except (OSError, ValueError):
        return ["the API server"]
    return [told for part, told in HEALTH_OF.items() if health[part]["status"] != "healthy"]


def metadata(home: Path) -> tuple[postgres.Postgres | None, str | None, str]:
    """The server that is started here if any, SQLAlchemy's URL if it is not in the environment, and both in words."""
    if named := [name for name in (DATABASE, f"{DATABASE}_CMD", f"{DATABASE}_SECRET") if os.environ.get(name)]:
        return None, None, f"the database that {named[0]} names"
    try:
        server = postgres.find(home.with_name(f"{home.name}-postgres"))
    except postgres.UnusableError as why:
        file = home / "scheduled.db"
        return None, f"sqlite:///{file}", f"SQLite in {shown(file)}, enough for a look around, because {why}"
    return server, server.url, f"PostgreSQL {server.release} of its own in {shown(server.folder)}"


def _tell_of_end(service: Service, how: str) -> None:
    say(f"{service.name} {how}, and is started again; its log is {shown(service.log)}")


def _tell_of_password(home: Path) -> None:
    file = airflow_users.password_file(home)
    if file.exists():
        say(f"users: {airflow_users.ADMIN}, whose first password is in {shown(file)}, and whom it has added since")


@contextmanager
def alone(home: Path) -> Iterator[None]:
    """Holds the home against a second `make airflow`."""
    # The kernel gives the lock back when this process dies, however it does.
    with (home / "airflow.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise DataError(
                "make airflow",
                expected=f"no other make airflow on {shown(home)}",
                found=f"the process {lock.read().strip()}",
                todo="use that one, or stop it",
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


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
