"""How a night changes bronze: exactly the batch, with its quarantine, its vault rows and its account."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime

from pyspark.errors import AnalysisException, PySparkException
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.bronze import door
from jobs.columns import row_hash
from jobs.errors import DataError
from jobs.lake import Lake, computed, in_dates
from jobs.privacy import ensure_key, pseudonyms, redacted, scrub
from jobs.settings import Settings, Source
from jobs.sources import RawRows, SourceFile, changed_since_found, find, read, unreadable
from jobs.tables import TABLES, Feed, Table
from jobs.tables.landed import QUARANTINE_RAW, VAULT

# The names with which values fail, dates of two digits read and files split are those of the source's world,
# not of ours: see docs/decisions.
DOOR_CONF = {
    "spark.sql.ansi.enabled": "false",
    "spark.sql.legacy.timeParserPolicy": "LEGACY",
    "spark.sql.files.openCostInBytes": str(128 << 20),
    "spark.sql.files.maxPartitionBytes": str(128 << 20),
    "spark.databricks.delta.optimizeWrite.enabled": "true",
}


@dataclass(frozen=True)
class Batch:
    """The account of one file of a feed's batch (a row of ops.batches)."""

    feed: str
    ds: date | None
    file: str | None
    rows_in: int
    rows_landed: int
    rows_quarantined: int
    file_bytes: int | None = None
    file_modified_at: datetime | None = None
    rows_of_file: int = 0


@dataclass(frozen=True)
class Landed:
    """What landing a feed did: its batches, and the rows written to bronze (0 = it stood there already)."""

    batches: list[Batch]
    rows: int


def land(
    lake: Lake,
    feed: Feed,
    days: Sequence[date],
    settings: Settings,
    expect: Callable[[Table, DataFrame], None],
) -> Landed:
    """Lands the batches of these dates in place of what they were before.

    Raises:
        DataError: a mandatory batch without a file, a file that cannot be read, a mapping that does not fit.
    """
    source = settings.source(feed)
    found = find(feed, source, settings, days)
    _refuse_missing(feed, source, found, settings)
    files = list({file.uri: file for day in days for file in found[day]}.values())
    nothing = [Batch(feed.name, day, None, 0, 0, 0) for day in days if not found[day]]
    if not files:
        return Landed(nothing, _publish(lake, feed, None, days, [], [], expect))
    # A new key over old pseudonyms would break every match without a word.
    ensure_key(settings.key_file, may_make=not any(lake.exists(vault) for vault in VAULT))
    with _door_session(lake.spark, source), _readable(feed, files):
        rows = computed(_rows(lake, feed, source, settings, days, found, files))
        account = _account(rows)
        _refuse_changed(feed, files)
        written = _publish(lake, feed, rows, days, account, [file.name for file in files], expect)
        sizes = _rows_of_files(lake, feed, source, settings, days, found, files) if _has_undated(account) else {}
    return Landed([*nothing, *_batches(feed, account, files, found, sizes)], written)


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


@contextmanager
def _readable(feed: Feed, files: Sequence[SourceFile]) -> Iterator[None]:
    try:
        yield
    except PySparkException as error:
        message = scrub(str(error))
        guilty = next((file.name for file in files if file.uri in str(error)), None)
        condition = error.getCondition() or ""
        if guilty is None and not condition.startswith(("FAILED_READ_FILE", "CANNOT_READ", "PARQUET")):
            raise
        names = guilty or ", ".join(file.name for file in files[:3])
        cause = next((line for line in message.splitlines() if "Exception:" in line or "Error:" in line), message)
        raise unreadable(feed, names, cause.strip()) from None


def _refuse_missing(feed: Feed, source: Source, found: dict[date, list[SourceFile]], settings: Settings) -> None:
    missing = [day for day, files in found.items() if not files]
    if source.optional or not missing:
        return
    named = ", ".join(str(day) for day in missing[:5]) + (" ..." if len(missing) > 5 else "")
    raise DataError(
        f"{feed.name} {named}: no file",
        expected=f"a file {source.path} below the landing root for each date",
        found=f"none for {len(missing)} of {len(found)} dates",
        todo=f"have the source deliver it (ECHOLAKE_LANDING is {settings.landing}), or set feeds.{feed.name}.optional",
    )


