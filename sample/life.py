"""How much a customer lives with the card: active, fading, dormant, active again, gone."""

from bisect import bisect_right
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from sample.cast import CAST, END, EPOCH

BEFORE = EPOCH - timedelta(days=240)  # lives began before the world is looked at


@dataclass(frozen=True)
class Phase:
    """A stretch of days, the last one included, in which a customer is active, fading or dormant."""

    kind: str
    first: date
    last: date


@dataclass(frozen=True)
class Life:
    """The phases of one customer, in order and without gaps, and the day on which the account was closed."""

    phases: tuple[Phase, ...]
    closed_on: date | None = None

    def phase(self, day: date) -> Phase | None:
        """The phase of a day, none before the first."""
        place = bisect_right(self.phases, day, key=lambda phase: phase.first)
        return self.phases[place - 1] if place else None

    def level(self, day: date) -> float:
        """Activity of a day: 1 as ever, falling in a straight line while fading, 0 when dormant or gone."""
        phase = self.phase(day)
        if phase is None or phase.kind == "dormant" or (self.closed_on and day >= self.closed_on):
            return 0.0
        if phase.kind == "active":
            return 1.0
        return 1 - ((day - phase.first).days + 1) / ((phase.last - phase.first).days + 1)


def life(rng: Random, number: int, opened_on: date) -> Life:
    """The life that the customer's part asks for, else one by chance."""
    if number in CAST["fading"]:
        return _fading_by_turns(CAST["fading"].index(number))
    if any(number in numbers for numbers in CAST.values()):
        return Life((Phase("active", BEFORE, END),))
    return _by_chance(rng, max(opened_on, BEFORE))


def _fading_by_turns(place: int) -> Life:
    # A turn takes 240 days and the eight of them start 30 days apart: on any day somebody is in each phase.
    phases: list[Phase] = []
    first = BEFORE + timedelta(days=30 * place - 240)
    while first <= END:
        for kind, length in (("active", 120), ("fading", 60), ("dormant", 60)):
            phases.append(Phase(kind, first, first + timedelta(days=length - 1)))
            first += timedelta(days=length)
    return Life(tuple(phases))


def _by_chance(rng: Random, first: date) -> Life:
    phases: list[Phase] = []
    while first <= END:
        for kind, length in _lengths(rng):
            phases.append(Phase(kind, first, first + timedelta(days=length - 1)))
            first += timedelta(days=length)
        if rng.random() < 0.12:
            closed_on = phases[-1].first + timedelta(days=20)
            return Life(tuple(phases), closed_on if EPOCH < closed_on <= END else None)
    return Life(tuple(phases))


def _lengths(rng: Random) -> list[tuple[str, int]]:
    # Some fade for weeks, others stop from one day to the next: no model sees the others coming.
    fading = rng.randint(30, 60) if rng.random() < 0.65 else 1
    return [
        ("active", 40 + int(rng.expovariate(1 / 260))),
        ("fading", fading),
        ("dormant", rng.randint(70, 190)),
    ]
