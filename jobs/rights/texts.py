"""What texts of others, and messages of ours, say of an erased person is overwritten."""

import re
from collections.abc import Collection

from jobs.rights.outside import pattern_of, without
from jobs.rights.stored import StoredTables
from jobs.table_logs import literal
from jobs.tables import TABLES, Table
from jobs.tables.persons import MESSAGES, TYPED

_BETWEEN_LETTERS = re.compile(r"[ '\-]")
_WIDE_LETTERS = "".join(map(chr, range(ord("ａ"), ord("ｚ") + 1)))
_LETTERS = "".join(map(chr, range(ord("a"), ord("z") + 1)))


def clean(tables: StoredTables, traces: Collection[str], names: Collection[str]) -> None:
    """Overwrites traces as they are written; in texts also names, by their forms, however the door would know them."""
    for table in TABLES.values():
        typed = (column.name for column in table.columns if column.text)
        for column in (*typed, *TYPED.get(table.name, ())):
            _clean(tables, table, column, traces, names)
        for column in MESSAGES.get(table.name, ()):
            _clean(tables, table, column, traces, ())


def _clean(tables: StoredTables, table: Table, column: str, traces: Collection[str], names: Collection[str]) -> None:
    pattern = pattern_of(traces)
    may_tell = [f'contains("{column}", {literal(trace)})' for trace in sorted(traces)]
    parts = {max(_BETWEEN_LETTERS.split(name), key=len) for name in names}
    may_tell += [f"contains({_folded(column)}, {literal(part)})" for part in sorted(parts)]
    for text in sorted(tables.distinct(table, column, " OR ".join(may_tell))):
        cleaned = without(text, pattern, names)
        if cleaned != text:
            tables.change(table, f'"{column}" = {literal(text)}', column, cleaned)


def _folded(column: str) -> str:
    """SQL for a text in which the letters of a name stand as in its form (jobs.person_names.folded)."""
    narrow = f"'ς{_WIDE_LETTERS}·・', 'σ{_LETTERS}'"
    return f"translate(replace(lower(\"{column}\"), 'ß', 'ss'), {narrow})"
