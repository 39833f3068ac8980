"""Who must not be contacted: entries by customer and by number, for all channels or one, some for a time."""

from datetime import date, timedelta

from sample.cast import EPOCH, FIRST_ORDINARY, day_number
from sample.dice import dice, midnight, seconds
from sample.feeds import Row
from sample.identity import phone_forms
from sample.outreach import contact_results
from sample.world import World

EVERY_DAYS = 7
KINDS = ("do_not_call_by_customer", "do_not_call_by_phone", "do_not_call_sms", "do_not_call_expiring")


def do_not_call(world: World, day: date) -> list[Row]:
    """The entries of a day: one of each kind in turn, and whoever said so on the telephone the day before."""
    return [*_in_turn(world, day), *_said_so(world, day - timedelta(days=1))]


def register(world: World, day: date) -> list[Row]:
    """All entries since the world began."""
    days = [EPOCH + timedelta(days=place) for place in range((day - EPOCH).days + 1)]
    return [entry for entered_on in days for entry in do_not_call(world, entered_on)]


def _in_turn(world: World, day: date) -> list[Row]:
    turn, step = divmod(day_number(day), EVERY_DAYS)
    holders = [holder for holder in world.open_customers(day) if holder.number >= FIRST_ORDINARY] if step == 0 else []
    if not holders:
        return []
    rng = dice(world.seed, "do not call", day)
    kind, holder = KINDS[turn % len(KINDS)], rng.choice(holders)
    # Some numbers on the list are no customer's: registers come from outside too.
    number = rng.choice(world.outsiders) if rng.random() < 0.3 else (holder.on(day) or {})["phone"]
    by_phone = kind in ("do_not_call_by_phone", "do_not_call_expiring")
    expires_on = day + timedelta(days=60) if kind == "do_not_call_expiring" else None
    return [
        {
            "customer_id": None if by_phone else holder.customer_id,
            "phone": rng.choice(phone_forms(number)) if by_phone else None,
            "channel": {"do_not_call_sms": "sms", "do_not_call_expiring": "call"}.get(kind),
            "reason": "register" if by_phone else "customer's wish",
            "added_at": midnight(day) + seconds(rng, 3600, 50_000),
            "expires_at": midnight(expires_on) if expires_on else None,
            "story": kind,
        }
    ]


def _said_so(world: World, day: date) -> list[Row]:
    if day_number(day) % 7 != 5:  # the only weekday on which an attempt ends so
        return []
    return [
        {
            "customer_id": attempt["customer_id"],
            "phone": None,
            "channel": None,
            "reason": "said so in a call",
            "added_at": attempt["ended_at"],
            "expires_at": None,
            "story": "do_not_call_by_customer",
        }
        for attempt in world.remembered(contact_results, day)
        if attempt["result"] == "do_not_call"
    ]
