"""Each command is a run of its own, and says when something fails that nobody foresaw."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from jobs import __main__ as command_line
from jobs import lock, night, processes
from jobs.settings import read_settings
from tests.conftest import REPO


def test_an_error_that_cannot_be_noted_is_told_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".local").touch()  # no folder, so nothing can be written below
    monkeypatch.setattr(command_line, "LOCAL", tmp_path / ".local")
    told = command_line._unexpected(ValueError("the fault itself"))
    assert told.startswith("ValueError: the fault itself; the whole of it could not be written to")


def test_two_commands_that_begin_in_one_second_do_not_share_a_lake(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ECHOLAKE_LAKE", str(tmp_path))
    took = []

    def take_the_lake(*given: str) -> dict[str, Any]:
        lock.take(read_settings(), given[-1], "process")
        took.append(given[-1])
        return {"table": "gold.repeat_calls", "state": "done", "rows": 0, "seconds": 0.0, "warnings": []}

    monkeypatch.setattr(night, "make_table", take_the_lake)
    command = ["gold.repeat_calls", "--date", "2026-01-31"]
    # Of commands that take no time at all one second is the same for many.
    assert sorted(command_line.main(command) for _ in range(5)) == [0, 1, 1, 1, 1]
    assert len(took) == 1


@pytest.mark.parametrize("conf", ["", "spark: {remote: classic}"])
@pytest.mark.parametrize("command", ["load", "backfill"])
def test_a_range_the_wrong_way_round_is_wrong_usage_wherever_spark_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str, conf: str
) -> None:
    (tmp_path / "conf.yaml").write_text(conf)
    monkeypatch.setenv("ECHOLAKE_CONF", str(tmp_path / "conf.yaml"))
    assert command_line.main([command, "--from", "2026-02-02", "--to", "2026-02-01"]) == 2
    assert "expected FROM <= TO, found 2026-02-02 > 2026-02-01" in capsys.readouterr().err


def test_a_command_that_is_ended_cleans_up_as_after_an_interrupt() -> None:
    at_work = """
import sys, time
from jobs import __main__, night

def make_table(*_):
    try:
        print("at work", flush=True)
        time.sleep(60)
    finally:
        print("gives the lake back", flush=True)

night.make_table = make_table
sys.exit(__main__.main(["gold.repeat_calls", "--date", "2026-01-31"]))
"""
    command = subprocess.Popen(
        [sys.executable, "-c", at_work], cwd=REPO, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    with command:
        assert command.stdout is not None
        assert command.stdout.readline() == "at work\n"
        command.send_signal(signal.SIGTERM)
        said = command.communicate()
    assert (command.returncode, *said) == (1, "gives the lake back\n", "stopped\n")


def test_the_server_of_models_ends_with_its_command(tmp_path: Path) -> None:
    (tmp_path / "server").write_text("#!/bin/sh\necho $$\nexec sleep 60\n")
    (tmp_path / "server").chmod(0o755)
    serves = """
import sys
from dataclasses import replace
from pathlib import Path
from jobs import model_server
from jobs.settings import read_settings
root = Path(sys.argv[1])
sys.executable = str(root / "server")
model_server.serve(replace(read_settings(), local=root))
"""
    given = [sys.executable, "-c", serves, str(tmp_path)]
    with subprocess.Popen(given, cwd=REPO, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as command:
        assert command.stdout is not None
        assert command.stdout.readline().startswith("MLflow: http://127.0.0.1:")
        server = int(command.stdout.readline())
        command.send_signal(signal.SIGTERM)
        assert command.wait() != 0
        is_left = processes.began(server)
        if is_left:
            os.kill(server, signal.SIGKILL)
    assert not is_left
