"""A file is what it was or what it shall be, and nothing lies beside it."""

import resource
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from jobs.whole_files import draft_of, put

LONG = 4_000_000


def test_a_reader_never_sees_a_part(tmp_path: Path) -> None:
    file = tmp_path / "read.json"
    contents = [letter * LONG for letter in (b"a", b"b")]
    put(file, contents[0])
    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(_put_in_turn, file, contents)
        seen = 0
        while not writing.done():
            assert file.read_bytes() in contents
            seen += 1
    writing.result()
    assert seen
    assert list(tmp_path.iterdir()) == [file]


def test_without_room_the_file_is_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / ".held.json"
    put(file, b"before")
    with _files_of_at_most(1_000), pytest.raises(OSError, match="too large"):
        put(file, b"x" * LONG)
    assert file.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [file]


def test_a_link_in_the_place_of_the_draft_is_not_followed(tmp_path: Path) -> None:
    victim, file = tmp_path / "victim", tmp_path / "list.csv"
    victim.write_bytes(b"as it was")
    draft_of(file).symlink_to(victim)
    put(file, b"new")
    assert (victim.read_bytes(), file.read_bytes()) == (b"as it was", b"new")
    assert not file.is_symlink()


def test_rights_are_those_asked_for_whatever_a_killed_run_left(tmp_path: Path) -> None:
    file, left = tmp_path / "secret", tmp_path / ".secret.new"
    left.touch(mode=0o666)
    put(file, b"", 0o600)
    assert file.stat().st_mode & 0o777 == 0o600
    put(file, b"", 0o640)
    assert file.stat().st_mode & 0o777 == 0o640
    put(file, b"changed")
    assert file.stat().st_mode & 0o777 == 0o640
    assert not left.exists()


def _put_in_turn(file: Path, contents: list[bytes]) -> None:
    for number in range(20):
        put(file, contents[number % len(contents)])


@contextmanager
def _files_of_at_most(size: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
