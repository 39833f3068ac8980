"""The classes of a Spark server, archived by Java as the first one ends, so that later ones start faster (AppCDS)."""

import hashlib
import secrets
from collections.abc import Iterable
from pathlib import Path

END_SECONDS = 120
"""In which a server that writes the archive ends; it takes some ten."""

KEPT = 2
"""Of a lake here and of one on S3, which has more jars; those of a Java or of jars of before go."""


def place(folder: Path, java_home: str, jars: Iterable[Path]) -> Path:
    """Where in `folder` the archive of this Java and these jars lies; Java takes none that is of others."""
    release = Path(java_home, "release")
    told = [java_home, release.read_text() if release.exists() else ""]
    for jar in jars:
        found = jar.stat()
        told.append(f"{jar} {found.st_size} {found.st_mtime_ns}")
    name = hashlib.sha256("\n".join(told).encode()).hexdigest()[:12]
    return folder / f"{name}.jsa"


def use(archive: Path) -> str:
    """The option with which a server loads its classes from the archive."""
    return f'"-XX:SharedArchiveFile={archive}"'


def write(new: Path) -> str:
    """The option with which a server writes down the classes that it has loaded when it ends."""
    return f'"-XX:ArchiveClassesAtExit={new}"'


def aside(archive: Path) -> Path:
    """Where a server writes it: whole it takes its place, and of two servers one wins."""
    archive.parent.mkdir(parents=True, exist_ok=True)
    return archive.with_name(f"{archive.name}.{secrets.token_hex(4)}")


def keep(new: Path) -> None:
    """Puts an archive that was written in its place, and takes away old ones and what killed servers left."""
    if not new.exists():
        return
    archive = new.with_suffix("")
    new.replace(archive)
    archives = sorted(archive.parent.glob("*.jsa"), key=lambda file: file.stat().st_mtime)
    for other in (*archive.parent.glob(f"{archive.name}.*"), *archives[:-KEPT]):
        other.unlink(missing_ok=True)
