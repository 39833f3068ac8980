"""The lock of a lake says at any moment who holds it."""

from pathlib import Path
from threading import Thread

import pytest

from jobs import lock
from jobs.settings import read_settings


def test_a_lock_is_whole_at_any_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ECHOLAKE_LAKE", str(tmp_path))
    settings, file = read_settings(), tmp_path / ".night.lock"
    lock.take(settings, "this night", "process")

    def renew() -> None:
        for _ in range(500):
            lock.touch(settings, "this night")

    night = Thread(target=renew)
    night.start()
    seen = set()
    while night.is_alive():
        # As a kill at this moment would leave it.
        seen.add("this night" in file.read_text())
    night.join()
    assert seen == {True}
    lock.release(settings, "this night")
    assert not list(tmp_path.glob(".night.lock*"))
