"""The lists of a day as they are handed over: who, when, why and what to say, with the number to dial."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from jobs.errors import DataError
from jobs.pseudonyms import ensure_key, keyed_token
from jobs.rights.stored import StoredTables
from jobs.rights.stored import listed as in_list
from jobs.settings import Settings
from jobs.tables import TABLES
from jobs.tables.outreach import NUMBERED
from jobs.tables.persons import Who

LISTS, CANDIDATES = TABLES["gold.call_lists"], TABLES["gold.call_candidates"]
VERSIONS, VAULT, ACCESSES = TABLES["silver.customers_versions"], TABLES["vault.customers"], TABLES["ops.pii_access"]
BY = "delivery"

Row = dict[str, Any]


@dataclass(frozen=True)
class Lists:
    """What is delivered for one day: rows by campaign, and how they came about."""

    list_on: date
    rows: dict[str, list[Row]]
    totals: dict[str, dict[str, Any]]
    unreachable: dict[str, int] = field(default_factory=dict)
    """Rows of a campaign that need a number of which the vault holds none."""

    def __bool__(self) -> bool:
        return bool(self.rows or self.totals)


def of_day(tables: StoredTables, list_on: date, settings: Settings) -> Lists:
    """The lists of a day, with numbers (and names, where conf says so) in clear.

    Every look at a number stands in ops.pii_access before it is made. The number is the one known on the date of the
    night that made the list, so that the same lake gives the same lists.
    """
    where = f"list_on = DATE '{list_on}'"
    contacts = sorted(tables.select(LISTS, where), key=lambda row: (row["campaign"], row["rank"], row["customer_id"]))
    wanted = _wanted(contacts, settings.configuration.delivery.names)
    if wanted:
        _note(tables, wanted, list_on, settings)
    clear = {column: _in_clear(tables, ids, column, list_on) for column, ids in _by_column(wanted).items()}
    rows: dict[str, list[Row]] = {}
    unreachable: dict[str, int] = {}
    for contact in contacts:
        campaign = contact["campaign"]
        row = _row(contact, clear, settings)
        rows.setdefault(campaign, []).append(row)
        if contact["channel"] in NUMBERED and row["phone"] is None:
            unreachable[campaign] = unreachable.get(campaign, 0) + 1
    return Lists(list_on, rows, _totals(tables, where, rows), unreachable)


def demand_agreement(tables: StoredTables, list_on: date) -> None:
    """Sees that the lists are those of the decisions, as what goes out stays so for good.

    Raises:
        DataError: a night ended between the two and left lists of the decisions before.
    """
    where = f"list_on = DATE '{list_on}'"
    if not (tables.exists(CANDIDATES) and tables.exists(LISTS)):
        return
    decided = f"SELECT campaign, customer_id FROM candidates WHERE {where} AND decision = 'listed'"
    listed = f"SELECT campaign, customer_id FROM lists WHERE {where}"
    query = f"SELECT count(*) AS n FROM (({decided} EXCEPT {listed}) UNION ALL ({listed} EXCEPT {decided}))"
    [row] = tables.ask(query, candidates=CANDIDATES, lists=LISTS)
    if row["n"]:
        raise DataError(
            f"delivery {list_on}: gold.call_lists is older than gold.call_candidates",
            expected="a list of each contact that was decided on, and of no other",
            found=f"{row['n']:,} contacts in one of the two alone",
            todo="run the night again that makes these lists; nothing was handed over",
        )


def _wanted(contacts: Iterable[Row], with_names: bool) -> dict[tuple[str, str], set[str]]:
    """By customer and personal column the campaigns that need the value."""
    wanted: dict[tuple[str, str], set[str]] = {}
    for contact in contacts:
        columns = ["phone"] if contact["channel"] in NUMBERED else []
        for column in [*columns, *(["name"] if with_names else [])]:
            wanted.setdefault((contact["customer_id"], column), set()).add(contact["campaign"])
    return wanted


def _by_column(wanted: Iterable[tuple[str, str]]) -> dict[str, set[str]]:
    by_column: dict[str, set[str]] = {}
    for customer_id, column in wanted:
        by_column.setdefault(column, set()).add(customer_id)
    return by_column


def _note(tables: StoredTables, wanted: dict[tuple[str, str], set[str]], list_on: date, settings: Settings) -> None:
    ensure_key(settings.key_file, may_make=False)
    now = datetime.now(UTC)
    key = str(settings.key_file)
    tokens = {customer_id: keyed_token(Who.CUSTOMER, customer_id, key) for customer_id, _ in wanted}
    looks = [
        {
            "accessed_at": now,
            "ds": now.date(),
            "by": BY,
            "role": BY,
            "customer_token": tokens[customer_id],
            "column": column,
            "reason": f"list {list_on}: {', '.join(sorted(campaigns))}",
        }
        for (customer_id, column), campaigns in sorted(wanted.items())
    ]
    tables.add(ACCESSES, *looks)


def _in_clear(tables: StoredTables, customer_ids: set[str], column: str, list_on: date) -> dict[str, str]:
    """The value of each customer as it was known when the list was made."""
    known_on = list_on - timedelta(days=1)
    ids = in_list(customer_ids)
    is_known = f"known_on <= DATE '{known_on}' AND (superseded_on IS NULL OR superseded_on > DATE '{known_on}')"
    versions = tables.select(VERSIONS, f"customer_id IN ({ids}) AND {is_known}", ("customer_id", f"{column}_token"))
    of_persons = f"personal_column = '{column}' AND person_id IN ({ids})"
    held = tables.select(VAULT, of_persons, ("person_id", "token", "value"))
    values = {(row["person_id"], row["token"]): row["value"] for row in held}
    found = {row["customer_id"]: values.get((row["customer_id"], row[f"{column}_token"])) for row in versions}
    return {customer_id: value for customer_id, value in found.items() if value is not None}


def _row(contact: Row, clear: dict[str, dict[str, str]], settings: Settings) -> Row:
    customer_id = contact["customer_id"]
    phone = clear.get("phone", {}).get(customer_id) if contact["channel"] in NUMBERED else None
    name = {"name": clear.get("name", {}).get(customer_id)} if settings.configuration.delivery.names else {}
    zone = ZoneInfo(settings.time_zone)
    slot = {
        column: f"{contact[f'{column}_at'].astimezone(zone):%Y-%m-%d %H:%M}" for column in ("slot_start", "slot_end")
    }
    return {**contact, **slot, **name, "phone": phone}


def _totals(tables: StoredTables, where: str, rows: dict[str, list[Row]]) -> dict[str, dict[str, Any]]:
    query = f"SELECT campaign, decision, reason, count(*) AS n FROM candidates WHERE {where} GROUP BY ALL ORDER BY ALL"
    counted = tables.ask(query, candidates=CANDIDATES) if tables.exists(CANDIDATES) else []
    totals: dict[str, dict[str, Any]] = {}
    for campaign in sorted({*rows, *(each["campaign"] for each in counted)}):
        of_campaign = [each for each in counted if each["campaign"] == campaign]
        by_decision = {
            decision: sum(each["n"] for each in of_campaign if each["decision"] == decision)
            for decision in ("holdout", "suppressed")
        }
        totals[campaign] = {
            "candidates": sum(each["n"] for each in of_campaign),
            # As delivered, so that the number is that of the rows of the file.
            "listed": len(rows.get(campaign, [])),
            **by_decision,
            "suppressed_by": {
                each["reason"] or "no reason given": each["n"]
                for each in of_campaign
                if each["decision"] == "suppressed"
            },
        }
    return totals
