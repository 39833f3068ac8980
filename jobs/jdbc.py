"""Reads a batch of a feed from a database: one moment of it, in parallel, every value as text.

As text, as from a file: the door casts it and says of each value what does not cast, whatever type a column has become.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from math import ceil, isfinite
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.database_settings import Jdbc
from jobs.databases import Address, address_of
from jobs.errors import DataError, SourceUnavailableError
from jobs.privacy import scrub
from jobs.readers import RawRows
from jobs.settings import Settings, Source
from jobs.sources import SourceFile
from jobs.tables import Feed

BATCH = "_batch"
"""The batch date of a row."""
UNTIL, RANGE = "_until", "_range"
RESERVED = (BATCH, UNTIL, RANGE, "_file", "_line", "_raw", "_problem")
TEXTS = {
    "timestamptz": """to_char({0} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')""",
    "timestamp": "to_char({0}, 'YYYY-MM-DD HH24:MI:SS.US')",
    "date": "to_char({0}, 'YYYY-MM-DD')",
    "bytea": "encode({0}, 'hex')",
}
"""How a type is written where its own text would depend on the session."""
BYTES_A_ROW = 100
"""Of a row as text, roughly."""
DRIVER_ERROR = "org.postgresql.util.PSQLException"
UNAVAILABLE = (
    "FATAL:", "I/O error", "Connection to ", "connection attempt failed", "statement timeout", "terminating connection",
    "has been closed", "timed out", "could not import the requested snapshot", "invalid snapshot identifier",
)  # fmt: skip
"""What the driver says when waiting helps."""
NUMBERS = ("int2", "int4", "int8", "numeric", "float4", "float8")
TIMES = ("timestamptz", "timestamp", "date")


Database = psycopg.Connection[Any]


@dataclass(frozen=True)
class Extract:
    """The rows of a feed in these dates, as one moment of the database shows them."""

    rows: RawRows
    file: SourceFile
    batch: str = BATCH
    """The column with the batch date of a row."""


@contextmanager
def extract(
    spark: SparkSession, feed: Feed, source: Source, days: Sequence[date], settings: Settings
) -> Iterator[Extract]:
    """The raw rows of the batches of these dates, with their date as `_batch`; they can be read while inside.

    Rows belong to the date of the watermark, those of an overlap to the dates after it too, else to the date for which
    the query asked, else, when it asks for no date, to the last one.

    Raises:
        SourceUnavailableError: the database cannot be reached, or does not answer in time.
        DataError: the query fails, or lacks a column.
    """
    jdbc = source.jdbc
    assert jdbc is not None
    address = address_of(jdbc.connection, settings)
    with _told(feed, address, jdbc), _connected(address, jdbc) as db:
        time_zone = source.time_zone or settings.time_zone
        reader = _Reader(spark, feed, source, address, _begun(db, jdbc, time_zone), time_zone)
        rows = reader.rows(db, days, ZoneInfo(settings.time_zone))
        name = f"jdbc:{jdbc.connection}/{feed.name}"
        file = SourceFile(uri=name, name=name, bytes=reader.bytes, modified_at=datetime.now(UTC))
        own = tuple(column for column in rows.columns if column not in RESERVED)
        yield Extract(RawRows(rows.withColumn("_file", F.lit(name)), own, (file,)), file)


