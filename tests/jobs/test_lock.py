"""The lock of a lake says at any moment who holds it."""

import json
import os
import subprocess
import time
from dataclasses import replace
from datetime import date
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from jobs import lock, night, processes, runner
from jobs.errors import LakeBusyError, SourceUnavailableError
from jobs.settings import read_settings


def test_a_lock_is_whole_at_any_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ECHOLAKE_LAKE", str(tmp_path))
    settings, file = read_settings(), tmp_path / ".night.lock"
    lock.take(settings, "this night", "process")

    def renew() -> None:
        for _ in range(500):
            lock.touch(settings, "this night")

    night = Thread(target=renew)
    night.start()
    seen = set()
    while night.is_alive():
        # As a kill at this moment would leave it.
        seen.add("this night" in file.read_text())
    night.join()
    assert seen == {True}
    lock.release(settings, "this night")
    assert not list(tmp_path.glob(".night.lock*"))


def test_a_night_that_waits_for_a_source_keeps_its_lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ECHOLAKE_LAKE", str(tmp_path))
    settings, file = read_settings(), tmp_path / ".night.lock"

    def is_down(*_: Any) -> None:
        raise SourceUnavailableError("calls", expected="an answer", found="none", todo="wait")

    def later(seconds: float) -> None:
        """As if the task's process had ended and so much time had passed."""
        held = json.loads(file.read_text())
        file.write_text(json.dumps({**held, "processes": {}, "at": held["at"] - seconds}))

    lock.take(settings, "this night", "scheduler")
    monkeypatch.setattr(runner, "run", is_down)
    with pytest.raises(SourceUnavailableError):
        night.run_table("bronze.calls", None, "this night")  # type: ignore[arg-type]
    # What other tasks of the night do meanwhile shortens nothing.
    lock.touch(settings, "this night")
    # Nor does a clock that goes back a year hold the lake for a year.
    later(-31_536_000)
    lock.touch(settings, "this night")
    later(lock.SOURCE_PAUSE_SECONDS + 20)
    with pytest.raises(LakeBusyError):
        lock.take(settings, "another", "process")
    later(lock.GRACE_SECONDS)
    assert lock.take(settings, "another", "process")
    assert time.time() >= json.loads(file.read_text())["at"]


def test_a_night_keeps_its_lake_after_a_delivery_that_took_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ECHOLAKE_LAKE", str(tmp_path))
    settings, file = read_settings(), tmp_path / ".night.lock"

    def an_hour(*_: Any) -> tuple[dict[str, Any], None]:
        held = json.loads(file.read_text())
        file.write_text(json.dumps({**held, "at": held["at"] - 3600}))
        return {}, None

    lock.take(settings, "this night", "scheduler")
    monkeypatch.setattr(night, "delivered", an_hour)
    night.run_delivery(None, "this night")  # type: ignore[arg-type]
    # As between two tasks, when the process of the first has ended.
    file.write_text(json.dumps({**json.loads(file.read_text()), "processes": {}}))
    with pytest.raises(LakeBusyError):
        lock.take(settings, "another", "process")


def test_a_run_that_is_tried_again_is_told_that_its_first_process_died(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ECHOLAKE_LAKE", str(tmp_path))
    settings, file = read_settings(), tmp_path / ".night.lock"
    for holder, died in (("process", True), ("scheduler", False)):
        assert not lock.take(settings, holder, holder)
        assert not lock.take(settings, holder, holder), "it is alive"
        held = json.loads(file.read_text())
        file.write_text(json.dumps({**held, "processes": {f"{os.uname().nodename}:1": "another that had it"}}))
        assert lock.take(settings, holder, holder) is died
        lock.release(settings, holder)


def test_a_holder_that_has_ended_holds_nothing_though_nobody_has_asked_for_its_exit_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ECHOLAKE_LAKE", str(tmp_path))
    settings, file = read_settings(), tmp_path / ".night.lock"
    lock.take(settings, "this night", "process")
    with subprocess.Popen(["/bin/sleep", "60"]) as holder:
        held = json.loads(file.read_text())
        file.write_text(json.dumps({**held, "processes": {lock._named(holder.pid): processes.began(holder.pid)}}))
        with pytest.raises(LakeBusyError):
            lock.take(settings, "another", "process")
        holder.kill()
        while processes.began(holder.pid):
            time.sleep(0.01)
        assert lock.take(settings, "another", "process")


def test_a_task_on_another_host_keeps_the_lake_until_it_is_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ECHOLAKE_LAKE", str(tmp_path))
    settings, file, uname = read_settings(), tmp_path / ".night.lock", os.uname()

    def on(host: str) -> None:
        told = os.uname_result((uname.sysname, host, uname.release, uname.version, uname.machine))
        monkeypatch.setattr(os, "uname", lambda: told)

    def an_hour_later() -> None:
        held = json.loads(file.read_text())
        file.write_text(json.dumps({**held, "at": held["at"] - 3_600}))

    on("one")
    lock.take(settings, "this night", "scheduler")
    lock.touch(settings, "this night")
    on("two")
    with subprocess.Popen(["/bin/true"]) as gone:
        monkeypatch.setattr(os, "getpid", lambda: gone.pid)
        # A short task of the night on the other host, which has ended.
        lock.touch(settings, "this night")
        lock.touch(settings, "this night", is_over=True)
    an_hour_later()
    with pytest.raises(LakeBusyError, match="one:") as busy:
        lock.take(settings, "another", "process")
    assert busy.value.todo == f"wait until it has ended; if nothing runs on one any more, delete {file}"
    bucket = replace(settings, lake="s3://lake")
    told = lock._busy(bucket, json.loads(file.read_text())).todo
    assert told.endswith("delete all objects below s3://lake/.night.lock/")
    monkeypatch.undo()
    monkeypatch.setenv("ECHOLAKE_LAKE", str(tmp_path))
    on("one")
    lock.touch(settings, "this night", is_over=True)
    an_hour_later()
    assert lock.take(settings, "another", "process")


def test_a_lake_in_use_says_in_four_lines_whom_to_wait_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ECHOLAKE_LAKE", str(tmp_path))
    settings = read_settings()
    lock.take(settings, "this night", "process")
    with pytest.raises(LakeBusyError) as busy:
        lock.take(settings, "another", "process")
    headline, *told = str(busy.value).splitlines()
    assert headline == f"the lake {tmp_path} is in use by the run this night"
    assert [line[:12] for line in told] == ["  expected: ", "  found:    ", "  to do:    "]
    assert (busy.value.found, busy.value.todo) == (
        f"its processes {lock._named(os.getpid())}",
        "wait until it has ended, or stop it",
    )


def test_a_command_that_is_ended_while_spark_starts_stops_it_and_gives_the_lake_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setenv("ECHOLAKE_LAKE", str(tmp_path))
    stopped: list[Any] = []
    monkeypatch.setattr(night, "ensure_server", interrupted)
    monkeypatch.setattr(night, "stop_server", stopped.append)
    with pytest.raises(KeyboardInterrupt):
        night.in_one_process(date(2026, 1, 31), "this night", lambda _: None)
    assert len(stopped) == 1
    lock.take(read_settings(), "another", "process")
    with pytest.raises(LakeBusyError):
        night.in_one_process(date(2026, 1, 31), "this night", lambda _: None)
    assert len(stopped) == 1, "what belongs to another run stays up"
