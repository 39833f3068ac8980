"""A full disk loses nothing: the table stands as it was, the reason is plain, and the night goes on once there is room."""

import os
import subprocess
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from jobs import lock, ranges
from jobs.errors import DataError, LakeBusyError
from jobs.settings import read_settings
from tests.conftest import World

HEADER = "call_id,caller_number,direction,started_at,ended_at,outcome\n"


@pytest.fixture
def disk(world: World) -> Iterator[Path]:
    """A disk of its own under the lake."""
    world.lake.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", world.lake], check=False).returncode:
        pytest.skip("only root may mount a disk")
    yield world.lake
    # The server may hold a file of it open a moment longer.
    subprocess.run(["umount", "--lazy", world.lake], check=True)


def test_a_full_disk_is_told_and_leaves_the_table_as_it_was(world: World, disk: Path) -> None:
    for day in ("2026-01-05", "2026-01-06"):
        row = f"{day},1380013800{day[-1]},inbound,{day} 10:00:00,{day} 10:01:00,answered\n"
        world.drop("calls", day, HEADER + row)
    world.make("bronze.calls", "2026-01-05")
    _resize(disk, _used(disk))
    with pytest.raises(DataError, match="the disk is full") as raised:
        world.make("bronze.calls", "2026-01-06")
    assert raised.value.headline.startswith("bronze.calls 2026-01-06")
    assert world.rows("bronze.calls", "call_id") == [("2026-01-05",)]
    _resize(disk, 8 << 20)
    world.make("bronze.calls", "2026-01-06")
    assert world.rows("bronze.calls", "call_id") == [("2026-01-05",), ("2026-01-06",)]
    assert world.rows("vault.calls", "value") == [("+8613800138005",), ("+8613800138006",)]


def test_a_night_that_cannot_even_be_written_down_tells_what_stopped_it(world: World, disk: Path) -> None:
    day = "2026-01-05"
    world.drop("calls", day, f"{HEADER}a,13800138000,inbound,{day} 10:00:00,{day} 10:01:00,answered\n")
    world.drop("transactions", day, "transaction_id,customer_id,posted_at,amount,currency,kind\n")
    _resize(disk, _used(disk) + (32 << 10))
    with pytest.raises(DataError, match="the disk is full") as raised:
        ranges.backfill(date.fromisoformat(day), date.fromisoformat(day), "full", say=lambda _: None)
    assert raised.value.headline.startswith("bronze.")
    _resize(disk, _used(disk))
    with pytest.raises(DataError, match=f"night {day}: the disk is full"):
        ranges.backfill(date.fromisoformat(day), date.fromisoformat(day), "full", say=lambda _: None)


def test_a_full_disk_does_not_lose_the_lock(world: World, disk: Path) -> None:
    settings = read_settings()
    lock.take(settings, "this night", "process")
    _resize(disk, _used(disk))
    lock.touch(settings, "this night")
    assert lock.is_held_by(settings, "this night")
    with pytest.raises(LakeBusyError):
        lock.take(settings, "another", "process")
    lock.release(settings, "this night")
    assert sorted(file.name for file in disk.iterdir()) == [".night.guard"]


def _used(disk: Path) -> int:
    state = os.statvfs(disk)
    return (state.f_blocks - state.f_bfree) * state.f_frsize


def _resize(disk: Path, size: int) -> None:
    subprocess.run(["mount", "-o", f"remount,size={size}", disk], check=True)
