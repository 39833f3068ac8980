"""Chance that falls the same way each time: one generator per seed and stream."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from math import exp
from random import Random
from typing import TypeVar

Choice = TypeVar("Choice")

# Hours by which local time is ahead of UTC; a made-up world has no summer time.
AHEAD = {"CN": 8, "GB": 0, "US": -5}


def dice(seed: int, *stream: object) -> Random:
    """The generator of one stream, such as a day's calls; streams do not disturb each other."""
    return Random("/".join(str(part) for part in (seed, *stream)))


def pick(rng: Random, weights: Mapping[Choice, float]) -> Choice:
    """One key, drawn by its weight."""
    return rng.choices(list(weights), list(weights.values()))[0]


def poisson(rng: Random, mean: float) -> int:
    """A count with a small mean (Knuth 1969)."""
    limit, product, count = exp(-mean), rng.random(), 0
    while product > limit:
        product *= rng.random()
        count += 1
    return count


def moment(rng: Random, day: date, country: str = "CN") -> datetime:
    """A second of the UTC day at which people of that country are awake, most often around three."""
    local_second = rng.triangular(7.5, 22.5, 15) * 3600
    second = (local_second - AHEAD.get(country, 0) * 3600) % 86_400
    return midnight(day) + timedelta(seconds=int(second))


def midnight(day: date) -> datetime:
    """The first moment of a UTC day."""
    return datetime.combine(day, time(), UTC)


def seconds(rng: Random, least: int, most: int) -> timedelta:
    """A duration between two numbers of seconds, both included."""
    return timedelta(seconds=rng.randint(least, most))
