"""One night at a time on a lake: a lock that lies in it and dies with its holder."""

import json
import os
import time
from pathlib import Path
from typing import Any

from upath import UPath

from jobs.errors import LakeBusyError
from jobs.settings import Settings

GRACE_SECONDS = 120
"""Between two tasks of a scheduled night no process holds the lock; after so long it is given up."""


def take(settings: Settings, run_id: str, holder: str) -> None:
    """Takes the lock for a run. `holder` is `process` (this one, to its end) or `scheduler` (task after task).

    Raises:
        LakeBusyError: another run that is alive has it.
    """
    lock = _path(settings)
    lock.parent.mkdir(parents=True, exist_ok=True)
    for _ in range(3):
        try:
            with lock.open("x") as file:
                file.write(_content(run_id, holder))
            return
        except FileExistsError:
            held = _held(lock)
            if held.get("run_id") != run_id and _is_alive(held):
                raise LakeBusyError(
                    f"the lake {settings.lake} is in use by the run {held.get('run_id')} (process {held.get('pid')}); "
                    "wait until it has ended, or stop it"
                ) from None
            lock.unlink(missing_ok=True)
    raise LakeBusyError(f"the lock {lock} changes hands too fast; try again")


def touch(settings: Settings, run_id: str) -> None:
    """Says that a task of the run is at work in this process; takes the lock when it is free."""
    held = _held(_path(settings))
    if held.get("run_id") != run_id:
        take(settings, run_id, "process")
    elif held.get("holder") == "scheduler":
        _path(settings).write_text(_content(run_id, "scheduler"))


def release(settings: Settings, run_id: str) -> None:
    """Gives the lock back if the run has it."""
    if _held(_path(settings)).get("run_id") == run_id:
        _path(settings).unlink(missing_ok=True)


def _path(settings: Settings) -> UPath:
    return UPath(settings.lake, ".night.lock")


def _content(run_id: str, holder: str) -> str:
    pid = os.getpid()
    return json.dumps(
        {"run_id": run_id, "holder": holder, "pid": pid, "began": _began(pid), "host": os.uname().nodename, "at": time.time()}
    )


def _held(lock: UPath) -> dict[str, Any]:
    try:
        held: dict[str, Any] = json.loads(lock.read_text())
    except (OSError, ValueError):
        return {}
    return held


def _is_alive(held: dict[str, Any]) -> bool:
    if not held:
        return False
    is_recent = time.time() - held["at"] < GRACE_SECONDS
    if held["host"] != os.uname().nodename:
        return True
    is_running = _began(held["pid"]) == held["began"] is not None
    return is_running or (held["holder"] == "scheduler" and is_recent)


def _began(pid: int) -> str | None:
    """When a process started, which tells it from another with the same number."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[19]
    except OSError:
        return None
