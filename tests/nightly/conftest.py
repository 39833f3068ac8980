"""A real Airflow of a test's own, as `make airflow` starts it."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from jobs.session import free_port
from tests.conftest import REPO


class Airflow:
    """`make airflow` with its files in a folder of its own, and its HTTP API."""

    def __init__(self, **environment: str) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="echolake-airflow-"))
        # Root's PostgreSQL runs as another user, who has to get there.
        self.root.chmod(0o755)
        self.home = self.root / "home"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._token: str | None = None
        # Not the database, nor anything else, of the Airflow of whoever runs the tests.
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
        self._environment = {**inherited, "AIRFLOW__API__PORT": str(self.port), **environment}
        self.start()

    def start(self) -> None:
        """Starts it, without waiting."""
        self._printed = self.root / "printed"
        with self._printed.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "jobs", "airflow", "--home", str(self.home)],
                cwd=REPO, env=self._environment, stdout=output, stderr=output,
            )  # fmt: skip

    def run(self, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        """The command with these arguments beside the one that runs."""
        command = [sys.executable, "-m", "jobs", "airflow", "--home", str(self.home), *arguments]
        environment = {**self._environment, **more}
        return subprocess.run(
            command, cwd=REPO, env=environment, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
        )

    @property
    def printed(self) -> str:
        """What a person who started it has seen."""
        return self._printed.read_text()

    def pid(self, name: str) -> int:
        """The process of a part."""
        pid: int = json.loads((self.home / "services.json").read_text())["services"][name][0]
        return pid

    def kill(self, name: str) -> None:
        """Kills a part and nothing else."""
        os.kill(self.pid(name), signal.SIGKILL)

    def wait_for(self, is_so: Callable[[], Any], seconds: float, what: str) -> Any:
        """What `is_so` returns as soon as that is true."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if found := is_so():
                return found
            assert self.process.poll() is None, self.printed
            time.sleep(0.2)
        raise AssertionError(f"{what}: not within {seconds} s; {self.printed}")

    def wait_until_it_says(self, line: str, seconds: float = 240, times: int = 1) -> None:
        """Waits for a line on its console."""
        self.wait_for(lambda: self.printed.count(line) >= times, seconds, line)

    def log_in(self, user: str, password: str) -> str | None:
        """A token, or None when this is not the user."""
        code, answer = self.ask("POST", "/auth/token", {"username": user, "password": password}, token="")
        return answer["access_token"] if code == 201 else None

    def ask(self, method: str, path: str, body: Any = None, token: str | None = None) -> tuple[int, Any]:
        """Code and JSON of an answer; asks as the administrator unless a token is given (an empty one: as nobody)."""
        if token is None:
            self._token = token = self._token or self.log_in(
                "admin", (self.home / "admin.password").read_text().strip()
            )
            assert token
        headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            return error.code, None

    def get(self, path: str) -> Any:
        """JSON of an answer that must come."""
        code, answer = self.ask("GET", path)
        assert code == 200, path
        return answer

    def stop(self) -> None:
        """Stops it as Ctrl-C does."""
        self.process.send_signal(signal.SIGINT)
        self.process.wait(60)

    def remove(self) -> None:
        """Stops it, and removes its files."""
        if self.process.poll() is None:
            self.stop()
        shutil.rmtree(self.root)


@pytest.fixture(scope="module")
def start_airflow() -> Iterator[Callable[..., Airflow]]:
    """Starts an Airflow; it ends with the module."""
    started: list[Airflow] = []

    def start(**environment: str) -> Airflow:
        started.append(Airflow(**environment))
        return started[-1]

    yield start
    for airflow in started:
        airflow.remove()