class _Reader:
    """Makes the frames of one snapshot."""

    def __init__(
        self, spark: SparkSession, feed: Feed, source: Source, address: Address, snapshot: str | None, time_zone: str
    ) -> None:
        assert source.jdbc is not None
        self._spark, self._feed, self._jdbc, self._address = spark, feed, source.jdbc, address
        self._needed = [each.name for each in feed.columns if each.required and each.name not in source.columns]
        self._snapshot, self._time_zone = snapshot, time_zone
        self.bytes = 0
        """About how much the rows are, as the database's planner estimates them."""

    def rows(self, db: Database, days: Sequence[date], zone: ZoneInfo) -> DataFrame:
        """The rows of all dates."""
        if not self._jdbc.is_dated:
            return self._asked(db, self._jdbc.query, days, zone)
        frames = [self._asked(db, _of_date(self._jdbc.query, day, zone), [day], zone) for day in days]
        rows = frames[0]
        for frame in frames[1:]:
            rows = rows.unionByName(frame)
        return rows

    def _asked(self, db: Database, query: str, days: Sequence[date], zone: ZoneInfo) -> DataFrame:
        types = _types(db, query)
        for needed in self._needed:
            self._column(needed, types, "the feed cannot do without", f"columns.{needed}")
        own = [f"{_text(name, kind)} AS {_name(name)}" for name, kind in types.items()]
        since = until = f"DATE '{days[-1]}'"
        where, value = "true", "0"
        watermark, parted = self._jdbc.watermark, self._jdbc.partition_column or self._jdbc.watermark
        if watermark is not None:
            watermark = self._column(watermark, types, "tells the date", "jdbc.watermark")
            since, until, where = self._of_dates(watermark, types[watermark], days, zone)
        if parted is not None:
            parted = self._column(parted, types, "parts the rows", "jdbc.partition_column")
            value = self._place(parted, types[parted])
        beside = [
            f"({since})::text AS {BATCH}",
            f"({until})::text AS {UNTIL}",
            f"({value})::double precision AS {RANGE}",
        ]
        # The query may end with a comment.
        asked = f"SELECT {', '.join([*own, *beside])} FROM ({query}\n) AS asked WHERE {where}"
        self.bytes += _estimated(db, asked)
        frame = self._read(asked, _ranges(db, asked, self._partitions(parted)))
        first, last = F.lit(days[0]), F.lit(days[-1])
        dates = F.sequence(F.greatest(F.col(BATCH).cast("date"), first), F.least(F.col(UNTIL).cast("date"), last))
        names = [F.col(f"`{name}`") for name in types]
        return frame.select(
            *names,
            F.explode_outer(F.when(F.col(BATCH).isNotNull(), dates)).alias(BATCH),
            F.lit(None).cast("bigint").alias("_line"),
            F.to_json(F.struct(*names)).alias("_raw"),
            F.lit(None).cast("string").alias("_problem"),
        )

    def _of_dates(self, watermark: str, kind: str, days: Sequence[date], zone: ZoneInfo) -> tuple[str, str, str]:
        """First and last batch date of a row by its watermark, and which rows are of these dates.

        A row of the overlap is of more dates than one, as it is when each night reads for itself.
        """
        at, overlap = _name(watermark), timedelta(hours=self._jdbc.overlap_hours)
        if kind == "date":
            # It is a date of the business already.
            late = ceil(overlap / timedelta(days=1))
            where = f"({at} BETWEEN DATE '{days[0] - timedelta(days=late)}' AND DATE '{days[-1]}' OR {at} IS NULL)"
            return at, f"{at} + {late}", where
        since, until = _span(days, zone, overlap)
        where = f"(({at} >= {_instant(since)} AND {at} < {_instant(until)}) OR {at} IS NULL)"

        def local(instant: str) -> str:
            return f"(({instant}) AT TIME ZONE {sql.quote(str(zone))})::date"

        instant = f"{at}::timestamptz"
        return local(instant), local(f"{instant} + interval '{overlap.total_seconds()} seconds'"), where

    def _place(self, column: str, kind: str) -> str:
        """Where a row lies among the others, as a number."""
        if kind in NUMBERS:
            return _name(column)
        if kind in TIMES:
            return f"extract(epoch FROM {_name(column)})"
        raise DataError(
            f"{self._feed.name}: rows cannot be parted by {column}",
            expected="a column of numbers or times",
            found=f"one of type {kind}",
            todo=f"name another feeds.{self._feed.name}.jdbc.partition_column",
        )

    def _column(self, wanted: str, types: dict[str, str], purpose: str, key: str) -> str:
        """The name by which the query has a column."""
        found = next((name for name in types if name.lower() == wanted.lower()), None)
        if found is None:
            raise DataError(
                f"{self._feed.name}: the query has no column {wanted}",
                expected=f"a column {wanted}, which {purpose}",
                found=f"columns {', '.join(types)}",
                todo=f"add it to the query, or set feeds.{self._feed.name}.{key}",
            )
        return found

    def _partitions(self, parted: str | None) -> int:
        # Without a snapshot that several connections can share, one connection reads all.
        return self._jdbc.partitions if parted and self._snapshot else 1

    def _read(self, asked: str, ranges: list[str]) -> DataFrame:
        properties = {
            **self._address.parameters,
            **self._address.credentials,
            "driver": self._address.driver,
            "fetchsize": str(self._jdbc.fetch_rows),
            "sessionInitStatement": "; ".join(_beginning(self._jdbc, self._time_zone, self._snapshot)),
            "connectTimeout": str(self._jdbc.connect_seconds),
            # A server that has gone without a word is noticed, a slow one has its own limit.
            "socketTimeout": str(self._jdbc.statement_seconds + self._jdbc.connect_seconds),
            "tcpKeepAlive": "true",
            "ApplicationName": "echolake",
        }
        return self._spark.read.jdbc(self._address.url, f"({asked}) AS batch", predicates=ranges, properties=properties)


