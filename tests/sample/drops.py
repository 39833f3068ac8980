"""Reads the sample's files as a stranger would who knows the contract alone."""

import csv
import gzip
import json
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Any

import pyarrow.parquet as pq

from jobs.tables.feeds import FEEDS

FIRST, LAST = date(2026, 1, 1), date(2026, 1, 31)
DAYS = [FIRST + timedelta(days=place) for place in range(31)]
PERSONAL = {"name", "phone", "caller_number", "id_number", "email", "wechat_id"}
TEXTS = {"text", "note", "payload"}


class Drops:
    """The files below a landing root, and what the sample says of them."""

    def __init__(self, root, told):
        self.root, self.told = root, told

    @cache  # noqa: B019 - one for the module
    def rows(self, feed, day=None):
        """Rows as dicts with `ds`; a CSV row with another number of fields has `fields` instead."""
        pattern = f"{feed}/ds={day or '*'}/{feed}.*"
        return [row for path in sorted(self.root.glob(pattern)) for row in read(path)]

    @cache  # noqa: B019 - one for the module
    def sound(self, feed):
        """The rows that pass the door."""
        contract = next(declared for declared in FEEDS if declared.name == feed)
        return [row for row in self.rows(feed) if not faults(contract, row)]

    def story(self, name, column):
        """The ids that play in a story."""
        return self.told.stories[name][column]

    def calls_of(self, name):
        """The calls of a story in order of time."""
        wanted = set(self.story(name, "call_id"))
        found = [row for row in self.sound("calls") if row["call_id"] in wanted]
        return sorted(found, key=lambda row: row["started_at"])


def grouped(rows, key, value=None):
    """Rows, or one column of them, by the value of a key."""
    groups = defaultdict(list)
    for row in rows:
        groups[row[key]].append(row[value] if value else row)
    return groups


def read(path):
    ds = path.parent.name.removeprefix("ds=")
    if path.suffix == ".parquet":
        return [{"ds": ds, **row} for row in pq.read_table(path).to_pylist()]
    raw = path.read_bytes()
    lines = (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode()
    if ".json" in path.name:
        return [{"ds": ds, **json.loads(line)} for line in lines.splitlines()]
    header, *rows = csv.reader(lines.splitlines())
    return [
        {"ds": ds, "header": header, **dict(zip(header, row, strict=True))}
        if len(row) == len(header)
        else {"ds": ds, "fields": row}
        for row in rows
    ]


def moment(value):
    at = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def boolean(value):
    return {"true": True, "false": False}[str(value).lower()]


def day(value):
    return value if isinstance(value, date) else date.fromisoformat(value)


CASTS: dict[str, Any] = {
    "string": str,
    "timestamp": moment,
    "date": day,
    "int": int,
    "bigint": int,
    "boolean": boolean,
}


def faults(contract, row):
    """What the contract holds against a row."""
    if "fields" in row:
        return ["fields"]
    found, typed = [], {}
    for column in contract.columns:
        value = row[column.name]
        if value in (None, ""):
            found += [f"null {column.name}"] if column.required else []
            continue
        try:
            typed[column.name] = CASTS.get(column.type, Decimal)(value)
        except (ValueError, KeyError, InvalidOperation):
            found.append(f"cast {column.name}")
            continue
        if column.values and value not in column.values:
            found.append(f"value {column.name}")
        if column.between and not column.between[0] <= typed[column.name] <= column.between[1]:
            found.append(f"range {column.name}")
    return found + times(contract, row, typed)


def times(contract, row, typed):
    found = []
    if contract.span and contract.span[0] in typed and contract.span[1] in typed:
        found += ["backwards"] if typed[contract.span[1]] < typed[contract.span[0]] else []
    event = typed.get(contract.event)
    if event:
        on = event.astimezone(UTC).date() if isinstance(event, datetime) else event
        found += ["time"] if not date(1990, 1, 1) <= on <= day(row["ds"]) + timedelta(days=1) else []
    return found
