"""How a night makes features.customer_measures: small tables read anew, long ones rolled on from the date before."""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta

from pyspark.sql import DataFrame

from jobs import effects, stamped
from jobs.accounts import files_that_came
from jobs.business_dates import dates_between
from jobs.features import aggregates, customer_measures, rolling, rows
from jobs.lake import Expect, Lake, Warn, in_dates
from jobs.settings import Settings
from jobs.tables import TABLES, Feed, Table
from jobs.tables.tags import BARRED, CATALOGUE, CUSTOMERS, LISTS, Measure

MEASURES = TABLES["features.customer_measures"]
ROLLED_FROM_ROWS = 500_000
"""With fewer rows in its windows a table is read whole: one query instead of four."""
LONGEST_GAP = 31
"""Days between two dates beyond which rolling reads as much as reading anew."""


def update(lake: Lake, day: date, settings: Settings, expect: Expect, warn: Warn) -> int:
    """Makes the measures as of the date from what had arrived by then; returns the rows written."""
    began = first_batches(lake, day)
    if not began:
        return stamped.nothing(lake, MEASURES, day)
    versions = _versions(lake, day)
    standing = _standing(lake, began, day, versions)
    lake.prepare(sum(_rows_to_read(lake, TABLES[name], day, standing.get(name)) for name in began))
    figures = {name: _figures(lake, TABLES[name], day, settings, versions, standing.get(name)) for name in began}
    made = customer_measures.build(figures, tuple(CATALOGUE.measures.values()), day)
    note = {"rolled_from": versions, "measures": CATALOGUE.fingerprint_of_measures}
    return stamped.replace_date(lake, MEASURES, made, day, expect, **note)


def anew(lake: Lake, day: date, settings: Settings, measures: Sequence[Measure], chosen: str = "true") -> DataFrame:
    """Some measures as of the date of the customers for whom `chosen` (SQL) holds, read from silver."""
    began = first_batches(lake, day)
    figures = {}
    for name in sorted({each.table for each in measures} & began.keys()):
        table, of_table = TABLES[name], [each for each in measures if each.table == name]
        known = _known(lake, table, of_table, day, settings).where(f"customer_id IS NOT NULL AND {chosen}")
        figures[name] = aggregates.aggregated(rows.weighed(known, of_table, day), of_table)
    return customer_measures.build(figures, measures, day)


def first_batches(lake: Lake, day: date) -> dict[str, date]:
    """The first batch of each table that measures read, also an empty one; without those that had none by the date."""
    made = [TABLES[name] for name in CATALOGUE.tables if lake.exists(TABLES[name])]
    found = {table.name: min(stamped.dates(lake, table), default=None) for table in made if table.name == LISTS}
    # What is made of feeds begins with the first of them, whatever it holds.
    brought = {table.name: _brought(table)[0] for table in made if table.name != LISTS}
    came = files_that_came(lake, *(_feed(source).name for source in brought.values()))
    for name, source in brought.items():
        # The account of batches may be kept for less long than silver.
        firsts = [lake.first(source, "known_on"), *(ds for ds, _ in came[_feed(source).name])]
        found[name] = min(filter(None, firsts), default=None)
    return {name: first for name, first in found.items() if first is not None and first <= day}


def _figures(
    lake: Lake, table: Table, day: date, settings: Settings, versions: dict[str, int], stands: tuple[date, int] | None
) -> DataFrame:
    measures = CATALOGUE.of_table(table.name)
    if stands is not None:
        rolled = _rolled(lake, table, measures, day, settings, stands, versions[table.name])
        if rolled is not None:
            return rolled
    known = _known(lake, table, measures, day, settings)
    return aggregates.aggregated(rows.weighed(known, measures, day), measures)


def _known(lake: Lake, table: Table, measures: Sequence[Measure], day: date, settings: Settings) -> DataFrame:
    """The rows of the table that measures count as of the date."""
    if "superseded_on" in table.column_names:
        known = rows.known_versions(lake.read(table), _feed(table), day, settings.time_zone)
    elif table.name == BARRED:
        owners = TABLES[CUSTOMERS]
        customers = rows.known_versions(lake.read(owners), _feed(owners), day, settings.time_zone)
        known = rows.barred(rows.known(lake.read(table), day), customers)
    elif table.name == LISTS:
        # Of the many who are candidates few are what a measure asks for.
        asked = " OR ".join(f"({each.where or 'true'})" for each in measures)
        known = lake.read(table).where(in_dates(str(table.partition), _season(day))).where(asked)
    else:
        known = rows.known(lake.read(table), day).where(rows.in_window(_reach(measures), day))
    return rows.of_customers(known, _event(table), day, settings.time_zone)


