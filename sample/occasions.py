"""Why and when people ring: a matter of their own, a statement, an app that failed."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from random import Random

from sample.cast import CALL_BY_TIMETABLE
from sample.customers import Customer
from sample.dice import dice, moment, pick
from sample.failures import failures
from sample.feeds import Row
from sample.world import World

TOPICS = {
    "balance": 20,
    "amount_due": 16,
    "temporary_limit": 9,
    "instalment": 10,
    "statement_dispute": 9,
    "fee": 8,
    "card_lost": 5,
    "fraud": 5,
    "app_failure": 5,
    "activation": 5,
    "card_closing": 3,
}
WHILE_FADING = TOPICS | {"card_closing": 25, "fee": 25}
AFTER_STATEMENT = TOPICS | {"amount_due": 50, "statement_dispute": 25}
AFTER_ISSUE = TOPICS | {"activation": 120}


@dataclass(frozen=True)
class Occasion:
    """Somebody who rings at a moment about a topic.

    `fixed` are columns that the story wants so; `next` is what follows: by chance, a retry, a transfer, or
    the end. A caller without a customer is known by `number` alone, which may be withheld.
    """

    at: datetime
    topic: str | None
    holder: Customer | None = None
    number: str | None = None
    story: str | None = None
    fixed: Row = field(default_factory=dict)
    next: str = "chance"
    next_story: str | None = None


def ordinary(world: World, day: date) -> list[Occasion]:
    """The day's first calls of customers and of people known by their number alone."""
    rng = dice(world.seed, "occasions", day)
    busy = 0.3 if day.weekday() < 5 else 0.2
    count = round(len(world.customers) * busy * rng.uniform(0.9, 1.1))
    holders = [holder for holder in world.open_customers(day) if holder.number not in CALL_BY_TIMETABLE]
    weights = [_eagerness(holder, day) for holder in holders]
    outsiders = round(count * 0.22)
    by_customers = [
        _by_customer(rng, world, holder, day) for holder in rng.choices(holders, weights, k=count - outsiders)
    ]
    # A few numbers ring again and again, most once in a season (Zipf).
    ranks = [1 / (place + 3) for place in range(len(world.outsiders))]
    by_outsiders = [
        Occasion(moment(rng, day), _pick_or_none(rng, TOPICS), number=number)
        for number in rng.choices(world.outsiders, ranks, k=outsiders)
    ]
    return by_customers + by_outsiders


def _eagerness(holder: Customer, day: date) -> float:
    phase = holder.life.phase(day)
    kind = phase.kind if phase else "dormant"
    return holder.calls_weight * {"active": 1.0, "fading": 1.8, "dormant": 0.25}[kind]


def _by_customer(rng: Random, world: World, holder: Customer, day: date) -> Occasion:
    at = moment(rng, day, holder.country)
    topic = _pick_or_none(rng, _topics(world, holder, day))
    if rng.random() < 0.06:  # who rings off before the number is asked for stays unidentified
        row = holder.on(day)
        return Occasion(at, topic, number=row["phone"] if row else None)
    return Occasion(at, topic, holder=holder)


def _topics(world: World, holder: Customer, day: date) -> dict[str, int]:
    phase, card = holder.life.phase(day), world.open_card(holder, day)
    if phase and phase.kind == "fading":
        return WHILE_FADING
    if card and (day - card.versions[0]["opened_on"]).days < 12:
        return AFTER_ISSUE
    if card and 0 <= (day.day - card.statement_day) % 28 < 4:
        return AFTER_STATEMENT
    return TOPICS


def _pick_or_none(rng: Random, topics: dict[str, int]) -> str | None:
    return pick(rng, topics) if rng.random() < 0.95 else None


def after_failures(world: World, day: date) -> list[Occasion]:
    """The calls of those whom the app has failed, each within the hour."""
    rng = dice(world.seed, "after failures", day)
    return [
        Occasion(
            failure["started_at"] + timedelta(minutes=rng.randint(4, 55)),
            "app_failure",
            holder=failure["holder"],
            story="app_failure_then_call",
            fixed={"outcome": "answered"},
            next="end",
        )
        for failure in world.remembered(failures, day)
        if failure["leads_to_call"]
    ]
