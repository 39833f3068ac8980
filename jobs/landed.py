"""How a night changes bronze: exactly the batch, with its quarantine, its vault rows and its account."""

import operator
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import date
from functools import reduce
from typing import TYPE_CHECKING

from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F

from jobs import accounts
from jobs.accounts import BatchFile, Landed
from jobs.batches import Batch, account_of, publish
from jobs.bronze import door
from jobs.columns import row_hash
from jobs.database_settings import Jdbc
from jobs.delivery import taken
from jobs.fitting import fitting
from jobs.lake import Expect, Lake, computed, in_dates
from jobs.own_files import names
from jobs.pseudonyms import ensure_key, pseudonyms
from jobs.readers import read
from jobs.redaction import redacted
from jobs.refusals import readable, refuse_changed, refuse_empty, refuse_forgotten, refuse_missing
from jobs.rights.erased import without_erased
from jobs.rights.stored import StoredTables
from jobs.settings import Settings
from jobs.source_settings import Source
from jobs.sources import SourceFile, find, refuse_links_into, refuse_unusable_names
from jobs.tables import TABLES, Feed
from jobs.tables.landed import ERASED, VAULT

if TYPE_CHECKING:
    from jobs.jdbc import Extract

# How values fail, years of two digits are read and files are split at the door: decision 0003.
DOOR_CONF = {
    "spark.sql.ansi.enabled": "false",
    "spark.sql.legacy.timeParserPolicy": "LEGACY",
    # Other encodings than Unicode's and Latin-1, such as GBK; bytes that are none of it must not stop a night.
    "spark.sql.legacy.javaCharsets": "true",
    "spark.sql.legacy.codingErrorAction": "true",
    # As pandas writes times; they are made times again where the file is read.
    "spark.sql.legacy.parquet.nanosAsLong": "true",
    "spark.sql.files.openCostInBytes": str(128 << 20),
    "spark.sql.files.maxPartitionBytes": str(128 << 20),
    "spark.databricks.delta.optimizeWrite.enabled": "true",
}


def land(
    lake: Lake,
    feed: Feed,
    days: Sequence[date],
    settings: Settings,
    expect: Expect,
) -> Landed:
    """Lands the batches of these dates in place of what they were before.

    Raises:
        DataError: a mandatory batch without a file, a file that cannot be read, a mapping that does not fit.
    """
    source = settings.source(feed)
    if source.jdbc is None:
        return _land(lake, feed, days, settings, expect, source, None)
    # Its driver takes a while to import, which a night without databases need not pay.
    from jobs import jdbc

    stand = lake.dates(TABLES[f"bronze.{feed.name}"], "ds")
    asked = _asked_of(source.jdbc, stand, days)
    kept = accounts.kept(lake, feed, days, asked)
    if not asked:
        return kept
    is_first = min(stand, default=asked[0]) >= asked[0]
    with jdbc.extract(lake.spark, feed, source, asked, settings, is_first) as extract:
        made = _land(lake, feed, asked, settings, expect, source, extract)
    return Landed([*kept.batches, *made.batches], made.rows, [*kept.warnings, *made.warnings])


def _asked_of(jdbc: Jdbc, stand: Sequence[date], days: Sequence[date]) -> list[date]:
    """The dates whose batch a database can still tell: a query without any tells of the present, the latest date."""
    if jdbc.tells_dates:
        return list(days)
    return [days[-1]] if max(stand, default=days[-1]) <= days[-1] else []


