"""One round: a night, what befell it, and whether every promise holds afterwards."""

import time
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from random import Random
from typing import Any

from chaos import promises
from chaos.lakes import Lake
from chaos.promises import FROZEN, Broken
from chaos.readers import Reader
from chaos.runs import Moment, Run, kill
from chaos.stage import DATABASE, FILES, NIGHT, Kind, Stage

STARTS = 4
"""So often a night may be started again after a kill: what outlived it may be in its way."""
BUSINESS = ("bronze", "silver", "features", "gold")
LIST_ON = NIGHT + timedelta(days=1)
OF_THE_NIGHT = ("--from", str(NIGHT), "--to", str(NIGHT))


@dataclass
class Round:
    """What a fault does in a round, and what came of it."""

    stage: Stage
    fault: str
    seed: int
    kind_name: str = FILES
    is_strict: bool = True
    """Whether no reader may see anything that a night without a fault does not show."""
    events: list[str] = field(default_factory=list)
    hits: list[str] = field(default_factory=list)
    broken: list[Broken] = field(default_factory=list)
    seconds: float = 0.0

    def __post_init__(self) -> None:
        # The fault is part of it: chosen by --faults it befalls the night just as it did.
        self.rng = Random(f"{self.seed} {self.fault}")
        self.began_at = time.time()
        self._runs: list[Run] = []

    @property
    def root(self) -> Path:
        """The folder in which it plays."""
        return self.stage.round

    @cached_property
    def lake(self) -> Lake:
        """Its lake."""
        return Lake(self.root / "lake")

    @cached_property
    def before(self) -> Lake:
        """The lake as it was before the night."""
        return Lake(self.stage.base / "lake")

    @property
    def kind(self) -> Kind:
        """The same night without a fault."""
        return self.stage.kind(self.kind_name)

    def start(
        self, *command: str, is_served: bool = True, more: Mapping[str, str] | None = None, kind: str | None = None
    ) -> Run:
        """Starts a command, by default the night's."""
        environment = self.stage.environment(kind or self.kind_name, is_served) | dict(more or {})
        run = self.stage.run(command or ("backfill", *OF_THE_NIGHT), environment)
        self._runs.append(run)
        return run

    def strike(self, run: Run, blow: Callable[[], object], what: str, moment: Moment | None = None) -> str:
        """Deals a blow at a moment, by default any of the night; says where it hit."""
        usual = self.kind.usual
        at = moment or Moment.drawn(self.rng, len(usual) - 1)
        hit = run.strike(at, usual, blow)
        self.hits.append(hit)
        self.events.append(f"{what} at {at}: {hit}")
        return hit

    def until_done(self, *command: str, is_served: bool = True, starts: int = 1) -> None:
        """Starts the night until it ends well, at most so often."""
        for number in range(1, starts + 1):
            run = self.start(*command, is_served=is_served)
            code = run.wait()
            if code == 0:
                self.events.append(f"done at start {number}")
                return
            self.events.append(f"start {number} ended with {code}: {self.reason(run)}")
            self.demand("an error is exit code 1", code == 1, "exit code 0 or 1; below 0 it hung", run)
        self.breaks("a night that is started again ends", f"exit code 0 at start {starts}", self.events[-1])

    def reason(self, run: Run) -> str:
        """In a line why a command failed."""
        told = [line.strip() for line in run.text.splitlines() if "failed: " in line]
        return (told or run.text.strip().splitlines() or ["it said nothing"])[-1][:200]

    def breaks(self, promise: str, expected: str, found: str) -> None:
        """A promise was not kept."""
        self.broken.append(Broken(promise, expected, found))

    def demand(self, promise: str, is_kept: bool, expected: str, run: Run) -> None:
        """A promise about what a command did."""
        if not is_kept:
            self.breaks(promise, expected, f"exit code {run.wait()}: {self.reason(run)}")

    @contextmanager
    def read(self) -> Any:
        """A reader looks on meanwhile."""
        reader = Reader(self.root, LIST_ON, self.kind.steps, Random(self.rng.random()), self.is_strict)
        try:
            yield
        finally:
            self.broken += reader.stop()
            self.events.append(f"a reader looked {reader.looks} times")
        if reader.looks == 0:
            self.breaks("a reader can look on", "a look at least", "none")

    def end(self) -> None:
        """Ends what is still at work, whatever went wrong."""
        for run in self._runs:
            run.end()
        for pid in promises.processes_of(self.root / "lake"):
            kill(pid)

    def check(
        self, frozen: bool = False, without: frozenset[str] = frozenset(), copies: frozenset[str] = frozenset()
    ) -> None:
        """All promises.

        `frozen`: lists were delivered before the source was mended, so they stay as they are. `without`: columns that
        the fault changes by right. `copies`: tables in which it leaves other rows by right.
        """
        kind, lake = self.kind, self.lake
        left = (FROZEN if frozen else frozenset()) | copies
        names = [name for name in kind.fingerprints if name not in left]
        self.broken += promises.same_tables(lake, kind.fingerprints, kind.lake, names, without)
        if self.is_strict:
            self.broken += promises.only_whole_versions(lake, self.stage.before, kind.steps)
        self.check_ends()
        if not frozen:
            self.broken += promises.same_delivery(self.root / "delivery", kind.root / "delivery", LIST_ON)
            self.broken += promises.handed_over_noted(lake, kind.lake)

    def check_ends(self) -> None:
        """The promises that hold of any night that ended."""
        lake = self.lake
        others = {"transactions": self.stage.database.rows()} if self.kind_name == DATABASE else {}
        self.broken += promises.every_row_accounted(lake, self.root / "landing", NIGHT, others)
        self.broken += promises.night_complete(lake, NIGHT)
        files = promises.open_files(self.root, self.began_at)
        if not self.is_strict:
            # What was known too late to redact is gone from the tables, and leaves their history with maintenance.
            current = set(promises.current_files(lake))
            files = [file for file in files if file.suffix != ".parquet" or file in current]
        logs = self.stage.code / ".local"
        # Scratch space may hold what is not free of personal data yet; the operations manual says so.
        folders = [folder for folder in logs.iterdir() if folder.name not in ("jars", "spark")]
        files += [file for folder in folders for file in promises.open_files(folder, self.began_at)]
        self.broken += promises.nothing_personal(files, self.stage.personal)
        self.broken += promises.nothing_left(self.root, promises.processes_of(self.root / "lake"))
        for run in self._runs:
            if "Traceback (most recent call last)" in run.text:
                self.breaks("an error is told in words", "a line", f"a traceback of {' '.join(run.command)}")