@contextmanager
def _connected(address: Address, jdbc: Jdbc) -> Iterator[Database]:
    given = {
        **address.parameters,
        **address.credentials,
        "host": address.host,
        "port": str(address.port),
        "dbname": address.database,
        "connect_timeout": str(jdbc.connect_seconds),
        "application_name": "echolake",
    }
    with psycopg.connect(make_conninfo(**given)) as db:
        yield db


def _begun(db: Database, jdbc: Jdbc, time_zone: str) -> str | None:
    """Begins the transaction whose moment all others share; returns the name by which they do, None where none can."""
    _begin(db, jdbc, time_zone)
    try:
        row = db.execute("SELECT pg_export_snapshot()").fetchone()
    except psycopg.errors.DatabaseError:
        # Such as a standby: then one transaction reads all.
        db.rollback()
        _begin(db, jdbc, time_zone)
        return None
    return str(row[0]) if row else None


def _begin(db: Database, jdbc: Jdbc, time_zone: str) -> None:
    # The transaction waits while Spark reads.
    for statement in [*_beginning(jdbc, time_zone), "SET LOCAL idle_in_transaction_session_timeout = 0"]:
        db.execute(statement.encode())


def _beginning(jdbc: Jdbc, time_zone: str, snapshot: str | None = None) -> list[str]:
    """What every transaction that reads begins with, of its own moment or of a snapshot's."""
    return [
        "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY",
        *([f"SET TRANSACTION SNAPSHOT '{snapshot}'"] if snapshot else []),
        f"SET LOCAL statement_timeout = '{jdbc.statement_seconds}s'",
        f"SET LOCAL TimeZone = {sql.quote(time_zone)}",
    ]


def _types(db: Database, query: str) -> dict[str, str]:
    """The columns of the query with their types' names."""
    cursor = db.execute(f"SELECT * FROM ({query}\n) AS asked LIMIT 0".encode())
    types: dict[str, str] = {}
    for column in cursor.description or []:
        if column.name.lower() in {*map(str.lower, types), *RESERVED}:
            raise psycopg.errors.DuplicateColumn(f"column {column.name} is there twice, or has a name of our own")
        known = db.adapters.types.get(column.type_code)
        # An array has the name of what it holds.
        types[column.name] = known.name if known and known.oid == column.type_code else "text"
    return types


