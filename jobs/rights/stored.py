"""The tables as the rights of a person need them: rows by a condition, deleted for good, without Spark."""

import json
from collections.abc import Sequence
from typing import Any

import duckdb
import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, write_deltalake
from upath import UPath

from jobs.table_logs import TableLogs, literal
from jobs.tables import Table

OF_ONE_COMMIT = {"run_id", "date", "code_version", "table"}
"""What a commit notes of itself, for audit; the rest is carried on."""

SCAN_MEMORY = "1GB"


class StoredTables(TableLogs):
    """The tables under one root, whose rows and history can be deleted."""

    def select(self, table: Table, where: str, columns: Sequence[str] = ()) -> list[dict[str, Any]]:
        """Rows for which `where` holds, as plain values, times in UTC; of `columns` (default: all)."""
        listed = ", ".join(f'"{name}"' for name in columns) or "*"
        return self._ask(table, f"SELECT {listed} FROM asked WHERE {where}")

    def distinct(self, table: Table, column: str, where: str) -> set[str]:
        """The values of a column, null left out, in the rows for which `where` holds."""
        rows = self._ask(
            table, f'SELECT DISTINCT "{column}" AS v FROM asked WHERE ({where}) AND "{column}" IS NOT NULL'
        )
        return {row["v"] for row in rows}

    def count(self, table: Table, where: str) -> int:
        """How many rows there are for which `where` holds."""
        rows = self._ask(table, f"SELECT count(*) AS n FROM asked WHERE {where}")
        return int(rows[0]["n"]) if rows else 0

    def ask(self, query: str, **tables: Table) -> list[dict[str, Any]]:
        """What a query says of tables, each under the name that it is given; empty where one has not been made yet."""
        with duckdb.connect() as db:
            db.execute(f"SET TimeZone = 'UTC'; SET memory_limit = '{SCAN_MEMORY}'")
            for name, table in tables.items():
                db.register(name, self.dataset(table))
            rows: list[dict[str, Any]] = db.sql(query).to_arrow_table().to_pylist()
            return rows

    def _ask(self, table: Table, query: str) -> list[dict[str, Any]]:
        return self.ask(query, asked=table) if self.exists(table) else []

    def delete(self, table: Table, where: str) -> int:
        """Deletes the rows for which `where` holds in one commit; returns how many there were."""
        rows = self.count(table, where)
        if rows:
            # The commit tells the condition, until `forget_history`. DeltaTable.delete would do the same, but writes
            # texts in a form (string_view) in which pyarrow and DuckDB cannot look for a value.
            self.record(table, [], where)
        return rows

    def add(self, table: Table, *rows: dict[str, Any]) -> None:
        """Adds rows in one commit, whoever else adds some meanwhile."""
        self.create(table)
        stored = DeltaTable(self.path(table))
        schema = pa.schema(stored.schema().to_arrow())
        added = pa.Table.from_pylist([*rows], schema=schema)
        write_deltalake(stored, added, mode="append", commit_properties=self._properties({}))

    def change(self, table: Table, where: str, column: str, value: str | None) -> int:
        """Sets a column in the rows for which `where` holds; returns how many there were."""
        rows = self.select(table, where)
        if rows:
            # What is written must satisfy the condition under which rows give way; so those that have the value already
            # are written again beside it.
            has_value = f'"{column}" IS NULL' if value is None else f'"{column}" = {literal(value)}'
            others = self.select(table, f"({has_value}) AND ({where}) IS DISTINCT FROM true")
            changed = [row | {column: value} for row in rows]
            self.record(table, [*changed, *others], f"({where}) OR ({has_value})")
        return len(rows)

    def notes(self, table: Table) -> dict[str, Any]:
        """What the table's commits say of what it was made from, the latest word on each."""
        said: dict[str, Any] = {}
        for commit in reversed(DeltaTable(self.path(table)).history()):
            said |= json.loads(commit.get("userMetadata") or "{}")
        return {key: value for key, value in said.items() if key not in OF_ONE_COMMIT}

    def note_again(self, table: Table, notes: dict[str, Any]) -> DeltaTable:
        """A commit without data that says again what those before it said."""
        stored = DeltaTable(self.path(table))
        interval = stored.metadata().configuration.get("delta.checkpointInterval", "20")
        stored.alter.set_table_properties(
            {"delta.checkpointInterval": interval}, commit_properties=self._properties(notes)
        )
        return stored

    def forget_history(self, table: Table, notes: dict[str, Any]) -> None:
        """Leaves the latest version alone: no older file, change data, log entry or statistics.

        Versions count on, so that whoever noted one is not misled. Readers who began before may have to begin again.
        """
        log = UPath(self.path(table), "_delta_log")
        stored = self.note_again(table, notes)
        # Hadoop's checksum of an earlier one would not fit.
        (log / "._last_checkpoint.crc").unlink(missing_ok=True)
        stored.create_checkpoint()
        # VACUUM would leave Hadoop's checksums of the files that it deletes, and commits that say so.
        for file in self.superfluous(table):
            file.unlink(missing_ok=True)

    def superfluous(self, table: Table) -> list[UPath]:
        """Files in the table's folder that its latest version does not need, where it is one with a checkpoint.

        Log entries come first and oldest first: what is left, if a kill strikes, has no gap from some version on.
        """
        stored = DeltaTable(self.path(table))
        latest = f"{stored.version():020}"
        needed = {uri.rsplit("/", 1)[-1] for uri in stored.file_uris()}
        needed |= {f"{latest}.json", f"{latest}.checkpoint.parquet", "_last_checkpoint"}
        found = [file for file in UPath(self.path(table)).rglob("*") if file.is_file() and file.name not in needed]
        return sorted(found, key=lambda file: ("_delta_log" not in file.parts, file.name.lstrip(".")))

    def _properties(self, notes: dict[str, Any]) -> CommitProperties:
        return CommitProperties(custom_metadata={"userMetadata": self._note(notes)})


def listed(values: Sequence[str] | set[str] | frozenset[str]) -> str:
    """Texts as the members of a SQL IN list."""
    return ", ".join("'" + value.replace("'", "''") + "'" for value in sorted(values))
