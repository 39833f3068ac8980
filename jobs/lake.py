"""The only module that reads or writes Delta through Spark."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from functools import cache
from typing import Any

from py4j.protocol import Py4JError
from pyspark import StorageLevel
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.columns import row_hash
from jobs.table_logs import SMALL_FILE_BYTES, TableLogs
from jobs.tables import Column, Table

SHUFFLE_PARTITIONS = "spark.sql.shuffle.partitions"

Expect = Callable[[Table, DataFrame], None]
"""Checks rows against a table's expectations before they are published."""

Warn = Callable[[str], None]
"""Says something that the night's summary shows."""

SPARK_ERRORS = (PySparkException, Py4JError)
"""In a driver of its own Python gets errors of Delta as Java's; through a server as Spark's."""

CONFLICT_TRIES = 5

PACKING = {
    "spark.databricks.delta.optimize.maxFileSize": str(4 * SMALL_FILE_BYTES),
    # A column of one table is in order within each file too: readers of one person skip most pages of it.
    "spark.databricks.io.skipping.mdc.sortWithinFiles": "true",
    # Without statistics of the column a file's pages are skipped all the same.
    "spark.databricks.delta.optimize.zorder.checkStatsCollection.enabled": "false",
}

SORTED_ROWS_A_FILE = 100_000
"""Of a sorted table; who looks for one key opens one file."""

COMPILED_FROM_ROWS = 40_000
"""Of fewer rows a query is interpreted: compiling it takes longer than it saves (decision 0014)."""

ROWS_A_TASK = 250_000
"""At most of a shuffle, by and large: what a task sorts then fits into its share of the memory."""

HELD_AS_COLUMNS_FROM_ROWS = 1_000_000
"""Of fewer rows it is cheaper to keep rows as they are (`computed`)."""


