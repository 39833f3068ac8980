"""Files that are there whole or not at all, wherever a run is killed and whenever the disk is full."""

import os
import stat
from pathlib import Path
from typing import TypeVar

from upath import UPath

AnyPath = TypeVar("AnyPath", Path, UPath)


def put(file: Path | UPath, content: bytes, mode: int | None = None) -> None:
    """Makes a file, or replaces it: who reads it meanwhile finds what it held before, or all of `content`.

    `mode` are its rights, by default those that it had, and of a new file what the process gives.

    Raises:
        OSError: the disk is full, or the folder cannot be written; the file is as it was.
    """
    if "://" in str(file):
        # An object appears whole.
        file.write_bytes(content)
        return
    place = Path(str(file))
    draft = draft_of(place)
    if mode is None and place.exists():
        mode = stat.S_IMODE(place.stat().st_mode)
    try:
        write_through(draft, content, mode)
        draft.replace(place)
        sync(place.parent)
    finally:
        draft.unlink(missing_ok=True)


def draft_of(file: AnyPath) -> AnyPath:
    """Where a file is written before it appears; a killed process leaves it there."""
    return file.with_name(f".{file.name.removeprefix('.')}.new")


def write_through(file: Path, content: bytes, mode: int | None = None) -> None:
    """Writes a new file down to the disk; it has its rights before anything is in it."""
    # A killed process may have left one, and somebody else a link to a file that is not theirs to write.
    file.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    with os.fdopen(os.open(file, flags, 0o666 if mode is None else mode), "wb") as opened:
        if mode is not None:
            os.fchmod(opened.fileno(), mode)
        opened.write(content)
        opened.flush()
        os.fsync(opened.fileno())


def sync(folder: Path) -> None:
    """Brings the names in a folder down to the disk."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
