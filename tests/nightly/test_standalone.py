"""`make airflow` as in production: PostgreSQL, users, killed parts, a night that is late, and a backfill from the UI."""

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from jobs import postgres, processes
from tests.conftest import World
from tests.nightly.conftest import Airflow
from tests.nightly.test_kills import DAY, FILES, Rows

pytestmark = pytest.mark.skipif(not list(postgres.DEBIAN.glob("*/bin/postgres")), reason="needs Debian's postgresql")

RUNS = "/api/v2/dags/nightly/dagRuns"
FIRST, SECOND = "backfill__2026-01-07T03:00:00+00:00", "backfill__2026-01-08T03:00:00+00:00"
"""Runs are named after when they would have run, in the night after their date."""

KILLED_AT = "silver.customers"
PARTS = ("scheduler", "dag-processor", "triggerer", "api-server")


class Hook(BaseHTTPRequestHandler):
    """Keeps what is posted."""

    came: list[dict[str, Any]] = []  # noqa: RUF012  # of the class: each request has a handler of its own

    def do_POST(self) -> None:
        self.came.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@pytest.fixture(scope="module")
def hook() -> Iterator[int]:
    server = HTTPServer(("127.0.0.1", 0), Hook)
    Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def starting(module_world: World, start_airflow: Callable[..., Airflow], hook: int) -> Airflow:
    """An Airflow that starts over the landing of one day; its nights are late after a minute."""
    for (feed, day), content in FILES.items():
        if day == DAY:
            module_world.drop(feed, day, content)
    module_world.configure(deadline_minutes=1, alerts={"webhook": {"url_env": "ALERT_URL"}})
    return start_airflow(ALERT_URL=f"http://127.0.0.1:{hook}/")


@pytest.fixture(scope="module")
def airflow(starting: Airflow) -> Airflow:
    """The same, ready."""
    starting.wait_until_it_says("Airflow is ready: scheduler, DAG processor, triggerer and API server")
    for dag in ("nightly", "backfill"):
        path = f"/api/v2/dags/{dag}"
        starting.wait_for(lambda path=path: starting.ask("GET", path)[0] == 200, 90, "the DAG to be read")  # type: ignore[misc]
        assert starting.ask("PATCH", path, {"is_paused": False})[0] == 200
    return starting


@pytest.fixture(scope="module")
def unharmed(airflow: Airflow, module_world: World) -> Rows:
    """The lake after a run of the DAG `backfill`; it is taken back."""
    runs = "/api/v2/dags/backfill/dagRuns"
    code, run = airflow.ask("POST", runs, {"logical_date": None, "conf": {"from": DAY, "to": DAY}})
    assert code == 200
    path = f"{runs}/{run['dag_run_id']}"
    airflow.wait_for(lambda: airflow.get(path)["state"] in ("success", "failed"), 900, "the range to end")
    assert airflow.get(path)["state"] == "success"
    reference = module_world.root / "reference"
    module_world.lake.rename(reference)
    return module_world.everything(reference)


@pytest.fixture(scope="module")
def killed(airflow: Airflow, unharmed: Rows) -> Airflow:
    """After two nights were asked for as the UI does, and the scheduler was killed in the midst of the first."""
    asked = {
        "dag_id": "nightly", "from_date": "2026-01-07T00:00:00Z", "to_date": "2026-01-08T23:00:00Z",
        "run_backwards": False, "max_active_runs": 1, "reprocess_behavior": "none", "dag_run_conf": {},
    }  # fmt: skip
    assert airflow.ask("POST", "/api/v2/backfills", asked)[0] == 200
    airflow.wait_for(lambda: state_of(airflow, KILLED_AT) == "running", 600, f"{KILLED_AT} to be made")
    airflow.kill("scheduler")
    return airflow


def state_of(airflow: Airflow, task: str) -> str | None:
    state: str | None = airflow.get(f"{RUNS}/{FIRST}/taskInstances/{task}")["state"]
    return state


def test_it_says_what_it_uses_and_where_the_password_is_but_not_the_password(airflow: Airflow) -> None:
    password = airflow.home / "admin.password"
    assert "metadata: PostgreSQL" in airflow.printed
    assert str(password) in airflow.printed
    assert password.stat().st_mode & 0o777 == 0o600
    logs = [file.read_text(errors="replace") for file in airflow.root.rglob("*.log")]
    assert len(logs) > len(PARTS)
    assert not [log for log in [*logs, airflow.printed] if password.read_text().strip() in log]


def test_it_listens_on_loopback_alone(airflow: Airflow) -> None:
    listening = []
    for name in (*PARTS, "PostgreSQL"):
        listening += addresses(airflow.pid(name))
    assert listening == [f"127.0.0.1:{airflow.port}"]


