"""What Spark keeps of frames that are gone is given back, and not by the thread in which they went."""

import gc
import threading
from queue import SimpleQueue
from typing import Any

import pytest

from jobs import releases

pytestmark = pytest.mark.spark


def test_a_frame_that_is_gone_is_given_back_by_no_thread_that_may_hold_the_channel(
    spark: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Where the finalizer itself asks the server, garbage that is collected while gRPC starts a thread stops both.
    given_back: SimpleQueue[str] = SimpleQueue()
    release = releases._give_back

    def give_back(frame: Any) -> None:
        release(frame)
        given_back.put(threading.current_thread().name)

    monkeypatch.setattr(releases, "_give_back", give_back)
    frame = spark.range(3).localCheckpoint()
    assert frame.count() == 3
    del frame
    gc.collect()
    assert given_back.get(timeout=20) == "releases"
