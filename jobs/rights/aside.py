"""What is set aside of an erased person: the fact that a row came, and the account of its batch."""

import json
import unicodedata
from collections import Counter
from collections.abc import Iterable
from typing import Any

from jobs.pseudonyms import number_in_e164
from jobs.rights.erased import WORDS, words
from jobs.rights.person import Person, condition
from jobs.rights.stored import StoredTables, listed
from jobs.table_logs import literal
from jobs.tables import FEEDS, TABLES, Feed, Table
from jobs.tables.landed import ERASED_PERSON, QUARANTINE_RAW
from jobs.tables.persons import names_in

PLACE = ("ds", "file", "line")
DIGITS_COMPARED = 7
"""Last digits by which a text is taken for one that may hold a number."""

Row = dict[str, Any]


class Aside:
    """Rows of quarantine that are one person's, read out of their text."""

    def __init__(self, tables: StoredTables, person: Person, clear: Iterable[str], country: str) -> None:
        """`clear` are the person's own values of the vault, but for names: others may have the same."""
        self.tables = tables
        self.country = country
        self.person = person
        # Quarantine shows but the shape of what may be a number, so there only the raw row can tell.
        self.masked = masked(person.customer_id)
        self.names = {person.customer_id, *clear}.union(*person.own.values())

    def rows(self, feed: Feed) -> tuple[list[Row], list[Row]]:
        """The person's rows of quarantine.<feed> and of vault.quarantine_raw: either side may tell whose it is."""
        quarantine, of_feed = TABLES[f"quarantine.{feed.name}"], _of_feed(feed)
        is_open = f"reason <> {literal(ERASED_PERSON)}"
        shown = [
            row
            for row in self.tables.select(quarantine, f"{is_open} AND ({self._may_be_named('row')})")
            if self._is_theirs(row["row"])
        ]
        raw = [
            row
            for row in self.tables.select(QUARANTINE_RAW, f"{of_feed} AND ({self._may_be_named('raw')})")
            if self._is_named(row["raw"])
        ]
        others = self._others(quarantine, is_open)
        named = [row for row in raw if not (row["line"] and _place(row) in others)]
        return (
            _joined(shown, self.tables.select(quarantine, f"{is_open} AND ({_of_files(named)})"), named),
            _joined(named, self.tables.select(QUARANTINE_RAW, f"{of_feed} AND ({_of_files(shown)})"), shown),
        )

    def erase(self, feed: Feed) -> None:
        """Leaves of the person's rows, landed and set aside, an empty row each."""
        bronze, quarantine = TABLES[f"bronze.{feed.name}"], TABLES[f"quarantine.{feed.name}"]
        shown, raw = self.rows(feed)
        landed = _landed(self.tables, bronze, condition(bronze, self.person))
        if shown or landed:
            where = _of_files([*shown, *landed])
            kept = _without(self.tables.select(quarantine, where), shown)
            empty = _not_there([*shown, *landed], kept)
            self.tables.record(quarantine, [*kept, *empty], where)
        raw = self._with_left_behind(quarantine, feed, raw)
        if raw:
            where = f"{_of_feed(feed)} AND {_of_files(raw)}"
            self.tables.record(QUARANTINE_RAW, _without(self.tables.select(QUARANTINE_RAW, where), raw), where)

    def _with_left_behind(self, quarantine: Table, feed: Feed, raw: list[Row]) -> list[Row]:
        """Beside these raw rows those of erased persons, of which the door writes none.

        A run that was killed before it came to them has emptied the shown rows that alone told whose they are.
        """
        empty = self.tables.select(quarantine, f"reason = {literal(ERASED_PERSON)}", PLACE)
        return _joined(raw, self.tables.select(QUARANTINE_RAW, f"{_of_feed(feed)} AND ({_of_files(empty)})"), empty)

    def _others(self, quarantine: Table, is_open: str) -> set[tuple[Any, ...]]:
        """Places of rows that say that they are another customer's."""
        says = 'json_extract_string(CASE WHEN json_valid("row") THEN "row" END, \'$.customer_id\')'
        where = f"{is_open} AND {says} NOT IN ({listed({self.person.customer_id, self.masked})})"
        return {_place(row) for row in self.tables.select(quarantine, where, PLACE)}

    def _may_be_named(self, column: str) -> str:
        """SQL that holds wherever `_is_named` may."""
        tails = {name[-DIGITS_COMPARED:] for name in self.names if name.startswith("+")}
        digits = f"regexp_replace(\"{column}\", '\\D', '', 'g')"
        by_number = [f"contains({digits}, {literal(tail)})" for tail in sorted(tails)]
        found = [f'regexp_extract_all("{column}", {literal(pattern)})' for pattern in WORDS]
        by_word = [f"list_has_any({each}, [{listed(self.names)}])" for each in found]
        return " OR ".join([*by_word, *by_number])

    def _is_theirs(self, shown: str | None) -> bool:
        try:
            content = json.loads(shown or "")
        except ValueError:
            return self._is_named(shown)
        customer = content.get("customer_id") if isinstance(content, dict) else None
        return customer == self.person.customer_id or (customer in (None, self.masked) and self._is_named(shown))

    def _is_named(self, text: str | None) -> bool:
        found = words(text or "")
        return bool(found & self.names) or any(number_in_e164(word, self.country) in self.names for word in found)


