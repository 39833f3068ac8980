"""One night at a time on a lake: a lock that lies in it and dies with its holders."""

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jobs import object_lock
from jobs.errors import LakeBusyError
from jobs.processes import began
from jobs.settings import Settings
from jobs.whole_files import put

FILE = ".night.lock"
"""In the root of a lake that is a folder; on object storage see jobs/object_lock.py."""
GRACE_SECONDS = 120
"""Between two tasks of a scheduled night no process holds the lock; after so long it is given up."""
SOURCE_PAUSE_SECONDS = 300
"""After so long a scheduled night asks a source again that was down (dags/night_shift.py); the lock waits with it."""


def take(settings: Settings, run_id: str, holder: str) -> bool:
    """Takes the lock for a run. `holder` is `process` (this one, to its end) or `scheduler` (task after task).

    Returns whether one that died had it: another run, or a process of this one that held it to its end.

    Raises:
        LakeBusyError: another run that is alive has it.
    """

    def taken(held: dict[str, Any]) -> dict[str, Any]:
        if held.get("run_id") != run_id and _is_alive(held):
            raise _busy(settings, held)
        return _content(run_id, holder, {})

    held = _change(settings, taken)
    return bool(held) and (held["run_id"] != run_id or (held["holder"] == "process" and not _is_alive(held)))


def touch(settings: Settings, run_id: str, pause_seconds: float = 0, is_over: bool = False) -> None:
    """Says that the run is at work in this process, and goes on after a pause; takes the lock when it is free.

    `is_over`: the task of this process has ended. Another host could not tell, and would wait for it for good.

    Raises:
        LakeBusyError: another run that is alive has it.
    """
    is_mine = False

    def touched(held: dict[str, Any]) -> dict[str, Any]:
        nonlocal is_mine
        is_mine = held.get("run_id") == run_id
        if not is_mine:
            return held
        content = _content(run_id, held["holder"], held["processes"])
        if is_over and held["holder"] == "scheduler":
            content["processes"].pop(_named(os.getpid()))
        # A clock that went back does not hold the lake for as long as it went.
        latest = min(held["at"], content["at"] + SOURCE_PAUSE_SECONDS)
        return {**content, "at": max(latest, content["at"] + pause_seconds)}

    # Where the disk is full the lock stands as it was, and what the work itself says of it is better.
    with contextlib.suppress(OSError):
        _change(settings, touched)
    if not is_mine:
        take(settings, run_id, "scheduler")


def is_held_by(settings: Settings, run_id: str) -> bool:
    """Whether the run has the lock."""
    return bool(_change(settings, lambda held: held).get("run_id") == run_id)


def release(settings: Settings, run_id: str) -> None:
    """Gives the lock back if the run has it."""
    _change(settings, lambda held: {} if held.get("run_id") == run_id else held)


def _change(settings: Settings, changed: Callable[[dict[str, Any]], dict[str, Any]]) -> dict[str, Any]:
    """Replaces what the lock says by what `changed` makes of it, and nobody's in between; returns what it said."""
    if "://" in settings.lake:
        return object_lock.change(settings.lake, _read, changed)
    Path(settings.lake).mkdir(parents=True, exist_ok=True)
    lock = Path(settings.lake, FILE)
    with Path(settings.lake, ".night.guard").open("w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        held = _read(lock.read_bytes() if lock.exists() else b"")
        new = changed(held)
        if new and new != held:
            # Wherever a kill strikes or the disk is full, the lock says who holds it.
            put(lock, json.dumps(new).encode())
        elif not new:
            lock.unlink(missing_ok=True)
        return held


def _busy(settings: Settings, held: dict[str, Any]) -> LakeBusyError:
    processes, here = ", ".join(held["processes"]), os.uname().nodename
    at_work = {name.rpartition(":")[0] for name, at in held["processes"].items() if _is_running(name, at)}
    elsewhere = sorted({held["host"], *at_work} - {here})
    todo = "wait until it has ended, or stop it"
    if elsewhere and here not in at_work:
        # Whether it died cannot be seen from here.
        is_stored = "://" in settings.lake
        lock = f"all objects below {settings.lake}/{object_lock.FOLDER}/" if is_stored else Path(settings.lake, FILE)
        hosts = " and ".join(elsewhere)
        todo = f"wait until it has ended; if nothing runs on {hosts} any more, delete {lock}"
    return LakeBusyError(
        f"the lake {settings.lake} is in use by the run {held['run_id']}",
        expected="a lake on which no other run is at work",
        found=f"its processes {processes}" if processes else f"its scheduler on {held['host']}, between two tasks",
        todo=todo,
    )


def _content(run_id: str, holder: str, processes: dict[str, str | None]) -> dict[str, Any]:
    running = {name: at for name, at in processes.items() if _is_running(name, at)}
    return {
        "run_id": run_id,
        "holder": holder,
        "processes": {**running, _named(os.getpid()): began(os.getpid())},
        "host": os.uname().nodename,
        "at": time.time(),
    }


def _read(text: bytes) -> dict[str, Any]:
    try:
        held: dict[str, Any] = json.loads(text)
    except ValueError:
        return {}
    return held


def _is_alive(held: dict[str, Any]) -> bool:
    if not held:
        return False
    if held["host"] != os.uname().nodename:
        return True
    # Further ahead than any pause lies what a clock wrote that has gone back since.
    is_recent = held["holder"] == "scheduler" and -SOURCE_PAUSE_SECONDS <= time.time() - held["at"] < GRACE_SECONDS
    return is_recent or any(_is_running(*each) for each in held["processes"].items())


def _named(pid: int) -> str:
    return f"{os.uname().nodename}:{pid}"


def _is_running(name: str, began_at: str | None) -> bool:
    """Whether a process is at work, for all that can be seen from here: of another host's it must be taken so."""
    host, _, pid = name.rpartition(":")
    return host != os.uname().nodename or (began_at is not None and began(int(pid)) == began_at)
