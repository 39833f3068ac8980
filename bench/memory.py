"""The memory that work takes: the most that its processes held at once, looked at while they run."""

import os
import threading
from typing import Self

import psutil

from jobs.session import server_process
from jobs.settings import Settings

EVERY_SECONDS = 0.5


class Peak:
    """Watches this process, what it starts, and the lake's Spark server with its workers, within a `with`."""

    def __init__(self, settings: Settings) -> None:
        """Of the server of that lake."""
        self.settings = settings
        self.mib = 0.0
        self._seen = set[int]()
        self._done = threading.Event()
        self._watching = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._watching.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._watching.join()

    def _watch(self) -> None:
        while not self._done.wait(EVERY_SECONDS):
            self.mib = max(self.mib, self._held() / (1 << 20))

    def _held(self) -> float:
        found: dict[int, psutil.Process] = {}
        for root in (os.getpid(), server_process(self.settings)):
            if root is None:
                continue
            try:
                process = psutil.Process(root)
                found |= {each.pid: each for each in (process, *process.children(recursive=True))}
            except psutil.NoSuchProcess:
                continue
        # A child that Java is just starting shares all memory of its parent, which would count twice.
        lasting = found.keys() & self._seen
        self._seen = set(found)
        return sum(_rss(found[pid]) for pid in lasting)


def _rss(process: psutil.Process) -> float:
    try:
        return float(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0.0
