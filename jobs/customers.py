"""How a night makes what is told of customers: tags with their history, and portraits."""

from dataclasses import astuple
from datetime import date, timedelta
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs import effects, stamped, tag_lock
from jobs.features import customer_tag_values
from jobs.gold.customers import customer_portraits, customer_tags
from jobs.lake import Expect, Lake, Warn, computed
from jobs.measured import MEASURES, first_batches
from jobs.settings import Settings
from jobs.tables import TABLES
from jobs.tables.tags import CATALOGUE, HIDDEN, Standing

TAG_VALUES = TABLES["features.customer_tag_values"]
TAGS = TABLES["gold.customer_tags"]
PORTRAITS = TABLES["gold.customer_portraits"]


def update_tag_values(lake: Lake, day: date, settings: Settings, expect: Expect, warn: Warn) -> int:
    """Tells the tags of every customer as of the date; returns the rows written.

    Raises:
        DataError: the meaning of a rule changed under its version.
    """
    tag_lock.check()
    rules = {tag.name: tag.rule_on(day) for tag in CATALOGUE.tags.values()}
    lake.prepare(lake.rows(MEASURES, [day]))
    made = customer_tag_values.build(stamped.of_date(lake, MEASURES, day), rules)
    return stamped.replace_date(lake, TAG_VALUES, made, day, expect)


def update_tags(lake: Lake, day: date, settings: Settings, expect: Expect, warn: Warn) -> int:
    """Ends and begins the periods of the tags that changed at the date; returns how many tags of customers did."""
    # What a killed run left to the server and it commits from here on is not done a second time.
    lake.look(TAGS)
    held = lake.noted_last(TAGS, stamped.AS_OF)
    newest = max([*stamped.dates(lake, TAG_VALUES), *_date(held.get(stamped.AS_OF))], default=day)
    if day < newest:
        warn(f"{TAGS.name} stands as of {newest} and only moves forward; make backfill from {day} on rebuilds it")
        return 0
    # A table that was restored no longer says as of when it stands.
    is_again = held.get(stamped.AS_OF) == str(day) if held else lake.rows(TAGS) > 0
    now = standing(lake, day)
    cells = computed(_cells(lake, day, held, is_again, now))
    began = customer_tags.periods(cells, day)
    if is_again:
        if _stands(lake, cells, began, day):
            return 0
        lake.take_back(TAGS, day, **{stamped.AS_OF: held.get("before"), "values": None})
    changed = cells.count()
    if changed:
        expect(TAGS, began)
        before = held.get("before") if is_again else held.get(stamped.AS_OF)
        note = {
            stamped.AS_OF: str(day),
            "before": before,
            "values": lake.version(TAG_VALUES),
            "standing": {tag: astuple(each) for tag, each in now.items()},
        }
        if lake.rows(TAGS):
            lake.change_periods(TAGS, customer_tags.merged(cells, began), ("customer_id", "tag"), day, **note)
        else:
            lake.append(TAGS, began, **note)
    return changed


def standing(lake: Lake, day: date) -> dict[str, Standing]:
    """How each tag stands on the date."""
    began = first_batches(lake, day)
    stands = {}
    for tag in CATALOGUE.tags.values():
        rule = tag.rule_on(day)
        whole = CATALOGUE.first_date_whole(rule, began)
        stands[tag.name] = Standing(rule.version, whole is not None and day < whole)
    return stands


def is_to_rewind(lake: Lake, first: date, last: date) -> bool:
    """Whether the nights of these dates are to say anew what was said of customers.

    Only where nights of later dates do not stand on it, and where there is more to take back than the newest
    date, which a night takes back itself.
    """
    newest = max(stamped.dates(lake, TAG_VALUES), default=first)
    return first < newest <= last


def rewind(lake: Lake, first: date, last: date) -> None:
    """Takes back all that was said of customers as of these dates and between, so that their nights say it again."""
    if not is_to_rewind(lake, first, last):
        return
    lake.delete(MEASURES, f"{stamped.AS_OF} >= DATE'{first}'")
    if lake.exists(TAGS):
        lake.take_back(TAGS, first, **{stamped.AS_OF: str(first - timedelta(days=1)), "values": None})
    # Last, as by its dates a run after a kill finds that there still is something to take back.
    lake.delete(TAG_VALUES, f"{stamped.AS_OF} >= DATE'{first}'")


def update_portraits(lake: Lake, day: date, settings: Settings, expect: Expect, warn: Warn) -> int:
    """Puts the portraits as of the date in place of those of before; returns the rows written."""
    newest = lake.latest(PORTRAITS, stamped.AS_OF)
    if newest is not None and day < newest:
        warn(f"{PORTRAITS.name} stands as of {newest} and only moves forward")
        return 0
    tags = [tag.name for tag in CATALOGUE.tags.values() if tag.sensitivity != HIDDEN]
    lake.prepare(lake.rows(TAG_VALUES, [day]))
    list_on = day + timedelta(days=1)
    made = customer_portraits.build(
        **{
            table.short_name: stamped.of_date(lake, table, list_on if table.partition == "list_on" else day)
            for table in (TABLES[name] for name in PORTRAITS.inputs)
        },
        tags=tags,
        list_on=list_on,
        campaigns=effects.campaigns_of(settings),
        holdout_share=settings.configuration.outreach.holdout_share,
        time_zone=settings.time_zone,
    )
    return stamped.replace_all(lake, PORTRAITS, made, expect)


def _cells(lake: Lake, day: date, held: dict[str, Any], is_again: bool, standing: dict[str, Standing]) -> DataFrame:
    """What is another at the date than in gold.customer_tags as it stood before the date."""
    lake.prepare(lake.rows(TAG_VALUES, [day]))
    base = held.get("before") if is_again else held.get(stamped.AS_OF)
    then, standing_before = (
        _of_history(lake, day)
        if base is None
        else _before(lake, day, date.fromisoformat(base), {} if is_again else held)
    )
    return customer_tags.build(stamped.of_date(lake, TAG_VALUES, day), then, standing, standing_before)


def _before(lake: Lake, day: date, base: date, held: dict[str, Any]) -> tuple[DataFrame, dict[str, Standing]]:
    """The wide rows from which the history was made as of `base`, and how its tags stood, as it notes (`held`).

    Where they are gone, or were made anew since the version that it notes, the history itself says what it held at
    the end of the date before, also of tags that are no more.
    """
    changed = lake.changed_partitions(TAG_VALUES, held.get("values"))
    if changed is not None and base not in changed and base in stamped.dates(lake, TAG_VALUES):
        return stamped.of_date(lake, TAG_VALUES, base), {tag: Standing(*each) for tag, each in held["standing"].items()}
    return _of_history(lake, day)


def _of_history(lake: Lake, day: date) -> tuple[DataFrame, dict[str, Standing]]:
    """The wide rows that the history held at the end of the date before, and how their tags stood."""
    history = lake.read(TAGS).where(f"valid_from < DATE'{day}' AND (valid_to IS NULL OR valid_to >= DATE'{day}')")
    by_tag = history.groupBy("tag").agg(F.max("rule_version"), F.bool_or("is_partial")).collect()
    if not by_tag:
        return lake.read(TAG_VALUES).where("false"), {}
    return customer_tags.wide(history, [tag for tag, *_ in by_tag]), {tag: Standing(*each) for tag, *each in by_tag}


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
