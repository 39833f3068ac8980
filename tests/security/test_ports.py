"""No server of Echolake's listens beyond this machine, and none answers whoever does not log in."""

import base64
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError

import pytest

from jobs.session import free_port
from jobs.settings import read_settings
from tests.conftest import REPO, World
from tests.security.listening import beyond_loopback, listeners

START_SECONDS = 240
"""On two busy cores."""


def answers(port: int, path: str, *login: str, host: str | None = None, body: object = None) -> int:
    """The code that a server answers with."""
    headers = {"Content-Type": "application/json", "Host": host or f"127.0.0.1:{port}"}
    if login:
        headers["Authorization"] = "Basic " + base64.b64encode(":".join(login).encode()).decode()
    data = None if body is None else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(
            urllib.request.Request(f"http://127.0.0.1:{port}{path}", data, headers), timeout=30
        ) as answer:
            return int(answer.status)
    except HTTPError as error:
        return error.code
    except OSError:
        return 0


def started(command: list[str], env: dict[str, str], port: int, path: str) -> subprocess.Popen[bytes]:
    """The server, once it answers."""
    server = subprocess.Popen(
        command, cwd=REPO, env={**os.environ, **env}, stderr=subprocess.DEVNULL, start_new_session=True
    )
    deadline = time.monotonic() + START_SECONDS
    while answers(port, path) == 0:
        assert server.poll() is None, "it ended by itself"
        assert time.monotonic() < deadline, "it does not answer"
        time.sleep(0.3)
    return server


@pytest.fixture(scope="module")
def mlflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """`make mlflow` on a store of its own."""
    port, store = free_port(), tmp_path_factory.mktemp("store") / "mlflow.db"
    env = {"MLFLOW_PORT": str(port), "MLFLOW_TRACKING_URI": f"sqlite:///{store}"}
    server = started([sys.executable, "-m", "jobs", "mlflow"], env, port, "/health")
    yield server, port
    # As Ctrl-C does in a terminal: to all of them.
    os.killpg(server.pid, signal.SIGINT)
    server.wait(60)


SEARCH = ("/api/2.0/mlflow/experiments/search", {"max_results": 5})


def test_mlflow_listens_on_loopback_and_lets_nobody_in_without_the_password(
    mlflow: tuple[subprocess.Popen[bytes], int],
) -> None:
    server, port = mlflow
    path, body = SEARCH
    password = (read_settings().local / "secrets/mlflow.password").read_text().strip()
    assert len(password) == 32
    assert answers(port, path, "admin", password, body=body) == 200
    for login in ((), ("admin", "password1234"), ("admin", ""), ("nobody", password)):
        assert answers(port, path, *login, body=body) == 401
    for page in ("/", "/graphql", "/get-artifact?path=model&run_id=1", "/docs", "/metrics", "/v1/traces"):
        assert answers(port, page) == 401
    assert [port] == [port for _, port in listeners(server.pid)]
    assert beyond_loopback(server.pid) == {}


def test_mlflow_answers_to_no_other_name_than_this_machine_s(mlflow: tuple[subprocess.Popen[bytes], int]) -> None:
    """A page of elsewhere whose name leads to 127.0.0.1 (DNS rebinding) must not read what its visitor may."""
    _, port = mlflow
    assert answers(port, "/", host="evil.example") == 403
    assert answers(port, "/", host=f"evil.example:{port}") == 403


def test_mlflow_s_password_and_users_are_their_owner_s_alone(mlflow: tuple[subprocess.Popen[bytes], int]) -> None:
    server, _ = mlflow
    local = read_settings().local
    for secret in (local / "secrets/mlflow.password", local / "mlflow/users.db"):
        assert secret.stat().st_mode & 0o077 == 0
    password = (local / "secrets/mlflow.password").read_text().strip()
    told = Path(f"/proc/{server.pid}/cmdline").read_bytes()
    assert password.encode() not in told
    for child in Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split():
        assert password.encode() not in Path(f"/proc/{child}/cmdline").read_bytes()


@pytest.mark.spark
def test_the_spark_server_and_its_workers_listen_on_loopback(world: World, spark_server: tuple[str, Path]) -> None:
    state = json.loads((spark_server[1].parent / "server.json").read_text())
    # With a task of Python's at work, whose workers talk to the server too.
    world.drop("customers", "2026-01-05", "customer_id,name,updated_at\nC1,Anna Lee,2026-01-05 10:00:00\n")
    world.land("customers", "2026-01-05")
    found = listeners(state["pid"])
    assert ("127.0.0.1", state["port"]) in {(ip.removeprefix("::ffff:"), port) for ip, port in found}
    assert {where: who for where, who in beyond_loopback(state["pid"]).items() if not is_mapped(where[0])} == {}


def is_mapped(ip: str) -> bool:
    """Whether it is 127.0.0.0/8 as Java's sockets of both families write it."""
    return ip.startswith("::ffff:127.")


def test_a_listener_beyond_loopback_is_found() -> None:
    with socket.socket() as wide:
        wide.bind(("0.0.0.0", 0))
        wide.listen()
        assert ("0.0.0.0", wide.getsockname()[1]) in beyond_loopback(os.getpid())
