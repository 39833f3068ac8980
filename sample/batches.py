"""What each feed brings on a day, mishaps included, in the order of the file."""

from collections.abc import Callable, Sequence
from datetime import date

from sample.agents import Agent, shifts
from sample.calls import calls
from sample.cards import Card
from sample.conversations import agent_events, transcripts
from sample.customers import Customer
from sample.dice import dice
from sample.digital import interactions
from sample.feeds import Row
from sample.identity import phone_forms
from sample.opt_outs import do_not_call, register
from sample.outreach import contact_results
from sample.spending import transactions
from sample.statements import statements
from sample.tickets import known_tickets, tickets
from sample.trouble import broken, doubled, travelled
from sample.world import World

Facts = Callable[[World, date], list[Row]]


def customers(world: World, day: date) -> list[Row]:
    """Customers who came or changed on a day."""
    changed = [version for holder in world.customers for version in holder.versions if _is_of(version, day)]
    return [_as_typed(version) for version in changed]


def cards(world: World, day: date) -> list[Row]:
    """Cards issued or changed on a day."""
    return [version for card in world.cards for version in card.versions if _is_of(version, day)]


def agents(world: World, day: date) -> list[Row]:
    """Agents hired or changed on a day."""
    return [version for agent in world.agents for version in agent.versions if _is_of(version, day)]


def known_customers(world: World, day: date) -> list[Row]:
    """All customers as they stand at the end of a day."""
    return [_as_typed(version) for version in _standing(world.customers, day)]


def known_cards(world: World, day: date) -> list[Row]:
    """All cards as they stand at the end of a day."""
    return _standing(world.cards, day)


def known_agents(world: World, day: date) -> list[Row]:
    """All agents as they stand at the end of a day."""
    return _standing(world.agents, day)


FACTS: dict[str, Facts] = {
    "calls": calls,
    "transactions": transactions,
    "statements": statements,
    "customers": customers,
    "cards": cards,
    "tickets": tickets,
    "interactions": interactions,
    "agents": agents,
    "agent_events": agent_events,
    "transcripts": transcripts,
    "shifts": shifts,
    "contact_results": contact_results,
    "do_not_call": do_not_call,
}
# What a first delivery brings instead: things that live on are told as they stand, whenever they began.
STANDING: dict[str, Facts] = {
    "customers": known_customers,
    "cards": known_cards,
    "agents": known_agents,
    "tickets": known_tickets,
    "do_not_call": register,
}
TRAVELLING = frozenset({"calls", "transactions", "interactions"})
# Changes cannot be seen where only the last state is told.
STATES = frozenset({"complaint_opened", "complaint_closed"})


def batch(world: World, feed: str, day: date, is_first: bool) -> list[Row]:
    """The rows of one file; those that must be quarantined carry `broken`."""
    if is_first and feed in STANDING:
        rows = [_without_changes(feed, row) for row in STANDING[feed](world, day)]
    elif feed in TRAVELLING:
        rows = travelled(world, feed, FACTS[feed], day)
    else:
        rows = list(world.remembered(FACTS[feed], day))
    rows += broken(world, feed, rows, day) + doubled(world, feed, rows, day)
    dice(world.seed, "order", feed, day).shuffle(rows)
    return rows


def has_file(feed: str, rows: list[Row], day: date) -> bool:
    """Whether a source leaves a file at all; the do-not-call register does weekly even without news."""
    return bool(rows) or (feed == "do_not_call" and day.weekday() == 0)


def _without_changes(feed: str, row: Row) -> Row:
    seen = feed == "do_not_call" or row.get("story") in STATES
    return row if seen else row | {"story": None}


def _as_typed(customer: Row) -> Row:
    # Each customer's number was typed in some way of its own, and stays so.
    forms = phone_forms(customer["phone"])
    return customer | {"phone": forms[int(customer["customer_id"][1:]) % len(forms)]}


def _is_of(version: Row, day: date) -> bool:
    return bool(version["updated_at"].date() == day)


def _standing(things: Sequence[Customer | Card | Agent], day: date) -> list[Row]:
    return [row for thing in things if (row := thing.on(day)) is not None]
