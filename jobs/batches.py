"""Publishes a batch that came through the door: vault, quarantine and bronze, each in place of what it was before."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from pyspark.sql import Column, DataFrame, Row
from pyspark.sql import functions as F

from jobs.columns import row_hash
from jobs.lake import Expect, Lake, computed, in_dates, in_texts
from jobs.tables import TABLES, Feed, Table
from jobs.tables.landed import ERASED_PERSON, QUARANTINE_RAW


@dataclass(frozen=True)
class Batch:
    """What the files of some dates brought: rows behind the door (None: no file came), and their account."""

    feed: Feed
    days: Sequence[date]
    rows: DataFrame | None = None
    account: list[Row] = field(default_factory=list)
    files: list[str] = field(default_factory=list)


def publish(lake: Lake, batch: Batch, expect: Expect) -> int:
    """Puts the batch in place of what it was before, where it differs; returns the rows written to bronze.

    Vault first, bronze last: whoever sees a token in bronze finds its value.
    """
    feed, rows, days, account = batch.feed, batch.rows, batch.days, batch.account
    bronze = TABLES[f"bronze.{feed.name}"]
    if rows is not None and feed.personal and any(row["rows_landed"] for row in account):
        _publish_vault(lake, feed, rows)
    _publish_quarantine(lake, batch)
    stands = (
        _prints(lake, bronze, "row_hash", in_dates("ds", days), "source_file")
        if lake.may_hold(bronze, {"ds": days})
        else {}
    )
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


def _publish_quarantine(lake: Lake, batch: Batch) -> None:
    feed, rows, days, files = batch.feed, batch.rows, batch.days, batch.files
    quarantine = TABLES[f"quarantine.{feed.name}"]
    is_batch = in_dates("ds", days)
    where = f"({is_batch})" + (f" OR (ds IS NULL AND {in_texts('file', files)})" if files else "")
    or_null = "ds" if files else None
    stands = {}
    if lake.may_hold(quarantine, {"ds": days}, or_null):
        stands = _prints(lake, quarantine, _quarantine_hash("reason", "column", "line"), where)
    comes = {
        (row["ds"], row["source_file"]): (row["rows_quarantined"], row["quarantined_print"])
        for row in batch.account
        if row["rows_quarantined"]
    }
    lake.create(quarantine)
    # Rows that look alike with their letters masked may be others; and a night that was killed in between left raw rows
    # of which quarantine says nothing.
    if stands == comes and _raw_prints(lake, batch, where, or_null) == _raw_prints_of(batch):
        return
    bad = lake.empty(quarantine)
    raw = lake.empty(QUARANTINE_RAW)
    if rows is not None:
        # A feed may have a column called reason itself.
        aside = rows.where("_reason IS NOT NULL").withColumns(
            {
                "file": F.col("source_file"),
                "line": F.col("source_line"),
                "reason": F.col("_reason"),
                "column": F.col("_column"),
                "loaded_at": F.current_timestamp(),
            }
        )
        bad = aside.select(*quarantine.column_names)
        # Of an erased person not even the text of a row is kept.
        raw = aside.where(F.col("_reason") != ERASED_PERSON).withColumn("feed", F.lit(feed.name))
        raw = raw.select(*QUARANTINE_RAW.column_names)
    is_new = not lake.may_hold(QUARANTINE_RAW, {"ds": days}, or_null)
    lake.put(QUARANTINE_RAW, raw, f"feed = '{feed.name}' AND ({where})", is_new)
    lake.put(quarantine, bad, where, is_new=not stands)


def _raw_prints(lake: Lake, batch: Batch, where: str, or_null: str | None) -> dict:
    if not lake.may_hold(QUARANTINE_RAW, {"ds": batch.days}, or_null):
        return {}
    return _prints(lake, QUARANTINE_RAW, _raw_hash("line"), f"feed = '{batch.feed.name}' AND ({where})")


def _raw_prints_of(batch: Batch) -> dict:
    kept = {(row["ds"], row["source_file"]): row for row in batch.account}
    counts = {place: row["rows_quarantined"] - row["rows_erased"] for place, row in kept.items()}
    return {place: (count, kept[place]["raw_print"]) for place, count in counts.items() if count}


def _prints(lake: Lake, table: Table, hashed: Column | str, where: str, file: str = "file") -> dict:
    """Per batch and file, how many rows stand and a sum over their hashes."""
    hash_ = F.col(hashed) if isinstance(hashed, str) else hashed
    rows = lake.read(table).where(where)
    prints = rows.groupBy("ds", file).agg(F.count("*"), F.sum(hash_.cast("decimal(38,0)")))
    return {(ds, name): (count, print_) for ds, name, count, print_ in prints.collect()}


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
        .where("v.token IS NOT NULL AND v.value IS NOT NULL")
        .groupBy("person_id", "v.personal_column", "v.token")
        .agg(F.min("v.value").alias("value"), F.min("ds").alias("known_on"))
    )
    same = "kept.person_id <=> new.person_id AND kept.personal_column = new.personal_column AND kept.token = new.token"
    lake.create(vault)
    lake.look(vault)
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


def account_of(rows: DataFrame) -> list[Row]:
    """Per batch date and file: rows in, landed and quarantined, and a sum over the hashes of either kind."""
    problem = F.col("_reason").isNotNull()
    return (
        rows.groupBy("ds", "source_file")
        .agg(
            F.count("*").alias("rows_in"),
            F.count_if(~problem).alias("rows_landed"),
            F.count_if(problem).alias("rows_quarantined"),
            F.count_if(F.col("_reason") == ERASED_PERSON).alias("rows_erased"),
            F.sum(F.when(~problem, F.col("row_hash")).cast("decimal(38,0)")).alias("landed_print"),
            F.sum(F.when(problem, _quarantine_hash("_reason", "_column", "source_line")).cast("decimal(38,0)")).alias(
                "quarantined_print"
            ),
            F.sum(
                F.when(problem & (F.col("_reason") != ERASED_PERSON), _raw_hash("source_line")).cast("decimal(38,0)")
            ).alias("raw_print"),
        )
        .collect()
    )


def _raw_hash(line: str) -> Column:
    return row_hash(["raw", line])


def _quarantine_hash(reason: str, column: str, line: str) -> Column:
    return row_hash([reason, column, "row", line])
