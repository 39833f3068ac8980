"""How a night makes what is told of customers: tags with their history, and portraits."""

from datetime import date, timedelta
from typing import Any

from pyspark.sql import DataFrame

from jobs import stamped, tag_lock
from jobs.features import customer_tag_values
from jobs.gold.customers import customer_portraits, customer_tags
from jobs.lake import Expect, Lake, Warn, computed
from jobs.measured import MEASURES, first_batches
from jobs.settings import Settings
from jobs.tables import TABLES
from jobs.tables.tags import CATALOGUE, HIDDEN

TAG_VALUES = TABLES["features.customer_tag_values"]
TAGS = TABLES["gold.customer_tags"]
PORTRAITS = TABLES["gold.customer_portraits"]


def update_tag_values(lake: Lake, day: date, settings: Settings, expect: Expect, warn: Warn) -> int:
    """Tells the tags of every customer as of the date; returns the rows written.

    Raises:
        DataError: the meaning of a rule changed under its version.
    """
    tag_lock.check()
    lake.create(TAG_VALUES)
    rules = {tag.name: tag.rule_on(day) for tag in CATALOGUE.tags.values()}
    began = first_batches(lake, day)
    whole = {name: CATALOGUE.first_date_whole(rule, began) for name, rule in rules.items()}
    partial = [name for name, first in whole.items() if first is not None and day < first]
    lake.prepare(lake.rows(MEASURES, [day]))
    made = customer_tag_values.build(stamped.of_date(lake, MEASURES, day), rules, partial)
    return stamped.replace_date(lake, TAG_VALUES, made, day, expect)


def update_tags(lake: Lake, day: date, settings: Settings, expect: Expect, warn: Warn) -> int:
    """Ends and begins the periods of the tags that changed at the date; returns how many tags of customers did."""
    lake.create(TAGS)
    held = lake.noted_last(TAGS, stamped.AS_OF)
    newest = max([*stamped.dates(lake, TAG_VALUES), *_date(held.get(stamped.AS_OF))], default=day)
    if day < newest:
        warn(f"{TAGS.name} stands as of {newest} and only moves forward; make backfill from {day} on rebuilds it")
        return 0
    is_again = held.get(stamped.AS_OF) == str(day)
    cells = computed(_cells(lake, day, held, is_again))
    began = customer_tags.periods(cells, day)
    if is_again:
        if _stands(lake, cells, began, day):
            return 0
        lake.take_back(TAGS, day, **{stamped.AS_OF: held.get("before"), "values": None})
    changed = cells.count()
    if changed:
        expect(TAGS, began)
        before = held.get("before") if is_again else held.get(stamped.AS_OF)
        note = {stamped.AS_OF: str(day), "before": before, "values": lake.version(TAG_VALUES)}
        if lake.rows(TAGS):
            lake.change_periods(TAGS, customer_tags.merged(cells, began), ("customer_id", "tag"), day, **note)
        else:
            lake.append(TAGS, began, **note)
    return changed


def rewind(lake: Lake, first: date, last: date) -> None:
    """Takes back all that was said of customers as of these dates and between, so that their nights say it again.

    Only where nights of later dates do not stand on it, and where there is more to take back than the newest
    date, which a night takes back itself.
    """
    newest = max(stamped.dates(lake, TAG_VALUES), default=first)
    if not first < newest <= last:
        return
    for table in (MEASURES, TAG_VALUES):
        lake.delete(table, f"{stamped.AS_OF} >= DATE'{first}'")
    if lake.exists(TAGS):
        lake.take_back(TAGS, first, **{stamped.AS_OF: str(first - timedelta(days=1)), "values": None})


def update_portraits(lake: Lake, day: date, settings: Settings, expect: Expect, warn: Warn) -> int:
    """Puts the portraits as of the date in place of those of before; returns the rows written."""
    lake.create(PORTRAITS)
    newest = lake.latest(PORTRAITS, stamped.AS_OF)
    if newest is not None and day < newest:
        warn(f"{PORTRAITS.name} stands as of {newest} and only moves forward")
        return 0
    tags = [tag.name for tag in CATALOGUE.tags.values() if tag.sensitivity != HIDDEN]
    lake.prepare(lake.rows(TAG_VALUES, [day]))
    made = customer_portraits.build(stamped.of_date(lake, MEASURES, day), stamped.of_date(lake, TAG_VALUES, day), tags)
    return stamped.replace_all(lake, PORTRAITS, made, expect)


def _cells(lake: Lake, day: date, held: dict[str, Any], is_again: bool) -> DataFrame:
    """What is another at the date than in gold.customer_tags as it stood before the date."""
    base = held.get("before") if is_again else held.get(stamped.AS_OF)
    now = stamped.of_date(lake, TAG_VALUES, day)
    lake.prepare(lake.rows(TAG_VALUES, [day]))
    then = lake.read(TAG_VALUES).where("false")
    if base is not None:
        snapshot = date.fromisoformat(base)
        changed = lake.changed_partitions(TAG_VALUES, None if is_again else held.get("values"))
        # Only the wide rows that the history was made from say what it holds; else the history itself is asked.
        is_sure = changed is not None and snapshot not in changed and snapshot in stamped.dates(lake, TAG_VALUES)
        then = stamped.of_date(lake, TAG_VALUES, snapshot) if is_sure else _from_history(lake, day)
    return customer_tags.build(now, then, tuple(CATALOGUE.tags))


def _from_history(lake: Lake, day: date) -> DataFrame:
    """The wide rows that the history held at the end of the date before, also of tags that are no more."""
    held = lake.read(TAGS).where(f"valid_from < DATE'{day}' AND (valid_to IS NULL OR valid_to >= DATE'{day}')")
    return customer_tags.wide(held, lake.values(TAGS, "tag"))


def _stands(lake: Lake, cells: DataFrame, began: DataFrame, day: date) -> bool:
    """Whether the history already holds what begins and ends at the date."""
    kept = lake.read(TAGS)
    key = ("customer_id", "tag")
    there = kept.where(f"valid_from = DATE'{day}'").select(*key, "value", "is_partial", "rule_version")
    ended = kept.where(f"valid_to = DATE'{day}'").select(*key)
    new = began.select(*there.columns)
    gone = cells.where("was IS NOT NULL").select(*key)
    differing = [there.exceptAll(new), new.exceptAll(there)]
    if any(not each.isEmpty() for each in differing):
        return False
    return ended.exceptAll(gone).isEmpty() and gone.exceptAll(ended).isEmpty()


def _date(text: str | None) -> list[date]:
    return [] if text is None else [date.fromisoformat(text)]
