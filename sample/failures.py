"""Moments at which the app failed a customer."""

from datetime import date
from random import Random

from sample.customers import Customer
from sample.dice import dice, moment, seconds
from sample.feeds import Row
from sample.world import World


def failures(world: World, day: date) -> list[Row]:
    """The failures of a day; every other customer rings within the hour (`leads_to_call`)."""
    rng = dice(world.seed, "app failures", day)
    holders = rng.sample(world.open_customers(day), max(2, len(world.customers) // 100))
    return [_failure(rng, holder, day, place) for place, holder in enumerate(holders)]


def _failure(rng: Random, holder: Customer, day: date, place: int) -> Row:
    # Before 22:00 UTC, so that the call that follows falls on the same day.
    started_at = moment(rng, day, "CN").replace(hour=rng.randint(1, 21))
    return {
        "customer_id": holder.customer_id,
        "holder": holder,
        "channel": "app",
        "event": rng.choice(("login_failed", "payment_failed")),
        "topic": "app_failure",
        "started_at": started_at,
        "ended_at": started_at + seconds(rng, 5, 90),
        "resolved": False,
        "leads_to_call": place % 2 == 0,
        "story": "app_failure_then_call" if place % 2 == 0 else "app_failure",
    }