def masked(text: str) -> str:
    """The shape of a text, as quarantine shows it (jobs.bronze.conversion.shape)."""
    kinds = {"Lu": "X", "L": "x", "N": "9"}
    of_letter = ((unicodedata.category(letter), letter) for letter in text)
    return "".join(kinds.get(kind, kinds.get(kind[0], letter)) for kind, letter in of_letter)


def balance(tables: StoredTables, feed: Feed, batches: set[tuple[str, str]]) -> None:
    """Counts the rows of these batches (date and file) in ops.batches again: rows in = landed + quarantined."""
    account, bronze = TABLES["ops.batches"], TABLES[f"bronze.{feed.name}"]
    if not batches:
        return
    files = listed({file for _, file in batches})
    landed = Counter(map(_batch, _landed(tables, bronze, f"source_file IN ({files})")))
    where = f"feed = {literal(feed.name)} AND file IN ({files})"
    rows = tables.select(account, where)
    for row in rows:
        batch = (str(row["ds"]), row["file"])
        if batch in batches:
            row |= {"rows_landed": landed[batch], "rows_quarantined": row["rows_in"] - landed[batch]}
    tables.record(account, rows, where)


def batches_of(tables: StoredTables, feed: Feed, aside: Aside) -> set[tuple[str, str]]:
    """The batches, as date and file, that brought rows of the person."""
    bronze = TABLES[f"bronze.{feed.name}"]
    landed = _landed(tables, bronze, condition(bronze, aside.person))
    return {_batch(row) for row in (*landed, *aside.rows(feed)[0])}


def feeds_of_persons() -> list[Feed]:
    """Feeds whose rows may be a customer's."""
    return [feed for feed in FEEDS if names_in(TABLES[f"bronze.{feed.name}"])]


def _landed(tables: StoredTables, bronze: Table, where: str) -> list[Row]:
    """Where rows of bronze came from and when, by the names of quarantine."""
    rows = tables.select(bronze, where, ("ds", "source_file", "source_line", "loaded_at"))
    return [dict(zip((*PLACE, "loaded_at"), row.values(), strict=True)) for row in rows]


def _batch(row: Row) -> tuple[str, str]:
    return str(row["ds"]), row["file"]


def _place(row: Row) -> tuple[Any, ...]:
    return tuple(row[name] for name in PLACE)


def _content(row: Row) -> tuple[str, ...]:
    return tuple(f"{name}={row[name]}" for name in sorted(row))


def _of_feed(feed: Feed) -> str:
    return f"feed = {literal(feed.name)}"


def _of_files(rows: Iterable[Row]) -> str:
    files = {row["file"] for row in rows}
    return f"file IN ({listed(files)})" if files else "false"


def _joined(mine: list[Row], others: list[Row], places: Iterable[Row]) -> list[Row]:
    """`mine`, and of the others those that stand in one of the places whose line is known."""
    wanted = {_place(row) for row in places if row["line"] is not None} - {_place(row) for row in mine}
    return [*mine, *(row for row in others if _place(row) in wanted)]


def _without(rows: list[Row], gone: list[Row]) -> list[Row]:
    left = Counter(map(_content, gone))
    return [row for row in rows if not left[_content(row)]]


def _not_there(rows: Iterable[Row], kept: Iterable[Row]) -> list[Row]:
    """An empty row for each row of which none stands yet, as after a run that was killed."""
    there = Counter(_place(row) for row in kept if row["reason"] == ERASED_PERSON)
    missing = []
    for row in rows:
        if there[_place(row)]:
            there[_place(row)] -= 1
        else:
            missing.append({name: row[name] for name in (*PLACE, "loaded_at")} | {"reason": ERASED_PERSON})
    return missing
