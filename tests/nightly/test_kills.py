"""A night that is killed and started again ends as if it had not been killed, and no reader sees half a table."""

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import OF_SMALL_PLANS, REPO, World

DAY_BEFORE, DAY = "2026-01-05", "2026-01-06"
FILES = {
    ("customers", DAY_BEFORE): "customer_id,name,phone,updated_at\nC1,Anna Lee,13800138000,2026-01-05 08:00:00\n",
    ("calls", DAY_BEFORE): "call_id,customer_id,caller_number,direction,started_at,ended_at,outcome\n"
    "a,C1,13800138000,inbound,2026-01-05 10:00:00,2026-01-05 10:05:00,answered\n",
    ("transactions", DAY_BEFORE): "transaction_id,customer_id,posted_at,amount,currency,kind\n"
    "t1,C1,2026-01-05 12:00:00,12.50,CNY,purchase\n",
    ("customers", DAY): "customer_id,name,phone,updated_at\nC1,Anna Lee,13900139000,2026-01-06 08:00:00\n",
    ("calls", DAY): "call_id,customer_id,caller_number,direction,started_at,ended_at,outcome\n"
    "b,C1,13800138000,inbound,2026-01-06 09:00:00,2026-01-06 09:05:00,answered\n"
    "late,C1,13800138000,inbound,2026-01-05 20:00:00,2026-01-05 20:05:00,answered\n"
    "broken,C1,13800138000,inbound,2026-01-06 09:00:00,2026-01-06 09:05:00,eaten\n",
    ("transactions", DAY): "transaction_id,customer_id,posted_at,amount,currency,kind\n"
    "t1,C1,2026-01-05 12:00:00,13.50,CNY,purchase\nt2,C1,2026-01-06 12:00:00,7.25,CNY,purchase\n",
}
KILLED_AFTER = ("bronze.customers", "gold.repeat_calls")
"""The kill strikes while the next table is being made."""

Rows = dict[str, list[tuple[Any, ...]]]


@pytest.fixture(scope="module")
def before(module_world: World) -> World:
    """A lake after the night before."""
    from jobs import ranges

    for (feed, day), content in FILES.items():
        module_world.drop(feed, day, content)
    ranges.backfill(date.fromisoformat(DAY_BEFORE), date.fromisoformat(DAY_BEFORE), "before", say=lambda _: None)
    return module_world


@pytest.fixture(scope="module")
def lakes(before: World) -> tuple[Rows, Rows]:
    """The lake before and after a night that nobody kills; the night is taken back afterwards."""
    kept = before.root / "kept"
    shutil.copytree(before.lake, kept)
    stood = before.everything()
    assert _night(os.environ.copy()) == 0
    done = before.everything()
    shutil.rmtree(before.lake)
    kept.rename(before.lake)
    return stood, done


def test_a_killed_night_started_again_ends_as_if_it_had_not_been_killed(
    before: World, lakes: tuple[Rows, Rows]
) -> None:
    stood, done = lakes
    for table in KILLED_AFTER:
        assert _night(os.environ.copy(), kill_after=table) == -signal.SIGKILL
        seen = before.everything()
        assert not [name for name, rows in seen.items() if rows not in (stood.get(name, []), done[name])]
    assert _night(os.environ.copy()) == 0
    assert before.everything() == done


def test_a_night_of_airflow_whose_server_is_killed_tries_again_and_ends_well(
    before: World, lakes: tuple[Rows, Rows], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    _, done = lakes
    shutil.copytree(before.lake, tmp_path / "lake")
    # Without the tests' server the night starts one of its own.
    (tmp_path / "conf.yaml").write_text(yaml.safe_dump({"spark": {"conf": OF_SMALL_PLANS}}))
    own = {**os.environ, "ECHOLAKE_CONF": str(tmp_path / "conf.yaml"), "ECHOLAKE_LAKE": str(tmp_path / "lake")}
    assert _night(own, "nightly", "--date", DAY, kill_after="silver.customers_versions", server=True) == 0
    assert "Traceback" not in capfd.readouterr().err
    assert before.everything(tmp_path / "lake") == done


def _night(environment: dict[str, str], *command: str, kill_after: str | None = None, server: bool = False) -> int:
    """Runs the night of DAY in a process of its own; kills that process, or its server, after a table was made."""
    command = command or ("backfill", "--from", DAY, "--to", DAY)
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "jobs", *command], cwd=REPO, env=environment, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    for line in process.stdout:
        if kill_after is not None and re.search(rf" {kill_after}[: ].*(done|unchanged)", line):
            os.kill(_server_of(environment) if server else process.pid, signal.SIGKILL)
            kill_after = None
    assert kill_after is None, "the kill must have struck"
    return process.wait()


def _server_of(environment: dict[str, str]) -> int:
    """The process that serves this lake, as the state that its starter left says."""
    name = hashlib.sha256(environment["ECHOLAKE_LAKE"].encode()).hexdigest()[:12]
    state = json.loads((REPO / ".local/run" / name / "server.json").read_text())
    return int(state["pid"])
