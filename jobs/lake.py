"""The only module that reads or writes Delta."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from deltalake import DeltaTable
from pyspark import StorageLevel
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from upath import UPath

from jobs.columns import row_hash
from jobs.tables import Table

CONFLICT_TRIES = 5
VAULT_MODE = 0o700
COMMITS_LOOKED_AT = 100
"""How far back a note of an earlier run is searched; without one everything is made anew."""


class Lake:
    """The tables under one root, through one Spark session."""

    def __init__(self, spark: SparkSession, root: str, note: dict[str, Any] | None = None) -> None:
        """`note` goes into the user metadata of each commit, for audit."""
        self.spark = spark
        self.root = root
        self.note = note or {}

    def path(self, table: Table) -> str:
        """Where the table lies."""
        return f"{self.root}/{table.layer}/{table.short_name}"

    def exists(self, table: Table) -> bool:
        """Whether the table has been made."""
        # A folder alone may be what a killed process left behind.
        return next(iter(UPath(self.path(table), "_delta_log").glob("*.json")), None) is not None

    def read(self, table: Table) -> DataFrame:
        """All rows; empty where the table has not been made yet."""
        if not self.exists(table):
            return self.empty(table)
        return self.spark.read.format("delta").load(self.path(table))

    def empty(self, table: Table) -> DataFrame:
        """No row, with the declared columns."""
        return self.spark.createDataFrame([], ", ".join(f"`{c.name}` {c.type}" for c in table.columns))

    def rows(self, table: Table, values: Sequence[dict[str, Any]]) -> DataFrame:
        """Rows of a table from plain values; a column that is not named is null."""
        schema = ", ".join(f"`{column.name}` {column.type}" for column in table.columns)
        return self.spark.createDataFrame(
            [tuple(value.get(name) for name in table.column_names) for value in values], schema
        )

    def version(self, table: Table) -> int | None:
        """The latest version, None where the table has not been made yet."""
        if not self.exists(table):
            return None
        return DeltaTable(self.path(table)).version()

    def consumed(self, table: Table, source: Table) -> int | None:
        """The version of `source` from which `table` was last made, as its own commits say."""
        inputs = self.noted(table, "inputs") or {}
        return inputs.get(source.name)

    def noted(self, table: Table, key: str) -> Any:
        """What the latest commit that says anything of `key` says; None where none does."""
        if not self.exists(table):
            return None
        for commit in DeltaTable(self.path(table)).history(COMMITS_LOOKED_AT):
            noted = json.loads(commit.get("userMetadata") or "{}")
            if key in noted:
                return noted[key]
        return None

    def changes(self, table: Table, after: int, until: int) -> DataFrame | None:
        """Rows that changed after one version up to another, before and after; None when no longer known."""
        if after >= until:
            return self.empty(table)
        try:
            feed = (
                self.spark.read.format("delta")
                .option("readChangeFeed", "true")
                .option("startingVersion", after + 1)
                .option("endingVersion", until)
                .load(self.path(table))
            )
            feed.schema  # noqa: B018  # resolves the versions, so that a gap shows here
        except PySparkException:
            return None
        return feed

    def create(self, table: Table) -> None:
        """Makes the empty table, with comments and properties, unless it exists."""
        if self.exists(table):
            return
        self._guard(table)
        columns = ", ".join(
            f"`{c.name}` {c.type}{' NOT NULL' if c.required else ''} COMMENT {_quoted(c.comment)}"
            for c in table.columns
        )
        partition = f"PARTITIONED BY ({table.partition})" if table.partition else ""
        properties = {
            "delta.enableDeletionVectors": "false",
            "delta.checkpointInterval": "20",
            "delta.enableChangeDataFeed": str(table.change_feed).lower(),
            "delta.dataSkippingStatsColumns": ",".join(name for name in table.statistics if name != table.partition),
        }
        listed = ", ".join(f"'{key}' = '{value}'" for key, value in properties.items() if value)
        self.spark.sql(
            f"CREATE TABLE IF NOT EXISTS {self._sql_name(table)} ({columns}) USING DELTA {partition} "
            f"COMMENT {_quoted(table.about)} TBLPROPERTIES ({listed})"
        )

    def may_hold(self, table: Table, dates: dict[str, Sequence[date]], or_null: str | None = None) -> bool:
        """Whether any file may hold a row with one of these dates in one of these columns (or null in `or_null`).

        Read from the table's log without Spark: in the order of the dates a batch's rows are new, and a look that
        starts a query costs more than all the rest of an empty table.
        """
        if not self.exists(table):
            return False
        files = DeltaTable(self.path(table)).get_add_actions(flatten=True)
        columns: dict[str, list[Any]] = {name: list(files.column(name).to_pylist()) for name in files.schema.names}
        return any(
            _may_be(columns, name, i, set(days)) for name, days in dates.items() for i in range(files.num_rows)
        ) or (or_null is not None and any(count != 0 for count in columns.get(f"null_count.{or_null}", [None])))

    def replace(self, table: Table, rows: DataFrame, where: str, **note: Any) -> None:
        """In one commit the rows for which `where` holds give way to `rows`, which all satisfy it."""
        self.create(table)
        self._commit(
            lambda: (
                rows.write.format("delta")
                .mode("overwrite")
                .option("replaceWhere", where)
                .option("userMetadata", self._note(note))
                .save(self.path(table))
            )
        )

    def dates(self, table: Table, partition: str) -> list[date]:
        """The values of a partition column, oldest first, without reading a row."""
        if not self.exists(table):
            return []
        values = {each[partition] for each in DeltaTable(self.path(table)).partitions()}
        return sorted(date.fromisoformat(str(value)) for value in values)

    def put(self, table: Table, rows: DataFrame, where: str, is_new: bool) -> None:
        """Replaces the rows for which `where` holds; where there are none (`is_new`) a mere append is cheaper."""
        if is_new:
            self.append(table, rows)
        else:
            self.replace(table, rows, where)

    def append(self, table: Table, rows: DataFrame, **note: Any) -> None:
        """Adds rows in one commit."""
        self.create(table)
        self._commit(
            lambda: (
                rows.write.format("delta")
                .mode("append")
                .option("userMetadata", self._note(note))
                .save(self.path(table))
            )
        )

    def merge(self, table: Table, changes: DataFrame, on: str, **note: Any) -> None:
        """In one commit: `changes` with `_delete` remove the row they match by `on`, others replace or add it.

        `on` compares `kept` (the table) with `new` (the changes).
        """
        self.create(table)
        changes.createOrReplaceTempView("echolake_changes")
        assigned = ", ".join(f"kept.`{name}` = new.`{name}`" for name in table.column_names)
        names = ", ".join(f"`{name}`" for name in table.column_names)
        values = ", ".join(f"new.`{name}`" for name in table.column_names)
        self.spark.conf.set("spark.databricks.delta.commitInfo.userMetadata", self._note(note))
        try:
            self._commit_merge(table, on, assigned, names, values)
        finally:
            self.spark.conf.unset("spark.databricks.delta.commitInfo.userMetadata")

    def _commit_merge(self, table: Table, on: str, assigned: str, names: str, values: str) -> None:
        self._commit(
            lambda: self.spark.sql(
                f"MERGE INTO {self._sql_name(table)} kept USING echolake_changes new ON {on} "
                f"WHEN MATCHED AND new._delete THEN DELETE "
                f"WHEN MATCHED THEN UPDATE SET {assigned} "
                f"WHEN NOT MATCHED AND NOT new._delete THEN INSERT ({names}) VALUES ({values})"
            )
        )

    def replace_changed(
        self,
        table: Table,
        rows: DataFrame,
        by: str,
        existing: DataFrame,
        ignore: Sequence[str] = (),
        **note: Any,
    ) -> int:
        """Replaces the values of column `by` (a date) under which `rows` differ from `existing`.

        Returns the number of rows written; nothing is committed when all are the same.
        """
        names = [name for name in table.column_names if name not in ignore]
        prints = [_fingerprints(frame, by, names) for frame in (rows, existing)]
        new, old = prints
        joined = new.alias("n").join(old.alias("o"), F.expr(f"n.{by} <=> o.{by}"), "full_outer")
        differing = joined.where("NOT (n.print <=> o.print AND n.rows <=> o.rows)").select(
            F.coalesce(f"n.{by}", f"o.{by}").alias(by), F.coalesce("n.rows", F.lit(0)).alias("rows")
        )
        found = differing.collect()
        if not found:
            return 0
        where = in_dates(by, (row[0] for row in found))
        self.replace(table, rows.where(where), where, **note)
        return sum(row["rows"] for row in found)

    def optimize(self, table: Table, vacuum_hours: int) -> None:
        """Packs small files into large ones and deletes files that nothing needs any more."""
        name = self._sql_name(table)
        self.spark.sql(f"OPTIMIZE {name}")
        self.spark.conf.set("spark.databricks.delta.retentionDurationCheck.enabled", "false")
        self.spark.sql(f"VACUUM {name} RETAIN {vacuum_hours} HOURS")

    def delete(self, table: Table, where: str) -> None:
        """Deletes the rows for which `where` holds."""
        self.spark.sql(f"DELETE FROM {self._sql_name(table)} WHERE {where}")

    def _sql_name(self, table: Table) -> str:
        return f"delta.`{self.path(table)}`"

    def _note(self, note: dict[str, Any]) -> str:
        return json.dumps({**self.note, **note}, default=str)

    def _commit(self, write: Callable[[], object]) -> None:
        for attempt in range(CONFLICT_TRIES):
            try:
                write()
                return
            except PySparkException as error:
                is_conflict = "DELTA_CONCURRENT" in str(error) or "Concurrent" in type(error).__name__
                if not is_conflict or attempt + 1 == CONFLICT_TRIES:
                    raise

    def _guard(self, table: Table) -> None:
        if table.layer != "vault" or "://" in self.root:
            return
        folder = UPath(self.root, "vault")
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(VAULT_MODE)


def _may_be(columns: Mapping[str, Sequence[Any]], name: str, file: int, days: set[date]) -> bool:
    if f"partition.{name}" in columns:
        return columns[f"partition.{name}"][file] in days
    low, high = (columns.get(f"{end}.{name}", [None] * (file + 1))[file] for end in ("min", "max"))
    return low is None or high is None or any(low <= day <= high for day in days)


def computed(rows: DataFrame) -> DataFrame:
    """The rows computed once, with their plan cut off.

    A frame that is merely cached drags its whole plan into every later query, which over Connect is sent, analysed
    and compiled anew each time.
    """
    return rows.localCheckpoint(eager=True, storageLevel=StorageLevel.MEMORY_AND_DISK)


def in_dates(column: str, dates: Iterable[date | None]) -> str:
    """SQL for: the column is one of these dates (or null)."""
    days = list(dates)
    known = sorted({day for day in days if day is not None})
    listed = ", ".join(f"DATE'{day}'" for day in known)
    conditions = [f"{column} IN ({listed})"] if known else []
    conditions += [f"{column} IS NULL"] if None in days else []
    return " OR ".join(conditions) or "false"


def _fingerprints(rows: DataFrame, by: str, names: Sequence[str]) -> DataFrame:
    # Decimal sums are exact whatever the order; a bigint sum would overflow.
    return rows.groupBy(by).agg(F.sum(row_hash(names).cast("decimal(38,0)")).alias("print"), F.count("*").alias("rows"))


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
