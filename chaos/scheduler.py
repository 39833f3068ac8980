"""The real Airflow of `make airflow`, of which a part is killed in the middle of a night."""

import json
import os
import signal
import socket
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from chaos.errors import NotHereError
from chaos.rounds import Round
from chaos.runs import MISSED, Run, children, kill
from chaos.stage import NIGHT

READY_SECONDS, NIGHT_SECONDS, VICTIM_SECONDS = 180, 1_500, 60
LIVING = ("queued", "running")


class Airflow:
    """`python -m jobs airflow` of a round, and its API."""

    def __init__(self, round_: Round) -> None:
        self._round = round_
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port: int = probe.getsockname()[1]
        self._token = ""

    def start(self) -> None:
        """Starts it, and waits until it is ready."""
        more = {"AIRFLOW__API__PORT": str(self._port)}
        self.run: Run = self._round.start("airflow", is_served=False, more=more)
        _until(lambda: "Airflow is ready" in self.run.text or not self.run.is_running, READY_SECONDS)
        if "Airflow is ready" not in self.run.text:
            raise RuntimeError(f"Airflow did not start: {self.run.text[-500:]}")
        self._token = self._logged_in()

    def _logged_in(self) -> str:
        """The token of the administrator, whose password `make airflow` wrote down."""
        password = (self._round.stage.code / ".local/airflow/admin.password").read_text().strip()
        return str(self.ask("/auth/token", {"username": "admin", "password": password})["access_token"])

    def ask(self, path: str, body: dict[str, Any] | None = None, method: str | None = None) -> dict[str, Any]:
        """What the API answers."""
        headers = {"Content-Type": "application/json"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self._port}{path}", data, headers, method=method)
        with urllib.request.urlopen(request, timeout=30) as response:
            answer: dict[str, Any] = json.load(response)
        return answer

    def trigger(self) -> str:
        """Begins the night, once Airflow has read its DAG; returns the id of its run."""
        _until(self._is_unpaused, READY_SECONDS)
        # A round that came to no end left a run that would go on now.
        for run in self.ask("/api/v2/dags/nightly/dagRuns?state=running&state=queued")["dag_runs"]:
            self.ask(f"/api/v2/dags/nightly/dagRuns/{quote(run['dag_run_id'])}", {"state": "failed"}, "PATCH")
        run = self.ask("/api/v2/dags/nightly/dagRuns", {"logical_date": None, "conf": {"date": str(NIGHT)}})
        return str(run["dag_run_id"])

    def _is_unpaused(self) -> bool:
        try:
            return not self.ask("/api/v2/dags/nightly", {"is_paused": False}, "PATCH")["is_paused"]
        except OSError:
            return False

    def state(self, run_id: str) -> str:
        """The state of a run; queued while the API does not answer."""
        try:
            return str(self.ask(f"/api/v2/dags/nightly/dagRuns/{quote(run_id)}")["state"])
        except OSError:
            return "queued"

    def done(self, run_id: str) -> int:
        """How many tasks of a run have succeeded."""
        try:
            tasks = self.ask(f"/api/v2/dags/nightly/dagRuns/{quote(run_id)}/taskInstances?limit=200&state=success")
        except OSError:
            return 0
        return int(tasks["total_entries"])

    def schedulers(self) -> list[int]:
        """The process of the scheduler."""
        return [pid for pid in children(self.run.pid) if b"scheduler" in _command(pid)]

    def tasks(self) -> list[int]:
        """The processes in which the code of a task runs: children of the workers of the scheduler."""
        workers = [pid for scheduler in self.schedulers() for pid in children(scheduler)]
        return [pid for worker in workers for pid in children(worker)]

    def metadata(self) -> list[int]:
        """PostgreSQL, with the processes that serve connections.

        Raises:
            NotHereError: Airflow's database is another one.
        """
        file = self._round.stage.code / ".local/airflow-postgres/data/postmaster.pid"
        if not file.exists():
            raise NotHereError("Airflow's database is no PostgreSQL of its own (Debian: postgresql)")
        server = int(file.read_text().split()[0])
        return [*children(server), server]

    def stop(self) -> None:
        """Stops it as Ctrl-C does."""
        if self.run.is_running:
            os.kill(self.run.pid, signal.SIGINT)
        self.run.wait()


def kill_scheduler(round_: Round) -> None:
    """Airflow's scheduler is killed in the middle of a night; it is started again, and the night ends well."""
    _struck(round_, "the scheduler", Airflow.schedulers)


def kill_task(round_: Round) -> None:
    """A task is killed in the middle of a night; Airflow tries it again, and the night ends well."""
    _struck(round_, "a task", Airflow.tasks)


def kill_metadata(round_: Round) -> None:
    """Airflow's own PostgreSQL is killed in the middle of a night; it is started again, and the night ends well."""
    _struck(round_, "Airflow's PostgreSQL", Airflow.metadata)


def _struck(round_: Round, what: str, victims: Callable[[Airflow], list[int]]) -> None:
    rng = round_.rng
    airflow, after = Airflow(round_), rng.randrange(0, 60)
    with round_.read():
        airflow.start()
        try:
            run_id = airflow.trigger()
            _until(lambda: airflow.done(run_id) >= after or airflow.state(run_id) not in LIVING, NIGHT_SECONDS)
            time.sleep(rng.uniform(0, 5))
            # Between two tasks there may be none for a moment.
            _until(lambda: bool(victims(airflow)) or airflow.state(run_id) not in LIVING, VICTIM_SECONDS)
            is_on = airflow.state(run_id) in LIVING
            killed = [pid for pid in victims(airflow) if kill(pid)]
            round_.hits.append("within" if killed and is_on else MISSED)
            round_.events.append(f"kill -9 of {what} after {after} tasks: {round_.hits[-1]}")
            _until(lambda: airflow.state(run_id) not in LIVING, NIGHT_SECONDS)
            state = airflow.state(run_id)
            if state != "success":
                round_.breaks(f"a night outlives {what}", "a run that succeeds", state)
        finally:
            airflow.stop()
    round_.check()


def _command(pid: int) -> bytes:
    try:
        return (Path("/proc") / str(pid) / "cmdline").read_bytes()
    except OSError:
        return b""


def _until(is_so: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and not is_so():
        time.sleep(1)
