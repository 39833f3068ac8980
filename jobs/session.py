"""The one place that makes a Spark session, and that keeps the local Connect server up."""

import contextlib
import fcntl
import hashlib
import json
import logging
import os
import secrets
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pyspark.logger import PySparkLogger
from pyspark.sql import SparkSession
from pyspark.sql.connect.client.retries import DefaultPolicy

from jobs import class_archive, releases, spark_conf, submission
from jobs.errors import DataError
from jobs.settings import Settings
from jobs.whole_files import put

START_SECONDS = 120
END_SECONDS = 10
"""After which a server that was asked to end is killed."""

ANSWER_SECONDS = 20
"""A server that does not answer for so long hangs: collecting garbage takes it a few seconds at most."""

HTTP2_GREETING = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
"""What a client of HTTP/2, and so of gRPC, says first: the preface and empty settings (RFC 9113, section 3.4)."""

CLIENT_MODE = "SPARK_CONNECT_MODE_ENABLED"
"""Set by pyspark, for all that it starts, once it has been the client of a server."""

TOKEN_VARIABLE = "SPARK_CONNECT_AUTHENTICATE_TOKEN"

SERVER_CLASS = "org.apache.spark.sql.connect.service.SparkConnectServer"

# The client prints the server's stack trace before it raises the error that says the same.
for _name in ("SQLQueryContextLogger", "DataFrameQueryContextLogger"):
    PySparkLogger.getLogger(_name).setLevel(logging.CRITICAL)

_sessions: dict[str, SparkSession] = {}


def connect(settings: Settings) -> SparkSession:
    """The session of this process on the configured Spark; the local server is started when it is not up."""
    remote = settings.configuration.spark.remote
    if remote == "classic":
        if not submission.is_inside():
            raise DataError(
                "Spark",
                expected="to run under spark-submit (spark.remote: classic)",
                found="a process of its own",
                todo="docs/operations.md says how; or set spark.remote to local, or to sc://host:port",
            )
        # Inherited from a process that was a client of a server, it would make this one ask for a server too.
        os.environ.pop(CLIENT_MODE, None)
        session = SparkSession.builder.appName("echolake").getOrCreate()
        session.conf.set("spark.sql.session.timeZone", "UTC")
        return session
    if remote == "local":
        remote = ensure_server(settings)
    elif remote in _sessions and not _is_known(_sessions[remote]):
        # One that others started again has the address of before, and knows nothing of its sessions.
        disconnect()
    # One session a process: a night in one process pays for it once. A server started anew has a new address.
    if remote not in _sessions:
        # pyspark gives a frame that was computed to the active session, which would stay that of a server that went.
        disconnect()
        releases.by_a_thread()
        _sessions[remote] = SparkSession.builder.remote(remote).create()
        # The client would wait ten minutes for a server that was killed; a task's retry starts a new one at once.
        _sessions[remote].client.set_retry_policies([DefaultPolicy(max_retries=4, max_backoff=2000)])
        _sessions[remote].conf.set("spark.sql.session.timeZone", "UTC")
    return _sessions[remote]


def _is_known(session: SparkSession) -> bool:
    try:
        session.conf.get("spark.sql.session.timeZone")
    except Exception:
        return False
    return True


def disconnect() -> None:
    """Ends this process's sessions, before the server goes: a session left open holds the process at its exit."""
    while _sessions:
        _, session = _sessions.popitem()
        with contextlib.suppress(Exception):
            session.stop()


def ensure_server(settings: Settings) -> str:
    """Address of this lake's server, started if it doesn't answer. Safe to call from many processes."""
    with _locked(settings):
        state = _state(settings)
        if state and _answers(state):
            return _address(settings, state["port"])
        if state:
            _kill(state)
        return _start(settings)


def stop_server(settings: Settings) -> None:
    """Stops this lake's server if one runs."""
    disconnect()
    with _locked(settings):
        state = _state(settings)
        if state:
            written = state.get("archive")
            if _kill(state, class_archive.END_SECONDS if written else END_SECONDS) and written:
                class_archive.keep(Path(written))
            _state_file(settings).unlink(missing_ok=True)


def server_process(settings: Settings) -> int | None:
    """The process that serves this lake; None where none does."""
    state = _state(settings)
    return state["pid"] if state and _is_ours(state["pid"]) else None


def is_serving(state_file: Path) -> bool:
    """Whether the server of which this is the state answers."""
    try:
        return _answers(json.loads(state_file.read_text()))
    except (OSError, ValueError):
        return False


def log_file(settings: Settings) -> Path:
    """The log of this lake's server."""
    return _state_file(settings).parent / "server.log"


