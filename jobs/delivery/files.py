"""The files of a day's delivery as bytes: the same lists give the same bytes."""

import csv
import hashlib
import io
import json
import re
from collections.abc import Iterable
from typing import Any

from jobs.delivery.lists import Lists, Row
from jobs.delivery.workbook import workbook
from jobs.errors import DataError
from jobs.settings import Settings
from jobs.tables.outreach import RESULTS

MANIFEST = "manifest.json"
BOM = "\ufeff"
E164 = re.compile(r"\+\d{3,15}", re.ASCII)
# What a spreadsheet takes for the beginning of a formula (OWASP, CSV injection), full-width signs included.
_FORMULA = re.compile(r"[=+\-@\t\r\n＝＋－＠]")
_FILE_NAME = re.compile(r"\w[\w\-]*")

COLUMNS = {
    "rank": "Place on the list, 1 = first",
    "customer_id": "The customer, as the source writes it",
    "name": "The customer's name",
    "phone": "Number to dial, with + and country code; only for calls and text messages",
    "channel": "How to reach the customer: call, sms, push, wechat or email",
    "slot_start": "When the contact is planned to begin (business time)",
    "slot_end": "When that hour ends (business time)",
    "why": "Why the customer is on the list",
    "script_id": "The script to use; comes back with the result",
    "script_hint": "What to say",
    "expected_value": "What the contact is worth in all likelihood, in money",
    "list_on": "Day of the list; comes back with the result",
    "campaign": "The campaign; comes back with the result",
    "result": f"To fill in, nothing = not worked: {', '.join(RESULTS)}",
    "attempted_at": "To fill in: when it was tried (business time; 10:15 = on the list's day; nothing = slot_start)",
    "agent_id": "To fill in: the agent who tried",
    "callback_at": "To fill in: when the customer wants to be called back (business time)",
    "product": "To fill in: what was sold",
    "amount": "To fill in: amount of the sale",
    "note": "To fill in: what else to know",
}
"""Columns of a list, in their order, and what they mean."""
NAMED_BY = ("list_on", "campaign", "customer_id")
"""Columns that say which contact a row is."""
FILLED_IN = ("result", "attempted_at", "agent_id", "callback_at", "product", "amount", "note")
"""Columns of the way back."""


def files_of(lists: Lists, settings: Settings) -> dict[str, bytes]:
    """The files of the day by name: a list and a workbook for each campaign, and the manifest, last.

    Raises:
        DataError: a campaign has a name that is no file's.
    """
    conf = settings.configuration.delivery
    columns = [column for column in COLUMNS if column != "name" or conf.names]
    files: dict[str, bytes] = {}
    entries: dict[str, dict[str, Any]] = {}
    for campaign, rows in lists.rows.items():
        stem = _file_name(campaign, lists)
        meanings = {column: COLUMNS[column] for column in columns}
        made = {
            f"{stem}.csv": csv_bytes(columns, rows, conf.csv_bom),
            f"{stem}.xlsx": workbook(lists, campaign, meanings, settings.time_zone),
        }
        files |= made
        entries |= {name: {"rows": len(rows), "sha256": digest(content)} for name, content in made.items()}
    manifest = {
        "list_on": str(lists.list_on),
        "time_zone": settings.time_zone,
        "files": entries,
        "totals": lists.totals,
    }
    files[MANIFEST] = (json.dumps(manifest, indent=2, ensure_ascii=False) + "\n").encode()
    return files


def csv_bytes(columns: Iterable[str], rows: Iterable[Row], with_bom: bool) -> bytes:
    """Rows as CSV (RFC 4180, UTF-8), in which no cell is a formula for a spreadsheet."""
    written = io.StringIO(newline="")
    writer = csv.writer(written)
    names = list(columns)
    writer.writerow(names)
    writer.writerows([_cell(row.get(name)) for name in names] for row in rows)
    return ((BOM if with_bom else "") + written.getvalue()).encode()


def harmless(text: str) -> str:
    """The text, with an apostrophe before it where a spreadsheet would compute it.

    A number in E.164 stays as it is: it has nothing but digits after its plus sign, so that all there is to compute is
    the number, and dialers read it.
    """
    return f"'{text}" if _FORMULA.match(text) and not E164.fullmatch(text) else text


def unharmed(text: str) -> str:
    """The text of a cell that `harmless` made."""
    return text[1:] if text.startswith("'") and harmless(text[1:]) == text else text


def digest(content: bytes) -> str:
    """SHA-256, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.2f}" if isinstance(value, float) else harmless(str(value))


def _file_name(campaign: str, lists: Lists) -> str:
    if not _FILE_NAME.fullmatch(campaign):
        raise DataError(
            f"delivery {lists.list_on}: a campaign's name is no name for a file",
            expected="letters, digits, _ and -",
            found=repr(campaign),
            todo="rename the campaign in conf/campaigns.yaml and run the same night again",
        )
    return campaign
