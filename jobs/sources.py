"""Finds the files of a feed's batches."""

import fnmatch
import itertools
import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from upath import UPath

from jobs.errors import DataError
from jobs.source_settings import Source
from jobs.tables import Feed

MONTHS = (
    "january february march april may june july august september october november december"
).split()  # fmt: skip
ENDINGS = {".csv": "csv", ".json": "json", ".jsonl": "json", ".parquet": "parquet"}
BYTES_A_ROW = 100
"""What a row takes as text, roughly."""


@dataclass(frozen=True)
class SourceFile:
    """A file as it was when it was found, or what a database gives for a batch (`bytes` None, about so many `rows`)."""

    uri: str
    name: str
    bytes: int | None
    modified_at: datetime
    estimated_rows: int = 0

    @property
    def rows(self) -> int:
        """About how many rows it has."""
        return self.estimated_rows if self.bytes is None else self.bytes // BYTES_A_ROW

    @property
    def format(self) -> str | None:
        """The format that its ending tells, if any."""
        lower = self.uri.lower().removesuffix(".gz")
        return next((format_ for ending, format_ in ENDINGS.items() if lower.endswith(ending)), None)


def find(source: Source, root: str, days: Iterable[date]) -> dict[date, list[SourceFile]]:
    """The files of each batch below a root, by name; a date without a file has an empty list."""
    known: dict[str, list[SourceFile]] = {}
    found = {}
    for day in days:
        pattern = _pattern(source.path or "", day)
        if pattern not in known:
            known[pattern] = _files(pattern, root)
        found[day] = known[pattern]
    return found


def changed_since_found(files: Iterable[SourceFile]) -> SourceFile | None:
    """The first file that is no longer what it was when it was found."""
    for file in files:
        path = UPath(file.uri)
        if not path.exists() or _described(path, file.name) != file:
            return file
    return None


def refuse_links_into(files: Iterable[SourceFile], places: Iterable[str]) -> None:
    """Whoever may drop files must not have read for them what Echolake alone may read: the vault, the key, the lists.

    Raises:
        DataError: a file is a link into one of these places.
    """
    kept = [Path(place).resolve() for place in places if "://" not in place]
    for file in files:
        written, real = Path(file.uri), Path(file.uri).resolve()
        # What is named as lying there was put there by whoever wrote the configuration.
        if "://" not in file.uri and written != real and any(real.is_relative_to(place) for place in kept):
            raise DataError(
                f"{file.name} is a link to a file of Echolake's own",
                expected="files that the source delivered",
                found="a link into the lake, the delivery or the folder of the key",
                todo="see who made the link, and have the source deliver the file itself",
            )


def refuse_unusable_names(files: Iterable[SourceFile]) -> None:
    """Neither Spark nor a table takes a name that is no text, and Spark's own files no name with a colon.

    Raises:
        DataError: it names the file as far as it can be told.
    """
    for file in files:
        expected, found = "", ""
        if not _is_text(file.uri):
            expected, found = "files whose names are UTF-8", "bytes in a name that are not"
        elif "://" not in file.uri and ":" in Path(file.uri).name:
            # Hadoop looks for a checksum beside a local file, and takes what stands before the colon for a scheme.
            expected, found = "files without a colon in their names, which Spark cannot open", "a colon"
        if found:
            raise DataError(
                f"{file.name} has a name that cannot be used",
                expected=expected,
                found=found,
                todo="have the source deliver it under another name, then run the same night again",
            )


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _pattern(path: str, day: date) -> str:
    return path.format(
        ds=day.isoformat(),
        yyyy=f"{day:%Y}",
        yy=f"{day:%y}",
        mm=f"{day:%m}",
        dd=f"{day:%d}",
        month_name=MONTHS[day.month - 1],
    )


def _files(pattern: str, landing: str) -> list[SourceFile]:
    is_absolute = "://" in pattern or pattern.startswith("/")
    root = UPath(landing)
    if "://" not in pattern:
        # Spark takes `..` out of a path, so names would not match.
        pattern = os.path.normpath(pattern)
    if is_absolute:
        # By its text, as the parts of a path do not tell the scheme of a URI.
        parts = pattern.split("/")
        steady = next((i for i, part in enumerate(parts) if _is_glob(part)), len(parts) - 1)
        root, pattern = UPath("/".join(parts[:steady]) or "/"), "/".join(parts[steady:])
    _refuse_unreachable(root, pattern)
    if not root.exists():
        return []
    matches: list[UPath] = sorted(root.glob(pattern), key=str)
    files = [inner for match in matches for inner in (sorted(match.iterdir(), key=str) if match.is_dir() else [match])]
    # A pattern that finds a folder may find what is in it, too.
    once = {str(file): file for file in files}.values()
    visible = [file for file in once if not fnmatch.fnmatch(file.name, "[._]*")]
    for file in visible:
        _refuse_link_to_nothing(str(file))
    return [_described(file, _name(file, root, is_absolute)) for file in visible if file.is_file()]


def _is_glob(part: str) -> bool:
    return any(sign in part for sign in "*?[")


def _refuse_unreachable(root: UPath, pattern: str) -> None:
    """A folder that may not be read would count as one without files, and an empty batch takes its rows back."""
    if "://" in str(root):
        return
    steady = list(itertools.takewhile(lambda part: not _is_glob(part), pattern.split("/")))
    places = [Path(str(root), *steady[:count]) for count in range(len(steady) + 1)]
    for place in places:
        _refuse_link_to_nothing(str(place))
        if not place.exists():
            return
        needed = os.R_OK | os.X_OK if place == places[-1] else os.X_OK
        if place.is_dir() and not os.access(place, needed):
            raise DataError(
                f"{place} cannot be read",
                expected="a folder that the account of the nights may list",
                found="one that it may not",
                todo="give it the right to read and enter the folder, then run the same night again",
            )


def _refuse_link_to_nothing(file: str) -> None:
    # No store of objects has links.
    if Path(file).is_symlink() and not Path(file).exists():
        raise DataError(
            f"{file} is a link to nothing",
            expected="a file or folder that is there, or no link",
            found="none where it leads",
            todo="see whether what it leads to is mounted, or take the link away; then run the same night again",
        )


def _name(file: UPath, root: UPath, is_absolute: bool) -> str:
    return str(file) if is_absolute else str(file.relative_to(root))


def _described(path: UPath, name: str) -> SourceFile:
    status = path.stat()
    modified = datetime.fromtimestamp(status.st_mtime, UTC)
    return SourceFile(uri=str(path), name=name, bytes=status.st_size, modified_at=modified)


def unreadable(feed: Feed, file: str, found: str) -> DataError:
    """The error for a file that cannot be read; the feed's batch stays as it was."""
    return DataError(
        f"{feed.name}: {file} cannot be read",
        expected="a readable file",
        found=found.splitlines()[0][:300],
        todo="have the source deliver it again, then run the same night again",
    )
