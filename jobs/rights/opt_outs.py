"""What an erasure leaves in force: a number that must not be called stays barred, whoever comes back with it."""

from datetime import date
from typing import Any

from jobs.rights.person import Person
from jobs.rights.stored import StoredTables, listed
from jobs.table_logs import literal
from jobs.tables import TABLES

OF_NO_BATCH = date(1970, 1, 1)
"""Batch of entries that no batch takes back; all dates know them (events before 1990 never land)."""

REASON = "kept after an erasure"

ENTRIES = TABLES["silver.do_not_call"]


def keep(tables: StoredTables, person: Person) -> int:
    """Puts the person's entries on their numbers' pseudonyms alone; returns how many numbers they bar."""
    of_customer = f"customer_id = {literal(person.customer_id)}"
    numbers = tables.distinct(TABLES["silver.customers"], "phone_token", of_customer)
    entries = [
        {**entry, "phone_token": number}
        for entry in (*tables.select(ENTRIES, of_customer), *_refusals(tables, of_customer))
        for number in ([entry["phone_token"]] if entry.get("phone_token") else sorted(numbers))
    ]
    if not entries:
        return 0
    where = f"ds = DATE'{OF_NO_BATCH}' AND phone_token IN ({listed({entry['phone_token'] for entry in entries})})"
    kept = {_key(entry): entry for entry in tables.select(ENTRIES, where)}
    nobody = {"customer_id": None, "reason": REASON, "known_on": OF_NO_BATCH, "ds": OF_NO_BATCH, "row_hash": None}
    news = {_key(entry): {**entry, **nobody} for entry in entries}
    if news.keys() - kept.keys():
        tables.record(ENTRIES, [*(news | kept).values()], where)
    return len({entry["phone_token"] for entry in entries})


def _refusals(tables: StoredTables, of_customer: str) -> list[dict[str, Any]]:
    """Attempts to reach the customer that ended with their wish to be left alone, as entries."""
    where = f"{of_customer} AND result = 'do_not_call'"
    refused = tables.select(TABLES["silver.contact_results"], where, ("attempted_at", "event_date"))
    return [{"added_at": attempt["attempted_at"], "event_date": attempt["event_date"]} for attempt in refused]


def _key(entry: dict[str, Any]) -> tuple[Any, ...]:
    return entry["phone_token"], entry.get("channel"), entry["added_at"]
