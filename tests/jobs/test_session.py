"""A server counts as up when it answers, not when its port merely accepts."""

import socket

import pytest

from jobs import session


def test_a_server_that_accepts_and_never_answers_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "ANSWER_SECONDS", 1)
    with socket.create_server(("127.0.0.1", 0)) as hanging:
        assert not session.serves(hanging.getsockname()[1])


def test_a_server_that_answers_is_up(spark_remote: str) -> None:
    assert session.serves(int(spark_remote.rpartition(":")[2]))
