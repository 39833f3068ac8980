"""What must hold after a round, whatever befell its night: contract sections 2 and 4, one function per promise."""

import hashlib
import json
import os
import subprocess
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable

from chaos.drops import rows_in
from chaos.lakes import Fingerprint, Lake

FROZEN = frozenset({
    "gold.call_candidates", "gold.call_lists", "gold.contact_effects", "gold.customer_portraits", "gold.list_quality",
    "gold.script_effects", "ops.deliveries",
})  # fmt: skip
"""What lists that were delivered decide, whatever was mended after."""
LISTED = 3


@dataclass(frozen=True)
class Broken:
    """A promise that was not kept."""

    promise: str
    expected: str
    found: str

    def __str__(self) -> str:
        return f"{self.promise}\n  expected: {self.expected}\n  found:    {self.found}"


def same_tables(
    lake: Lake,
    wanted: Mapping[str, Fingerprint],
    of: Lake,
    tables: Iterable[str],
    without: frozenset[str] = frozenset(),
) -> list[Broken]:
    """These tables hold what the night without a fault made, row by row."""
    broken = []
    for name in tables:
        want = of.fingerprint(name, without=without) if without else wanted.get(name)
        if lake.fingerprint(name, without=without) != want:
            apart = lake.rows_apart(name, of, without)
            broken.append(Broken("the lake is that of a night without a fault", f"{name} as there", apart))
    return broken


def only_whole_versions(lake: Lake, before: Mapping[str, int], steps: Mapping[str, set[Fingerprint]]) -> list[Broken]:
    """Each version that a reader could have opened is one that the night without a fault has too."""
    return [
        Broken(
            "readers never see half a table",
            f"{name}: one of {sorted(each.rows for each in steps.get(name, ()))} rows, as without a fault",
            f"version {version} has {seen.rows} rows, hash {seen.digest[:12]}",
        )
        for name, version in lake.since(dict(before))
        if (seen := lake.fingerprint(name, version)) not in steps.get(name, set())
    ]


def every_row_accounted(lake: Lake, landing: Path, night: date, others: Mapping[str, int]) -> list[Broken]:
    """Rows in = landed + quarantined, in as many as the files have, landed and quarantined as many as the tables have.

    `others` are the rows of sources that are no files, by feed.
    """
    told, broken = Counter[tuple[str, str]](), []
    query = "SELECT feed, file, rows_in, rows_landed, rows_quarantined FROM ops_batches WHERE ds = "
    batches = lake.rows(f"{query} DATE '{night}'", "ops.batches")
    for feed, _, came, landed, aside in batches:
        told[feed, "in"] += came
        told[feed, "landed"] += landed
        told[feed, "aside"] += aside
        if came != landed + aside:
            broken.append(Broken("rows in = landed + quarantined", f"{came} of {feed}", f"{landed} + {aside}"))
    for feed in sorted({batch[0] for batch in batches}):
        files = [each for each in (landing / feed / f"ds={night}").glob("*") if each.is_file()]
        returned = sum(batch[2] for batch in batches if batch[0] == feed and (batch[1] or "").startswith("inbox/"))
        found = {
            "in": others.get(feed, sum(map(rows_in, files))) + returned,
            "landed": _count(lake, f"bronze.{feed}", night),
            "aside": _count(lake, f"quarantine.{feed}", night),
        }
        broken += [
            Broken("no row is lost", f"{rows} rows of {feed} {where}", f"{told[feed, where]} in ops.batches")
            for where, rows in found.items()
            if told[feed, where] != rows
        ]
    if len({batch[0] for batch in batches}) < 13:
        broken.append(Broken("no row is lost", "an account of 13 feeds", f"{len({b[0] for b in batches})}"))
    return broken


def night_complete(lake: Lake, night: date) -> list[Broken]:
    """The night is written down as complete, and each number that was handed over as looked at."""
    query = f"SELECT count(passed_gate_at), count(completed_at) FROM ops_nights WHERE ds = DATE '{night}'"
    found = lake.rows(query, "ops.nights")
    return [] if found == [(1, 1)] else [Broken("the night is complete", "(1, 1) in ops.nights", str(found))]


def handed_over_noted(lake: Lake, of: Lake) -> list[Broken]:
    """Each value that was handed over is in ops.pii_access."""
    query = 'SELECT DISTINCT customer_token, "column", reason FROM ops_pii_access ORDER BY ALL'
    here, there = (each.rows(query, "ops.pii_access") for each in (lake, of))
    if set(there) <= set(here):
        return []
    return [Broken("each number that is handed over is noted", f"{len(there)} values", f"{len(here)}")]


def untouched(lake: Lake, before: Lake, tables: Iterable[str]) -> list[Broken]:
    """A night that stops at the door or the gate leaves these tables as they were."""
    return [
        Broken("a night that stops at the gate leaves the rest as it was", f"{name} as before the night", "another")
        for name in tables
        if lake.fingerprint(name) != before.fingerprint(name)
    ]


