"""How a night changes silver: the keys that its batches brought or took back, and no others."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.bronze.door import EVENTS_AHEAD_DAYS
from jobs.columns import business_date
from jobs.lake import Expect, Lake, computed, in_dates
from jobs.refusals import dropped
from jobs.settings import Settings
from jobs.silver import closings, current, versions
from jobs.tables import TABLES, Feed, Table


@dataclass(frozen=True)
class _Brought:
    """What batches brought to a table of silver: `rows`, with closings; `decides`: the dates whose rows they decide.

    `taken` are all dates of bronze that count for them.
    """

    lake: Lake
    table: Table
    feed: Feed
    settings: Settings
    taken: Sequence[date]
    rows: DataFrame
    decides: Sequence[date]

    @property
    def bronze(self) -> Table:
        """Where the batches lie."""
        return TABLES[f"bronze.{self.feed.name}"]

    @property
    def redelivery_days(self) -> int:
        """How far apart the event dates of one thing may lie."""
        return self.settings.source(self.feed).redelivery_days


def update(lake: Lake, table: Table, days: Sequence[date], settings: Settings, expect: Expect) -> int:
    """Brings the table up to date with the batches of these dates; returns the number of rows that changed."""
    feed = table.feed
    if feed is None:
        raise TypeError(f"{table.name} has no feed")
    lake.create(table)
    # Of these bronze tells nothing any more; silver keeps what they brought.
    gone = dropped(lake, feed, days, settings)
    days = [day for day in days if day not in gone]
    if not days:
        return 0
    bronze = TABLES[f"bronze.{feed.name}"]
    taken = _taken(lake, table, bronze, days)
    if feed.texts:
        # Customers of an older batch that landed late may have changed how later texts are redacted.
        days = sorted({*days, *(day for day in taken if day > min(days))})
    dated: dict[str, Sequence[date]] = dict.fromkeys(_dates_of(table), days)
    is_untouched = not lake.may_hold(bronze, {"ds": days}) and not lake.may_hold(table, dated)
    if is_untouched and settings.source(feed).delivery != "snapshot":
        return 0
    lake.prepare(lake.rows(bronze, days))
    rows, decides = _delivered(lake, table, feed, days, taken, settings)
    make = _current_changes if table.module == "jobs.silver.current" else _version_changes
    changes = make(_Brought(lake, table, feed, settings, taken, rows, decides))
    return 0 if changes is None else _publish(lake, table, changes, expect)


def is_corrected(lake: Lake, feed: Feed, days: Sequence[date], settings: Settings) -> bool:
    """Whether a batch of these dates says something else of an event than a batch before it, as far as silver looks."""
    bronze = TABLES[f"bronze.{feed.name}"]
    if not lake.rows(bronze, days):
        return False
    if settings.source(feed).delivery == "snapshot":
        # Who is absent from it is closed by it, of which bronze has no row.
        return True
    rows = _bronze(lake, feed, settings)
    [(oldest,)] = rows.where(in_dates("ds", days)).agg(F.min("event_date")).collect()
    # What silver takes for the same lies near in event time, and came at most two days before its time.
    since = min(oldest or min(days), *days) - timedelta(days=settings.source(feed).redelivery_days + EVENTS_AHEAD_DAYS)
    said = rows.where(f"ds BETWEEN DATE'{since}' AND DATE'{max(days)}'").groupBy(*feed.lake_key)
    facts = said.agg(F.min("row_hash").alias("one"), F.max("row_hash").alias("other"), F.max("ds").alias("last"))
    return not facts.where(f"one <> other AND last >= DATE'{min(days)}'").limit(1).isEmpty()


def _taken(lake: Lake, table: Table, bronze: Table, days: Sequence[date]) -> list[date]:
    """The dates of bronze that count for these: they themselves, and all whose night went on to silver.

    A batch may have landed alone: the gate refused its night, or the night is still to come.
    """
    passed = {night["ds"]: night["passed_gate_at"] is not None for night in lake.records(TABLES["ops.nights"])}
    latest = max(filter(None, (lake.latest(table, column) for column in _dates_of(table))), default=date.min)
    # Of a table that is made by hand no night is written down.
    return [day for day in lake.dates(bronze, "ds") if day in days or passed.get(day, day <= latest)]


def _dates_of(table: Table) -> tuple[str, ...]:
    """The columns that tell batches."""
    return ("known_on",) if table.module == "jobs.silver.versions" else ("ds", "known_on")


def _delivered(
    lake: Lake, table: Table, feed: Feed, days: Sequence[date], taken: Sequence[date], settings: Settings
) -> tuple[DataFrame, list[date]]:
    """What the batches of `days` brought, with closings; and the dates whose rows this decides."""
    bronze = _bronze(lake, feed, settings)
    if settings.source(feed).delivery != "snapshot":
        return bronze.where(in_dates("ds", days)), list(days)
    before = [day for day in taken if day < min(days)][-1:]
    after = [day for day in taken if day > max(days)][:1]
    if not feed.is_entity and "ds" in table.column_names:
        # Of a batch that silver does not have yet its own night will tell who is absent. Of entities and of versions
        # stamped tables read how they were known on a date.
        latest = lake.latest(table, "ds")
        after = [day for day in after if latest is not None and day <= latest]
    near = [day for day in taken if min(days) <= day <= max(days)]
    decides = sorted({*days, *after})
    rows = bronze.where(in_dates("ds", [*before, *near, *after]))
    closed = closings.build(rows, feed, [*before, *near, *after], settings.time_zone)
    return closed.where(in_dates("ds", decides)), decides


def _all_delivered(brought: _Brought, keys: DataFrame, since: date | None) -> DataFrame:
    """Every row that batches since a date still hold of these keys, with closings."""
    feed, settings = brought.feed, brought.settings
    bronze = _bronze(brought.lake, feed, settings)
    landed_alone = set(brought.lake.dates(brought.bronze, "ds")).difference(brought.taken)
    if landed_alone:
        bronze = bronze.where(f"NOT ({in_dates('ds', sorted(landed_alone))})")
    if since is not None:
        bronze = bronze.where(f"ds >= DATE'{since}'")
    rows = _of_keys(bronze, keys, feed)
    if settings.source(feed).delivery != "snapshot":
        return rows
    return closings.build(rows, feed, brought.taken, settings.time_zone)


def _bronze(lake: Lake, feed: Feed, settings: Settings) -> DataFrame:
    names = [column.name for column in feed.lake_columns]
    rows = lake.read(TABLES[f"bronze.{feed.name}"]).select(*names, "ds", "row_hash")
    if feed.is_entity:
        return rows
    event = F.col(feed.event)
    if feed.event != "ds" and feed.column(feed.event).type == "timestamp":
        event = business_date(feed.event, settings.time_zone)
    return rows.withColumn("event_date", event)


def _current_changes(brought: _Brought) -> DataFrame | None:
    lake, table, feed, delivered, decides = brought.lake, brought.table, brought.feed, brought.rows, brought.decides
    silver = lake.read(table)
    of_batches = silver.where(f"({in_dates('ds', decides)}) OR ({in_dates('known_on', decides)})")
    may_have = lake.may_hold(table, {"ds": decides, "known_on": decides})
    dates = "ds" if feed.is_entity else "event_date"
    event_dates, has_rows_of_batches = _look(delivered, of_batches if may_have else None, dates)
    if not event_dates and not has_rows_of_batches:
        return None
    spans = None if feed.is_entity else _spans(event_dates, brought.redelivery_days)
    lake.prepare(lake.rows(brought.bronze, decides) + lake.rows(table, _days_within(lake, table, spans)))
    near = silver if spans is None else silver.where(_within(spans))
    stands = _of_keys(near, delivered, feed)
    candidates = delivered.withColumn("known_on", F.col("ds"))
    if has_rows_of_batches:
        stands = stands.unionByName(of_batches).distinct()
    stands = stands.withColumn("_stands", F.lit(True)).withColumn("_counts", F.lit(True))
    if has_rows_of_batches:
        stands, more = _without_taken_back(brought, stands)
        if more is not None:
            candidates = candidates.unionByName(more.withColumn("known_on", F.col("ds")))
            stands = stands if feed.is_entity else stands.unionByName(_elsewhere(silver, stands, more, feed))
    candidates = candidates.withColumn("_stands", F.lit(False)).withColumn("_counts", F.lit(True))
    if feed.is_entity:
        # An entity has no event date; any date in its place says which rows of silver stand.
        stands = stands.withColumn("event_date", F.lit(date(1970, 1, 1)))
        candidates = candidates.withColumn("event_date", F.lit(None).cast("date"))
    built = current.build(candidates.unionByName(stands), feed, brought.redelivery_days)
    return _as_merge(built, table)


def _elsewhere(silver: DataFrame, stands: DataFrame, more: DataFrame, feed: Feed) -> DataFrame:
    """Beside `stands`, what stands of other things with the keys of `more`, which the source has used anew."""
    [(earliest,)] = more.agg(F.min("event_date")).collect()
    theirs = _of_keys(silver.where(F.col("event_date") >= F.lit(earliest)), more, feed)
    is_there = F.expr(f"{_same_key(feed, 'e', 's')} AND e.event_date = s.event_date")
    others = theirs.alias("e").join(stands.alias("s"), is_there, "left_anti")
    return others.withColumns({"_stands": F.lit(True), "_counts": F.lit(True)})


def _without_taken_back(brought: _Brought, stands: DataFrame) -> tuple[DataFrame, DataFrame | None]:
    """Marks rows of silver that the batches no longer support, and finds what older or later batches say of them.

    None where all are supported.
    """
    feed, delivered, decides = brought.feed, brought.rows, brought.decides
    same_key = _same_key(feed, "s", "d")
    marked = stands.alias("s").join(
        delivered.select(*feed.lake_key, F.col("ds").alias("d_ds"), F.col("row_hash").alias("d_hash"))
        .distinct()
        .alias("d"),
        F.expr(f"{same_key} AND (s.ds = d.d_ds AND s.row_hash = d.d_hash)"),
        "left",
    )
    with_key = delivered.select(*feed.lake_key, F.col("ds").alias("b_ds")).distinct().alias("b")
    names = stands.columns
    marked = marked.select(
        *(f"s.{name}" for name in names if name != "_counts"), F.col("d.d_ds").isNotNull().alias("_held")
    )
    marked = marked.alias("s").join(with_key, F.expr(f"{_same_key(feed, 's', 'b')} AND s.known_on = b.b_ds"), "left")
    is_ours = F.expr(in_dates("s.ds", decides))
    began_here = F.expr(in_dates("s.known_on", decides))
    lost = (is_ours & ~F.col("s._held")) | (began_here & F.col("b.b_ds").isNull())
    marked = marked.select(*(f"s.{name}" for name in names if name != "_counts"), (~lost).alias("_counts"))
    marked = computed(marked)
    lost_rows = marked.where("NOT _counts")
    if lost_rows.isEmpty():
        return marked.select(*names), None
    since = None
    if not feed.is_entity:
        earliest = lost_rows.agg(F.min("event_date")).collect()[0][0]
        since = earliest - timedelta(days=brought.redelivery_days + EVENTS_AHEAD_DAYS)
    more = _all_delivered(brought, lost_rows.select(*feed.lake_key), since)
    # A row that is lost keeps no date of first knowledge that came from a batch which no longer has the key.
    known_on = F.when(F.col("_counts") | ~F.expr(in_dates("known_on", decides)), F.col("known_on"))
    return marked.withColumn("known_on", known_on).select(*names), more


def _version_changes(brought: _Brought) -> DataFrame | None:
    lake, table, feed, decides = brought.lake, brought.table, brought.feed, brought.decides
    kept = lake.read(table)
    of_batches = kept.where(in_dates("known_on", decides))
    may_have = lake.may_hold(table, {"known_on": decides})
    dates, has_rows_of_batches = _look(brought.rows, of_batches if may_have else None, "ds")
    if not dates and not has_rows_of_batches:
        return None
    lake.prepare(lake.rows(brought.bronze, decides) + lake.rows(table))
    rows = brought.rows.drop("event_date")
    keys = rows.select(*feed.lake_key).unionByName(of_batches.select(*feed.lake_key)).distinct()
    stands = computed(_of_keys(kept, keys, feed))
    is_held = F.expr(f"{_same_key(feed, 's', 'd')} AND s.known_on = d.ds AND s.row_hash = d.row_hash")
    lost = stands.where(in_dates("known_on", decides)).alias("s").join(rows.alias("d"), is_held, "left_anti")
    candidates = stands.withColumn("ds", F.col("known_on")).select(*rows.columns)
    # A later batch may have said the same as one before this, and so have begun no version of its own.
    has_later = max(brought.taken, default=date.min) > max(decides)
    if has_later or not lost.isEmpty():
        # Bronze may no longer hold what other batches brought.
        earlier = candidates.where(f"NOT ({in_dates('ds', decides)})")
        asked = keys if has_later else lost.select(*feed.lake_key).distinct()
        candidates = earlier.unionByName(_all_delivered(brought, asked, None).drop("event_date"))
    built = versions.build(candidates.unionByName(rows).distinct(), feed)
    on = F.expr(f"{_same_key(feed, 'n', 'o')} AND n.known_on = o.known_on")
    compared = built.alias("n").join(stands.alias("o"), on, "full_outer")
    is_same = F.expr("n.row_hash <=> o.row_hash AND n.superseded_on <=> o.superseded_on")
    chosen = [
        F.when(F.col("n.known_on").isNull(), F.col(f"o.{name}")).otherwise(F.col(f"n.{name}")).alias(name)
        for name in table.column_names
    ]
    return compared.where(~is_same).select(
        *chosen,
        F.col("n.known_on").isNull().alias("_delete"),
        F.col("o.known_on").alias("_match_date"),
    )


def _as_merge(built: DataFrame, table: Table) -> DataFrame:
    stood_on = F.array_sort("_stood_on")
    dates = F.when(F.size(stood_on) > 0, stood_on).otherwise(F.array(F.lit(None).cast("date")))
    exploded = built.where("NOT _is_same").select("*", F.posexplode(dates).alias("_place", "_match_date"))
    # Where a version joins two things that stood apart, the first row is replaced and the others go.
    changes = exploded.withColumn("_delete", (F.col("_place") > 0) | ~F.col("_counts"))
    return changes.select(*table.column_names, "_delete", "_match_date")


def _publish(lake: Lake, table: Table, changes: DataFrame, expect: Expect) -> int:
    with lake.once(changes) as found:
        counts = found.groupBy("_match_date").count().collect()
        rows = sum(row["count"] for row in counts)
        matched = [row["_match_date"] for row in counts if row["_match_date"] is not None]
        if rows:
            expect(table, found.where("NOT _delete"))
            _write(lake, table, found, matched)
    return rows


def _write(lake: Lake, table: Table, changes: DataFrame, matched: Sequence[date]) -> None:
    """Changes that match rows of these dates (of versions: as of which they were known); none: all are new."""
    if not matched:
        lake.append(table, changes.select(*table.column_names))
        return
    same = _same_key(table.feed, "kept", "new") if table.feed else ""
    column = "known_on" if "superseded_on" in table.column_names else table.partition
    if column is None:
        # An entity stands once; a row without a match is new.
        lake.merge(table, changes, f"{same} AND new._match_date IS NOT NULL")
    else:
        pruned = in_dates(f"kept.{column}", matched)
        lake.merge(table, changes, f"{same} AND kept.{column} = new._match_date AND ({pruned})")


def _look(delivered: DataFrame, of_batches: DataFrame | None, dates: str) -> tuple[list[date], bool]:
    """The dates of what was delivered, and whether the table holds rows of these batches: in one query."""
    found = delivered.select(dates).distinct()
    if of_batches is not None:
        found = found.unionByName(of_batches.select(F.lit(None).cast("date").alias(dates)).limit(1))
    values = [row[0] for row in found.collect()]
    return [value for value in values if value is not None], None in values


def _of_keys(rows: DataFrame, keys: DataFrame, feed: Feed) -> DataFrame:
    wanted = keys.select(*feed.lake_key).distinct().alias("wanted")
    return rows.alias("r").join(wanted, F.expr(_same_key(feed, "r", "wanted")), "left_semi")


def _same_key(feed: Feed, one: str, other: str) -> str:
    # Only keys that may hold nulls pay for the null-safe comparison.
    required = {column.name for column in feed.columns if column.required}
    signs = {name: "=" if name in required else "<=>" for name in feed.lake_key}
    return " AND ".join(f"{one}.{name} {sign} {other}.{name}" for name, sign in signs.items())


def _spans(days: Sequence[date], distance: int) -> list[tuple[date, date]]:
    """The dates at most `distance` days from one of these, as spans of first and last."""
    spans: list[tuple[date, date]] = []
    for day in sorted(days):
        first, last = day - timedelta(days=distance), day + timedelta(days=distance)
        if spans and first <= spans[-1][1]:
            first, _ = spans.pop()
        spans.append((first, last))
    return spans


def _within(spans: Sequence[tuple[date, date]]) -> str:
    return " OR ".join(f"event_date BETWEEN DATE'{first}' AND DATE'{last}'" for first, last in spans) or "false"


def _days_within(lake: Lake, table: Table, spans: Sequence[tuple[date, date]] | None) -> list[date] | None:
    if spans is None:
        return None
    days = lake.dates(table, "event_date")
    return [day for day in days if any(first <= day <= last for first, last in spans)]
