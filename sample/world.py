"""Everybody and everything that is there before the first call rings."""

from collections.abc import Callable
from datetime import date
from typing import TypeVar

from sample.agents import Agent, agents
from sample.cards import Card, cards_of
from sample.cast import FEWEST
from sample.customers import Customer, customer, opening_day, turning_points
from sample.dice import dice
from sample.identity import landline, phone_number

Facts = TypeVar("Facts")


class World:
    """The population of one seed: customers, cards, agents, and people known by their number alone.

    Lives are laid down for the whole time of the world, so any day can be told without the days before it.
    """

    def __init__(self, seed: int = 7, customers: int = 300) -> None:
        if customers < FEWEST:
            raise ValueError(f"customers: expected {FEWEST} or more, found {customers}; each story needs its people")
        self.seed = seed
        turns = turning_points(customers)
        self.customers: list[Customer] = [
            customer(seed, number, opening_day(seed, number, customers), tuple(turns.get(number, ())))
            for number in range(customers)
        ]
        self.cards: list[Card] = [card for holder in self.customers for card in cards_of(seed, holder)]
        self.agents: list[Agent] = agents(seed)
        self.outsiders: list[str] = _outsiders(seed, customers)
        self._wallets: dict[str, list[Card]] = {}
        for card in self.cards:
            self._wallets.setdefault(card.customer.customer_id, []).append(card)
        self._agents = {agent.agent_id: agent for agent in self.agents}
        self._memory: dict[tuple[str, str, date], object] = {}

    def remembered(self, facts: Callable[["World", date], Facts], day: date) -> Facts:
        """What `facts` says of a day, worked out once: late rows and follow-ups look at a day many times."""
        place = (facts.__module__, facts.__qualname__, day)
        if place not in self._memory:
            self._memory[place] = facts(self, day)
        return self._memory[place]  # type: ignore[return-value]

    def open_customers(self, day: date) -> list[Customer]:
        """The customers whose account stands open on a day."""
        return self.remembered(_open_customers, day)

    def open_card(self, holder: Customer, day: date) -> Card | None:
        """The card that a customer would use on a day."""
        return next((card for card in self.cards_of(holder) if card.is_open(day)), None)

    def cards_of(self, holder: Customer) -> list[Card]:
        """All cards that a customer ever holds."""
        return self._wallets.get(holder.customer_id, [])

    def agent(self, agent_id: str) -> Agent:
        """The agent of an id."""
        return self._agents[agent_id]


def _open_customers(world: World, day: date) -> list[Customer]:
    return [holder for holder in world.customers if holder.is_open(day)]


def _outsiders(seed: int, customers: int) -> list[str]:
    rng = dice(seed, "outsiders")
    return [landline(rng) if rng.random() < 0.2 else phone_number(rng, "CN") for _ in range(customers * 2)]
