"""Holds what people filled in against the lists that they were given: each row is taken, not worked, or refused."""

import re
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

from jobs.delivery.files import FILLED_IN, NAMED_BY
from jobs.delivery.filled_in import FilledIn
from jobs.delivery.taken import NOT_WORKED, REFUSED, TAKEN
from jobs.pseudonyms import keyed_token
from jobs.rights.stored import StoredTables
from jobs.settings import Settings
from jobs.tables import TABLES
from jobs.tables.landed import ERASED
from jobs.tables.outreach import BARRING, CONNECTED, RESULTS
from jobs.tables.persons import Who

LISTS = TABLES["gold.call_lists"]
_TIMES = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M")
_CLOCKS = ("%H:%M:%S", "%H:%M")
_THOUSANDS = re.compile(r"-?\d{1,3}(,\d{3})+(\.\d+)?", re.ASCII)
_AMBIGUOUS = re.compile(r"-?\d{1,3}(\.\d{3})+|.*[_eE].*", re.ASCII)
"""1.200 is 1200 in many countries; and no person writes 1e3."""

Contact = tuple[date, str, str]
"""Day of a list, campaign, customer."""


class _RefusedError(Exception):
    """Why a row is refused; its text names no value, as those see it who may not see persons."""


class Judge:
    """Holds returned rows against the lists that were handed over."""

    is_early = False
    """Whether a row is of a list whose day is later than the batch's."""

    def __init__(self, tables: StoredTables, rows: Sequence[FilledIn], day: date, settings: Settings) -> None:
        self._rows = rows
        self._zone = ZoneInfo(settings.time_zone)
        self._day = day
        self._listed = _listed(tables, {_date_of(row.cells["list_on"]) for row in rows})
        self._erased = {row["token"] for row in tables.select(ERASED, f"kind = '{Who.CUSTOMER}'", ("token",))}
        self._key = str(settings.key_file)
        self._attempts: dict[str, int] = {}

    def judged(self) -> list[dict[str, Any]]:
        """For each row its reply and, as `of_the_feed`, the row of the feed with verdict, problem and row."""
        return [self._one(row) for row in self._rows]

    def _one(self, row: FilledIn) -> dict[str, Any]:
        cells = row.cells
        if self._erased and keyed_token(Who.CUSTOMER, cells["customer_id"], self._key) in self._erased:
            cells = dict.fromkeys(cells, "") | {"list_on": cells["list_on"], "campaign": cells["campaign"]}
            row = replace(row, cells=cells)
        why, feed, verdict = "", {name: cells[name] for name in (*NAMED_BY, *FILLED_IN)}, TAKEN
        try:
            feed |= self._attempt(row)
            verdict = TAKEN if feed["result"] else NOT_WORKED
        except _RefusedError as problem:
            why, verdict = str(problem), REFUSED
        about = {"row": row.row, "verdict": verdict}
        return {**about, "why": why, **cells, "of_the_feed": {**feed, **about, "problem": why}}

    def _attempt(self, row: FilledIn) -> dict[str, str]:
        """The row as one of the feed, times in UTC."""
        if row.problem:
            raise _RefusedError(row.problem)
        cells = row.cells
        list_on = _date_of(cells["list_on"])
        if list_on is None:
            raise _RefusedError("list_on: a date such as 2026-01-31 is expected")
        contact = self._listed.get((list_on, cells["campaign"], cells["customer_id"]))
        if contact is None:
            raise _RefusedError(
                "no such contact was listed; leave list_on, campaign and customer_id as the list has them"
            )
        self.is_early |= list_on > self._day
        result = re.sub(r"[ -]+", "_", cells["result"].lower())
        if not result:
            return {"list_on": str(list_on), "result": ""}
        if result not in RESULTS:
            raise _RefusedError(f"result: one of {', '.join(RESULTS)} is expected")
        if result in BARRING:
            # Whoever asks not to be called is not called, also where another cell cannot be read.
            cells = cells | {"callback_at": "", "amount": ""}
            with suppress(_RefusedError):
                return self._told(row.row, contact, result, cells, list_on)
            cells = cells | {"attempted_at": ""}
        return self._told(row.row, contact, result, cells, list_on)

    def _told(
        self, row: int, contact: dict[str, Any], result: str, cells: dict[str, str], list_on: date
    ) -> dict[str, str]:
        attempted_at = self._instant(cells, "attempted_at", list_on) or contact["slot_start_at"]
        self._is_timely(attempted_at, list_on)
        callback_at = self._instant(cells, "callback_at", list_on)
        attempt_id = f"{list_on}/{cells['campaign']}/{cells['customer_id']}/{attempted_at:%Y%m%dT%H%M%S}"
        first = self._attempts.setdefault(attempt_id, row)
        if first != row:
            raise _RefusedError(
                f"the same contact and time as row {first}; a second attempt needs its own attempted_at"
            )
        is_call = contact["channel"] == "call"
        return {
            "attempt_id": attempt_id,
            "list_on": str(list_on),
            "attempted_at": attempted_at.isoformat(),
            "channel": contact["channel"],
            "result": result,
            # People dialled, so whoever spoke was one.
            "answered_by": "live" if is_call and result in CONNECTED else "machine" if result == "voicemail" else "",
            "callback_at": callback_at.isoformat() if callback_at else "",
            "script_id": contact["script_id"] or "",
            "amount": _amount(cells["amount"]),
        }

    def _instant(self, cells: dict[str, str], column: str, list_on: date) -> datetime | None:
        text = cells[column]
        if not text:
            return None
        said = _parsed(text, _CLOCKS)
        moment = datetime.combine(list_on, said.time()) if said else _time_of(text)
        # Programs write the first or the last day of their calendar for none, which other zones have not.
        with suppress(OverflowError):
            if moment is not None:
                return (moment if moment.tzinfo else moment.replace(tzinfo=self._zone)).astimezone(UTC)
        raise _RefusedError(f"{column}: a time such as 2026-01-31 10:15 or 10:15 is expected")

    def _is_timely(self, attempted_at: datetime, list_on: date) -> None:
        begins, ends = (datetime.combine(each, time(), self._zone) for each in (list_on, self._day + timedelta(days=1)))
        if attempted_at < begins:
            raise _RefusedError("attempted_at: it lies before the day of the list")
        if attempted_at >= ends:
            raise _RefusedError("attempted_at: it lies in the future")


