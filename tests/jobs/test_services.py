"""Services that end are started again, what they leave behind ends with them, and one that never stays up ends all."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jobs import services
from jobs.services import Service, ServiceEndedError, Services

PARENT = """
import os, subprocess, sys, time
# A worker in a process group of its own, as Airflow's tasks are.
child = subprocess.Popen(["sleep", "600"], process_group=0)
print(os.getpid(), child.pid, flush=True)
time.sleep(600)
"""


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def running(tmp_path: Path, said: list[str]) -> Iterator[Services]:
    running = Services(tmp_path / "services.json", lambda service, how: said.append(f"{service.name} {how}"))
    yield running
    running.stop()


def service(tmp_path: Path, code: str = PARENT, name: str = "scheduler") -> Service:
    return Service(name, [sys.executable, "-c", code], tmp_path / f"{name}.log")


def pids(tmp_path: Path, starts: int = 1) -> list[int]:
    """Parent and child of the latest of so many starts."""
    wait_for(lambda: (tmp_path / "scheduler.log").read_text().count("\n") >= starts)
    return [int(pid) for pid in (tmp_path / "scheduler.log").read_text().splitlines()[-1].split()]


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def _silent(*_: object) -> None:
    """Nobody hears it."""


def wait_for(is_so: Callable[[], object], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_service_that_was_killed_is_started_again_without_what_it_left_behind(
    tmp_path: Path, running: Services, said: list[str]
) -> None:
    running.start(service(tmp_path))
    parent, child = pids(tmp_path)
    os.kill(parent, signal.SIGKILL)
    wait_for(lambda: running.watch() or said)  # type: ignore[func-returns-value]
    assert not is_alive(child)
    assert said == ["scheduler was killed (SIGKILL)"]
    wait_for(lambda: running.watch() or len((tmp_path / "scheduler.log").read_text().splitlines()) == 2)  # type: ignore[func-returns-value]
    assert is_alive(pids(tmp_path, 2)[1])


def test_a_service_that_never_stays_up_ends_all_and_names_its_log(
    tmp_path: Path, running: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "LONGEST_PAUSE", 0.01)
    broken = service(tmp_path, "raise SystemExit(3)")
    running.start(broken)
    with pytest.raises(ServiceEndedError, match="scheduler ended by itself with exit code 3") as caught:
        wait_for(running.watch)
    assert caught.value.service.log == broken.log
    assert len(broken.ends) == services.MOST_ENDS


def test_stopping_ends_what_services_started_and_what_carries_them_last(tmp_path: Path, running: Services) -> None:
    told = "import signal, sys, time\nsignal.signal({sign}, lambda *_: (open({file!r}, 'a').write({name!r}), sys.exit()))\nprint(1, flush=True)\ntime.sleep(600)"
    order = str(tmp_path / "order")
    database = service(tmp_path, told.format(sign=int(signal.SIGINT), file=order, name="database "), "database")
    database.stop_signal, database.carries_others = signal.SIGINT, True
    running.start(database)
    running.start(service(tmp_path, told.format(sign=int(signal.SIGTERM), file=order, name="api "), "api"))
    running.start(service(tmp_path))
    for name in ("database", "api"):
        wait_for(lambda name=name: (tmp_path / f"{name}.log").read_text())  # type: ignore[misc]
    _, child = pids(tmp_path)
    running.stop()
    assert not is_alive(child)
    assert (tmp_path / "order").read_text() == "api database "


def test_what_a_killed_supervisor_left_running_ends_and_nothing_else(tmp_path: Path) -> None:
    code = f"""
import sys, time
from pathlib import Path
from jobs.services import Service, Services
home = Path({str(tmp_path)!r})
Services(home / "services.json", print).start(Service("scheduler", [sys.executable, "-c", {PARENT!r}], home / "scheduler.log"))
time.sleep(600)
"""
    supervisor = subprocess.Popen([sys.executable, "-c", code])
    wait_for(lambda: (tmp_path / "scheduler.log").exists())
    parent, child = pids(tmp_path)
    wait_for(lambda: (tmp_path / "services.json").exists())
    supervisor.kill()
    supervisor.wait()
    # Its leader dead, a session is still found.
    os.kill(parent, signal.SIGKILL)
    assert is_alive(child)
    assert Services(tmp_path / "services.json", _silent).end_leftovers() == ["scheduler"]
    assert not is_alive(child)
    assert Services(tmp_path / "services.json", _silent).end_leftovers() == []


def test_a_number_that_another_process_has_since_is_left_alone(tmp_path: Path, running: Services) -> None:
    other = subprocess.Popen(["sleep", "600"], start_new_session=True)
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    (tmp_path / "services.json").write_text(
        f'{{"boot": "{boot}", "services": {{"scheduler": [{other.pid}, "1", null]}}}}'
    )
    assert running.end_leftovers() == []
    assert is_alive(other.pid)
    other.kill()
    other.wait()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may act as somebody else")
def test_a_program_of_another_account_is_given_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ECHOLAKE_SMTP_PASSWORD", "se-cret")
    command = ["/usr/bin/env"]
    own = Service("own", command, tmp_path / "own.log")
    other = Service("other", command, tmp_path / "other.log", user="daemon")
    for each in (own, other):
        each.start()
        assert each.process is not None
        assert each.process.wait() == 0
    assert "se-cret" in own.log.read_text()
    assert "se-cret" not in other.log.read_text()
    assert "PATH=" in other.log.read_text()
