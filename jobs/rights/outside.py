"""What lies beside the lake: logs, what was typed at the prompt, and our copies of delivered files."""

import csv
import hashlib
import io
import json
import re
import shutil
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Any

from upath import UPath

from jobs.delivery.filled_in import MOST_BYTES, separator_of
from jobs.delivery.taken import FOLDER as TAKEN
from jobs.delivery.taken import INBOX
from jobs.known_names import ERASED_LABEL
from jobs.redaction import without_names
from jobs.session import is_serving
from jobs.settings import Settings
from jobs.whole_files import draft_of, put

FIGURES = ("rank", "row", "expected_value", "amount")
"""Columns of lists, and of what came back, whose numbers name nobody."""
REPLIES = f"{INBOX}/replies"
OURS = ("????-??-??", ".????-??-??.*", "stop", REPLIES)
"""Folders of a delivery that Echolake alone writes: elsewhere in the inbox others may put what they like."""


def pattern_of(values: Iterable[str]) -> re.Pattern[str]:
    """Finds any of these values as a word of its own; names in scripts without spaces are none."""
    forms = (re.escape(value) for value in sorted(set(values), key=len, reverse=True))
    spaced = (form if not form.isascii() else rf"(?<![\w\-]){form}(?![\w\-])" for form in forms)
    return re.compile("|".join(spaced), re.ASCII)


def clean_logs(settings: Settings, pattern: re.Pattern[str]) -> int:
    """Overwrites the values in logs and in the history of the prompt; returns in how many files they stood."""
    changed = 0
    for file in _logs(settings.local):
        text = file.read_bytes().decode(errors="surrogateescape")
        cleaned = pattern.sub(ERASED_LABEL, text)
        if cleaned != text:
            file.write_bytes(cleaned.encode(errors="surrogateescape"))
            changed += 1
    return changed


def empty_scratch(settings: Settings) -> bool:
    """Deletes what killed servers left in the scratch space; returns false when a server of this checkout runs."""
    if any(is_serving(state) for state in settings.local.glob("run/*/server.json")):
        return False
    for folder in settings.local.glob("spark/*"):
        shutil.rmtree(folder) if folder.is_dir() else folder.unlink()
    return True


def clean_deliveries(settings: Settings, pattern: re.Pattern[str], names: Collection[str] = ()) -> int:
    """Takes rows with one of the values out of our copies of delivered and returned files; returns from how many.

    What others typed of the person in rows of their own is overwritten, names (by their forms) too. A workbook goes
    whole, as the file of values beside it holds the same rows. A returned list that the next night takes is left to it,
    which knows who was erased.
    """
    root = UPath(settings.delivery)
    changed = _clean_taken(root, pattern, names)
    # A note may be as long as a list.
    csv.field_size_limit(MOST_BYTES)
    for file in [file for ours in OURS for file in sorted(root.glob(f"{ours}/*.csv"))]:
        # People who opened it saved it in the encoding, and with the separator, of their country.
        text = file.read_bytes().decode(errors="surrogateescape")
        separator = separator_of(text)
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator))
        kept = [row for row in rows if not _is_of(row, rows[0], pattern)]
        if file.parent == root / REPLIES:
            kept = [
                [cell if name in FIGURES else without(cell, pattern, names) for name, cell in _named(row, rows[0])]
                for row in kept
            ]
        if kept == rows:
            continue
        written = io.StringIO(newline="")
        line_end = "\r\n" if "\r\n" in text else "\n"
        csv.writer(written, delimiter=separator, lineterminator=line_end).writerows(kept)
        content = written.getvalue().encode(errors="surrogateescape")
        # The rows go last: by them a run after one that was killed finds the file again.
        file.with_suffix(".xlsx").unlink(missing_ok=True)
        _correct_manifest(file, len(kept) - 1, hashlib.sha256(content).hexdigest())
        put(file, content)
        changed += 1
    return changed


def _is_of(row: list[str], header: list[str], pattern: re.Pattern[str]) -> bool:
    """Whether a row is the person's; figures are nobody's, though a rank may be written as an identifier is."""
    told = (cell for name, cell in _named(row, header) if name not in FIGURES)
    # An apostrophe keeps spreadsheets from computing what follows it.
    return any(pattern.fullmatch(cell.strip().removeprefix("'")) for cell in told)


def _named(row: list[str], header: list[str]) -> Iterable[tuple[str, str]]:
    columns = [name.removeprefix("\ufeff").strip().lower() for name in header] + [""] * len(row)
    return zip(columns, row, strict=False)


def _clean_taken(root: UPath, pattern: re.Pattern[str], names: Collection[str]) -> int:
    changed = 0
    for file in sorted(root.glob(f"{TAKEN}*/*.jsonl")):
        rows = [f"{row}\n" for row in file.read_text(encoding="utf-8").split("\n") if row]
        told = (row for row in map(json.loads, rows) if not _is_of([*map(str, row.values())], [*row], pattern))
        kept = [f"{json.dumps(_overwritten(row, pattern, names), ensure_ascii=False)}\n" for row in told]
        if kept != rows:
            put(file, "".join(kept).encode())
            changed += 1
    return changed


def _overwritten(row: dict[str, Any], pattern: re.Pattern[str], names: Collection[str]) -> dict[str, Any]:
    return {
        name: without(value, pattern, names) if isinstance(value, str) and name not in FIGURES else value
        for name, value in row.items()
    }


def without(text: str, pattern: re.Pattern[str], names: Collection[str]) -> str:
    """A text of somebody else without the person: what the pattern finds, and names by their forms."""
    cleaned = pattern.sub(ERASED_LABEL, text)
    return without_names(cleaned, names, ERASED_LABEL) if names else cleaned


def delete(file: UPath) -> int:
    """Deletes the file, and a draft of it that a killed process left; returns whether there was either, as a number."""
    found = [each for each in (file, draft_of(file)) if each.exists()]
    for each in found:
        each.unlink(missing_ok=True)
    return int(bool(found))


def _logs(local: Path) -> Iterator[Path]:
    for found in ("logs/**/*", "run/*/*.log", "sql_history"):
        yield from (file for file in sorted(local.glob(found)) if file.is_file())


def _correct_manifest(file: UPath, rows: int, digest: str) -> None:
    manifest = file.with_name("manifest.json")
    if manifest.exists():
        content = json.loads(manifest.read_text())
        _correct(content, {"rows": rows, "sha256": digest}, file.name)
        _correct(content, None, file.with_suffix(".xlsx").name)
        # A later run compares the folder with what was delivered.
        content["is_corrected"] = True
        put(manifest, (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode())


def _correct(node: Any, values: dict[str, Any] | None, name: str) -> None:
    """Sets the values of the entry of that file, wherever it stands; None takes the entry out."""
    if isinstance(node, dict):
        if values is None:
            node.pop(name, None)
        elif isinstance(node.get(name), dict):
            node[name] |= values
        elif name in node.values():
            node |= values
    elif isinstance(node, list) and values is None:
        node[:] = [each for each in node if not (isinstance(each, dict) and name in each.values())]
    for each in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        _correct(each, values, name)