def _refuse_changed(feed: Feed, files: Sequence[SourceFile]) -> None:
    changed = changed_since_found(files)
    if changed is not None:
        raise DataError(
            f"{feed.name}: {changed.name} changed while it was read",
            expected="a file that stays as it is while it is read",
            found="it changed or went away meanwhile",
            todo="run the same night again when the source has finished writing",
        )


def _has_undated(account: list) -> bool:
    return any(row["ds"] is None for row in account)


def _rows_of_files(
    lake: Lake,
    feed: Feed,
    source: Source,
    settings: Settings,
    days: Sequence[date],
    found: dict[date, list[SourceFile]],
    files: list[SourceFile],
) -> dict[str, int]:
    """All rows of each file, of whatever date: rows that do not say their date are held against them."""
    rows = _passed(lake, feed, source, settings, days, found, files)
    return dict(rows.groupBy("source_file").count().collect())


def _rows(
    lake: Lake,
    feed: Feed,
    source: Source,
    settings: Settings,
    days: Sequence[date],
    found: dict[date, list[SourceFile]],
    files: list[SourceFile],
) -> DataFrame:
    rows = _passed(lake, feed, source, settings, days, found, files)
    in_range = F.col("ds").isNull() | F.expr(in_dates("ds", days))
    return _without_personal_data(rows.where(in_range), lake, feed, settings)


def _passed(
    lake: Lake,
    feed: Feed,
    source: Source,
    settings: Settings,
    days: Sequence[date],
    found: dict[date, list[SourceFile]],
    files: list[SourceFile],
) -> DataFrame:
    expressions = door.Expressions(source.columns, source.ds, source.where)
    batches = _batch_of_file(lake.spark, days, found)
    groups = [
        door.build(
            raw.rows,
            feed,
            _fitting(feed, raw, expressions),
            raw.complex,
            batches,
            settings.time_zone,
        )
        for raw in read(lake.spark, feed, source, files, bool(source.columns))
    ]
    rows = groups[0]
    for group in groups[1:]:
        rows = rows.unionByName(group)
    return rows


def _batch_of_file(spark: SparkSession, days: Sequence[date], found: dict[date, list[SourceFile]]) -> DataFrame | date:
    if len(days) == 1:
        return days[0]
    pairs = [(file.name, day) for day in days for file in found[day]]
    return spark.createDataFrame(pairs, "source_file string, ds date")


def _fitting(feed: Feed, raw: RawRows, expressions: door.Expressions) -> door.Expressions:
    """The expressions that the source's columns allow: JSON may lack a key, any other source must not."""
    try:
        _resolve(raw.rows, *_texts(expressions))
    except AnalysisException:
        pass
    else:
        return expressions
    fitting = dict(expressions.columns)
    for name, text in (("ds", expressions.ds), ("where", expressions.where), *expressions.columns.items()):
        try:
            _resolve(raw.rows, *([text] if text else []))
        except AnalysisException as error:
            is_absent = (error.getCondition() or "").startswith(
                ("UNRESOLVED_COLUMN", "FIELD_NOT_FOUND", "INVALID_EXTRACT", "UNRESOLVED_FIELD")
            )
            if raw.may_lack_columns and is_absent and name in fitting:
                fitting[name] = "CAST(NULL AS STRING)"
                continue
            own = [column for column in raw.rows.columns if column not in door.RAW_COLUMNS]
            raise DataError(
                f"{feed.name}: {raw.files[0].name} does not suit the mapping of {name}",
                expected=f"columns that suit the mapping of {name}: {text}",
                found=f"{error.getCondition()}; the columns are {', '.join(own[:40]) or 'none'}",
                todo=f"mend feeds.{feed.name}.{'columns.' if name in fitting else ''}{name}, or have the file mended",
            ) from None
    return replace(expressions, columns=fitting)


