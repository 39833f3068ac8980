"""A lake as delta-rs and DuckDB see it: nothing that made its tables reads them here."""

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import duckdb
from deltalake import DeltaTable

LAYERS = ("bronze", "quarantine", "silver", "features", "gold", "vault")
RECORDS = ("ops.batches", "ops.deliveries", "ops.returned_lists", "ops.model_watch", "ops.repeat_cluster_changes")
"""Tables of ops that say the same of the same night, whatever became of it on the way."""
OF_THE_RUN = frozenset({"loaded_at", "file_modified_at", "delivered_at", "run_id", "model_version"})
"""Columns that tell when and by which run, not what."""
EXAMPLES = 3


class Fingerprint(NamedTuple):
    """Rows of a table, whatever their order: how many, and their hash."""

    rows: int
    digest: str


ABSENT = Fingerprint(0, "0")
"""A table that does not exist, or is empty."""


class Lake:
    """The tables below a root; for one thread."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._seen: dict[tuple[str, int, frozenset[str]], Fingerprint] = {}

    def names(self, *layers: str) -> list[str]:
        """The tables of these layers, by default of all but ops."""
        found = (table for layer in layers or LAYERS for table in (self.root / layer).glob("*/_delta_log"))
        return sorted(f"{log.parent.parent.name}.{log.parent.name}" for log in found)

    def folder(self, name: str) -> Path:
        """Where a table lies."""
        return self.root / name.replace(".", "/")

    def version(self, name: str) -> int:
        """The newest version; -1 when there is none."""
        folder = str(self.folder(name))
        return DeltaTable(folder).version() if DeltaTable.is_deltatable(folder) else -1

    def fingerprint(self, name: str, version: int | None = None, without: frozenset[str] = frozenset()) -> Fingerprint:
        """What the table holds as of a version, by default the newest."""
        wanted = self.version(name) if version is None else version
        if wanted < 0:
            return ABSENT
        # A version never changes.
        key = name, wanted, without
        if key not in self._seen:
            columns = self._register(self._db, "seen", name, without, wanted)
            digest = f"sum(hash({columns})::HUGEINT)"
            ((rows, total),) = self._db.execute(f"SELECT count(*), CAST({digest} AS VARCHAR) FROM seen").fetchall()
            self._seen[key] = Fingerprint(rows, total or "0")
        return self._seen[key]

    @cached_property
    def _db(self) -> duckdb.DuckDBPyConnection:
        db = duckdb.connect(config={"threads": 1})
        db.execute("SET TimeZone = 'UTC'")
        return db

    def fingerprints(self) -> dict[str, Fingerprint]:
        """What all tables hold that say the same of the same night."""
        records = [name for name in RECORDS if self.version(name) >= 0]
        return {name: self.fingerprint(name) for name in [*self.names(), *records]}

    def since(self, versions: dict[str, int]) -> Iterator[tuple[str, int]]:
        """The versions of business tables after these, each with its table."""
        for name in self.names():
            first = max(versions.get(name, -1) + 1, 0)
            yield from ((name, version) for version in range(first, self.version(name) + 1))

    def versions(self) -> dict[str, int]:
        """The newest version of each business table."""
        return {name: self.version(name) for name in self.names()}

    def rows_apart(self, name: str, other: "Lake", without: frozenset[str] = frozenset()) -> str:
        """How many rows of a table are here alone and there alone, and the first of them."""
        if self.version(name) < 0 or other.version(name) < 0:
            return "the table is missing" + (" here" if self.version(name) < 0 else " in the night without a fault")
        told = []
        columns = self._register(self._db, "here", name, without)
        other._register(self._db, "there", name, without)
        for one, two, words in (("here", "there", "too many"), ("there", "here", "missing")):
            query = f"SELECT {columns} FROM {one} EXCEPT ALL SELECT {columns} FROM {two}"
            rows = self._db.execute(query).fetchall()
            told += [f"{len(rows)} {words}"] + [f"  {words}: {row}" for row in rows[:EXAMPLES]]
        return "\n".join(told)

    def rows(self, query: str, *names: str) -> list[tuple]:
        """Rows of a query over tables, in which `silver.calls` is called silver_calls."""
        for name in names:
            self._register(self._db, name.replace(".", "_"), name, frozenset())
        return self._db.execute(query).fetchall()

    def _register(
        self,
        db: duckdb.DuckDBPyConnection,
        view: str,
        name: str,
        without: frozenset[str],
        version: int | None = None,
    ) -> str:
        table = DeltaTable(self.folder(name), version=version)
        db.register(view, table.to_pyarrow_dataset())
        kept = [field.name for field in table.schema().fields if field.name not in OF_THE_RUN | without]
        return ", ".join(f'"{column}"' for column in kept)
