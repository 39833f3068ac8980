"""How a night changes a table of daily figures: the days whose inputs changed, each made anew."""

import importlib
from collections.abc import Sequence
from datetime import date

from jobs.lake import Expect, Lake, of_dates
from jobs.settings import Settings
from jobs.tables import TABLES, Table


def update(lake: Lake, table: Table, settings: Settings, expect: Expect) -> int:
    """Makes the days anew of which an input changed since this table was last made; returns the rows written."""
    lake.create(table)
    inputs = [TABLES[name] for name in table.inputs]
    numbers = settings.numbers_of(table)
    # With other numbers than the last time every day is another one.
    days = _changed_days(lake, table, inputs) if lake.noted(table, "numbers") == numbers else None
    if days == []:
        return 0
    lake.prepare(sum(lake.rows(each, days) for each in inputs))
    frames = {each.short_name: of_dates(lake.read(each), each.day, days) for each in inputs}
    build = importlib.import_module(str(table.module)).build
    kept = of_dates(lake.read(table), table.day, days)
    versions = {each.name: lake.version(each) for each in inputs}
    with lake.once(build(**frames, **numbers)) as made:
        expect(table, made)
        return lake.replace_changed(table, made, table.day, kept, inputs=versions, numbers=numbers)


def _changed_days(lake: Lake, table: Table, inputs: Sequence[Table]) -> list[date] | None:
    """None: all days, as nobody can say which changed."""
    days: set[date] = set()
    for each in inputs:
        changed = lake.changed_partitions(each, lake.consumed(table, each))
        if changed is None:
            return None
        days |= changed
    return sorted(days)
