"""A list as a workbook for people: the list, what its columns mean, and the totals of the day."""

import io
from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from typing import Any

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from jobs.delivery.lists import Lists
from jobs.errors import DataError
from jobs.tables.outreach import RESULTS

MOST_ROWS = 1_048_576
LONGEST_TEXT = 32_767
"""Limits of the format."""

WIDTHS = {
    "row": 6, "verdict": 12,
    "rank": 6, "customer_id": 16, "name": 16, "phone": 18, "channel": 9, "slot_start": 17, "slot_end": 17, "why": 60,
    "script_id": 18, "script_hint": 60, "expected_value": 15, "list_on": 11, "campaign": 20, "result": 14,
    "attempted_at": 17, "agent_id": 12, "callback_at": 17, "product": 16, "amount": 12, "note": 40,
}  # fmt: skip
NUMBERS = ("rank", "expected_value")


def workbook(lists: Lists, campaign: str, columns: dict[str, str], time_zone: str) -> bytes:
    """The workbook of one campaign; `columns` are those of the list, with their meanings.

    Texts are written as texts, never as formulas, links or numbers. The same lists give the same bytes.

    Raises:
        DataError: more rows than a sheet takes.
    """
    rows = lists.rows[campaign]
    if len(rows) >= MOST_ROWS:
        raise DataError(
            f"delivery {lists.list_on}: the list of {campaign} is longer than a sheet",
            expected=f"fewer than {MOST_ROWS:,} rows",
            found=f"{len(rows):,}",
            todo="lower the campaign's quota in conf/campaigns.yaml",
        )
    made = io.BytesIO()
    book, head, text = _begun(made, f"{campaign}, {lists.list_on}", lists.list_on)
    amount = book.add_format({"num_format": "#,##0.00"})
    sheet = _sheet(book, "list", {name: WIDTHS[name] for name in columns}, head)
    for number, row in enumerate(rows, 1):
        for place, name in enumerate(columns):
            if name in NUMBERS:
                sheet.write_number(number, place, row[name], amount if name == "expected_value" else None)
            else:
                _write(sheet, number, place, row.get(name), text)
    sheet.autofilter(0, 0, len(rows), len(columns) - 1)
    place = list(columns).index("result")
    sheet.data_validation(1, place, max(len(rows), 1), place, {"validate": "list", "source": list(RESULTS)})
    meanings = _sheet(book, "columns", {"column": 16, "meaning": 90}, head)
    for number, (name, meaning) in enumerate(columns.items(), 1):
        of_zone = f"; {time_zone}" if name.startswith("slot_") else ""
        _write(meanings, number, 0, name, text)
        _write(meanings, number, 1, meaning + of_zone, text)
    _write_totals(_sheet(book, "totals", {"campaign": 24, "what": 34, "customers": 11}, head), lists, text)
    book.close()
    return made.getvalue()


def reply(columns: Sequence[str], rows: Sequence[dict[str, Any]], day: date) -> bytes:
    """What became of each row of a list that the night of this date found, to be mended and returned.

    All are texts, which no program reads anew. The same rows give the same bytes.
    """
    made = io.BytesIO()
    book, head, text = _begun(made, "reply", day)
    sheet = _sheet(book, "list", {name: WIDTHS[name] for name in columns}, head)
    for number, row in enumerate(rows, 1):
        for place, name in enumerate(columns):
            _write(sheet, number, place, row.get(name), text)
    book.close()
    return made.getvalue()


def _begun(made: io.BytesIO, title: str, day: date) -> tuple[xlsxwriter.Workbook, Format, Format]:
    """A workbook that says of itself nothing but a title and a date, and its formats of heads and of texts."""
    # In memory the parts of the file have one constant time.
    book = xlsxwriter.Workbook(made, {"in_memory": True})
    book.set_properties({"title": title, "created": datetime.combine(day, time(), UTC).replace(tzinfo=None)})
    head = book.add_format({"bold": True, "bg_color": "#E7EEF7", "bottom": 1})
    return book, head, book.add_format({"num_format": "@"})


def _sheet(book: xlsxwriter.Workbook, name: str, columns: dict[str, int], head: Format) -> Worksheet:
    sheet = book.add_worksheet(name)
    for place, (title, width) in enumerate(columns.items()):
        sheet.set_column(place, place, width)
        sheet.write_string(0, place, title, head)
    sheet.freeze_panes(1, 0)
    return sheet


def _write_totals(sheet: Worksheet, lists: Lists, text: Format) -> None:
    number = 0
    for campaign, total in lists.totals.items():
        counts = {name: total[name] for name in ("candidates", "listed", "holdout", "suppressed")}
        for what, customers in {
            **counts,
            **{f"suppressed: {why}": n for why, n in total["suppressed_by"].items()},
        }.items():
            number += 1
            _write(sheet, number, 0, campaign, text)
            _write(sheet, number, 1, what, text)
            sheet.write_number(number, 2, customers)


def _write(sheet: Worksheet, row: int, column: int, value: Any, text: Format) -> None:
    # An empty cell of the way back is a text too, so that what is typed into it stays as typed.
    if value is None:
        sheet.write_blank(row, column, None, text)
    else:
        sheet.write_string(row, column, str(value)[:LONGEST_TEXT], text)
