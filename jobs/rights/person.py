"""One person in the lake: which things and numbers are theirs alone, and the condition that finds their rows."""

from dataclasses import dataclass, field

from jobs.rights.stored import StoredTables, listed
from jobs.table_logs import literal
from jobs.tables import TABLES, Table
from jobs.tables.landed import VAULT
from jobs.tables.persons import OPT_OUTS, OWNERS, Who, customer_column, names_in, thing_of

UNSURE = ("agent_events",)
"""Feeds that do not make a call the customer's: whose file is on the screen need not be who calls."""


@dataclass(frozen=True)
class Person:
    """A customer; `own` are their calls, cards, tickets and the pseudonyms of numbers that no other customer has."""

    customer_id: str
    own: dict[Who, frozenset[str]] = field(default_factory=dict)
    shared_numbers: frozenset[str] = frozenset()

    @property
    def caller_keys(self) -> frozenset[str]:
        """How the facts over callers name this person (jobs.columns.caller_key)."""
        numbers = {f"n:{token}" for token in self.own.get(Who.NUMBER, ())}
        calls = {f"x:{call}" for call in self.own.get(Who.CALL, ())}
        return frozenset({f"c:{self.customer_id}", *numbers, *calls})

    def with_things_of(self, other: "Person") -> "Person":
        """The same person with what is known from either side."""
        both = {who: self.own.get(who, frozenset()) | other.own.get(who, frozenset()) for who in Who}
        return Person(self.customer_id, both, self.shared_numbers | other.shared_numbers)


def condition(table: Table, person: Person) -> str:
    """SQL that holds for the person's rows: the customer, else a thing or number that is theirs alone.

    A row that names another customer is that customer's, whatever else it mentions. The exception are older versions
    of the person's own call, card or ticket that named somebody else before the source corrected it.
    """
    things = []
    for column, who in names_in(table).items():
        values = person.caller_keys if who is Who.CALLER else person.own.get(who, frozenset())
        if who is not Who.CUSTOMER and values:
            things.append(f'"{column}" IN ({listed(values)})')
    by_things = " OR ".join(things)
    customer = customer_column(table)
    if customer is None:
        return by_things or "false"
    found = f'"{customer}" = {literal(person.customer_id)}'
    if by_things:
        found += f' OR ("{customer}" IS NULL AND ({by_things}))'
    owned = thing_of(table)
    if owned and person.own.get(owned[1]):
        found += f' OR "{owned[0]}" IN ({listed(person.own[owned[1]])})'
    return found


def find(tables: StoredTables, customer_id: str) -> Person:
    """The person with all that is theirs: things lead to rows, and rows to things, until nothing is new."""
    person = Person(customer_id)
    landed = [table for table in TABLES.values() if table.layer in ("bronze", "silver") and names_in(table)]
    sources = [table for table in landed if table.feed is not None and table.feed.name not in UNSURE]
    while True:
        mentioned: dict[Who, set[str]] = {who: set() for who in (*OWNERS, Who.NUMBER)}
        for table in sources:
            where = condition(table, person)
            for column, who in names_in(table).items():
                if who in mentioned and where != "false":
                    mentioned[who] |= tables.distinct(table, column, where)
        named = f"customer_id = {literal(customer_id)}"
        mentioned[Who.NUMBER] |= tables.distinct(TABLES[f"silver.{OPT_OUTS}"], "phone_token", named)
        own = {who: frozenset(found - _of_others(tables, who, found, customer_id)) for who, found in mentioned.items()}
        shared = frozenset(mentioned[Who.NUMBER] - own[Who.NUMBER])
        grown = Person(customer_id, own, shared).with_things_of(person)
        if grown.own == person.own:
            return grown
        person = grown


def clear_values(tables: StoredTables, person: Person) -> dict[str, tuple[str, str]]:
    """The person's values in the vault by token: (column, value)."""
    found = {}
    for table in VAULT:
        where = condition(table, person)
        if "token" in table.column_names and names_in(table):
            for row in tables.select(table, where, ("token", "personal_column", "value")):
                found[row["token"]] = (row["personal_column"], row["value"])
    return found


def own_values(tables: StoredTables, person: Person) -> set[tuple[str, str]]:
    """As `clear_values`, but for those that another customer has as well: a name, a number of the family."""
    values = clear_values(tables, person)
    shared = _tokens_of_others(tables, set(values), person.customer_id)
    return {value for token, value in values.items() if token not in shared}


def _tokens_of_others(tables: StoredTables, tokens: set[str], customer_id: str) -> set[str]:
    # The vault knows every customer that ever came with a number.
    vaults = [table for table in VAULT if "token" in table.column_names and names_in(table)]
    where = f"token IN ({listed(tokens)}) AND person_id <> {literal(customer_id)}"
    return {token for table in vaults for token in tables.distinct(table, "token", where)} if tokens else set()


def _of_others(tables: StoredTables, who: Who, found: set[str], customer_id: str) -> set[str]:
    """Of these things or numbers, those that another customer has as well."""
    if not found:
        return set()
    if who is Who.NUMBER:
        return _tokens_of_others(tables, found, customer_id)
    owner = TABLES[f"silver.{OWNERS[who]}"]
    claimed = _claimed(tables, owner, owner.key[0], found, customer_id)
    # What the owning feed does not know (yet) is nobody's alone when others mention it.
    unknown = found - tables.distinct(owner, owner.key[0], f'"{owner.key[0]}" IN ({listed(found)})')
    for table in TABLES.values() if unknown else ():
        column = next((column for column, named_by in names_in(table).items() if named_by is who), None)
        if table.layer == "silver" and customer_column(table) and column and table != owner:
            claimed |= _claimed(tables, table, column, unknown, customer_id)
    return claimed


def _claimed(tables: StoredTables, table: Table, column: str, things: set[str], customer_id: str) -> set[str]:
    """Of these things, those that stand in a row of another customer."""
    where = f'"{column}" IN ({listed(things)}) AND customer_id <> {literal(customer_id)}'
    return tables.distinct(table, column, where)