def _listed(tables: StoredTables, days: set[date | None]) -> dict[Contact, dict[str, Any]]:
    """The contacts of the lists of these dates."""
    named = ", ".join(f"DATE '{day}'" for day in sorted(day for day in days if day is not None))
    columns = ("list_on", "campaign", "customer_id", "channel", "slot_start_at", "script_id")
    rows = tables.select(LISTS, f"list_on IN ({named})", columns) if named else []
    return {(row["list_on"], row["campaign"], row["customer_id"]): row for row in rows}


def _date_of(text: str) -> date | None:
    found = _parsed(text.replace("/", "-"), ("%Y-%m-%d",))
    return found.date() if found else None


def _time_of(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return _parsed(text, _TIMES)


def _parsed(text: str, forms: Sequence[str]) -> datetime | None:
    attempts: Iterable[datetime | None] = (_or_none(datetime.strptime, text, form) for form in forms)
    return next((found for found in attempts if found is not None), None)


def _or_none(parse: Callable[..., datetime], *arguments: str) -> datetime | None:
    try:
        return parse(*arguments)
    except ValueError:
        return None


def _amount(text: str) -> str:
    if not text:
        return ""
    try:
        # A comma may be a decimal one, so only thousands are taken for what they are.
        plain = text.replace(",", "") if _THOUSANDS.fullmatch(text) else text
        amount = Decimal("NaN" if _AMBIGUOUS.fullmatch(text) else plain)
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or abs(amount) >= Decimal(10) ** 16:
        raise _RefusedError("amount: a number such as 1200.50 is expected")
    return f"{amount:.2f}"