def _texts(expressions: door.Expressions) -> list[str]:
    return [text for text in (expressions.ds, expressions.where, *expressions.columns.values()) if text]


def _resolve(rows: DataFrame, *texts: str) -> None:
    rows.select(*(F.expr(text) for text in texts)).schema  # noqa: B018  # analysis happens when the schema is asked for


def _without_personal_data(rows: DataFrame, lake: Lake, feed: Feed, settings: Settings) -> DataFrame:
    country, key_file = settings.configuration.default_country, str(settings.key_file)
    for column in feed.personal:
        rows = rows.withColumn(f"_{column.name}", pseudonyms(column.name, key_file, country)(F.col(column.name)))
    names_of = lake.path(TABLES["vault.customers"])
    for column in feed.texts:
        rows = rows.withColumn(column.name, redacted(names_of)(column.name, F.col("ds").cast("string")))
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


def _account(rows: DataFrame) -> list:
    problem = F.col("_reason").isNotNull()
    return (
        rows.groupBy("ds", "source_file")
        .agg(
            F.count("*").alias("rows_in"),
            F.count_if(~problem).alias("rows_landed"),
            F.count_if(problem).alias("rows_quarantined"),
            F.sum(F.when(~problem, F.col("row_hash")).cast("decimal(38,0)")).alias("landed_print"),
            F.sum(F.when(problem, _quarantine_hash("_reason", "_column")).cast("decimal(38,0)")).alias(
                "quarantined_print"
            ),
        )
        .collect()
    )


def _quarantine_hash(reason: str, column: str) -> Column:
    return row_hash([reason, column, "row", "source_line"])


def _publish(
    lake: Lake,
    feed: Feed,
    rows: DataFrame | None,
    days: Sequence[date],
    account: list,
    files: list[str],
    expect: Callable[[Table, DataFrame], None],
) -> int:
    """Vault first, bronze last: whoever sees a token in bronze finds its value."""
    quarantine = TABLES[f"quarantine.{feed.name}"]
    bronze = TABLES[f"bronze.{feed.name}"]
    if rows is not None and feed.personal and any(row["rows_landed"] for row in account):
        _publish_vault(lake, feed, rows)
    _publish_quarantine(lake, feed, quarantine, rows, days, account, files)
    stands = _prints(lake, bronze, "row_hash", in_dates("ds", days)) if lake.may_hold(bronze, {"ds": days}) else {}
    lands = {
        (row["ds"], row["source_file"]): (row["rows_landed"], row["landed_print"])
        for row in account
        if row["rows_landed"]
    }
    differing = sorted(
        {ds for ds, file in stands.keys() | lands.keys() if stands.get((ds, file)) != lands.get((ds, file))}
    )
    if not differing:
        lake.create(bronze)
        return 0
    where = in_dates("ds", differing)
    good = (
        lake.empty(bronze)
        if rows is None
        else rows.where("_reason IS NULL").withColumn("loaded_at", F.current_timestamp()).select(*bronze.column_names)
    )
    if lands:
        expect(bronze, good)
    lake.put(bronze, good.where(where), where, is_new=not stands)
    return sum(count for (ds, _), (count, _print) in lands.items() if ds in differing)


