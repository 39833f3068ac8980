"""`make airflow`: the real thing, with scheduler, DAG processor and UI, on this machine alone."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress

from jobs.airflow import environment, log_of, migrate, say, shown, stoppable
from jobs.errors import DataError

SERVICES = ("scheduler", "dag-processor", "api-server")
STOP_SECONDS = 10


def run() -> int:
    """Scheduler, DAG processor and API server with the UI, until Ctrl-C. Returns the exit code."""
    env = environment()
    url = env["AIRFLOW__API__BASE_URL"]
    _demand_free_port(env["AIRFLOW__API__PORT"])
    os.environ.update(env)
    migrate()
    services: dict[str, subprocess.Popen[bytes]] = {}
    try:
        with stoppable():
            return _serve(url, services)
    except KeyboardInterrupt:
        say("Airflow stops")
        return 0
    finally:
        _stop(list(services.values()))


def _serve(url: str, services: dict[str, subprocess.Popen[bytes]]) -> int:
    for name in SERVICES:
        services[name] = _start(name)
    say("Airflow starts; Ctrl-C stops it")
    is_ready = False
    while not (ended := [name for name, service in services.items() if service.poll() is not None]):
        if not is_ready and (is_ready := _is_healthy(url)):
            say(f"Airflow is ready: {url}/dags/nightly")
        time.sleep(0.5)
    say(f"failed: Airflow's {ended[0]} ended by itself; its log is {shown(log_of(ended[0]))}")
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
    with log_of(name).open("ab") as log:
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
