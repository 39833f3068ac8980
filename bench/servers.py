"""Real servers on loopback, each until its end: a standalone Spark cluster, a Connect server on it, and S3."""

import os
import secrets
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from jobs import session, spark_conf
from jobs.settings import ROOT, Settings

START_SECONDS = 120
WORKERS = 2


@contextmanager
def spark_cluster(folder: Path) -> Iterator[tuple[str, str]]:
    """A master and workers of a core each; yields the master's URL and the secret that drivers must share."""
    folder.mkdir(parents=True, exist_ok=True)
    secret, port = secrets.token_hex(16), session.free_port()
    master = f"spark://127.0.0.1:{port}"
    conf = folder / "cluster.conf"
    conf.write_text("spark.authenticate true\nspark.network.crypto.enabled true\nspark.master.rest.enabled false\n")
    environment = {
        **os.environ,
        **spark_conf.python_environment(),
        "JAVA_HOME": session.java_home(),
        "SPARK_DAEMON_MEMORY": "256m",
        spark_conf.AUTH_SECRET: secret,
    }
    of_all = ["--host", "127.0.0.1", "--webui-port", "0", "--properties-file", str(conf)]

    def start(name: str, kind: str, *arguments: str) -> subprocess.Popen[bytes]:
        command = [f"{environment['SPARK_HOME']}/bin/spark-class", f"org.apache.spark.deploy.{kind}", *of_all]
        return _started([*command, *arguments], folder / f"{name}.log", environment)

    started = [start("master", "master.Master", "--port", str(port))]
    try:
        _wait_until(lambda: _accepts(port), folder / "master.log")
        for number in range(WORKERS):
            work = ["--cores", "1", "--memory", "2g", "--work-dir", str(folder / f"work{number}"), master]
            started.append(start(f"worker{number}", "worker.Worker", *work))
            log = folder / f"worker{number}.log"
            _wait_until(lambda log=log: "Successfully registered" in log.read_text(), log)  # type: ignore[misc]
        yield master, secret
    finally:
        _end(started)


@contextmanager
def connect_server(settings: Settings, folder: Path, port: int | None = None) -> Iterator[tuple[str, str]]:
    """A Connect server that others keep running, as docs/operations.md starts one; yields its address and its token."""
    folder.mkdir(parents=True, exist_ok=True)
    token, port = secrets.token_hex(16), port or session.free_port()
    spark_conf.write(settings, folder / "spark.conf")
    variables = {**spark_conf.python_environment(), "JAVA_HOME": session.java_home(), session.TOKEN_VARIABLE: token}
    command = [f"{variables['SPARK_HOME']}/bin/spark-submit", "--properties-file", str(folder / "spark.conf")]
    command += ["--conf", f"spark.connect.grpc.binding.port={port}", "--class", session.SERVER_CLASS, "spark-internal"]
    log = folder / "connect.log"
    server = _started(command, log, {**os.environ, **variables})
    try:
        _wait_until(lambda: session.serves(port), log)
        yield f"sc://localhost:{port}", token
    finally:
        _end([server])


@dataclass(frozen=True)
class S3:
    """A server of S3 over a folder: S3Proxy, as `make s3` fetches it."""

    folder: Path
    environment: dict[str, str]
    """With which clients find it and are let in."""

    bucket: str


@contextmanager
def s3(folder: Path, bucket: str = "echolake") -> Iterator[S3]:
    """S3 with one bucket, whose objects are files of the folder."""
    (folder / "objects" / bucket).mkdir(parents=True)
    port, secret = session.free_port(), secrets.token_hex(16)
    (folder / "s3proxy.conf").write_text(
        f"s3proxy.authorization=aws-v2-or-v4\ns3proxy.endpoint=http://127.0.0.1:{port}\n"
        f"s3proxy.identity=echolake\ns3proxy.credential={secret}\n"
        f"jclouds.provider=filesystem-nio2\njclouds.filesystem.basedir={folder / 'objects'}\n"
    )
    # It tells of each request otherwise.
    (folder / "logback.xml").write_text('<configuration><root level="warn"/></configuration>')
    command = [f"{session.java_home()}/bin/java", "-Xmx512m", f"-Dlogback.configurationFile={folder / 'logback.xml'}"]
    command += ["-cp", f"{ROOT}/.local/s3proxy/*", "org.gaul.s3proxy.Main"]
    log = folder / "s3proxy.log"
    server = _started([*command, "--properties", str(folder / "s3proxy.conf")], log, dict(os.environ))
    try:
        _wait_until(lambda: _accepts(port), log)
        environment = {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
            "AWS_ALLOW_HTTP": "true",
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "echolake",
            "AWS_SECRET_ACCESS_KEY": secret,
        }
        yield S3(folder / "objects", environment, bucket)
    finally:
        _end([server])


def has_s3() -> bool:
    """Whether `make s3` was run."""
    return (ROOT / ".local/s3proxy").exists()


def _started(command: list[str], log: Path, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    with log.open("ab") as output:
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment, cwd=log.parent
        )


def _wait_until(is_ready: Callable[[], bool], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not is_ready():
        if time.monotonic() > deadline:
            raise TimeoutError(f"expected a server within {START_SECONDS} s, found none; its log is {log}")
        time.sleep(0.2)


def _accepts(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _end(servers: list[subprocess.Popen[bytes]]) -> None:
    for server in reversed(servers):
        server.terminate()
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
