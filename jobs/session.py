"""The one place that makes a Spark session, and that keeps the local Connect server up."""

import contextlib
import fcntl
import hashlib
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pyspark.logger import PySparkLogger
from pyspark.sql import SparkSession
from pyspark.sql.connect.client.retries import DefaultPolicy

from jobs.errors import DataError
from jobs.settings import ROOT, Settings

START_SECONDS = 120
ANSWER_SECONDS = 20
"""A server that does not answer for so long hangs: collecting garbage takes it a few seconds at most."""

HTTP2_GREETING = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
"""What a client of HTTP/2, and so of gRPC, says first: the preface and empty settings (RFC 9113, section 3.4)."""

SERVER_CLASS = "org.apache.spark.sql.connect.service.SparkConnectServer"

# The client prints the server's stack trace before it raises the error that says the same.
for _name in ("SQLQueryContextLogger", "DataFrameQueryContextLogger"):
    PySparkLogger.getLogger(_name).setLevel(logging.CRITICAL)

_sessions: dict[str, SparkSession] = {}


def connect(settings: Settings) -> SparkSession:
    """The session of this process on the configured Spark; the local server is started when it is not up."""
    remote = settings.configuration.spark.remote
    if remote == "classic":
        session = SparkSession.builder.appName("echolake").getOrCreate()
        session.conf.set("spark.sql.session.timeZone", "UTC")
        return session
    if remote == "local":
        remote = ensure_server(settings)
    # One session a process: a night in one process pays for it once. A server started anew has a new address.
    if remote not in _sessions:
        # pyspark gives a frame that was computed to the active session, which would stay that of a server that went.
        disconnect()
        _sessions[remote] = SparkSession.builder.remote(remote).create()
        # The client would wait ten minutes for a server that was killed; a task's retry starts a new one at once.
        _sessions[remote].client.set_retry_policies([DefaultPolicy(max_retries=4, max_backoff=2000)])
        _sessions[remote].conf.set("spark.sql.session.timeZone", "UTC")
    return _sessions[remote]


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
            return f"sc://127.0.0.1:{state['port']}"
        if state:
            _kill(state)
        return _start(settings)


def stop_server(settings: Settings) -> None:
    """Stops this lake's server if one runs."""
    disconnect()
    with _locked(settings):
        state = _state(settings)
        if state:
            _kill(state)
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
    import pyspark

    java = _java()
    home = Path(pyspark.__file__).parent
    port = _free_port()
    folder = _state_file(settings).parent
    conf = {
        **settings.configuration.spark.conf,
        "spark.connect.grpc.binding.port": port,
        # On the class path rather than in spark.jars: nothing is copied or asked for over RPC.
        "spark.driver.extraClassPath": str(settings.local / "jars/*"),
        "spark.local.dir": str(settings.local / "spark"),
        "spark.sql.warehouse.dir": str(settings.local / "spark/warehouse"),
    }
    # What does not fit in memory is spilled there, before it is free of personal data.
    (settings.local / "spark").mkdir(mode=0o700, exist_ok=True)
    (settings.local / "spark").chmod(0o700)
    properties = folder / "spark.conf"
    properties.write_text("".join(f"{key} {_text(value)}\n" for key, value in conf.items()))
    command = [str(home / "bin/spark-submit"), "--properties-file", str(properties), "--class", SERVER_CLASS]
    more = settings.configuration.spark.conf.get("spark.driver.extraJavaOptions", "")
    command += [
        "--driver-java-options",
        f"-Dlog4j2.configurationFile={ROOT / 'conf/log4j2.properties'} {more}",
    ]
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
                "JAVA_HOME": java,
                "SPARK_HOME": str(home),
                "PYSPARK_PYTHON": sys.executable,
                "PYTHONPATH": str(ROOT),
                # With two workers on two cores more threads a worker are 4 to 5 times slower.
                "OMP_NUM_THREADS": "1",
            },
        )
    state = {"pid": process.pid, "port": port}
    _state_file(settings).write_text(json.dumps(state))
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        if serves(port):
            return f"sc://127.0.0.1:{port}"
        time.sleep(0.1)
    raise RuntimeError(f"the Spark Connect server did not start within {START_SECONDS} s; its log is {log}")


def _environment() -> dict[str, str]:
    # A server that Airflow starts must not inherit what Airflow sets for its own tasks.
    return {key: value for key, value in os.environ.items() if not key.startswith(("AIRFLOW", "SPARK_", "_AIRFLOW"))}


def _java() -> str:
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


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _state_file(settings: Settings) -> Path:
    # One server a lake: two lakes on one checkout (tests, a trial) must not stop each other's server.
    name = hashlib.sha256(settings.lake.encode()).hexdigest()[:12]
    folder = settings.local / "run" / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder / "server.json"


def _state(settings: Settings) -> dict[str, int] | None:
    try:
        state: dict[str, int] = json.loads(_state_file(settings).read_text())
    except (OSError, ValueError):
        return None
    return state


@contextlib.contextmanager
def _locked(settings: Settings) -> Iterator[None]:
    with (_state_file(settings).parent / "server.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _answers(state: dict[str, int]) -> bool:
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


def _kill(state: dict[str, int]) -> None:
    pid = state["pid"]
    for sent in (signal.SIGTERM, signal.SIGKILL):
        if not _is_ours(pid):
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, sent)
        for _ in range(100):
            with contextlib.suppress(ChildProcessError, OSError):
                os.waitpid(pid, os.WNOHANG)
            if not _is_ours(pid):
                return
            time.sleep(0.1)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
