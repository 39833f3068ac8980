"""All that is held of one person, as JSON for that person."""

import getpass
import json
from datetime import UTC, datetime
from typing import Any

from upath import UPath

from jobs.pseudonyms import ensure_key, keyed_token
from jobs.rights.aside import Aside, feeds_of_persons
from jobs.rights.person import Person, clear_values, condition, find, own_values
from jobs.rights.plan import unknown
from jobs.rights.stored import StoredTables, listed
from jobs.settings import Settings
from jobs.table_logs import VAULT_MODE, literal
from jobs.tables import TABLES, Table
from jobs.tables.persons import OPT_OUTS, Who, names_in
from jobs.whole_files import put

EXPORT_MODE = 0o600
ACCESSES, ROLE = TABLES["ops.pii_access"], "export"

Rows = list[dict[str, Any]]


def export(customer_id: str, settings: Settings) -> UPath:
    """Writes the person's rows of all tables, pseudonyms with their clear values, for the owner of the file alone.

    The same lake gives the same bytes. The name of the file names nobody. That it was made stands in ops.pii_access
    before the file does.

    Raises:
        DataError: nothing is held of such a customer.
    """
    ensure_key(settings.key_file, may_make=False)
    tables = StoredTables(settings.lake)
    token = keyed_token(Who.CUSTOMER, customer_id, str(settings.key_file))
    held = _held(tables, find(tables, customer_id), settings)
    if not held:
        raise unknown()
    # Who exported it is left out, so that it says the same when it is asked for again.
    looks = tables.select(ACCESSES, f"customer_token = {literal(token)} AND role <> {literal(ROLE)}")
    held |= _rows(ACCESSES.name, looks, {})
    content = {"customer_id": customer_id, "tables": held}
    file = file_of(settings, token)
    file.parent.mkdir(parents=True, exist_ok=True)
    if "://" not in str(file):
        file.parent.chmod(VAULT_MODE)
    now = datetime.now(UTC)
    look = {"accessed_at": now, "ds": now.date(), "by": getpass.getuser(), "role": ROLE, "customer_token": token}
    tables.add(ACCESSES, look | {"column": "all", "reason": None})
    text = json.dumps(content, indent=2, ensure_ascii=False, default=str) + "\n"
    put(file, text.encode(), EXPORT_MODE)
    return file


def file_of(settings: Settings, token: str) -> UPath:
    """Where the export of a person lies, until it was handed out or the person is erased."""
    return UPath(settings.delivery, "rights", f"export-{token[:16]}.json")


def _held(tables: StoredTables, person: Person, settings: Settings) -> dict[str, Rows]:
    clear = clear_values(tables, person)
    own = {value for column, value in own_values(tables, person) if column != "name"}
    aside = Aside(tables, person, own, settings.configuration.default_country)
    held: dict[str, Rows] = {}
    raw: Rows = []
    for name, table in TABLES.items():
        if names_in(table):
            held |= _rows(name, tables.select(table, _theirs(table, person)), clear)
    for feed in feeds_of_persons():
        shown, as_it_came = aside.rows(feed)
        held |= _rows(f"quarantine.{feed.name}", shown, clear)
        raw += as_it_came
    return held | _rows("vault.quarantine_raw", raw, {})


def _theirs(table: Table, person: Person) -> str:
    """SQL for the person's rows, and for entries of do-not-call that give their number alone, which outlive them."""
    theirs, numbers = condition(table, person), person.own.get(Who.NUMBER, frozenset())
    if table.feed is not None and table.feed.name == OPT_OUTS and "phone_token" in table.column_names and numbers:
        theirs += f" OR (customer_id IS NULL AND phone_token IN ({listed(numbers)}))"
    return theirs


def _rows(name: str, rows: Rows, clear: dict[str, tuple[str, str]]) -> dict[str, Rows]:
    """The rows in a stable order, under the table's name; nothing where there are none."""
    told = [row | _in_clear(row, clear) for row in rows]
    return {name: sorted(told, key=lambda row: json.dumps(row, sort_keys=True, default=str))} if rows else {}


def _in_clear(row: dict[str, Any], clear: dict[str, tuple[str, str]]) -> dict[str, Any]:
    """The values behind the row's pseudonyms, by the name that the source gave them."""
    tokens = {column: token for column, token in row.items() if column.endswith("_token") and token in clear}
    names = {"caller_token": "caller_number"}
    return {names.get(column, column.removesuffix("_token")): clear[token][1] for column, token in tokens.items()}