def _land(
    lake: Lake,
    feed: Feed,
    days: Sequence[date],
    settings: Settings,
    expect: Expect,
    source: Source,
    extract: "Extract | None",
) -> Landed:
    if extract is not None:
        found = {day: [extract.file] for day in days}
    else:
        found = find(source, settings.landing, days)
        own = (settings.lake, settings.delivery, str(settings.key_file))
        named = [file for members in found.values() for file in members]
        refuse_unusable_names(named)
        refuse_links_into(named, own)
        refuse_missing(feed, source, found, settings)
    returned, warnings = _returned(lake, feed, days, settings)
    files = list({file.uri: file for day in days for file in (*found[day], *returned.get(day, []))}.values())
    nothing = [BatchFile(feed.name, day, None, 0, 0, 0) for day in days if not found[day]]
    watermark = source.jdbc.watermark if extract is not None and source.jdbc is not None else None
    # What a database has moved on to later dates is lost to an earlier one.
    lost = days if watermark else [day for day in days if not (found[day] or returned.get(day))]
    refuse_forgotten(lake, feed, lost, settings)
    if not files:
        return Landed(nothing, publish(lake, Batch(feed, days), expect), warnings)
    lake.prepare(sum(file.rows for file in files))
    # A new key over old pseudonyms would break every match without a word.
    ensure_key(settings.key_file, may_make=not any(lake.exists(vault) for vault in VAULT))
    with _door_session(lake.spark, source), readable(feed, files), ExitStack() as held:
        passed = _passed(lake, feed, [(source, found), (taken.SOURCE, returned)], settings, days, extract)
        in_range = F.col("ds").isNull() | F.expr(in_dates("ds", days))
        known = _without_personal_data(passed.where(in_range), lake, feed, settings)
        rows = held.enter_context(lake.once(without_erased(known, lake, feed, settings)))
        if extract is not None and watermark:
            told = rows
            if source.where:
                every = source.model_copy(update={"where": None})
                passed_all = _passed(lake, feed, [(every, found)], settings, days, extract).where(in_range)
                told = _without_personal_data(passed_all, lake, feed, settings)
            rows = computed(_with_standing(rows, told, lake, feed, days, extract.file.name))
        account = account_of(rows)
        come = {row["ds"] for row in account if row["rows_in"]}
        if extract is not None:
            refuse_forgotten(lake, feed, [day for day in days if day not in come], settings)
            if not source.optional:
                # What a batch brought before may have moved on to later dates since.
                if extract.lacks_last and days[-1] not in lake.dates(TABLES[f"bronze.{feed.name}"], "ds"):
                    come.discard(days[-1])
                refuse_empty(feed, [day for day in days if day not in come], days)
        refuse_changed(feed, [file for file in files if extract is None or file is not extract.file])
        written = publish(lake, Batch(feed, days, rows, account, [file.name for file in files]), expect)
        sizes = _rows_of_files(passed) if _has_undated(account) else {}
        warnings += _changed_for_other_dates(lake, feed, days, files, passed) if source.ds else []
    all_found = {day: [*found[day], *returned.get(day, [])] for day in days}
    return Landed([*nothing, *accounts.of_files(feed, account, files, all_found, sizes)], written, warnings)


def _returned(
    lake: Lake, feed: Feed, days: Sequence[date], settings: Settings
) -> tuple[dict[date, list[SourceFile]], list[str]]:
    """Files of the feed that came by the inbox, by batch, and what is to be said of those that came just now."""
    if feed.name != taken.FEED or "://" in settings.delivery:
        return {}, []
    warnings: list[str] = []
    if taken.waiting(settings):
        # Readers of workbooks take a while to import, which a night without one need not pay.
        from jobs.delivery import inbox

        tables = StoredTables(settings.lake)
        # Each date takes what its own night would have taken.
        for day in days:
            # Of a file that stays the next date says the same again.
            warnings += [line for line in inbox.take_in(tables, day, settings) if line not in warnings]
    taken.record(lake, days, settings)
    return find(taken.SOURCE, settings.delivery, days), warnings


@contextmanager
def _door_session(spark: SparkSession, source: Source) -> Iterator[None]:
    conf = {**DOOR_CONF, "spark.sql.session.timeZone": source.time_zone or "UTC"}
    before = {key: spark.conf.get(key, None) for key in conf}
    for key, value in conf.items():
        spark.conf.set(key, value)
    try:
        yield
    finally:
        for key, old in before.items():
            spark.conf.set(key, old) if old is not None else spark.conf.unset(key)


def _has_undated(account: list[Row]) -> bool:
    return any(row["ds"] is None for row in account)


def _rows_of_files(passed: DataFrame) -> dict[str, int]:
    """All rows of each file, of whatever date: rows that do not say their date are held against them."""
    return dict(passed.groupBy("source_file").count().collect())


def _changed_for_other_dates(
    lake: Lake, feed: Feed, days: Sequence[date], files: Sequence[SourceFile], passed: DataFrame
) -> list[str]:
    """A line for each file that now holds another number of rows for dates that landed from it before."""
    known = lake.records(TABLES["ops.batches"], ("feed", "=", feed.name))
    stood = [row for row in known if row["ds"] is not None and row["ds"] not in days]
    sizes = {file.name: file.bytes for file in files}
    landed = {(row["file"], row["ds"]): row["rows_in"] for row in stood if row["file"] in sizes}
    changed = {row["file"] for row in stood if row["file"] in sizes and row["file_bytes"] != sizes[row["file"]]}
    if not changed:
        return []
    counted = passed.where(F.col("source_file").isin(sorted(changed))).groupBy("source_file", "ds").count().collect()
    holds = {(file, ds): rows for file, ds, rows in counted}
    other = sorted(
        (file, ds) for file, ds in landed if file in changed and landed[file, ds] != holds.get((file, ds), 0)
    )
    warnings = []
    for name in sorted({file for file, _ in other}):
        dates = [ds for file, ds in other if file == name]
        first, last = dates[0], dates[-1]
        warnings.append(
            f"{feed.name}: {name} changed after {len(dates)} dates had landed from it: {first} had "
            f"{landed[name, first]:,} rows, the file now holds {holds.get((name, first), 0):,}; "
            f"to land it again: make backfill FROM={first} TO={last}"
        )
    return warnings


