"""What stops a batch before anything of it is published: files that are missing, unreadable or changed meanwhile."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta

from pyspark.errors import PySparkException

from jobs.errors import DataError, SourceUnavailableError
from jobs.lake import SPARK_ERRORS, Lake, in_dates
from jobs.redaction import scrub
from jobs.settings import Settings
from jobs.source_settings import Source
from jobs.sources import SourceFile, changed_since_found, unreadable
from jobs.tables import TABLES, Feed, Table

SQL_DATA_EXCEPTION = "22"
"""The class of SQLSTATE that says that a value was not as a function wants it."""
RAISED = ("java.lang.ArithmeticException", "java.time.DateTimeException")
"""What functions raise that say it without one, such as timestamp_millis."""


def refuse_missing(feed: Feed, source: Source, found: dict[date, list[SourceFile]], settings: Settings) -> None:
    """Stops where a mandatory feed has no file for a date.

    Raises:
        DataError: it names the dates.
    """
    missing = [day for day, files in found.items() if not files]
    if source.optional or not missing:
        return
    raise DataError(
        f"{feed.name} {_listed(missing)}: no file",
        expected=f"a file {source.path} below the landing root for each date",
        found=f"none for {len(missing)} of {len(found)} dates",
        todo=f"have the source deliver it (ECHOLAKE_LANDING is {settings.landing}), or set feeds.{feed.name}.optional",
    )


def refuse_empty(feed: Feed, empty: Sequence[date], days: Sequence[date]) -> None:
    """Stops where a database has no row of a date of a mandatory feed, as one that lags behind does.

    Raises:
        SourceUnavailableError: it names the dates.
    """
    if empty:
        raise SourceUnavailableError(
            f"{feed.name} {_listed(empty)}: no row",
            expected="rows of each date, as the feed is mandatory",
            found=f"none for {len(empty)} of {len(days)} dates",
            todo="see whether the database has them yet, and run the same night again, "
            f"or set feeds.{feed.name}.optional",
        )


def refuse_forgotten(lake: Lake, feed: Feed, days: Sequence[date], settings: Settings) -> None:
    """Stops where a batch that is empty, or may lack rows, would take from silver what bronze has dropped for its age.

    Within bronze's retention a file that is gone takes its rows back.

    Raises:
        DataError: it names the first such date.
    """
    silver = TABLES.get(f"silver.{feed.name}")
    if silver is None:
        return
    old = _batches_in(lake, silver, dropped(lake, feed, days, settings))
    if old:
        kept = settings.keeps(TABLES[f"bronze.{feed.name}"])
        raise DataError(
            f"{feed.name} {old[0]}: a batch that bronze no longer holds has no file",
            expected=f"its file, as silver.{feed.name} has rows of it that are older than the {kept} days of bronze",
            found="none, or a database, which may have moved rows on to later dates since",
            todo="put the file back below the landing root, or leave nights of that age as they are",
        )


def _batches_in(lake: Lake, silver: Table, days: Sequence[date]) -> list[date]:
    """Those of the dates of which silver has rows; a date on which no batch came has none."""
    tells = [name for name in ("ds", "known_on") if name in silver.column_names]
    if not days or not lake.may_hold(silver, dict.fromkeys(tells, days)):
        return []
    # By their bounds files hold all dates between.
    told = lake.read(silver).where(" OR ".join(f"({in_dates(name, days)})" for name in tells))
    found = {day for row in told.select(*tells).distinct().collect() for day in row}
    return sorted(found.intersection(days))


def dropped(lake: Lake, feed: Feed, days: Sequence[date], settings: Settings) -> list[date]:
    """Those of the dates whose batch bronze has dropped for its age."""
    bronze = TABLES[f"bronze.{feed.name}"]
    kept, landed = settings.keeps(bronze), lake.dates(bronze, "ds")
    if kept is None or not landed:
        return []
    first = landed[-1] - timedelta(days=kept)
    return [day for day in days if day < first and day not in landed]


def refuse_changed(feed: Feed, files: Sequence[SourceFile]) -> None:
    """Stops where a file is no longer as it was found, so that only part of it may have been read.

    Raises:
        DataError: it names the file.
    """
    changed = changed_since_found(files)
    if changed is not None:
        raise DataError(
            f"{feed.name}: {changed.name} changed while it was read",
            expected="a file that stays as it is while it is read",
            found="it changed or went away meanwhile",
            todo="run the same night again when the source has finished writing",
        )


@contextmanager
def readable(feed: Feed, files: Sequence[SourceFile]) -> Iterator[None]:
    """Tells of what Spark cannot read, or not map, as of a mistake in a file or in its mapping.

    Raises:
        DataError: it names the file, and never quotes a value.
    """
    try:
        yield
    except SPARK_ERRORS as error:
        message = scrub(str(error))
        guilty = next((file.name for file in files if file.uri in str(error)), None)
        told = error if isinstance(error, PySparkException) else PySparkException(str(error))
        condition = told.getCondition() or ""
        raised = next((name for name in RAISED if name in str(error)), "")
        if (told.getSqlState() or "").startswith(SQL_DATA_EXCEPTION) or raised:
            # Spark's own message quotes the value.
            raise DataError(
                f"{feed.name}: a value stops the mapping",
                expected="expressions that give null for a value that they cannot take",
                found=f"{condition or raised} in {', '.join(file.name for file in files[:3])}",
                todo=f"in feeds.{feed.name} use its try_ form or a CASE around it, then run the same night again",
            ) from None
        if guilty is None and not condition.startswith(("FAILED_READ_FILE", "CANNOT_READ", "PARQUET")):
            raise
        names = guilty or ", ".join(file.name for file in files[:3])
        cause = next((line for line in message.splitlines() if "Exception:" in line or "Error:" in line), message)
        raise unreadable(feed, names, cause.strip()) from None


def _listed(days: Sequence[date]) -> str:
    return ", ".join(str(day) for day in days[:5]) + (" ..." if len(days) > 5 else "")
