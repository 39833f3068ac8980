"""One night at a time on a lake: a lock that lies in it and dies with its holders."""

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from upath import UPath

from jobs.errors import LakeBusyError
from jobs.settings import Settings

GRACE_SECONDS = 120
"""Between two tasks of a scheduled night no process holds the lock; after so long it is given up."""


def take(settings: Settings, run_id: str, holder: str) -> bool:
    """Takes the lock for a run. `holder` is `process` (this one, to its end) or `scheduler` (task after task).

    Returns whether another run that died had it.

    Raises:
        LakeBusyError: another run that is alive has it.
    """
    with _guarded(settings) as lock:
        held = _held(lock)
        if held.get("run_id") != run_id and _is_alive(held):
            raise LakeBusyError(
                f"the lake {settings.lake} is in use by the run {held['run_id']} "
                f"(processes {', '.join(held['processes']) or 'of a scheduler'}); wait until it has ended, or stop it"
            )
        _write(lock, run_id, holder, {})
        return bool(held) and held["run_id"] != run_id


def touch(settings: Settings, run_id: str) -> None:
    """Says that the run is at work in this process; takes the lock when it is free."""
    with _guarded(settings) as lock:
        held = _held(lock)
        is_mine = held.get("run_id") == run_id
        if is_mine:
            # Where the disk is full the lock stands as it was, and what the work itself says of it is better.
            with contextlib.suppress(OSError):
                _write(lock, run_id, held["holder"], held["processes"])
    if not is_mine:
        take(settings, run_id, "scheduler")


def is_held_by(settings: Settings, run_id: str) -> bool:
    """Whether the run has the lock."""
    with _guarded(settings) as lock:
        return bool(_held(lock).get("run_id") == run_id)


def release(settings: Settings, run_id: str) -> None:
    """Gives the lock back if the run has it."""
    with _guarded(settings) as lock:
        if _held(lock).get("run_id") == run_id:
            lock.unlink(missing_ok=True)


@contextlib.contextmanager
def _guarded(settings: Settings) -> Iterator[UPath]:
    """The lock's file, which no other process of this machine looks at meanwhile."""
    lock = UPath(settings.lake, ".night.lock")
    if "://" in settings.lake:
        yield lock
        return
    lock.parent.mkdir(parents=True, exist_ok=True)
    with Path(settings.lake, ".night.guard").open("w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        yield lock


def _write(lock: UPath, run_id: str, holder: str, processes: dict[str, str | None]) -> None:
    running = {pid: began for pid, began in processes.items() if began is not None and _began(pid) == began}
    own = str(os.getpid())
    content = {
        "run_id": run_id,
        "holder": holder,
        "processes": {**running, own: _began(own)},
        "host": os.uname().nodename,
        "at": time.time(),
    }
    if lock.protocol:
        lock.write_text(json.dumps(content))
        return
    # Whole or not at all: wherever a kill strikes or the disk is full, the lock says who holds it.
    draft = Path(f"{lock}.new")
    try:
        draft.write_text(json.dumps(content))
        draft.replace(str(lock))
    finally:
        draft.unlink(missing_ok=True)


def _held(lock: UPath) -> dict[str, Any]:
    try:
        held: dict[str, Any] = json.loads(lock.read_text())
    except (OSError, ValueError):
        return {}
    return held


def _is_alive(held: dict[str, Any]) -> bool:
    if not held:
        return False
    if held["host"] != os.uname().nodename:
        return True
    is_recent = held["holder"] == "scheduler" and time.time() - held["at"] < GRACE_SECONDS
    return is_recent or any(_began(pid) == began for pid, began in held["processes"].items())


def _began(pid: str) -> str | None:
    """When a process started, which tells it from another with the same number; None when it has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[19]
    except OSError:
        return None
