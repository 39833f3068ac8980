"""One command of Echolake as a process that can be watched, and killed at a moment of its work."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from random import Random
from threading import Condition, Thread

TABLE_MADE = re.compile(r"^\s+(?:\[\d+/\d+\] )?((?:bronze|silver|features|gold)\.\w+)\b.*\b(?:done|unchanged)\b")
"""What `backfill` and `nightly` say of a table that is made."""
LONGEST_SECONDS = 1_800
"""A command that takes longer hangs."""
EDGES = 0.05, 0.2
"""Shares of the moments before the first table and after the last: little time, many steps that count."""


MISSED = "missed"
"""Of a blow for which the run was too fast, or which found nobody."""


def kill(pid: int) -> bool:
    """Kills a process; says whether it was there."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def children(parent: int) -> list[int]:
    """The processes that a process has started and that have not ended."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            of = int((folder / "stat").read_text().rsplit(")", 1)[1].split()[1])
        except (OSError, ValueError):
            continue
        if of == parent:
            found.append(int(folder.name))
    return found


@dataclass(frozen=True)
class Moment:
    """So many tables after the start, and this share of the time that the next one usually takes."""

    tables: int
    share: float

    @classmethod
    def drawn(cls, rng: Random, tables: int) -> "Moment":
        """A moment of a night of so many tables."""
        first, last = EDGES
        drawn, share = rng.random(), rng.random()
        if drawn < first:
            return cls(0, share)
        return cls(tables if drawn > 1 - last else rng.randrange(1, tables), share)

    def __str__(self) -> str:
        return f"table {self.tables} + {self.share:.2f}"


class Run:
    """A command of `python -m jobs` in a session of its own; what it says goes to a file as well."""

    def __init__(self, command: Sequence[str], folder: Path, environment: Mapping[str, str], log: Path) -> None:
        self.command = command
        self._said = Condition()
        self._made: list[tuple[float, str]] = []
        self._lines: list[str] = []
        self._is_over = False
        self.began = time.monotonic()
        self._process = subprocess.Popen(
            [sys.executable, "-u", "-m", "jobs", *command], cwd=folder, env=dict(environment), text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
            errors="replace",
        )  # fmt: skip
        self.pid = self._process.pid
        self._listener = Thread(target=self._listen, args=[log], daemon=True)
        self._listener.start()

    def _listen(self, log: Path) -> None:
        assert self._process.stdout is not None
        with log.open("a") as file:
            for line in self._process.stdout:
                file.write(line)
                file.flush()
                found = TABLE_MADE.match(line)
                with self._said:
                    self._lines.append(line)
                    if found:
                        self._made.append((time.monotonic(), found.group(1)))
                    self._said.notify_all()
        with self._said:
            self._is_over = True
            self._said.notify_all()

    @property
    def text(self) -> str:
        """All that it said."""
        return "".join(self._lines)

    @property
    def tables(self) -> int:
        """How many tables it has made."""
        return len(self._made)

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    @property
    def seconds(self) -> list[float]:
        """How long it took to each table from the one before, and from the last to the end (now)."""
        moments = [self.began, *(at for at, _ in self._made), time.monotonic()]
        return [after - before for before, after in pairwise(moments)]

    def strike(self, moment: Moment, usual: Sequence[float], blow: Callable[[], object]) -> str:
        """Deals a blow at that moment; says where: before, within, after tables, or missed (too late, or False)."""
        deadline = self.began + LONGEST_SECONDS
        with self._said:
            while self.tables < moment.tables and not self._is_over and time.monotonic() < deadline:
                self._said.wait(1)
        until = time.monotonic() + moment.share * usual[moment.tables]
        while self.is_running and time.monotonic() < until:
            time.sleep(0.02)
        made = self.tables
        if not self.is_running or blow() is False:
            return MISSED
        if made == 0:
            return "before"
        return "after" if made >= len(usual) - 1 else "within"

    def kill(self) -> bool:
        """Kills the process, and no other; says whether it was there."""
        return kill(self.pid)

    def wait(self) -> int:
        """Its exit code; one that hangs is killed, which is an exit code below 0."""
        try:
            code = self._process.wait(max(1.0, self.began + LONGEST_SECONDS - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.end()
            code = self._process.wait()
        self._listener.join(10)
        return code

    def end(self) -> None:
        """Kills what is left of it and of its group."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