def _rolled(
    lake: Lake,
    table: Table,
    measures: Sequence[Measure],
    day: date,
    settings: Settings,
    stands: tuple[date, int],
    now: int,
) -> DataFrame | None:
    """The figures of before, rolled on; None where nobody knows what changed."""
    before, since = stands
    changes = lake.changes(table, since, now, rows.in_window(_reach(measures), before))
    if changes is None:
        return None

    def of_customers(frame: DataFrame) -> DataFrame:
        return rows.of_customers(frame, _event(table), day, settings.time_zone)

    read = lake.read(table)
    sliding = of_customers(read.where(in_dates("event_date", rolling.sliding_days(measures, before, day))))
    moved = rolling.sliding(sliding, measures, before, day)
    changes = rolling.corrections(of_customers(changes), measures, before)
    names = moved.columns
    stood = stamped.of_date(lake, MEASURES, before)
    figures = rolling.rolled(stood, moved.unionByName(changes.select(*names)), measures, day, settings.time_zone)
    if not rolling.looks_up(measures):
        return figures
    lost = changes.where(f"NOT _change_type IN ({', '.join(repr(kind) for kind in rolling.GAINED)})")
    if lost.isEmpty():
        return figures
    bereft = rolling.bereft(stood, lost, measures)
    known = rows.known(read, day).where(rows.in_window(_reach(measures), day))
    theirs = rows.weighed(of_customers(known.join(bereft, "customer_id", "left_semi")), measures, day)
    return rolling.looked_up(figures, aggregates.aggregated(theirs, measures), measures)


def _standing(lake: Lake, names: Iterable[str], day: date, versions: dict[str, int]) -> dict[str, tuple[date, int]]:
    """The date of the figures from which to roll on, and the version of the table that they were made from.

    Of those tables for which that is known and cheaper than reading anew.
    """
    before = stamped.before(lake, MEASURES, day)
    if before is None or (day - before).days > LONGEST_GAP:
        return {}
    noted = lake.noted_of(MEASURES, stamped.AS_OF, str(before))
    if noted.get("measures") != CATALOGUE.fingerprint_of_measures:
        return {}
    since = noted["rolled_from"]
    return {
        name: (before, since[name])
        for name in names
        if name in since
        and name in versions
        and name not in (BARRED, LISTS)
        and "superseded_on" not in TABLES[name].column_names
        and _rows_in_reach(lake, TABLES[name], day) >= ROLLED_FROM_ROWS
    }


def _versions(lake: Lake, day: date) -> dict[str, int]:
    """The versions of the tables that hold nothing which arrived after the date: from these one can roll on."""
    found = {name: lake.version(TABLES[name]) for name in CATALOGUE.tables if name != LISTS}
    return {
        name: version
        for name, version in found.items()
        if version is not None and all((lake.latest(each, "known_on") or day) <= day for each in _brought(TABLES[name]))
    }


def _rows_to_read(lake: Lake, table: Table, day: date, stands: tuple[date, int] | None) -> int:
    if stands is None:
        return _rows_in_reach(lake, table, day)
    before, _ = stands
    days = rolling.sliding_days(CATALOGUE.of_table(table.name), before, day)
    return lake.rows(table, days) + lake.rows(MEASURES, [before])


def _rows_in_reach(lake: Lake, table: Table, day: date) -> int:
    if table.partition is None:
        return lake.rows(table)
    if table.name == LISTS:
        return lake.rows(table, _season(day))
    reach = CATALOGUE.of_table(table.name)
    days = None if any(each.days is None for each in reach) else _reach(reach)
    return lake.rows(table, None if days is None else [day - timedelta(days=n) for n in range(days)])


def _season(day: date) -> list[date]:
    """The dates of the season up to the date."""
    return dates_between(effects.season_start(day), day)


def _reach(measures: Sequence[Measure]) -> int:
    return max(measure.days or 0 for measure in measures)


def _brought(table: Table) -> list[Table]:
    """The tables of feeds from which the table comes: itself, or its inputs."""
    return [table] if table.feed else [TABLES[name] for name in table.inputs]


def _event(table: Table) -> str:
    """The column with the time of the event."""
    if table.name == LISTS:
        return str(table.partition)
    return table.feed.event if table.feed else next(each.name for each in table.columns if each.type == "timestamp")


def _feed(table: Table) -> Feed:
    if table.feed is None:
        raise ValueError(f"{table.name} is no feed's table")
    return table.feed
