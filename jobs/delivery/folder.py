"""The folder of a day: it appears whole or not at all, and stays as it appeared."""

import errno
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

from jobs.delivery.files import MANIFEST, digest
from jobs.errors import DataError
from jobs.settings import Settings
from jobs.whole_files import put, sync, write_through

FOLDER_MODE, FILE_MODE = 0o750, 0o640
"""Numbers in clear: for the owner and the owner's group."""
AGAIN = "run make deliver for the same night again; nothing of it was handed over"


class DayFolder:
    """The folder `<delivery>/YYYY-MM-DD`, and the hidden ones beside it in which it is prepared."""

    def __init__(self, root: Path, list_on: date) -> None:
        self.root, self.list_on = root, list_on
        self.path = root / str(list_on)
        self._again = headline_of(list_on), AGAIN

    def exists(self) -> bool:
        """Whether there is such a folder with anything in it."""
        return self.path.exists() and any(self.path.iterdir())

    def manifest(self) -> dict[str, Any]:
        """What the folder says that it holds."""
        content: dict[str, Any] = json.loads((self.path / MANIFEST).read_bytes())
        return content

    def holds(self, files: dict[str, bytes]) -> bool:
        """Whether these files, and no others, are in the folder."""
        return _content(self.path) == files

    def changed(self, manifest_sha256: str) -> list[str]:
        """Files that are not as they were delivered; an erasure leaves its own mark in the manifest."""
        return _changed(self.path, manifest_sha256)

    def prepare(self, files: dict[str, bytes]) -> None:
        """Writes the files into a hidden folder, down to the disk, in place of what a killed run left there.

        Raises:
            DataError: the disk is full, or the folder cannot be written; nothing of it is left.
        """
        staged = self._staged(digest(files[MANIFEST]))
        with _told(self.root, *self._again):
            self.root.mkdir(parents=True, exist_ok=True)
            self.clear()
            try:
                staged.mkdir(mode=FOLDER_MODE)
                for name, content in files.items():
                    write_through(staged / name, content, FILE_MODE)
                sync(staged)
                sync(self.root)
            except OSError:
                shutil.rmtree(staged, ignore_errors=True)
                raise

    def is_prepared(self, manifest_sha256: str) -> bool:
        """Whether a killed run had prepared just this."""
        staged = self._staged(manifest_sha256)
        return staged.exists() and not _changed(staged, manifest_sha256)

    def publish(self, manifest_sha256: str) -> None:
        """Lets the prepared folder appear."""
        with _told(self.root, *self._again):
            if self.path.exists():
                # An empty one, which somebody made beforehand.
                self.path.rmdir()
            self._staged(manifest_sha256).rename(self.path)
            sync(self.root)

    def clear(self) -> None:
        """Removes what killed runs left beside the folder."""
        for left in self.root.glob(f".{self.list_on}.*") if self.root.exists() else []:
            shutil.rmtree(left)

    def _staged(self, manifest_sha256: str) -> Path:
        return self.root / f".{self.list_on}.{manifest_sha256[:16]}"


def left_behind(root: Path) -> list[DayFolder]:
    """The days of which a killed run left a hidden folder."""
    named = {folder.name[1:].partition(".")[0] for folder in root.glob(".????-??-??.*") if folder.is_dir()}
    return [DayFolder(root, date.fromisoformat(name)) for name in sorted(named)]


def root_of(settings: Settings) -> Path:
    """The delivery root.

    Raises:
        DataError: it is not on a file system, so that a folder could not appear at once.
    """
    if "://" in settings.delivery:
        raise DataError(
            "delivery",
            expected="ECHOLAKE_DELIVERY on a file system, where a folder can appear whole or not at all",
            found=settings.delivery,
            todo="name a folder, and hand it on by a destination (delivery.sftp in the configuration)",
        )
    return Path(settings.delivery)


def headline_of(list_on: date) -> str:
    """What an error about the lists of a day begins with."""
    return f"delivery {list_on}"


def replace(file: Path, content: bytes, headline: str, again: str) -> None:
    """Puts a single file in place, whole or not at all.

    Raises:
        DataError: the disk is full, or the folder cannot be written; it begins with `headline` and ends with `again`.
    """
    with _told(file.parent, headline, again):
        file.parent.mkdir(parents=True, exist_ok=True)
        put(file, content, FILE_MODE)


def _changed(folder: Path, manifest_sha256: str) -> list[str]:
    try:
        told = (folder / MANIFEST).read_bytes()
        manifest = json.loads(told)
        changed = [name for name, entry in manifest["files"].items() if _digest_of(folder / name) != entry["sha256"]]
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return [MANIFEST]
    is_own = digest(told) == manifest_sha256 or manifest.get("is_corrected")
    return changed if is_own else [*changed, MANIFEST]


def _content(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()}


def _digest_of(file: Path) -> str | None:
    return digest(file.read_bytes()) if file.is_file() else None


@contextmanager
def _told(root: Path, headline: str, again: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        is_full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        mend = "free space" if is_full else "mend the folder or its rights"
        raise DataError(
            f"{headline}: {'the disk is full' if is_full else 'the folder cannot be written'}",
            expected=f"room and the right to write in {root}",
            found=error.strerror or str(error),
            todo=f"{mend} and {again}",
        ) from None
