"""What Spark keeps for frames that are gone is given back by a thread of its own.

pyspark's client gives a checkpointed frame back from a finalizer, by a call that takes the lock of the gRPC channel.
The collector of garbage runs finalizers in whatever thread it finds, also in one that gRPC starts while it holds that
lock, and then both wait for ever (apache/spark pull requests 53783 and 58085, lakehq/sail pull request 1704). So a
finalizer here only puts the frame in a queue, which takes no lock that Python code can hold.
"""

import os
from contextlib import suppress
from queue import SimpleQueue
from threading import Thread

from pyspark.sql.connect.plan import CachedRemoteRelation

_gone: SimpleQueue[CachedRemoteRelation] = SimpleQueue()
_give_back = CachedRemoteRelation.__del__
_of_process: int | None = None


def by_a_thread() -> None:
    """From now on, in this process. A process that was forked has to say so itself: no thread came with it."""
    global _of_process
    if _of_process == os.getpid():
        return
    _of_process = os.getpid()
    CachedRemoteRelation.__del__ = lambda frame: _gone.put(frame)  # type: ignore[method-assign]
    Thread(target=_give_all_back, name="releases", daemon=True).start()


def _give_all_back() -> None:
    while True:
        frame = _gone.get()
        # A server that is gone keeps nothing of it.
        with suppress(Exception):
            _give_back(frame)
        # It has lived on until here, and is finalized only once.
        del frame
