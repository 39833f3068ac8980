"""Processes of this machine: whether one is still the one that it was, who belongs together, and how this one ends."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


def of_account(user: str | None) -> dict[str, Any]:
    """Arguments of subprocess for a program of another account, None for ours: of our environment it has no secret."""
    if user is None:
        return {}
    plain = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL", "TZ") if name in os.environ}
    return {"user": user, "group": user, "extra_groups": [], "env": plain}


def session(leader: int) -> list[int]:
    """Processes of a session that have not ended."""
    stats = {int(file.parent.name): _stat(int(file.parent.name)) for file in Path("/proc").glob("[0-9]*/stat")}
    return [pid for pid, stat in stats.items() if stat and stat[0] not in "ZX" and stat[3] == str(leader)]


def began(pid: int) -> str | None:
    """When a process started, which tells it from another with the same number; None when it has ended."""
    stat = _stat(pid)
    return stat[19] if stat and stat[0] not in "ZX" else None


@contextmanager
def stoppable() -> Iterator[None]:
    """SIGTERM ends the work as Ctrl-C does, and Ctrl-C also a job that a shell runs in the background."""
    before = {sign: signal.signal(sign, signal.default_int_handler) for sign in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for sign, handler in before.items():
            signal.signal(sign, handler)


def _stat(pid: int) -> list[str] | None:
    """The fields of /proc/<pid>/stat from the state on (proc(5))."""
    try:
        # A process may have any bytes for a name.
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rsplit(")", 1)[1].split()
    except OSError:
        return None