def _publish_quarantine(
    lake: Lake,
    feed: Feed,
    quarantine: Table,
    rows: DataFrame | None,
    days: Sequence[date],
    account: list,
    files: list[str],
) -> None:
    is_batch = in_dates("ds", days)
    listed = ", ".join("'" + name.replace("\\", "\\\\").replace("'", "\\'") + "'" for name in files)
    where = f"({is_batch})" + (f" OR (ds IS NULL AND source_file IN ({listed}))" if files else "")
    or_null = "ds" if files else None
    stands = {}
    if lake.may_hold(quarantine, {"ds": days}, or_null):
        stands = _prints(lake, quarantine, _quarantine_hash("reason", "column"), where)
    comes = {
        (row["ds"], row["source_file"]): (row["rows_quarantined"], row["quarantined_print"])
        for row in account
        if row["rows_quarantined"]
    }
    lake.create(quarantine)
    if stands == comes:
        return
    bad = lake.empty(quarantine)
    raw = lake.empty(QUARANTINE_RAW)
    if rows is not None:
        # A feed may have a column called reason itself.
        aside = rows.where("_reason IS NOT NULL").withColumns(
            {"loaded_at": F.current_timestamp(), "reason": F.col("_reason"), "column": F.col("_column")}
        )
        bad = aside.select(*quarantine.column_names)
        raw = aside.withColumn("feed", F.lit(feed.name)).select(*QUARANTINE_RAW.column_names)
    is_new = not lake.may_hold(QUARANTINE_RAW, {"ds": days}, or_null)
    lake.put(QUARANTINE_RAW, raw, f"feed = '{feed.name}' AND ({where})", is_new)
    lake.put(quarantine, bad, where, is_new=not stands)


def _prints(lake: Lake, table: Table, hashed: Column | str, where: str) -> dict:
    """Per batch and file, how many rows stand and a sum over their hashes."""
    hash_ = F.col(hashed) if isinstance(hashed, str) else hashed
    rows = lake.read(table).where(where)
    prints = rows.groupBy("ds", "source_file").agg(F.count("*"), F.sum(hash_.cast("decimal(38,0)")))
    return {(ds, file): (count, print_) for ds, file, count, print_ in prints.collect()}


def _publish_vault(lake: Lake, feed: Feed, rows: DataFrame) -> None:
    vault = TABLES[f"vault.{feed.name}"]
    person = next(name for name in ("customer_id", "agent_id") if any(c.name == name for c in feed.columns))
    values = [
        F.struct(
            F.lit(column.name).alias("personal_column"),
            F.col(column.token_name).alias("token"),
            F.col(f"clear_{column.name}").alias("value"),
        )
        for column in feed.personal
    ]
    clear = (
        rows.where("_reason IS NULL")
        .select(F.col(person).alias("person_id"), F.explode(F.array(*values)).alias("v"), "ds")
        .where("v.token IS NOT NULL")
        .groupBy("person_id", "v.personal_column", "v.token")
        .agg(F.min("v.value").alias("value"), F.min("ds").alias("known_on"))
    )
    same = "kept.person_id <=> new.person_id AND kept.personal_column = new.personal_column AND kept.token = new.token"
    known = lake.read(vault).select("person_id", "personal_column", "token", F.col("known_on").alias("_since"))
    news = (
        clear.alias("new").join(known.alias("kept"), F.expr(same), "left").where("_since IS NULL OR _since > known_on")
    )
    news = computed(news.select("new.*", F.col("_since").isNotNull().alias("_earlier"), F.lit(False).alias("_delete")))
    kinds = {row["_earlier"] for row in news.select("_earlier").distinct().collect()}
    if True in kinds:
        lake.merge(vault, news, same)
    elif kinds:
        lake.append(vault, news.select(*vault.column_names))


def _batches(
    feed: Feed,
    account: list,
    files: Sequence[SourceFile],
    found: dict[date, list[SourceFile]],
    sizes: dict[str, int],
) -> list[Batch]:
    by_name = {file.name: file for file in files}
    counted = {(row["ds"], row["source_file"]): row for row in account}
    wanted = {(day, file.name) for day, members in found.items() for file in members} | counted.keys()
    batches = []
    for ds, name in sorted(wanted, key=lambda pair: (pair[0] is None, str(pair[0]), pair[1])):
        row = counted.get((ds, name))
        batches.append(
            Batch(
                feed.name,
                ds,
                name,
                row["rows_in"] if row else 0,
                row["rows_landed"] if row else 0,
                row["rows_quarantined"] if row else 0,
                by_name[name].bytes,
                by_name[name].modified_at,
                sizes.get(name, 0),
            )
        )
    return batches
