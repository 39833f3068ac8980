"""The landing area: a file per feed and day, and an account of what lies in it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple

from sample.batches import batch, has_file
from sample.cast import CAST, END, EPOCH
from sample.feeds import DROPS, PERSONAL, TEXTS, Row
from sample.files import write as write_file
from sample.stories import lived
from sample.texts import Text
from sample.world import World

IDS = (
    "customer_id",
    "call_id",
    "caller_number",
    "card_id",
    "ticket_id",
    "transaction_id",
    "interaction_id",
    "attempt_id",
    "agent_id",
    "phone",
)
# The columns of each feed in which personal data may stand, with their places.
TELLING = {
    feed: [(place, column) for place, column in enumerate(drop.columns) if column in PERSONAL | TEXTS]
    for feed, drop in DROPS.items()
}


class Broken(NamedTuple):
    """A row that the door must quarantine."""

    feed: str
    ds: str
    file: str  # below the landing root
    reason: str


@dataclass
class Sample:
    """What was written.

    `rows[feed][ds]` counts the data rows of a file, broken ones included; no file, no entry. `personal` holds
    each personal value in the form in which it was written. `stories[story][column]` are the ids of those who
    play in it.
    """

    rows: dict[str, dict[str, int]] = field(default_factory=dict)
    broken: list[Broken] = field(default_factory=list)
    personal: set[str] = field(default_factory=set)
    stories: dict[str, dict[str, list[str]]] = field(default_factory=dict)


def write(landing: Path, first: date, last: date, seed: int = 7, customers: int = 300) -> Sample:
    """Write all files from the first day to the last, both included, and say what is in them.

    A day's bytes hang on the seed, the number of customers and the day alone, with one exception: the first
    day asked for brings all that is known by then of customers, cards, agents, recent tickets and
    do-not-call entries, later days what is new or changed.
    """
    if not EPOCH <= first <= last <= END:
        raise ValueError(f"days: expected {EPOCH} <= from <= to <= {END}, found {first} to {last}")
    world, sample = World(seed, customers), Sample({feed: {} for feed in DROPS})
    for day in _days(first, last):
        for feed, drop in DROPS.items():
            rows = batch(world, feed, day, is_first=day == first)
            if has_file(feed, rows, day):
                file = f"{feed}/ds={day}/{feed}.{drop.ending}"
                write_file(landing / file, feed, rows)
                _account(sample, feed, day, file, rows)
    _tell(sample, world, first, last)
    return sample


def _days(first: date, last: date) -> Iterator[date]:
    for place in range((last - first).days + 1):
        yield first + timedelta(days=place)


def _account(sample: Sample, feed: str, day: date, file: str, rows: list[Row]) -> None:
    sample.rows[feed][str(day)] = len(rows)
    for row in rows:
        sample.personal |= _personal(feed, row)
        if "broken" in row:
            sample.broken.append(Broken(feed, str(day), file, row["broken"]))
        if row.get("story"):
            told = {column: row[column] for column in IDS if row.get(column) and column in DROPS[feed].columns}
            _add(sample, row["story"], told)


def _personal(feed: str, row: Row) -> set[str]:
    values: set[str] = set()
    for place, column in TELLING[feed]:
        value = row.get(column)
        if value is None or place >= len(DROPS[feed].columns) + row.get("more_fields", 0):
            continue  # a row that is cut short leaves its last columns unwritten
        if isinstance(value, Text):
            values.update(value.tells)
        elif column in PERSONAL and _identifies(column, value):
            values.add(value)
    return values


def _identifies(column: str, value: str) -> bool:
    # "anonymous" and impossible numbers are nobody's.
    return column not in ("phone", "caller_number") or sum(letter.isdigit() for letter in value) > 6


def _tell(sample: Sample, world: World, first: date, last: date) -> None:
    for story, customer_ids in lived(world, first, last).items():
        for customer_id in customer_ids:
            _add(sample, story, {"customer_id": customer_id})
    for number in CAST["shared_phone"]:
        holder = world.customers[number]
        number_of_both = holder.versions[0]["phone"]  # in E.164, whatever form the files have
        _add(sample, "shared_phone", {"customer_id": holder.customer_id, "phone": number_of_both})
    closed = sample.stories.get("complaint_closed", {}).get("ticket_id", [])
    for ticket_id in sample.stories.get("complaint_opened", {}).get("ticket_id", []):
        if ticket_id not in closed:
            _add(sample, "complaint_open", {"ticket_id": ticket_id})


def _add(sample: Sample, story: str, told: dict[str, str]) -> None:
    ids = sample.stories.setdefault(story, {})
    for column, value in told.items():
        known = ids.setdefault(column, [])
        if value not in known:
            known.append(value)
