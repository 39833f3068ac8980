"""What may befall the files of a night, and the disk below it."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from random import Random

from chaos import drops, promises
from chaos.errors import NotHereError
from chaos.rounds import BUSINESS, LIST_ON, Round
from chaos.stage import NIGHT

ALL_OR_NOTHING = (".gz", ".parquet")
"""Files of which a part cannot be read, by their ending."""
ROOM = 256 << 20
"""Bytes of a disk on which nothing is short."""


def cut(round_: Round) -> None:
    """A file is cut: it is refused by name and its batch stands, or each row is accounted for; then it is mended."""
    round_.is_strict = False
    file = _some_file(round_)
    whole = file.read_bytes()
    round_.events.append(drops.cut(file, round_.rng))
    feed, delivered = file.parent.parent.name, {}
    with round_.read():
        run = round_.start()
        code = run.wait()
        round_.hits.append("refused" if code else "landed")
        if code:
            round_.demand("a file that cannot be read is named", code == 1 and file.name in run.text, file.name, run)
            kept = [*round_.before.names(*BUSINESS[1:]), f"bronze.{feed}"]
            round_.broken += promises.untouched(round_.lake, round_.before, kept)
        elif file.suffix in ALL_OR_NOTHING:
            round_.breaks("a file that cannot be read is an error", f"exit code 1 for {file.name}", "exit code 0")
        else:
            round_.broken += promises.every_row_accounted(round_.lake, round_.root / "landing", NIGHT, {})
            delivered = _content(round_.root / f"delivery/{LIST_ON}")
        file.write_bytes(whole)
        round_.until_done()
    if delivered and _content(round_.root / f"delivery/{LIST_ON}") != delivered:
        round_.breaks("a list once delivered is frozen", "the same bytes", "others")
    round_.check(frozen=not code)


def doubled(round_: Round) -> None:
    """Rows come twice: facts are those of rows that came once."""
    file = _befallen(round_, drops.doubled)
    feed = file.parent.parent.name
    with round_.read():
        round_.until_done()
    copies = frozenset({f"bronze.{feed}", f"quarantine.{feed}", "vault.quarantine_raw", "ops.batches"})
    round_.check(copies=copies)


def reordered(round_: Round) -> None:
    """Rows come in another order, which tells nothing."""
    _befallen(round_, drops.reordered)
    with round_.read():
        round_.until_done()
    round_.check(without=frozenset({"source_line", "line", "file_bytes"}))


def _befallen(round_: Round, change: Callable[[Path, Random], str]) -> Path:
    round_.is_strict = False
    file = _some_file(round_)
    round_.events.append(change(file, round_.rng))
    round_.hits.append("before")
    return file


def _some_file(round_: Round) -> Path:
    return round_.rng.choice(sorted((round_.root / "landing").glob(f"*/ds={NIGHT}/*")))


def disk_full(round_: Round) -> None:
    """The disk of lake and delivery is full at some point of the night: that is told; with room the night goes on."""
    root, share = round_.root, round_.rng.uniform(0, 1.1)
    if os.geteuid() != 0 or _mount("-t", "tmpfs", "-o", f"size={ROOM}", "tmpfs", root):
        raise NotHereError("only root may mount a disk")
    try:
        round_.stage.copied()
        # The suite's own file is written before the disk is full.
        round_.stage.environment()
        used = os.statvfs(root)
        taken = (used.f_blocks - used.f_bfree) * used.f_frsize
        _resize(root, taken + int(share * round_.kind.bytes))
        with round_.read():
            run = round_.start()
            code = run.wait()
            round_.hits.append(_struck(run.tables, len(round_.kind.usual) - 1) if code else "missed")
            round_.events.append(f"disk full after {share:.2f} of what a night writes: exit code {code}")
            is_told = code == 1 and "the disk is full" in run.text
            round_.demand("a full disk is told", code == 0 or is_told, "exit code 1: the disk is full", run)
            _resize(root, ROOM)
            round_.until_done()
        round_.check()
        if round_.broken:
            shutil.copytree(root, root.with_name("kept"), dirs_exist_ok=True)
    finally:
        subprocess.run(["umount", "--lazy", root], check=True)


def _struck(made: int, tables: int) -> str:
    return "before" if made == 0 else "after" if made >= tables else "within"


def _resize(disk: Path, size: int) -> None:
    if _mount("-o", f"remount,size={size}", disk):
        raise RuntimeError(f"the disk cannot be made one of {size} bytes")


def _mount(*arguments: str | Path) -> int:
    return subprocess.run(["mount", *arguments], check=False, stderr=subprocess.DEVNULL).returncode


def _content(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()} if folder.exists() else {}
