"""Whom a row is about: the columns that name a person or a thing of theirs, and those that name nobody."""

from enum import StrEnum

from jobs.tables.contract import Table


class Who(StrEnum):
    """What a column names, or a keyed token that remains."""

    CUSTOMER = "customer"
    CALLER = "caller"
    CALL = "call"
    CARD = "card"
    TICKET = "ticket"
    NUMBER = "number"
    NAME = "name"


NAMES: dict[str, Who] = {
    "customer_id": Who.CUSTOMER,
    "person_id": Who.CUSTOMER,
    "phone_group_id": Who.CUSTOMER,
    "caller_key": Who.CALLER,
    "call_id": Who.CALL,
    "card_id": Who.CARD,
    "ticket_id": Who.TICKET,
    "phone_token": Who.NUMBER,
    "caller_token": Who.NUMBER,
    "token": Who.NUMBER,
}
"""Columns by which the rights of a person find rows, in whatever table they stand (docs/privacy.md)."""

BESIDE = frozenset(
    "name_token id_number_token email_token wechat_id_token recording_uri chain_id previous_call_id "
    "transaction_id original_transaction_id interaction_id event_id attempt_id row raw value "
    "source_id journey_id first_call_id last_call_id".split()
)
"""Personal columns that stand beside one that names the person, and go with its row."""

IMPERSONAL = frozenset("agent_id last_call_agent_id merchant_id script_id run_id advice_id customer_token by".split())
"""Identifiers of nobody who is served here, and the keyed token that remains of a person."""

KEPT = frozenset({"vault.erased", "ops.pii_access"})
"""Tables that name a person by keyed tokens alone, and outlive an erasure."""

MESSAGES: dict[str, tuple[str, ...]] = {"ops.runs": ("message",), "ops.nights": ("summary",)}
"""Lines of ours that hold no value of a row; an erasure looks through them all the same."""

TYPED: dict[str, tuple[str, ...]] = {"ops.pii_access": ("reason",), "vault.quarantine_raw": ("raw",)}
"""What people typed, or sent, in rows that are others'."""

OWNERS: dict[Who, str] = {Who.CALL: "calls", Who.CARD: "cards", Who.TICKET: "tickets"}
"""The feed whose rows say whose a thing is."""

OPT_OUTS = "do_not_call"
"""Its entries that give a number alone stay in force when the person of that number is erased."""


def names_in(table: Table) -> dict[str, Who]:
    """The columns of the table that name a customer or a thing of theirs; those of agents are no customers'."""
    if table.name in KEPT or (table.layer == "vault" and table.feed and not has_customers(table)):
        return {}
    found = {column: NAMES[column] for column in table.column_names if column in NAMES}
    if table.feed is not None and table.feed.name == OPT_OUTS and table.layer != "vault":
        found = {column: who for column, who in found.items() if who is not Who.NUMBER}
    return found


def has_customers(table: Table) -> bool:
    """Whether the rows of the table's feed may name a customer."""
    return table.feed is not None and any(column.name == "customer_id" for column in table.feed.columns)


def customer_column(table: Table) -> str | None:
    """The column with the customer's identifier, None where the table has none."""
    return next((column for column, who in names_in(table).items() if who is Who.CUSTOMER), None)


def is_set_aside(table: Table) -> bool:
    """Whether the table holds rows that could not be landed, whose person has to be read out of their text."""
    return table.layer == "quarantine" or table.name == "vault.quarantine_raw"


def holds_persons(table: Table) -> bool:
    """Whether a row of the table may be a customer's."""
    return bool(names_in(table)) or is_set_aside(table)


def thing_of(table: Table) -> tuple[str, Who] | None:
    """Key column and kind where the table, as landed or clean, holds the things that a feed owns."""
    if table.feed is None or table.layer not in ("bronze", "silver"):
        return None
    return next(((table.feed.key[0], who) for who, feed in OWNERS.items() if feed == table.feed.name), None)