class Lake(TableLogs):
    """The tables under one root, through one Spark session."""

    def __init__(self, spark: SparkSession, root: str, note: dict[str, Any] | None = None) -> None:
        """`note` goes into the user metadata of each commit, for audit."""
        super().__init__(root, note)
        self.spark = spark
        self.ahead = 0
        """Rows that the queries to come look at."""

    def prepare(self, rows: int) -> None:
        """Says how many rows the queries to come look at: they are compiled where that pays, and spread over tasks."""
        self.ahead = rows
        is_worth_it = rows >= COMPILED_FROM_ROWS
        self.spark.conf.set(SHUFFLE_PARTITIONS, max(_usual_partitions(self.spark), rows // ROWS_A_TASK))
        self.spark.conf.set("spark.sql.codegen.wholeStage", is_worth_it)
        self.spark.conf.set("spark.sql.codegen.factoryMode", "FALLBACK" if is_worth_it else "NO_CODEGEN")

    @contextmanager
    def once(self, rows: DataFrame) -> Iterator[DataFrame]:
        """The rows, computed once for all queries within.

        Many are held as columns on disk, and their plan with them: a write to a table that they were read from must be
        the last query within.
        """
        if self.ahead < HELD_AS_COLUMNS_FROM_ROWS:
            yield computed(rows)
            return
        held = rows.persist(StorageLevel.DISK_ONLY)
        # Before the first query within, which would sort and count in the memory in which they are made.
        held.count()
        try:
            yield held
        finally:
            held.unpersist()

    def read(self, table: Table) -> DataFrame:
        """All rows; empty where the table has not been made yet."""
        if not self.exists(table):
            return self.empty(table)
        return self.spark.read.format("delta").load(self.path(table))

    def empty(self, table: Table) -> DataFrame:
        """No row, with the declared columns."""
        return self.spark.createDataFrame([], ", ".join(f"`{c.name}` {c.type}" for c in table.columns))

    def changes(
        self, table: Table, after: int, until: int, where: str, columns: Sequence[str] = ("*",)
    ) -> DataFrame | None:
        """Rows that changed after one version up to another, before and after; None when no longer known.

        Of these, the rows for which `where` holds. Of a table that was deleted since and made again nothing is known.
        """
        if after > until:
            return None
        if after == until:
            return self.empty(table).withColumn("_change_type", F.lit("")).select(*columns)
        try:
            feed = (
                self.spark.read.format("delta")
                .option("readChangeFeed", "true")
                .option("startingVersion", after + 1)
                .option("endingVersion", until)
                .load(self.path(table))
            )
            # Computed here, so that a version that the log or the disk no longer has shows.
            return computed(feed.where(where).select(*columns))
        except SPARK_ERRORS:
            return None

    def replace(self, table: Table, rows: DataFrame, where: str, **note: Any) -> None:
        """In one commit the rows for which `where` holds give way to `rows`, which all satisfy it."""
        self.create(table)
        stood = self.version(table) if note else None
        if table.sorted_by:
            files = self.rows(table) // SORTED_ROWS_A_FILE + 1
            rows = rows.repartitionByRange(files, table.sorted_by).sortWithinPartitions(table.sorted_by)
        self._commit(
            lambda: (
                rows.write.format("delta")
                .mode("overwrite")
                .option("replaceWhere", where)
                .option("optimizeWrite", table.sorted_by is None)
                .option("userMetadata", self._note(note))
                .save(self.path(table))
            )
        )
        if note and self.version(table) == stood:
            # Of no rows for no rows Delta makes no commit, and would forget the note.
            self.remember(table, **note)

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
        transaction = self._transaction(table)
        self._commit(
            lambda: (
                rows.write.format("delta")
                .mode("append")
                .option("userMetadata", self._note(note))
                .options(**transaction)
                .save(self.path(table))
            )
        )

    def merge(self, table: Table, changes: DataFrame, on: str, **note: Any) -> None:
        """In one commit: `changes` with `_delete` remove the row they match by `on`, others replace or add it.

        `on` compares `kept` (the table) with `new` (the changes). To an empty table they are appended. As `append`,
        it does not do again what a killed process left to the server and was committed since the look.
        """
        self.create(table)
        if not self.rows(table):
            self.append(table, changes.where("NOT _delete").select(*table.column_names), **note)
            return
        changes.createOrReplaceTempView("echolake_changes")
        assigned = ", ".join(f"kept.`{name}` = new.`{name}`" for name in table.column_names)
        statement = (
            f"MERGE INTO {self._sql_name(table)} kept USING echolake_changes new ON {on} "
            f"WHEN MATCHED AND new._delete THEN DELETE "
            f"WHEN MATCHED THEN UPDATE SET {assigned} "
            f"WHEN NOT MATCHED AND NOT new._delete THEN {_inserted(table)}"
        )
        self._merge(table, statement, note)

    def change_periods(self, table: Table, cells: DataFrame, keys: Sequence[str], day: date, **note: Any) -> None:
        """In one commit: periods of a history that end at the date get their `valid_to`, new ones are added.

        `cells` are the table's columns of what begins, and with `_ends` the `keys` of a period that ends.
        """
        self.create(table)
        cells.createOrReplaceTempView("echolake_cells")
        same = " AND ".join(f"kept.`{key}` = new.`{key}`" for key in keys)
        self._merge(
            table,
            f"MERGE INTO {self._sql_name(table)} kept USING echolake_cells new "
            f"ON new._ends AND kept.is_current AND {same} "
            f"WHEN MATCHED THEN UPDATE SET valid_to = DATE'{day}', is_current = false "
            f"WHEN NOT MATCHED AND NOT new._ends THEN {_inserted(table)}",
            note,
        )

    def take_back(self, table: Table, day: date, **note: Any) -> None:
        """In one commit a history becomes what it was at the end of the date before: periods begun since go, ended
        ones stand open again."""
        began, ended = f"valid_from >= DATE'{day}'", f"valid_to >= DATE'{day}'"
        written = self.read(table).where(f"{began} OR {ended}").select(*table.column_names)
        written.createOrReplaceTempView("echolake_cells")
        same = " AND ".join(f"kept.`{key}` = new.`{key}`" for key in (*table.key, *table.partitions))
        self._merge(
            table,
            f"MERGE INTO {self._sql_name(table)} kept USING echolake_cells new ON {same} "
            f"WHEN MATCHED AND kept.{began} THEN DELETE "
            f"WHEN MATCHED THEN UPDATE SET valid_to = NULL, is_current = true",
            note,
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
        if not self.rows(table):
            # There is nothing to compare with: a day that has rows differs.
            counts = rows.groupBy(by).count().collect()
            if counts:
                self.replace(table, rows, in_dates(by, (row[0] for row in counts)), **note)
            return sum(row["count"] for row in counts)
        found = differing(table, rows, existing, by, ignore)
        if not found:
            return 0
        where = in_dates(by, found)
        self.replace(table, rows.where(where), where, **note)
        return sum(found.values())

    def pack(self, table: Table, where: str | None) -> None:
        """Packs the files of these partitions (None: all), rows of one person next to each other."""
        for key, value in PACKING.items():
            self.spark.conf.set(key, value)
        chosen = f" WHERE {where}" if where else ""
        by = f" ZORDER BY ({table.clustered_by})" if table.clustered_by else ""
        self.spark.sql(f"OPTIMIZE {self._sql_name(table)}{chosen}{by}")

    def vacuum(self, table: Table, hours: int) -> None:
        """Deletes the files that no version of the last hours needs."""
        self.spark.conf.set("spark.databricks.delta.retentionDurationCheck.enabled", "false")
        self.spark.sql(f"VACUUM {self._sql_name(table)} RETAIN {hours} HOURS")

    def delete(self, table: Table, where: str) -> None:
        """Deletes the rows for which `where` holds."""
        self.spark.sql(f"DELETE FROM {self._sql_name(table)} WHERE {where}")

    def _merge(self, table: Table, statement: str, note: dict[str, Any]) -> None:
        # A statement takes from the session what a write takes as its options.
        conf = {"spark.databricks.delta.commitInfo.userMetadata": self._note(note)}
        conf |= {f"spark.databricks.delta.write.{key}": value for key, value in self._transaction(table).items()}
        for key, value in conf.items():
            self.spark.conf.set(key, value)
        try:
            self._commit(lambda: self.spark.sql(statement))
        finally:
            for key in conf:
                self.spark.conf.unset(key)

    def _transaction(self, table: Table) -> dict[str, str]:
        """By which Delta knows a commit that was made since the table was looked at: of what, and the version seen."""
        seen = self.seen.pop(table.name, self.version(table))
        return {"txnAppId": f"echolake.{self.note.get('table', '')}.{table.name}", "txnVersion": str(seen)}

    def _sql_name(self, table: Table) -> str:
        return f"delta.`{self.path(table)}`"

    def _commit(self, write: Callable[[], object]) -> None:
        for attempt in range(CONFLICT_TRIES):
            try:
                write()
                return
            except SPARK_ERRORS as error:
                is_conflict = "DELTA_CONCURRENT" in str(error) or "Concurrent" in type(error).__name__
                if not is_conflict or attempt + 1 == CONFLICT_TRIES:
                    raise


def _inserted(table: Table) -> str:
    names = ", ".join(f"`{name}`" for name in table.column_names)
    values = ", ".join(f"new.`{name}`" for name in table.column_names)
    return f"INSERT ({names}) VALUES ({values})"


@cache
def _usual_partitions(spark: SparkSession) -> int:
    """Of a shuffle, as configured: asked for before `prepare` sets another, since what is unset falls back to 200."""
    return int(spark.conf.get(SHUFFLE_PARTITIONS) or 0)


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


def in_texts(column: str, texts: Iterable[str]) -> str:
    """SQL of Spark for: the column is one of these texts, of which there is one at least."""
    literals = ("'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'" for text in texts)
    return f"{column} IN ({', '.join(literals)})"


def of_dates(rows: DataFrame, column: str, dates: Iterable[date] | None) -> DataFrame:
    """The rows with one of these dates in the column; all where `dates` is None."""
    return rows if dates is None else rows.where(in_dates(column, dates))


def differing(
    table: Table, rows: DataFrame, existing: DataFrame, by: str, ignore: Sequence[str] = ()
) -> dict[date, int]:
    """The values of column `by` (a date) under which the rows differ from the existing ones: how many rows each has."""
    columns = [column for column in table.columns if column.name not in ignore]
    new, old = (fingerprints(frame, columns, by) for frame in (rows, existing))
    joined = new.alias("n").join(old.alias("o"), F.expr(f"n.{by} <=> o.{by}"), "full_outer")
    found = joined.where("NOT (n.print <=> o.print AND n.rows <=> o.rows)").select(
        F.coalesce(f"n.{by}", f"o.{by}").alias(by), F.coalesce("n.rows", F.lit(0)).alias("rows")
    )
    return {row[0]: row[1] for row in found.collect()}


def fingerprints(rows: DataFrame, columns: Sequence[Column], *by: str) -> DataFrame:
    """For each value of `by` a hash of its rows (`print`), whatever their order, and how many they are (`rows`)."""
    # Spark hashes no map; its entries are in the order in which the row was made.
    maps = {column.name: F.map_entries(column.name) for column in columns if column.type.startswith("map<")}
    prints = row_hash([column.name for column in columns])
    hashed = rows.withColumns(maps) if maps else rows
    # Halves, as the sum of whole hashes would overflow, and decimals are slow.
    halves = (F.sum(F.shiftright(prints, 32)), F.sum(prints.bitwiseAND(0xFFFFFFFF)))
    return hashed.groupBy(*by).agg(F.struct(*halves).alias("print"), F.count("*").alias("rows"))
