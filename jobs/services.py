"""Long-running programs of this machine that belong together: started, started again when they end, and ended."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from jobs.processes import began, of_account, session
from jobs.whole_files import put

STOP_SECONDS = 10
MOST_ENDS, WINDOW_SECONDS = 5, 300.0
"""A service that ends by itself so often in so long does not run; it takes the others down."""

LONGEST_PAUSE = 30.0
"""Seconds at most before it is started again."""


class ServiceEndedError(Exception):
    """A service does not stay up."""

    def __init__(self, service: "Service", how: str) -> None:
        """`how` it ended the last time."""
        self.service = service
        super().__init__(f"{service.name} {how}")


@dataclass
class Service:
    """A program in a session of its own, by which all that it started is found again."""

    name: str
    command: Sequence[str]
    log: Path
    user: str | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    carries_others: bool = False
    process: "subprocess.Popen[bytes] | None" = None
    ends: list[float] = field(default_factory=list)
    due_at: float = 0.0

    def start(self) -> None:
        """Starts it; its output goes to the end of its log."""
        with self.log.open("ab") as log:
            # Ctrl-C must not reach what runs in it.
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                **of_account(self.user),
            )  # fmt: skip


class Services:
    """Services in the order in which they start; the file `kept` says which run, should this process be killed."""

    def __init__(self, kept: Path, tell: Callable[[Service, str], None]) -> None:
        """`tell` hears which service ended, and how, before it is started again."""
        self._kept = kept
        self._tell = tell
        self._services: list[Service] = []

    def start(self, service: Service) -> None:
        """Starts a service, and watches it from now on."""
        service.start()
        self._services.append(service)
        self._keep()

    def watch(self) -> None:
        """Starts again what ended by itself.

        Raises:
            ServiceEndedError: it does so too often.
        """
        now = time.monotonic()
        for service in self._services:
            if service.process is None:
                if now >= service.due_at:
                    service.start()
                    self._keep()
            elif (code := service.process.poll()) is not None:
                self._ended(service, code, now)

    def stop(self) -> None:
        """Ends all and what they started, what carries the others after them."""
        # Who asks a second time must not leave half of them running.
        before = {sign: signal.signal(sign, signal.SIG_IGN) for sign in (signal.SIGINT, signal.SIGTERM)}
        for is_last in (False, True):
            running = [each for each in self._services if each.process and each.carries_others is is_last]
            _end(running)
            for service in running:
                assert service.process is not None
                _kill_session(service.process.pid)
                service.process.wait()
        self._kept.unlink(missing_ok=True)
        for sign, handler in before.items():
            signal.signal(sign, handler)

    def end_leftovers(self) -> list[str]:
        """Ends what an earlier process of this kind left running when it was killed; returns the names."""
        try:
            kept = json.loads(self._kept.read_text())
        except (OSError, ValueError):
            return []
        found = [
            (name, pid, sign)
            for name, (pid, began_at, sign) in kept["services"].items()
            # A number in use as a session's is not given away, so a session without its leader is ours too.
            if kept["boot"] == _boot() and session(pid) and began(pid) in (began_at, None)
        ]
        # Nobody waits for their work any more; what carries them ends in order, after them.
        for _, pid, sign in sorted(found, key=lambda each: each[2] is not None):
            if sign is not None:
                _ask_to_end(pid, sign)
            _kill_session(pid)
        self._kept.unlink(missing_ok=True)
        return [name for name, _, _ in found]

    def _ended(self, service: Service, code: int, now: float) -> None:
        assert service.process is not None
        # Workers and tasks outlive their scheduler, and would go on beside those of the next.
        _kill_session(service.process.pid)
        service.process = None
        how = f"was killed ({signal.Signals(-code).name})" if code < 0 else f"ended by itself with exit code {code}"
        service.ends = [end for end in service.ends if now - end < WINDOW_SECONDS] + [now]
        if len(service.ends) >= MOST_ENDS:
            raise ServiceEndedError(service, how)
        service.due_at = now + min(2.0 ** (len(service.ends) - 1), LONGEST_PAUSE)
        self._tell(service, how)

    def _keep(self) -> None:
        running = {
            service.name: (
                service.process.pid,
                began(service.process.pid),
                int(service.stop_signal) if service.carries_others else None,
            )
            for service in self._services
            if service.process is not None
        }
        put(self._kept, json.dumps({"boot": _boot(), "services": running}).encode())


def _end(services: Sequence[Service]) -> None:
    # Airflow's scheduler waits for tasks that run until it is told a second time.
    for _ in range(2):
        for service in services:
            assert service.process is not None
            with suppress(ProcessLookupError):
                service.process.send_signal(service.stop_signal)
        deadline = time.monotonic() + STOP_SECONDS
        while time.monotonic() < deadline and any(each.process and each.process.poll() is None for each in services):
            time.sleep(0.1)


def _ask_to_end(pid: int, sign: int) -> None:
    deadline = time.monotonic() + STOP_SECONDS
    with suppress(ProcessLookupError):
        os.kill(pid, sign)
    while time.monotonic() < deadline and began(pid) is not None:
        time.sleep(0.1)


def _kill_session(leader: int) -> None:
    # A task makes a process group of its own, so a session is what they have in common.
    deadline = time.monotonic() + STOP_SECONDS
    while (members := session(leader)) and time.monotonic() < deadline:
        for pid in members:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)


def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
