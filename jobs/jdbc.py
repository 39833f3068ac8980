"""Reads a batch of a feed from a database: one moment of it, every value as text.

As text, as from a file: the door casts it and says of each value what does not cast, whatever type a column has become.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from math import ceil
from zoneinfo import ZoneInfo

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.database_settings import Jdbc
from jobs.databases import Address, address_of
from jobs.dialects import Moment, QueryError, Snapshot, opened
from jobs.errors import DataError, SourceUnavailableError
from jobs.raw_rows import RawRows, quoted
from jobs.settings import Settings
from jobs.source_settings import Source
from jobs.sources import SourceFile
from jobs.tables import Feed

BATCH = "_batch"
"""The batch date of a row."""
MOMENT, RANGE = "_moment", "_range"
RESERVED = (BATCH, MOMENT, RANGE, "_file", "_line", "_raw", "_problem")


@dataclass(frozen=True)
class Extract:
    """The rows of a feed in these dates, as one moment of the database shows them."""

    rows: RawRows
    file: SourceFile
    lacks_last: bool
    """Whether no row lies in the last date, but for those of an overlap; asked of mandatory feeds alone."""
    batch: str = BATCH
    """The column with the batch date of a row."""


@contextmanager
def extract(
    spark: SparkSession, feed: Feed, source: Source, days: Sequence[date], settings: Settings, is_first: bool
) -> Iterator[Extract]:
    """The raw rows of the batches of these dates, with their date as `_batch`; they can be read while inside.

    Rows belong to the date of the watermark, those of an overlap to the dates after it too, else to the date for which
    the query asked, else, when it asks for no date, to the last one. `is_first`: no batch came before these. Of what
    lives on until it ends the first date then brings all that was there already.

    Raises:
        SourceUnavailableError: the database cannot be reached, or does not answer in time.
        DataError: the query fails, or lacks a column.
    """
    jdbc = source.jdbc
    if jdbc is None:
        raise TypeError(f"{feed.name} comes from files")
    address = address_of(jdbc.connection, settings)
    with _told(feed, address, jdbc), opened(address, jdbc, source.time_zone or settings.time_zone) as snapshot:
        takes_all = is_first and feed.ends is not None and jdbc.watermark is not None
        reader = _Reader(spark, feed, source, jdbc, snapshot, ZoneInfo(settings.time_zone), takes_all)
        with _said_by(snapshot):
            rows = reader.rows(days)
            name = f"jdbc:{jdbc.connection}/{feed.name}"
            file = SourceFile(
                name, name, bytes=None, modified_at=datetime.now(UTC), estimated_rows=reader.estimated_rows
            )
            own = tuple(column for column in rows.columns if column not in RESERVED)
            yield Extract(RawRows(rows.withColumn("_file", F.lit(name)), own, (file,)), file, reader.lacks_last)


class _Reader:
    """Makes the frames of one snapshot."""

    def __init__(
        self,
        spark: SparkSession,
        feed: Feed,
        source: Source,
        jdbc: Jdbc,
        snapshot: Snapshot,
        zone: ZoneInfo,
        takes_all: bool,
    ) -> None:
        self._spark, self._feed, self._jdbc = spark, feed, jdbc
        self._needed = [each.name for each in feed.columns if each.required and each.name not in source.columns]
        self._is_mandatory = not source.optional
        self._snapshot, self._zone, self._takes_all = snapshot, zone, takes_all
        self.estimated_rows = 0
        """As the database's planner has it."""
        self.lacks_last = False

    def rows(self, days: Sequence[date]) -> DataFrame:
        """The rows of all dates."""
        if not self._jdbc.is_dated:
            return self._asked(self._jdbc.query, days)
        frames = [self._asked(_of_date(self._jdbc.query, day, self._zone), [day]) for day in days]
        rows = frames[0]
        for frame in frames[1:]:
            rows = rows.unionByName(frame)
        return rows

    def _asked(self, query: str, days: Sequence[date]) -> DataFrame:
        types = self._types(query)
        for needed in self._needed:
            self._column(needed, types, "the feed cannot do without", f"columns.{needed}")
        moment, where = Moment(f"'{days[-1]}'", None), "true"
        if self._jdbc.watermark is not None:
            watermark = self._column(self._jdbc.watermark, types, "tells the date", "jdbc.watermark")
            moment = self._snapshot.moment(watermark, types[watermark])
            where = self._of_dates(watermark, types[watermark], moment, days)
        place = self._place(types)
        own = [f"{self._snapshot.text(name, kind)} AS {self._snapshot.name(name)}" for name, kind in types.items()]
        beside = [f"{moment.sql} AS {MOMENT}", f"{place or '0'} AS {RANGE}"]
        # The query may end with a comment.
        asked = f"SELECT {', '.join([*own, *beside])} FROM ({query}\n) AS asked WHERE {where}"
        self.estimated_rows += self._snapshot.rows(asked)
        if self._is_mandatory and self._jdbc.watermark is not None:
            of_last = f"SELECT 1 FROM ({asked}) AS batch WHERE {self._is_on(days[-1], moment)}"
            self.lacks_last = not self._snapshot.holds(of_last)
        url, properties = self._snapshot.for_spark()
        properties["fetchsize"] = str(self._jdbc.fetch_rows)
        stretches = self._stretches(asked) if place else ["true"]
        frame = self._spark.read.jdbc(url, f"({asked}) AS batch", predicates=stretches, properties=properties)
        names = [F.col(quoted(name)) for name in types]
        since, until = self._span_of(moment)
        first, last = F.lit(days[0]), F.lit(days[-1])
        if self._takes_all:
            until = F.greatest(until, first)
        dates = F.sequence(F.greatest(since, first), F.least(until, last))
        # The database may have given a little more than these dates.
        is_of_dates = F.coalesce((since <= last) & (until >= first), F.lit(True))
        return frame.where(is_of_dates).select(
            *names,
            F.explode_outer(F.when(since.isNotNull(), dates)).alias(BATCH),
            F.lit(None).cast("bigint").alias("_line"),
            F.to_json(F.struct(*names)).alias("_raw"),
            F.lit(None).cast("string").alias("_problem"),
        )

    def _types(self, query: str) -> dict[str, str]:
        types = self._snapshot.types(query)
        lower = [name.lower() for name in types]
        odd = next((name for name in types if lower.count(name.lower()) > 1 or name.lower() in RESERVED), None)
        if odd is not None:
            raise QueryError(f"column {odd} is there twice, or has a name of our own", is_passing=False)
        return types

    def _of_dates(self, watermark: str, kind: str, moment: Moment, days: Sequence[date]) -> str:
        """Which rows are of these dates, at least.

        A row of the overlap is of more dates than one, as it is when each night reads for itself.
        """
        at, overlap = self._snapshot.name(watermark), timedelta(hours=self._jdbc.overlap_hours)
        if moment.zone is None:
            # It is a date of the business already.
            first = days[0] - timedelta(days=_late(overlap))
            is_since = "" if self._takes_all else f"{at} >= DATE '{first}' AND "
            is_of = f"{is_since}{at} <= DATE '{days[-1]}'"
        else:
            begins, ends = _span(days, self._zone, overlap)
            is_of = self._snapshot.between(watermark, kind, None if self._takes_all else begins, ends)
        return f"(({is_of}) OR {self._snapshot.unset(watermark)})"

    def _is_on(self, day: date, moment: Moment) -> str:
        if moment.zone is None:
            return f"{MOMENT} = '{day}'"
        begins, ends = (at.astimezone(ZoneInfo(moment.zone)) for at in _span([day], self._zone, timedelta()))
        return f"{MOMENT} >= '{begins:%Y-%m-%d %H:%M:%S}' AND {MOMENT} < '{ends:%Y-%m-%d %H:%M:%S}'"

    def _span_of(self, moment: Moment) -> tuple[Column, Column]:
        """First and last batch date of a row."""
        overlap = timedelta(hours=self._jdbc.overlap_hours if self._jdbc.watermark else 0)
        if moment.zone is None:
            day = F.col(MOMENT).cast("date")
            return day, F.date_add(day, _late(overlap))
        # Without the session's zone, which is the source's.
        instant = F.convert_timezone(F.lit(moment.zone), F.lit("UTC"), F.to_timestamp_ntz(MOMENT))
        later = instant + F.expr(f"INTERVAL {int(overlap.total_seconds())} SECONDS")
        business = F.lit(str(self._zone))
        since, until = (F.convert_timezone(F.lit("UTC"), business, each).cast("date") for each in (instant, later))
        return since, until

    def _place(self, types: dict[str, str]) -> str | None:
        """SQL for where a row lies among the others, as a number; None where one connection reads all."""
        named = self._jdbc.partition_column
        parted = named or self._jdbc.watermark
        if parted is None:
            return None
        column = self._column(parted, types, "parts the rows", "jdbc.partition_column")
        place = self._snapshot.place(column, types[column])
        if place is None and named:
            raise DataError(
                f"{self._feed.name}: rows cannot be parted by {column}",
                expected="a column of numbers or times, in a database that can share a moment between connections",
                found=f"one of type {types[column]}",
                todo=f"name another feeds.{self._feed.name}.jdbc.partition_column, or none",
            )
        return place if self._snapshot.is_shared and self._jdbc.partitions > 1 else None

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

    def _stretches(self, asked: str) -> list[str]:
        """Conditions that part the rows into stretches of about the same length; no row is in two or in none."""
        bounds, partitions = self._snapshot.bounds(asked, RANGE), self._jdbc.partitions
        if bounds is None or bounds[0] == bounds[1]:
            return ["true"]
        first, last = bounds
        edges = [first + (last - first) * place / partitions for place in range(1, partitions)]
        return [
            f"({RANGE} < {edges[0]!r} OR {RANGE} IS NULL)",
            *(f"({RANGE} >= {low!r} AND {RANGE} < {high!r})" for low, high in pairwise(edges)),
            f"{RANGE} >= {edges[-1]!r}",
        ]


