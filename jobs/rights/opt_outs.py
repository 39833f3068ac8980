"""What an erasure leaves in force: a number that must not be called stays barred, whoever comes back with it."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from jobs.rights.person import Person
from jobs.rights.stored import StoredTables, listed
from jobs.table_logs import literal
from jobs.tables import TABLES
from jobs.tables.outreach import BARRING, NUMBERED

OF_NO_BATCH = date(1970, 1, 1)
"""Batch of entries that no batch takes back; all dates know them (events before 1990 never land)."""

REASON = "kept after an erasure"

ENTRIES = TABLES["silver.do_not_call"]

Row = dict[str, Any]


def keep(tables: StoredTables, person: Person) -> int:
    """Puts what bars the person, or a number of theirs, on pseudonyms alone; returns how many numbers that bars."""
    of_customer = f"customer_id = {literal(person.customer_id)}"
    numbers = tables.distinct(TABLES["silver.customers"], "phone_token", of_customer)
    entries = [
        {**entry, "phone_token": number}
        for entry in tables.select(ENTRIES, of_customer)
        for number in ([entry["phone_token"]] if entry.get("phone_token") else sorted(numbers))
    ]
    entries += _said(tables, of_customer, numbers)
    if not entries:
        return 0
    where = f"ds = DATE'{OF_NO_BATCH}' AND phone_token IN ({listed({entry['phone_token'] for entry in entries})})"
    kept = {_key(entry): entry for entry in tables.select(ENTRIES, where)}
    nobody = {"customer_id": None, "reason": REASON, "known_on": OF_NO_BATCH, "ds": OF_NO_BATCH, "row_hash": None}
    news = {_key(entry): {**entry, **nobody} for entry in entries}
    if news.keys() - kept.keys():
        tables.record(ENTRIES, [*(news | kept).values()], where)
    return len({entry["phone_token"] for entry in entries})


def _said(tables: StoredTables, of_customer: str, numbers: set[str]) -> list[Row]:
    """What was said when the customer was tried, as entries on the number that they had then.

    Who wished to be left alone is left so at their present `numbers` too.
    """
    where = f"{of_customer} AND result IN {BARRING}"
    attempts = tables.select(TABLES["silver.contact_results"], where, ("attempted_at", "event_date", "result"))
    periods = ("phone_token", "known_on", "superseded_on")
    versions = tables.select(TABLES["silver.customers_versions"], of_customer, periods)
    return [
        {**entry, "phone_token": number}
        for attempt in attempts
        for entry in _entries(attempt)
        for number in sorted(
            _had(versions, attempt["event_date"]) | (numbers if attempt["result"] == "do_not_call" else set())
        )
    ]


def _entries(attempt: Row) -> list[Row]:
    """A wrong number bars the channels that need one, a wish to be left alone all."""
    channels = NUMBERED if attempt["result"] == "wrong_number" else (None,)
    at, event_date = attempt["attempted_at"], attempt["event_date"]
    # A microsecond apart: entries of one number and moment would have one key.
    return [
        {"channel": channel, "added_at": at + timedelta(microseconds=nth), "event_date": event_date}
        for nth, channel in enumerate(channels)
    ]


def _had(versions: Sequence[Row], on: date) -> set[str]:
    """The number that was dialled on a date (features.outreach_customers): what the batch of the day before knew."""
    first = min((version["known_on"] for version in versions), default=on)
    return {
        version["phone_token"]
        for version in versions
        if (version["known_on"] < on or version["known_on"] == first)
        and (version["superseded_on"] is None or version["superseded_on"] >= on)
        and version["phone_token"]
    }


def _key(entry: Row) -> tuple[Any, ...]:
    return entry["phone_token"], entry.get("channel"), entry["added_at"]
