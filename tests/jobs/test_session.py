"""A server counts as up when it answers, not when its port merely accepts; and it answers this machine's owner alone."""

import re
import socket
from pathlib import Path

import pytest
from pyspark.errors.exceptions.connect import SparkConnectGrpcException
from pyspark.sql.connect.client import SparkConnectClient

from jobs import session

LOOPBACK_IN_PROC = re.compile(r"0100007F|0{24}0100007F|0{16}FFFF00000100007F")
"""127.0.0.1 as /proc/net/tcp and tcp6 write it, the last two within IPv6."""
LISTENS = "0A"


def test_a_server_that_accepts_and_never_answers_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "ANSWER_SECONDS", 1)
    with socket.create_server(("127.0.0.1", 0)) as hanging:
        assert not session.serves(hanging.getsockname()[1])


def test_a_server_that_answers_is_up(spark_remote: str) -> None:
    assert session.serves(_port(spark_remote))


@pytest.mark.parametrize("token", ["", "/;token=guessed"])
def test_a_client_without_the_servers_token_is_refused(spark_remote: str, token: str) -> None:
    # Not a session: pyspark would make it the active one of this process, to which later frames go.
    client = SparkConnectClient(f"sc://localhost:{_port(spark_remote)}{token}")
    with pytest.raises(SparkConnectGrpcException, match="authentication token"):
        client.get_configs("spark.app.name")
    client.close()


def test_the_token_is_for_the_owner_alone_and_on_no_command_line(spark_remote: str, server_log: Path) -> None:
    token = spark_remote.partition("token=")[2]
    file = server_log.with_name("server.token")
    assert file.read_text() == token
    assert file.stat().st_mode & 0o077 == 0
    assert token not in server_log.with_name("spark.conf").read_text()
    assert token.encode() not in Path(f"/proc/{_pid(server_log)}/cmdline").read_bytes()


def test_no_port_of_a_server_is_open_beyond_loopback(spark_remote: str, server_log: Path) -> None:
    sockets = {str(each.readlink()) for each in Path(f"/proc/{_pid(server_log)}/fd").iterdir() if each.is_symlink()}
    open_to = [
        address
        for table in ("tcp", "tcp6")
        for _, address, _, state, *rest in map(str.split, Path(f"/proc/net/{table}").read_text().splitlines()[1:])
        if state == LISTENS and f"socket:[{rest[5]}]" in sockets
    ]
    assert len(open_to) >= 3, "Connect, the driver and its blocks"
    assert [each for each in open_to if not LOOPBACK_IN_PROC.fullmatch(each.partition(":")[0])] == []


def _port(remote: str) -> int:
    return int(remote.removeprefix("sc://localhost:").partition("/")[0])


def _pid(server_log: Path) -> int:
    import json

    pid: int = json.loads(server_log.with_name("server.json").read_text())["pid"]
    return pid