def same_delivery(delivery: Path, wanted: Path, list_on: date) -> list[Broken]:
    """What was handed over is the same, byte for byte, and whole."""
    here, there = (_bytes_below(folder) for folder in (delivery, wanted))
    apart = sorted(name for name in here.keys() | there.keys() if here.get(name) != there.get(name))
    broken = []
    if apart:
        broken.append(Broken("the delivery is that of a night without a fault", "the same bytes", ", ".join(apart)))
    return broken + whole_folder(delivery / str(list_on))


def whole_folder(folder: Path) -> list[Broken]:
    """A delivered folder is there as its manifest says, or not at all."""
    if not folder.exists():
        return []
    try:
        manifest = json.loads((folder / "manifest.json").read_bytes())["files"]
        wrong = [
            name for name, entry in manifest.items()
            if hashlib.sha256((folder / name).read_bytes()).hexdigest() != entry["sha256"]
        ]  # fmt: skip
        more = {file.name for file in folder.iterdir()} - set(manifest) - {"manifest.json"}
    except (OSError, ValueError, KeyError) as error:
        return [Broken("a delivered folder appears whole or not at all", "a whole one", type(error).__name__)]
    if wrong or more:
        return [Broken("a delivered folder appears whole or not at all", "as its manifest", f"{wrong} {sorted(more)}")]
    return []


def nothing_personal(files: Iterable[Path], personal: Path) -> list[Broken]:
    """None of these files holds a value of `personal`, a value a line; packed pages of Parquet are read."""
    plain: list[Path] = []
    packed: list[Path] = []
    for file in files:
        (packed if file.suffix == ".parquet" else plain).append(file)
    found = _searched(personal, [str(file) for file in plain])
    texts = {file: _text_of(file) for file in packed}
    # All at once: hardly ever is there one to be found.
    if _searched(personal, ["-"], b"\n".join(texts.values())):
        found += [str(file) for file, text in texts.items() if _searched(personal, ["-"], text)]
    return [
        Broken("nothing personal in clear outside vault and lists", "no such value", each) for each in found[:LISTED]
    ]


def open_files(root: Path, since: float) -> list[Path]:
    """Files below a folder that were written since then and must hold nothing personal."""
    found = []
    for file in root.rglob("*") if root.is_dir() else [root]:
        parts = file.relative_to(root.parent).parts[1:] or (file.name,)
        is_closed = "vault" in parts or "landing" in parts or parts[-1] == "pseudonym.key"
        # Lists, what comes back of them and opt-outs are for those who may read them.
        is_handed_over = parts[0] == "delivery" and "reports" not in parts
        if not is_closed and not is_handed_over and file.is_file() and file.stat().st_mtime >= since:
            found.append(file)
    return found


def current_files(lake: Lake) -> list[Path]:
    """The Parquet files outside the vault that the newest versions name."""
    names = [name for name in lake.names() if not name.startswith("vault.")]
    return [Path(file) for name in names for file in DeltaTable(lake.folder(name)).file_uris()]


def nothing_left(root: Path, processes: Iterable[int]) -> list[Broken]:
    """No lock, no hidden file of a delivery, no process."""
    left = [str(file.relative_to(root)) for file in (root / "delivery").rglob(".*")]
    left += [".night.lock"] * (root / "lake/.night.lock").exists()
    left += [f"process {pid}: {_command(pid)}" for pid in processes]
    return [Broken("nothing is left behind", "no lock, draft or process", ", ".join(left))] if left else []


def processes_of(lake: Path) -> list[int]:
    """The processes that were started to work on a lake."""
    wanted, found = f"ECHOLAKE_LAKE={lake}".encode(), []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if wanted in (folder / "environ").read_bytes().split(b"\0") and _command(int(folder.name)):
                found.append(int(folder.name))
        except OSError:
            continue
    return [pid for pid in found if pid != os.getpid()]


def _command(pid: int) -> str:
    try:
        return " ".join(Path(f"/proc/{pid}/cmdline").read_text().split("\0"))[:80]
    except OSError:
        return ""


def _count(lake: Lake, name: str, night: date) -> int:
    if lake.version(name) < 0:
        return 0
    view = name.replace(".", "_")
    return int(lake.rows(f"SELECT count(*) FROM {view} WHERE ds = DATE '{night}'", name)[0][0])


def _bytes_below(root: Path) -> dict[str, bytes]:
    return {str(file.relative_to(root)): file.read_bytes() for file in root.rglob("*") if file.is_file()}


def _text_of(file: Path) -> bytes:
    # One file that a killed writer left may be no Parquet at all.
    try:
        table = pq.ParquetFile(file).read()
    except (pa.ArrowInvalid, OSError):
        return file.read_bytes()
    return "\n".join(str(column.to_pylist()) for column in table.columns).encode()


def _searched(personal: Path, files: list[str], text: bytes | None = None) -> list[str]:
    found: list[str] = []
    for first in range(0, len(files), 500):
        command = ["grep", "--files-with-matches", "--text", "--fixed-strings", f"--file={personal}"]
        done = subprocess.run(
            [*command, *files[first : first + 500]], input=text, env={**os.environ, "LC_ALL": "C"},
            capture_output=True, check=False,
        )  # fmt: skip
        if done.returncode > 1:
            raise RuntimeError(done.stderr.decode(errors="replace")[:300])
        found += done.stdout.decode().splitlines()
    return found