def addresses(leader: int) -> list[str]:
    """TCP addresses on which a session listens (proc(5), /proc/net/tcp)."""
    inodes = set()
    for pid in processes.session(leader):
        for file in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):  # closed meanwhile
                inodes.add(str(file.readlink()))
    found = []
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            (
                _,
                local,
                _,
                state,
                *_,
            ) = line.split()
            if state == "0A" and f"socket:[{line.split()[9]}]" in inodes:
                address, port = local.split(":")
                octets = [str(byte) for byte in reversed(bytes.fromhex(address))]
                found.append(f"{'.'.join(octets)}:{int(port, 16)}")
    return found


def test_nobody_is_let_in_without_a_password_and_a_viewer_can_only_look(airflow: Airflow) -> None:
    assert airflow.ask("GET", RUNS, token="")[0] == 401
    assert airflow.log_in("admin", "wrong") is None
    viewer = {
        "username": "eve", "password": "sees-all-does-nothing", "first_name": "Eve", "last_name": "V",
        "email": "eve@localhost", "roles": [{"name": "Viewer"}],
    }  # fmt: skip
    assert airflow.ask("POST", "/auth/fab/v1/users", viewer)[0] == 200
    token = airflow.log_in("eve", "sees-all-does-nothing")
    assert airflow.ask("GET", RUNS, token=token)[0] == 200
    assert airflow.ask("POST", RUNS, {"logical_date": None}, token=token)[0] == 403
    assert airflow.ask("PATCH", "/api/v2/dags/nightly", {"is_paused": False}, token=token)[0] == 403


def test_airflows_own_commands_work_beside_it_and_a_second_one_does_not(airflow: Airflow) -> None:
    listed = airflow.run("users", "list", "--output", "json")
    assert "admin" in {user["username"] for user in json.loads(listed.stdout.splitlines()[-1])}
    second = airflow.run()
    assert second.returncode == 1
    assert f"the process {airflow.process.pid}" in second.stderr


def test_a_killed_scheduler_is_started_again_and_the_night_ends_as_if_it_had_not_been_killed(
    killed: Airflow, module_world: World, unharmed: Rows
) -> None:
    killed.wait_until_it_says("scheduler was killed (SIGKILL), and is started again; its log is")
    killed.wait_for(lambda: killed.get(f"{RUNS}/{FIRST}")["state"] != "running", 900, "the night to end")
    run = killed.get(f"{RUNS}/{FIRST}")
    assert (run["state"], run["logical_date"][:10]) == ("success", DAY)
    assert module_world.everything() == unharmed


def test_nights_of_a_backfill_come_one_at_a_time_oldest_first(killed: Airflow) -> None:
    ended = datetime.fromisoformat(killed.get(f"{RUNS}/{FIRST}")["end_date"])
    started = killed.wait_for(lambda: killed.get(f"{RUNS}/{SECOND}")["start_date"], 60, "the second night")
    assert datetime.fromisoformat(started) >= ended
    # The machine has better to do than to end it.
    assert killed.ask("PATCH", f"{RUNS}/{SECOND}", {"state": "failed"})[0] == 200


def test_a_scheduled_night_waits_for_the_lake_and_is_told_when_that_makes_it_late(killed: Airflow) -> None:
    # Airflow makes up for the last night once a backfill has run, beside it.
    late = killed.wait_for(lambda: [each for each in Hook.came if "not done by" in each["title"]], 120, "the alert")
    [posted] = [each for each in late if "scheduled__" in each["text"]]
    assert posted["title"].startswith("nightly: not done by ")
    assert posted["lines"][-1].endswith(", running")
    assert any("team leaders open the day" in line for line in posted["lines"])
    # For the night of a backfill nobody waits.
    assert late == [posted]


def test_a_killed_database_comes_back_and_so_does_all_that_needs_it(killed: Airflow) -> None:
    killed_at = datetime.now(UTC)
    killed.kill("PostgreSQL")
    killed.wait_until_it_says("PostgreSQL was killed (SIGKILL), and is started again")
    killed.wait_for(lambda: beats_since(killed, killed_at), 120, "a sign of life of each part")
    assert killed.get(f"{RUNS}/{FIRST}")["state"] == "success"


def beats_since(airflow: Airflow, moment: datetime) -> bool:
    """Whether each part has given a sign of life since."""
    code, health = airflow.ask("GET", "/api/v2/monitor/health", token="")
    beats = [health[part][f"latest_{part}_heartbeat"] for part in ("scheduler", "dag_processor", "triggerer")]
    return code == 200 and all(beat and datetime.fromisoformat(beat) > moment for beat in beats)


def test_after_a_kill_of_it_all_the_next_start_ends_what_was_left_and_goes_on(killed: Airflow) -> None:
    left = killed.pid("scheduler")
    killed.process.kill()
    killed.process.wait()
    killed.start()
    killed.wait_until_it_says(
        "what it had left running has ended: PostgreSQL, scheduler, dag-processor, triggerer, api-server"
    )
    assert not processes.session(left)
    killed.wait_until_it_says("Airflow is ready", times=2)
    assert killed.get(f"{RUNS}/{FIRST}")["state"] == "success"