def _passed(
    lake: Lake,
    feed: Feed,
    sources: Sequence[tuple[Source, dict[date, list[SourceFile]]]],
    settings: Settings,
    days: Sequence[date],
    extract: "Extract | None",
) -> DataFrame:
    """The rows of the files of each source behind the door, of whatever date, personal values still in clear."""
    groups = []
    for source, found in sources:
        files = list({file.uri: file for members in found.values() for file in members}.values())
        if not files:
            continue
        from_database = extract if source.jdbc is not None else None
        expressions = door.Expressions(
            source.columns, from_database.batch if from_database else source.ds, source.where
        )
        raws = [from_database.rows] if from_database else read(lake.spark, feed, source, files)
        batches = _batch_of_file(lake.spark, days, found)
        groups += [
            door.build(
                _judged(raw.rows) if source is taken.SOURCE else raw.rows,
                feed,
                fitting(feed, raw, expressions),
                raw.complex,
                batches,
                settings.time_zone,
                names(source.path, F.col("_ds"), F.col("source_file")),
                raw.is_json,
            )
            for raw in raws
        ]
    rows = groups[0]
    for group in groups[1:]:
        rows = rows.unionByName(group)
    return rows


def _with_standing(
    rows: DataFrame, told: DataFrame, lake: Lake, feed: Feed, days: Sequence[date], file: str
) -> DataFrame:
    """The rows, with those that the database (`file`) has moved on to a later date since: what was read stays.

    `told` is all that it still tells of these dates, ours or not: a row that is no longer ours has not moved on.
    """
    bronze = TABLES[f"bronze.{feed.name}"]
    if not lake.may_hold(bronze, {"ds": days}):
        return rows
    key = ("ds", *feed.lake_key)
    come = told.select(*(F.col(name).alias(f"_{name}") for name in key))
    same = reduce(operator.and_, (F.col(name).eqNullSafe(F.col(f"_{name}")) for name in key))
    stood = (
        lake.read(bronze)
        .where(in_dates("ds", days))
        .where(F.col("source_file") == file)
        .join(come, same, "left_anti")
        .drop("loaded_at")
    )
    return rows.unionByName(stood, allowMissingColumns=True)


def _judged(rows: DataFrame) -> DataFrame:
    """Returned rows with the problem that was found when they were taken, and their place in the sheet."""
    problem = F.coalesce("_problem", F.nullif("problem", F.lit("")))
    return rows.withColumns({"_problem": problem, "_line": F.col("row").cast("bigint")})


def _batch_of_file(spark: SparkSession, days: Sequence[date], found: dict[date, list[SourceFile]]) -> DataFrame | date:
    if len(days) == 1:
        return days[0]
    first = {file.name: day for day in reversed(days) for file in found[day]}
    pairs = [(file.name, day, first[file.name] == day) for day in days for file in found[day]]
    return spark.createDataFrame(pairs, "source_file string, ds date, is_first boolean")


def _without_personal_data(rows: DataFrame, lake: Lake, feed: Feed, settings: Settings) -> DataFrame:
    country, key_file = settings.configuration.default_country, str(settings.key_file)
    for column in feed.personal:
        rows = rows.withColumn(f"_{column.name}", pseudonyms(column, key_file, country)(F.col(column.name)))
    rows = door.with_unread(rows, feed)
    redact = redacted(lake.path(TABLES["vault.customers"]), lake.path(ERASED), key_file)
    for column in feed.texts:
        rows = rows.withColumn(column.name, redact(column.name, F.col("ds").cast("string")))
    stored = []
    for column in feed.columns:
        if not column.personal:
            stored.append(F.col(column.name))
            continue
        stored.append(F.col(f"_{column.name}.token").alias(column.token_name))
        if column.is_number_of_a_phone:
            stored += [F.col(f"_{column.name}.phone_country"), F.col(f"_{column.name}.phone_area")]
    kept = rows.select(
        *stored,
        "ds",
        "source_file",
        "source_line",
        "_reason",
        "_column",
        F.when(F.col("_reason").isNotNull(), F.col("raw")).alias("raw"),
        *(F.col(f"_{column.name}.value").alias(f"clear_{column.name}") for column in feed.personal),
    )
    names = [column.name for column in feed.lake_columns]
    is_whole = F.col("_column").isNotNull()
    return kept.withColumn("row_hash", row_hash(names)).withColumn(
        "row", F.when(F.col("_reason").isNotNull(), door.shown(feed, is_whole))
    )
