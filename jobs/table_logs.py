"""The tables of the lake without Spark: what their logs say, how they are made, and rows of plain values.

A query through Spark costs a second or two where this costs a few hundredths.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, Field, Schema, write_deltalake
from deltalake.schema import ArrayType, DataType, MapType, PrimitiveType, StructType
from pyarrow.dataset import Dataset
from upath import UPath

from jobs.errors import DataError
from jobs.tables import Table

VAULT_MODE = 0o700
RESTORE = "RESTORE"
"""The operation of a commit that took a table back to an earlier version."""
COMMITS_LOOKED_AT = 100
"""How far back a note of an earlier run is searched; without one everything is made anew."""


SMALL_FILE_BYTES = 64 << 20
"""Files below are worth packing."""


@dataclass(frozen=True)
class Files:
    """The files that the latest version of a table consists of."""

    count: int
    bytes: int


class TableLogs:
    """The tables under one root."""

    def __init__(self, root: str, note: dict[str, Any] | None = None) -> None:
        """`note` goes into the user metadata of each commit, for audit."""
        self.root = root
        self.note = note or {}
        self.seen: dict[str, int] = {}
        """Versions of the tables when they were last looked at."""

    def path(self, table: Table) -> str:
        """Where the table lies."""
        return f"{self.root}/{table.layer}/{table.short_name}"

    def exists(self, table: Table) -> bool:
        """Whether the table has been made."""
        # A folder alone may be what a killed process left behind.
        return next(iter(UPath(self.path(table), "_delta_log").glob("*.json")), None) is not None

    def version(self, table: Table) -> int | None:
        """The latest version, None where the table has not been made yet."""
        if not self.exists(table):
            return None
        return DeltaTable(self.path(table)).version()

    def look(self, table: Table) -> DeltaTable:
        """The table's log as it is now; what is added next must not have been added since."""
        log = DeltaTable(self.path(table))
        self.seen[table.name] = log.version()
        return log

    def consumed(self, table: Table, source: Table) -> int | None:
        """The version of `source` from which `table` was last made, as its own commits say."""
        inputs = self.noted(table, "inputs") or {}
        return inputs.get(source.name)

    def noted(self, table: Table, key: str) -> Any:
        """What the latest commit that says anything of `key` says; None where none does."""
        return self.noted_last(table, key).get(key)

    def noted_last(self, table: Table, key: str) -> dict[str, Any]:
        """All that the latest commit says which says anything of `key`; nothing where none does."""
        return self._noted(table, lambda noted: key in noted)

    def noted_of(self, table: Table, key: str, value: Any) -> dict[str, Any]:
        """All that the latest commit says whose `key` is that value; nothing where there is none."""
        return self._noted(table, lambda noted: noted.get(key) == value)

    def _noted(self, table: Table, is_meant: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        if not self.exists(table):
            return {}
        for commit in DeltaTable(self.path(table)).history(COMMITS_LOOKED_AT):
            if commit["operation"] == RESTORE:
                # What earlier commits say is of rows that may no longer be there.
                return {}
            noted: dict[str, Any] = json.loads(commit.get("userMetadata") or "{}")
            if is_meant(noted):
                return noted
        return {}

    def may_hold(self, table: Table, dates: dict[str, Sequence[date]], or_null: str | None = None) -> bool:
        """Whether any file may hold a row with one of these dates in one of these columns (or null in `or_null`).

        Read from the table's log without Spark: in the order of the dates a batch's rows are new, and a look that
        starts a query costs more than all the rest of an empty table.
        """
        if not self.exists(table):
            return False
        files = self.look(table).get_add_actions(flatten=True)
        columns: dict[str, list[Any]] = {name: list(files.column(name).to_pylist()) for name in files.schema.names}
        return any(
            _may_be(columns, name, i, set(days)) for name, days in dates.items() for i in range(files.num_rows)
        ) or (or_null is not None and any(count != 0 for count in columns.get(f"null_count.{or_null}", [None])))

    def dates(self, table: Table, partition: str) -> list[date]:
        """The values of a partition column with dates, oldest first, without reading a row."""
        return [date.fromisoformat(value) for value in self.values(table, partition)]

    def values(self, table: Table, partition: str) -> list[str]:
        """The values of a partition column as texts, in their order, without reading a row."""
        if not self.exists(table):
            return []
        return sorted({str(each[partition]) for each in DeltaTable(self.path(table)).partitions()})

    def rows(self, table: Table, days: Iterable[date] | None = None) -> int:
        """How many rows the partitions of these dates (None: all) hold, from the log alone."""
        if not self.exists(table):
            return 0
        if days is not None and table.partition:
            held = self.rows_by_day(table)
            return sum(held.get(day, 0) for day in set(days))
        files = self._actions(table)
        counts: list[int | None] = list(files.column("num_records").to_pylist())
        return sum(count or 0 for count in counts)

    def rows_by_day(self, table: Table) -> dict[date, int]:
        """How many rows the partition of each date holds, from the log alone."""
        if not self.exists(table):
            return {}
        files = self._actions(table)
        days = files.column(f"partition.{table.partition}").to_pylist()
        rows: Counter[date] = Counter()
        for day, count in zip(days, files.column("num_records").to_pylist(), strict=True):
            rows[day] += count or 0
        return dict(rows)

    def files(self, table: Table) -> Files:
        """The files of the latest version."""
        sizes = self._actions(table).column("size_bytes").to_pylist()
        return Files(len(sizes), sum(sizes))

    def fragmented(self, table: Table) -> list[Any]:
        """The values of the partition column under which several small files lie; [None] of a table without."""
        actions = self._actions(table)
        sizes = actions.column("size_bytes").to_pylist()
        folders = [actions.column(f"partition.{name}").to_pylist() for name in table.partitions]
        of_file = zip(*folders, strict=True) if folders else [(None,)] * len(sizes)
        small = Counter(folder for folder, size in zip(of_file, sizes, strict=True) if size < SMALL_FILE_BYTES)
        return list(dict.fromkeys(folder[0] for folder, count in small.items() if count > 1))

    def may_be_before(self, table: Table, column: str, day: date) -> bool:
        """Whether any file may hold a row with an earlier date in the column, from the log alone."""
        actions = self._actions(table)
        if column in table.partitions:
            return any(held is not None and held < day for held in actions.column(f"partition.{column}").to_pylist())
        if f"min.{column}" not in actions.schema.names:
            return actions.num_rows > 0
        named = (f"min.{column}", f"null_count.{column}", "num_records")
        files = zip(*(actions.column(name).to_pylist() for name in named), strict=True)
        # Of nulls alone there is no least date.
        return any(nulls != rows if held is None else held < day for held, nulls, rows in files)

    def latest(self, table: Table, column: str) -> date | None:
        """The greatest date in a required column with statistics, from the log alone; None of an empty table."""
        return max(self._statistics(table, f"max.{column}"), default=None)

    def first(self, table: Table, column: str) -> date | None:
        """The least date in a required column with statistics, from the log alone; None of an empty table."""
        return min(self._statistics(table, f"min.{column}"), default=None)

    def _statistics(self, table: Table, name: str) -> list[date]:
        if not self.exists(table):
            return []
        files = self._actions(table)
        # A file without rows has no statistics.
        return [day for day in files.column(name).to_pylist() if day is not None] if files.num_rows else []

    def changed_partitions(self, table: Table, after: int | None) -> set[date] | None:
        """The partitions (by date) that commits after a version changed; None when the log no longer says.

        Nor does it of a version that is still to come: the table was deleted since, and made again.
        """
        latest = self.version(table)
        if latest is None:
            return set()
        if after is None or after > latest or table.partition is None:
            return None
        changed: set[date] = set()
        for version in range(after + 1, latest + 1):
            commit = UPath(self.path(table), "_delta_log", f"{version:020}.json")
            if not commit.exists():
                return None
            actions = [json.loads(line) for line in commit.read_text().splitlines()]
            files = [action.get("add") or action.get("remove") for action in actions]
            values = {file["partitionValues"][table.partition] for file in files if file and file["dataChange"]}
            changed |= {date.fromisoformat(value) for value in values if value is not None}
        return changed

    def create(self, table: Table) -> None:
        """Makes the empty table, with comments and properties, unless it exists."""
        if self.exists(table):
            return
        self._guard(table)
        fields = [
            Field(c.name, _delta_type(c.type), nullable=not c.required, metadata={"comment": c.comment})
            for c in table.columns
        ]
        properties = {
            "delta.enableDeletionVectors": "false",
            "delta.checkpointInterval": "20",
            "delta.enableChangeDataFeed": str(table.change_feed).lower(),
            "delta.dataSkippingStatsColumns": ",".join(
                name for name in table.statistics if name not in table.partitions
            ),
        }
        DeltaTable.create(
            self.path(table),
            Schema(fields),
            mode="ignore",
            partition_by=list(table.partitions) or None,
            description=table.about,
            configuration={key: value for key, value in properties.items() if value},
        )

    def add_columns(self, table: Table) -> None:
        """Gives a table that stands the columns that its declaration gained; they are null in the rows that stand.

        Raises:
            DataError: the table wants a value in a column that is declared no more.
        """
        if not self.exists(table):
            return
        delta = DeltaTable(self.path(table))
        held = {field.name for field in delta.schema().fields}
        lost = [
            field.name for field in delta.schema().fields if not field.nullable and field.name not in table.column_names
        ]
        if lost:
            raise DataError(
                f"{table.name} was made by an earlier version",
                expected=f"a table without the required columns {', '.join(lost)}",
                found=f"one with them in {self.path(table)}",
                todo="move that folder away and run the same night again, or make backfill for the dates that it held",
            )
        gained = [column for column in table.columns if column.name not in held]
        if gained:
            delta.alter.add_columns(
                [Field(c.name, _delta_type(c.type), metadata={"comment": c.comment}) for c in gained]
            )

    def records(self, table: Table, *where: tuple[str, str, Any]) -> list[dict[str, Any]]:
        """Rows as plain values, times in UTC; `where` are conditions such as ("feed", "=", "calls")."""
        if not self.exists(table):
            return []
        rows: list[dict[str, Any]] = DeltaTable(self.path(table)).to_pyarrow_table(filters=[*where] or None).to_pylist()
        return rows

    def dataset(self, table: Table) -> Dataset:
        """The table for readers that choose rows and columns themselves; empty where it has not been made yet."""
        self.create(table)
        return DeltaTable(self.path(table)).to_pyarrow_dataset()

    def record(self, table: Table, rows: Sequence[dict[str, Any]], where: str) -> None:
        """In one commit the rows for which `where` holds give way to these; a column that is not named is null."""
        self.create(table)
        delta = DeltaTable(self.path(table))
        schema = pa.schema(delta.schema().to_arrow())
        values = [{name: row.get(name) for name in table.column_names} for row in rows]
        write_deltalake(
            delta,
            pa.Table.from_pylist(values, schema=schema),
            mode="overwrite",
            predicate=where,
            commit_properties=CommitProperties(custom_metadata={"userMetadata": self._note({})}),
        )

    def remember(self, table: Table, **note: Any) -> None:
        """Says in a commit without rows what was looked at, so that the next night need not look at it again."""
        delta = DeltaTable(self.path(table))
        nothing = pa.Table.from_pylist([], schema=pa.schema(delta.schema().to_arrow()))
        metadata = CommitProperties(custom_metadata={"userMetadata": self._note(note)})
        write_deltalake(delta, nothing, mode="append", commit_properties=metadata)

    def _actions(self, table: Table) -> Any:
        """A row for each file of the latest version: its path, size, partition and statistics."""
        return DeltaTable(self.path(table)).get_add_actions(flatten=True)

    def _note(self, note: dict[str, Any]) -> str:
        return json.dumps({**self.note, **note}, default=str)

    def _guard(self, table: Table) -> None:
        if table.layer != "vault" or "://" in self.root:
            return
        folder = UPath(self.root, "vault")
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(VAULT_MODE)


def literal(text: str) -> str:
    """The text in SQL without Spark: of `TableLogs.record` and of DuckDB."""
    return "'" + text.replace("'", "''") + "'"


def _delta_type(sql: str) -> DataType:
    outer, _, inner = sql.partition("<")
    inner = inner.removesuffix(">")
    if outer == "array":
        return ArrayType(_delta_type(inner))
    if outer == "map":
        key, _, value = inner.partition(",")
        return MapType(_delta_type(key), _delta_type(value))
    if outer == "struct":
        named = (field.partition(":") for field in inner.split(","))
        return StructType([Field(name, _delta_type(type_)) for name, _, type_ in named])
    return PrimitiveType({"bigint": "long", "int": "integer"}.get(sql, sql))


def _may_be(columns: Mapping[str, Sequence[Any]], name: str, file: int, days: set[date]) -> bool:
    if f"partition.{name}" in columns:
        return columns[f"partition.{name}"][file] in days
    low, high = (columns.get(f"{end}.{name}", [None] * (file + 1))[file] for end in ("min", "max"))
    return low is None or high is None or any(low <= day <= high for day in days)
