"""The first load of a long history: large tables in stretches of dates, so that memory is bounded and a kill costs one.

What is done is written down in the root of the lake until the load has ended; the same load again goes on from there.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from typing import Any

from upath import UPath

from jobs import __version__
from jobs.refusals import refuse_missing
from jobs.settings import Settings
from jobs.sources import SourceFile, find
from jobs.table_logs import TableLogs
from jobs.tables import TABLES, Kind, Table
from jobs.whole_files import put

LANDED_ROWS = 5_000_000
"""Of a stretch of bronze: what the door computes of them, it keeps on disk until they are published."""
KEYED_ROWS = 50_000_000
"""Of a stretch of silver. Each also looks `redelivery_days` around itself, so short ones read much twice."""
DATABASE_DAYS = 30
"""Of a stretch from a database, which does not say beforehand how much it holds."""

FILE = ".load.json"

Made = dict[str, Any]


class Load:
    """One load of a range of dates: its stretches, and which of them are done."""

    def __init__(self, logs: TableLogs, days: Sequence[date], settings: Settings, command: str = "load") -> None:
        """Takes up what an earlier run of the same load with the same code and configuration has done.

        `command` (`load` or `backfill`) is what it is part of.
        """
        self.logs = logs
        self.command = f"make {command} FROM={days[0]} TO={days[-1]}"
        self.days = list(days)
        self.settings = settings
        self.file = UPath(settings.lake, FILE)
        self.of = _mark(days, settings)
        self.done: dict[str, Made] = self._read()

    def make(self, table: Table, make: Callable[[Sequence[date], str], Made]) -> Made:
        """Makes a table in its stretches; `make` gets the dates of one, and which of how many it is in words."""
        if not _is_long(table):
            return make(self.days, "")
        stretches = self._stretches(table)
        outcomes = []
        for number, (days, state) in enumerate(stretches, 1):
            key = f"{table.name} {days[0]} {days[-1]}"
            held = self.done.get(key)
            if held is None or held["of"] != state:
                place = f" {days[0]} to {days[-1]} ({number} of {len(stretches)})" if len(stretches) > 1 else ""
                held = {"of": state, "outcome": make(days, place)}
                self._write(key, held)
            outcomes.append(held["outcome"])
        return _merged(outcomes)

    def end(self) -> None:
        """Forgets what was written down: the load is over."""
        self.file.unlink(missing_ok=True)

    def forget_unseen(self) -> None:
        """Forgets stretches of which no file shows whether their source was mended since: of a database."""
        self.done = {key: made for key, made in self.done.items() if made["of"]}
        self._note()

    def _stretches(self, table: Table) -> list[tuple[list[date], list[str]]]:
        """Each stretch with what it is made of: of something else it is made again."""
        feed = table.feed
        if feed is None:
            raise TypeError(f"{table.name} has no feed")
        if table.kind is Kind.KEYED:
            bronze = TABLES[f"bronze.{feed.name}"]
            held, version = self.logs.rows_by_day(bronze), str(self.logs.version(bronze))
            parted = stretches([(day, held.get(day, 0), ()) for day in self.days], KEYED_ROWS)
            return [(days, [version]) for days in parted]
        source = self.settings.source(feed)
        if source.jdbc is not None and not source.jdbc.tells_dates:
            return [(self.days, [])]
        if source.jdbc is not None:
            return [(days, []) for days in stretches([(day, 1, ()) for day in self.days], DATABASE_DAYS)]
        found = find(source, self.settings.landing, self.days)
        # Of the whole range before the first row lands.
        refuse_missing(feed, source, found, self.settings)
        sizes = [
            (day, sum(file.rows for file in files), tuple(file.uri for file in files)) for day, files in found.items()
        ]
        return [(days, _told(file for day in days for file in found[day])) for days in stretches(sizes, LANDED_ROWS)]

    def _read(self) -> dict[str, Made]:
        try:
            held = json.loads(self.file.read_text())
        except (OSError, ValueError):
            return {}
        done: dict[str, Made] = held["done"] if held.get("of") == self.of else {}
        # A folder that was deleted since is to be made anew.
        return {key: made for key, made in done.items() if self.logs.exists(TABLES[key.split()[0]])}

    def _write(self, key: str, made: Made) -> None:
        self.done[key] = made
        self._note()

    def _note(self) -> None:
        put(self.file, json.dumps({"of": self.of, "command": self.command, "done": self.done}).encode())


def unended(lake: str) -> str | None:
    """The command that ends the load which has not ended in this lake, empty where that is not known; None: none is."""
    file = UPath(lake, FILE)
    if not file.exists():
        return None
    try:
        command: str = json.loads(file.read_text()).get("command", "")
    except ValueError:
        return ""
    return command


def stretches(sizes: Iterable[tuple[date, int, tuple[str, ...]]], most: int) -> list[list[date]]:
    """Dates in order, parted where the rows of a stretch would exceed `most`.

    `sizes` are dates with their rows and files. Dates that share a file stay together, and each stretch has a date.
    """
    parted: list[list[date]] = []
    rows, of_stretch = 0, set[str]()
    for day, size, files in sizes:
        shares = bool(of_stretch.intersection(files))
        # A file that was counted with the date before is read once.
        size = 0 if shares else size
        if parted and (shares or rows + size <= most):
            parted[-1].append(day)
            rows += size
            of_stretch.update(files)
        else:
            parted.append([day])
            rows, of_stretch = size, set(files)
    return parted


def _is_long(table: Table) -> bool:
    """Whether the table is made in stretches: where one of them does not look at all later ones.

    Versions of entities and texts do (jobs/keyed.py); they are made in one.
    """
    if table.feed is None:
        return False
    if table.kind is Kind.KEYED:
        return not table.feed.is_entity and not table.feed.texts
    return table.kind is Kind.LANDED


def _told(files: Iterable[SourceFile]) -> list[str]:
    """Each file once, with the size and time that tell it from another of its name."""
    return list(dict.fromkeys(f"{file.name} {file.bytes} {file.modified_at.isoformat()}" for file in files))


def _merged(outcomes: Sequence[Made]) -> Made:
    rows = sum(each["rows"] for each in outcomes)
    return {
        "table": outcomes[0]["table"],
        "state": "done" if any(each["state"] == "done" for each in outcomes) else "unchanged",
        "rows": rows,
        "seconds": round(sum(each["seconds"] for each in outcomes), 2),
        "warnings": list(dict.fromkeys(line for each in outcomes for line in each["warnings"])),
        "batches": [batch for each in outcomes for batch in each["batches"]],
    }


def _mark(days: Sequence[date], settings: Settings) -> str:
    """What must be the same for an earlier run to count."""
    told = [str(days[0]), str(days[-1]), __version__, settings.landing, settings.configuration.model_dump_json()]
    return hashlib.sha256("\n".join(told).encode()).hexdigest()