def _late(overlap: timedelta) -> int:
    return ceil(overlap / timedelta(days=1))


def _span(days: Sequence[date], zone: ZoneInfo, overlap: timedelta) -> tuple[datetime, datetime]:
    begins, ends = (datetime.combine(day, time(), zone) for day in (days[0], days[-1] + timedelta(days=1)))
    return begins.astimezone(UTC) - overlap, ends.astimezone(UTC)


def _of_date(query: str, day: date, zone: ZoneInfo) -> str:
    begins, ends = _span([day], zone, timedelta())
    # They stand within quotes of the query, or beside a cast of its own. Of an offset MySQL wants the minutes too.
    said = {
        "{ds}": str(day),
        "{begins_at}": f"{begins:%Y-%m-%d %H:%M:%S}+00:00",
        "{ends_at}": f"{ends:%Y-%m-%d %H:%M:%S}+00:00",
    }
    for placeholder, value in said.items():
        query = query.replace(placeholder, value)
    return query


@contextmanager
def _said_by(snapshot: Snapshot) -> Iterator[None]:
    """What the driver says while Spark reads, as what the database says."""
    try:
        yield
    except (QueryError, DataError):
        raise
    except Exception as error:
        # Spark hands it on in errors of several kinds.
        said = snapshot.said_by_driver(str(error))
        if said is None:
            raise
        raise said from None


@contextmanager
def _told(feed: Feed, address: Address, jdbc: Jdbc) -> Iterator[None]:
    """Says of what goes wrong with the database what to do."""
    try:
        yield
    except QueryError as error:
        found = str(error)
        if not error.is_passing:
            raise DataError(
                f"{feed.name}: the query of feeds.{feed.name}.jdbc fails",
                expected="a SELECT that the reading user may run",
                found=found,
                todo="mend the query, or the rights of the user (docs/adding_a_feed.md), and run the same night again",
            ) from None
        raise SourceUnavailableError(
            f"{feed.name}: the database {address.name} does not answer",
            expected=f"{address.host}:{address.port} in {jdbc.connect_seconds} s, rows in {jdbc.statement_seconds} s",
            found=found,
            todo="see whether it is up and can be reached, and run the same night again; the batch stands as it was",
        ) from None