def _start(settings: Settings) -> str:
    java = java_home()
    port = free_port()
    folder = _state_file(settings).parent
    token = _new_token(settings)
    properties = folder / "spark.conf"
    spark_conf.write(settings, properties)
    environment = spark_conf.python_environment()
    command = [f"{environment['SPARK_HOME']}/bin/spark-submit", "--properties-file", str(properties)]
    command += ["--conf", f"spark.connect.grpc.binding.port={port}", "--class", SERVER_CLASS]
    archive = class_archive.place(settings.local / "classes", java, spark_conf.jars(settings))
    written = None if archive.exists() else class_archive.aside(archive)
    log = log_file(settings)
    with log.open("ab") as output:
        process = subprocess.Popen(
            [*command, "spark-internal"],
            stdout=output,
            stderr=output,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            cwd=folder,
            env={
                **_environment(),
                **environment,
                "JAVA_HOME": java,
                # In the environment, as every client may ask for what stands in the configuration (SPARK-58658).
                TOKEN_VARIABLE: token,
                # More options of the driver's JVM, beside those of the configuration.
                "SPARK_SUBMIT_OPTS": class_archive.write(written) if written else class_archive.use(archive),
            },
        )
    state = {"pid": process.pid, "port": port, "archive": str(written) if written else None}
    put(_state_file(settings), json.dumps(state).encode())
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(
                f"the Spark Connect server ended with {process.returncode} as it started; its log is {log}"
            )
        if serves(port):
            return _address(settings, port)
        time.sleep(0.1)
    raise RuntimeError(f"the Spark Connect server did not start within {START_SECONDS} s; its log is {log}")


def _environment() -> dict[str, str]:
    # A server that Airflow starts must not inherit what Airflow sets for its own tasks.
    return {key: value for key, value in os.environ.items() if not key.startswith(("AIRFLOW", "SPARK_", "_AIRFLOW"))}


def java_home() -> str:
    home = os.environ.get("JAVA_HOME")
    if home and (Path(home) / "bin/java").exists():
        return home
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        java = Path(folder) / "java"
        if java.exists():
            return str(java.resolve().parents[1])
    raise DataError(
        "Java",
        expected="Java 17",
        found="no java on the PATH and no JAVA_HOME",
        todo="install it, e.g. apt-get install openjdk-17-jre-headless",
    )


def _address(settings: Settings, port: int) -> str:
    # Without TLS the client sends a token to this name alone, and only over a connection that stays on the machine.
    return f"sc://localhost:{port}/;token={_token_file(settings).read_text()}"


def _new_token(settings: Settings) -> str:
    """What a client of the server about to start must know: any user of this machine reaches its port."""
    token = secrets.token_hex(32)
    put(_token_file(settings), token.encode(), 0o600)
    return token


def _token_file(settings: Settings) -> Path:
    return _state_file(settings).parent / "server.token"


def _state_file(settings: Settings) -> Path:
    # One server a lake: two lakes on one checkout (tests, a trial) must not stop each other's server.
    name = hashlib.sha256(settings.lake.encode()).hexdigest()[:12]
    folder = settings.local / "run" / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder / "server.json"


def _state(settings: Settings) -> dict[str, Any] | None:
    try:
        state: dict[str, Any] = json.loads(_state_file(settings).read_text())
    except (OSError, ValueError):
        return None
    return state


@contextlib.contextmanager
def _locked(settings: Settings) -> Iterator[None]:
    with (_state_file(settings).parent / "server.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _answers(state: dict[str, Any]) -> bool:
    return _is_ours(state["pid"]) and serves(state["port"])


def _is_ours(pid: int) -> bool:
    # A pid alone may have been given to another process since.
    try:
        return SERVER_CLASS.encode() in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def serves(port: int) -> bool:
    """Whether a Connect server answers on this port of the machine."""
    # The kernel accepts connections for a process that hangs; only the server itself greets back. A channel of gRPC
    # would tell the same, and take a fifth of a second to close: more than all else of a table without rows.
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=ANSWER_SECONDS) as connection:
            connection.sendall(HTTP2_GREETING)
            return len(connection.recv(1)) == 1
    except OSError:
        return False


def _kill(state: dict[str, Any], seconds: float = END_SECONDS) -> bool:
    """Ends a server, by force where it takes longer; returns whether it ended as it was asked to."""
    pid = state["pid"]
    for sent, wait in ((signal.SIGTERM, seconds), (signal.SIGKILL, END_SECONDS)):
        if not _is_ours(pid):
            return False
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, sent)
        deadline = time.monotonic() + wait
        while time.monotonic() < deadline:
            with contextlib.suppress(ChildProcessError, OSError):
                os.waitpid(pid, os.WNOHANG)
            if not _is_ours(pid):
                return sent is signal.SIGTERM
            time.sleep(0.1)
    return False


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