def _ranges(db: Database, asked: str, partitions: int) -> list[str]:
    """Conditions that part the rows into so many stretches of about the same length; none is in two or in none."""
    if partitions == 1:
        return ["true"]
    row = db.execute(f"SELECT min({RANGE}), max({RANGE}) FROM ({asked}) AS batch".encode()).fetchone()
    if not row or row[0] is None or row[0] == row[1]:
        return ["true"]
    first, last = float(row[0]), float(row[1])
    if not isfinite(last - first):
        return ["true"]
    edges = [first + (last - first) * place / partitions for place in range(1, partitions)]
    return [
        f"({RANGE} < {edges[0]!r} OR {RANGE} IS NULL)",
        *(f"({RANGE} >= {low!r} AND {RANGE} < {high!r})" for low, high in pairwise(edges)),
        f"{RANGE} >= {edges[-1]!r}",
    ]


def _estimated(db: Database, asked: str) -> int:
    row = db.execute(f"EXPLAIN (FORMAT JSON) {asked}".encode()).fetchone()
    plan = row[0][0]["Plan"] if row else {}
    return int(plan.get("Plan Rows", 0) * BYTES_A_ROW)


def _text(name: str, kind: str) -> str:
    return TEXTS.get(kind, "({0})::text").format(_name(name))


def _name(column: str | None) -> str:
    return '"' + (column or "").replace('"', '""') + '"'


def _span(days: Sequence[date], zone: ZoneInfo, overlap: timedelta) -> tuple[datetime, datetime]:
    begins, ends = (datetime.combine(day, time(), zone) for day in (days[0], days[-1] + timedelta(days=1)))
    return begins.astimezone(UTC) - overlap, ends.astimezone(UTC)


def _instant(moment: datetime) -> str:
    return f"TIMESTAMPTZ '{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}+00'"


def _of_date(query: str, day: date, zone: ZoneInfo) -> str:
    begins, ends = _span([day], zone, timedelta())
    # They stand within quotes of the query, or beside a cast of its own.
    said = {
        "{ds}": str(day),
        "{begins_at}": f"{begins:%Y-%m-%d %H:%M:%S}+00",
        "{ends_at}": f"{ends:%Y-%m-%d %H:%M:%S}+00",
    }
    for placeholder, value in said.items():
        query = query.replace(placeholder, value)
    return query


@contextmanager
def _told(feed: Feed, address: Address, jdbc: Jdbc) -> Iterator[None]:
    """Says of what goes wrong with the database, here or in Spark's readers, what to do."""
    try:
        yield
    except psycopg.OperationalError as error:
        raise _unavailable(feed, address, jdbc, _first_line(error)) from None
    except psycopg.DataError as error:
        # It quotes the value.
        raise _failing(feed, f"a value of which it says {type(error).__name__}") from None
    except psycopg.Error as error:
        raise _failing(feed, _first_line(error)) from None
    except Exception as error:
        # Spark hands on what its driver said in errors of several kinds.
        said = str(error)
        if isinstance(error, DataError) or DRIVER_ERROR not in said:
            raise
        told = scrub(said[said.index(DRIVER_ERROR) :].partition("\n")[0][:300])
        if any(sign in told for sign in UNAVAILABLE):
            raise _unavailable(feed, address, jdbc, told) from None
        raise _failing(feed, "an error while rows were read; the database's own log says which") from None


def _unavailable(feed: Feed, address: Address, jdbc: Jdbc, found: str) -> SourceUnavailableError:
    return SourceUnavailableError(
        f"{feed.name}: the database {address.name} does not answer",
        expected=f"{address.host}:{address.port} in {jdbc.connect_seconds} s, rows in {jdbc.statement_seconds} s",
        found=found,
        todo="see whether it is up and can be reached, and run the same night again; the batch stands as it was",
    )


def _failing(feed: Feed, found: str) -> DataError:
    return DataError(
        f"{feed.name}: the query of feeds.{feed.name}.jdbc fails",
        expected="a SELECT that the reading user may run",
        found=found,
        todo="mend the query, or the rights of the user (docs/adding_a_feed.md), and run the same night again",
    )


def _first_line(error: Exception) -> str:
    return scrub((str(error).strip() or type(error).__name__).splitlines()[0][:300])
