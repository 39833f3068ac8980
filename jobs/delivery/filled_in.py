"""A list that people filled in, as it comes back: the cells of its rows, from CSV or from a workbook."""

import csv
import io
import re
import warnings
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

import openpyxl

from jobs.delivery.files import FILLED_IN, NAMED_BY, unharmed
from jobs.delivery.workbook import MOST_ROWS

LIST_SHEET = "list"
ENDINGS = (".csv", ".xlsx")
MOST_BYTES = 64 << 20
"""A file beyond that is no list: a sheet of a million rows takes less."""
MOST_UNPACKED = 1 << 30
MOST_SIGNS = 32_767
"""Of a cell: no spreadsheet holds more."""
MOST_COLUMNS = 256
"""Of a sheet that is looked at: a workbook of a few bytes can claim a cell in row 10^12."""
_SEPARATORS = ",;\t"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_BLANK_TIME = re.compile(r"[ T]00:00(:00)?$")


class UnreadableError(Exception):
    """A file that is no list; its text says what was expected, and what to do."""


@dataclass(frozen=True)
class FilledIn:
    """One row: its place in the sheet (the header is 1), its cells as text, and what is wrong with its shape."""

    row: int
    cells: dict[str, str]
    problem: str | None = None


def read(name: str, content: bytes) -> list[FilledIn]:
    """The rows of a returned list that are not blank, in their order; `name` tells the format.

    Raises:
        UnreadableError: it is no CSV or workbook, too large, or lacks a column.
    """
    if not name.lower().endswith(ENDINGS):
        raise UnreadableError(f"it is neither {' nor '.join(ENDINGS)}; save it as one of the two")
    if len(content) > MOST_BYTES:
        raise UnreadableError(f"it has more than the {MOST_BYTES:,} bytes that a list has at most")
    lines = _workbook(content) if name.lower().endswith(".xlsx") else _csv(content)
    header = [_text(cell).strip().lower() for cell in next(lines, [])]
    missing = [column for column in (*NAMED_BY, "result") if column not in header]
    if missing:
        raise UnreadableError(f"its first row has no column {', '.join(missing)}; leave the list's columns as they are")
    doubled = sorted({column for column in header if column in (*NAMED_BY, *FILLED_IN) and header.count(column) > 1})
    if doubled:
        raise UnreadableError(f"its first row has {', '.join(doubled)} more than once")
    rows = ((number, [_text(cell) for cell in line]) for number, line in enumerate(lines, 2))
    return [_row(number, header, cells) for number, cells in rows if any(cell.strip() for cell in cells)]


def _row(number: int, header: list[str], cells: list[str]) -> FilledIn:
    named = dict(zip(header, (cell[:MOST_SIGNS] for cell in cells), strict=False))
    known = {column: unharmed(named.get(column, "").strip()) for column in (*NAMED_BY, *FILLED_IN)}
    known["list_on"] = _BLANK_TIME.sub("", known["list_on"])
    extra = [cell for cell in cells[len(header) :] if cell.strip()]
    problem = f"it has more cells than the {len(header)} of the first row" if extra else None
    if any(len(cell) > MOST_SIGNS for cell in cells):
        problem = f"it has a cell of more than the {MOST_SIGNS:,} signs that a spreadsheet holds"
    return FilledIn(number, known, problem)


def separator_of(text: str) -> str:
    """What separates the columns of a CSV: spreadsheets take what the country of their user has for it."""
    return max(_SEPARATORS, key=text.partition("\n")[0].count)


def _csv(content: bytes) -> Iterator[list[str]]:
    try:
        text = content.decode("utf-16" if content.startswith(_UTF_16) else "utf-8-sig")
    except UnicodeDecodeError:
        raise UnreadableError("it is not UTF-8; save it as CSV UTF-8, or return the workbook") from None
    try:
        yield from csv.reader(io.StringIO(text, newline=""), delimiter=separator_of(text), strict=True)
    except csv.Error as error:
        raise UnreadableError(f"it is no CSV ({error}); return the workbook") from None


def _workbook(content: bytes) -> Iterator[list[Any]]:
    try:
        with warnings.catch_warnings():
            # Of drop-down lists and styles that it does not know.
            warnings.simplefilter("ignore")
            with zipfile.ZipFile(io.BytesIO(content)) as parts:
                unpacked = sum(part.file_size for part in parts.infolist())
            if unpacked > MOST_UNPACKED:
                raise UnreadableError(f"it has {unpacked:,} bytes when unpacked, a list has at most {MOST_UNPACKED:,}")
            book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True)
            sheet = book[LIST_SHEET] if LIST_SHEET in book.sheetnames else book.worksheets[0]
            if any(_is_list(other) for other in book.worksheets if other is not sheet):
                raise UnreadableError("it has more than one list; return each as a file of its own")
            yield from _cells(sheet, MOST_ROWS)
    except UnreadableError:
        raise
    except Exception as error:  # whatever the reader stumbles upon, the file is no workbook that people can fill in
        raise UnreadableError(
            f"it is no workbook ({type(error).__name__}); save it as .xlsx, or as CSV UTF-8"
        ) from None


def _is_list(sheet: Any) -> bool:
    first = {_text(cell).strip().lower() for row in _cells(sheet, 1) for cell in row}
    return first.issuperset((*NAMED_BY, "result"))


def _cells(sheet: Any, most_rows: int) -> Iterator[list[Any]]:
    # Some programs write a wrong size of the sheet.
    sheet.reset_dimensions()
    yield from (list(row) for row in sheet.iter_rows(values_only=True, max_row=most_rows, max_col=MOST_COLUMNS))


def _text(cell: Any) -> str:
    if cell is None:
        return ""
    if isinstance(cell, datetime | date):
        return cell.isoformat(sep=" ") if isinstance(cell, datetime) else cell.isoformat()
    if isinstance(cell, time):
        return f"{cell:%H:%M:%S}"
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)
