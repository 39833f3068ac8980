"""The only module that reads or writes Delta through Spark."""

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from typing import Any

from pyspark import StorageLevel
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.columns import row_hash
from jobs.table_logs import TableLogs
from jobs.tables import Table

CONFLICT_TRIES = 5

COMPILED_FROM_ROWS = 40_000
"""Of fewer rows a query is interpreted: compiling it takes longer than it saves (decision 0014)."""


class Lake(TableLogs):
    """The tables under one root, through one Spark session."""

    def __init__(self, spark: SparkSession, root: str, note: dict[str, Any] | None = None) -> None:
        """`note` goes into the user metadata of each commit, for audit."""
        super().__init__(root, note)
        self.spark = spark

    def prepare(self, rows: int) -> None:
        """Says how many rows the queries to come look at, so that they are compiled where that pays."""
        is_worth_it = rows >= COMPILED_FROM_ROWS
        self.spark.conf.set("spark.sql.codegen.wholeStage", is_worth_it)
        self.spark.conf.set("spark.sql.codegen.factoryMode", "FALLBACK" if is_worth_it else "NO_CODEGEN")

    def read(self, table: Table) -> DataFrame:
        """All rows; empty where the table has not been made yet."""
        if not self.exists(table):
            return self.empty(table)
        return self.spark.read.format("delta").load(self.path(table))

    def empty(self, table: Table) -> DataFrame:
        """No row, with the declared columns."""
        return self.spark.createDataFrame([], ", ".join(f"`{c.name}` {c.type}" for c in table.columns))

    def changes(self, table: Table, after: int, until: int, where: str) -> DataFrame | None:
        """Rows that changed after one version up to another, before and after; None when no longer known.

        Of these, the rows for which `where` holds.
        """
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
            # Computed here, so that a version that the log or the disk no longer has shows.
            return computed(feed.where(where))
        except PySparkException:
            return None

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

    def put(self, table: Table, rows: DataFrame, where: str, is_new: bool) -> None:
        """Replaces the rows for which `where` holds; where there are none (`is_new`) a mere append is cheaper."""
        if is_new:
            self.append(table, rows)
        else:
            self.replace(table, rows, where)

    def append(self, table: Table, rows: DataFrame, **note: Any) -> None:
        """Adds rows in one commit, unless the table gained rows since it was looked at.

        A process that was killed leaves its write to the server, which may still commit it; the run that takes its
        place looked before that and must not add the same rows again. Others that add to the same table meanwhile (two
        feeds to one vault table) are told apart by what they are making, `table` of the note.
        """
        self.create(table)
        seen = self.seen.pop(table.name, self.version(table))
        self._commit(
            lambda: (
                rows.write.format("delta")
                .mode("append")
                .option("userMetadata", self._note(note))
                .option("txnAppId", f"echolake.{self.note.get('table', '')}.{table.name}")
                .option("txnVersion", str(seen))
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
        statement = (
            f"MERGE INTO {self._sql_name(table)} kept USING echolake_changes new ON {on} "
            f"WHEN MATCHED AND new._delete THEN DELETE "
            f"WHEN MATCHED THEN UPDATE SET {assigned} "
            f"WHEN NOT MATCHED AND NOT new._delete THEN INSERT ({names}) VALUES ({values})"
        )
        self.spark.conf.set("spark.databricks.delta.commitInfo.userMetadata", self._note(note))
        try:
            self._commit(lambda: self.spark.sql(statement))
        finally:
            self.spark.conf.unset("spark.databricks.delta.commitInfo.userMetadata")

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
        new, old = (_fingerprints(frame, by, names) for frame in (rows, existing))
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

    def _commit(self, write: Callable[[], object]) -> None:
        for attempt in range(CONFLICT_TRIES):
            try:
                write()
                return
            except PySparkException as error:
                is_conflict = "DELTA_CONCURRENT" in str(error) or "Concurrent" in type(error).__name__
                if not is_conflict or attempt + 1 == CONFLICT_TRIES:
                    raise


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
