"""Callers with a timetable: known stories that the tables have to find."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta

from sample.cast import CAST, EPOCH, day_number
from sample.customers import Customer
from sample.dice import dice, midnight
from sample.feeds import Row
from sample.identity import phone_forms
from sample.life import Phase
from sample.occasions import Occasion
from sample.world import World

# How exchanges write that there is no number; the last is no possible number.
WITHHELD = (None, "anonymous", "withheld", "unknown", "0000")
DISPUTE_DAYS = 28  # length of one turn, of which the calls take the first fourteen days


def told(world: World, day: date) -> list[Occasion]:
    """The calls that the stories want on a day, all before 22:00 UTC so that a retry is of the day too."""
    return [
        *_disputes(world, day),
        *_daily(world, day),
        *_pairs(world, day),
        *_rare(world, day),
        *_nameless(world, day),
        *_complaints(world, day),
    ]


def _disputes(world: World, day: date) -> Iterator[Occasion]:
    for place, holder in _players(world, "billing_dispute"):
        turn, step = divmod(day_number(day) + 9 * place, DISPUTE_DAYS)
        rng = dice(world.seed, "dispute", place, turn)
        days = sorted(rng.sample(range(14), rng.randint(3, 5)))
        if step in days:
            fixed: Row = {"outcome": "answered", "resolved": step == days[-1], "transferred": False}
            yield _call(world, day, holder, "statement_dispute", "billing_dispute", fixed)


def _daily(world: World, day: date) -> Iterator[Occasion]:
    for place, holder in _players(world, "balance_checker"):
        outcome = "ivr" if (day_number(day) + place) % 2 else "answered"
        fixed: Row = {"outcome": outcome, "transferred": False}
        if outcome == "answered":
            fixed["resolved"] = True
        yield _call(world, day, holder, "balance", "balance_checker", fixed)


def _pairs(world: World, day: date) -> Iterator[Occasion]:
    for place, holder in _players(world, "abandoned_then_retry"):
        if (day_number(day) + place) % 3 == 0:
            at = _hour(world, day, holder)
            story = ("abandoned_first", "abandoned_retry")
            yield Occasion(at, "amount_due", holder, None, story[0], {"outcome": "abandoned"}, "retry", story[1])
    for place, holder in _players(world, "transferred"):
        if (day_number(day) + place) % 4 == 0:
            fixed: Row = {"outcome": "answered", "transferred": True, "transferred_to": "fraud"}
            at, story = _hour(world, day, holder), ("transferred_first", "transferred_on")
            yield Occasion(at, "card_lost", holder, None, story[0], fixed, "transfer", story[1])


def _rare(world: World, day: date) -> Iterator[Occasion]:
    for place, holder in _players(world, "shared_phone"):
        if (day_number(day) + 2 * place) % 5 == 0:
            yield _call(world, day, holder, "instalment", "shared_phone", {"transferred": False})
    for place, holder in _players(world, "mid_frequency"):
        if (day_number(day) + 10 * place) % 30 in (2, 5, 9):
            yield _call(world, day, holder, "amount_due", "mid_frequency", {"transferred": False})
    for place, holder in _players(world, "low_frequency"):
        if (day_number(day) + 30 * place) % 90 in (5, 7):
            yield _call(world, day, holder, "temporary_limit", "low_frequency", {"transferred": False})


def _nameless(world: World, day: date) -> Iterator[Occasion]:
    for place in range(2):
        number = WITHHELD[(day_number(day) * 2 + place) % len(WITHHELD)]
        at = _hour(world, day, ("anonymous", place))
        yield Occasion(at, "balance", number=number, story="anonymous", next="end")
    for place, known in enumerate(callers_by_number(world)):
        count, step = divmod(day_number(day) + place, 4)
        if step == 0:
            forms = phone_forms(known)
            at = _hour(world, day, ("outsider", place))
            fixed: Row = {"caller_number": forms[count % len(forms)]}
            yield Occasion(at, "activation", None, known, "known_by_number", fixed, "end")


def callers_by_number(world: World) -> list[str]:
    """Three mobiles that nobody has registered; they ring every fourth day, each time written differently."""
    return [number for number in world.outsiders if len(number) == 14][-3:]


def _complaints(world: World, day: date) -> Iterator[Occasion]:
    for place, holder in _players(world, "complaint"):
        if (day_number(day) + 5 * place) % 15 == 0:
            fixed: Row = {"outcome": "answered", "resolved": False, "transferred": False}
            yield _call(world, day, holder, "fee", "complaint", fixed)


def _call(world: World, day: date, holder: Customer, topic: str, story: str, fixed: Row) -> Occasion:
    return Occasion(_hour(world, day, holder), topic, holder, None, story, fixed, "end")


def _hour(world: World, day: date, caller: object) -> datetime:
    who = caller.customer_id if isinstance(caller, Customer) else caller
    return midnight(day) + timedelta(seconds=dice(world.seed, "story", who, day).randint(3600, 79_000))


def _players(world: World, part: str) -> Iterator[tuple[int, Customer]]:
    for place, number in enumerate(CAST[part]):
        yield place, world.customers[number]


def lived(world: World, first: date, last: date) -> dict[str, list[str]]:
    """Customers whose phase of life shows between two days, by story."""
    shown: dict[str, list[str]] = {"fading": [], "dormant": [], "reactivated": []}
    for _, holder in _players(world, "fading"):
        for phase in holder.life.phases:
            overlap = (min(phase.last, last) - max(phase.first, first)).days + 1
            if overlap > 0 and (name := _shows(phase, first, overlap)) and holder.customer_id not in shown[name]:
                shown[name].append(holder.customer_id)
    return shown


def _shows(phase: Phase, first: date, overlap: int) -> str | None:
    if phase.kind == "active":
        return "reactivated" if phase.first >= max(first, EPOCH) else None
    return phase.kind if overlap >= 7 else None
