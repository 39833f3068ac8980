"""Work orders and complaints: opened in a call, taken up, closed, and sometimes told in the wrong order."""

from datetime import date, datetime, timedelta
from random import Random

from sample.calls import calls
from sample.dice import dice, midnight, pick, seconds
from sample.failures import failures
from sample.feeds import Row
from sample.world import World

LONGEST = 24  # days from opening to the last row about it
OFTEN = {"complaint": 1.0, "billing_dispute": 0.5}  # share of calls of a story that open a complaint


def tickets(world: World, day: date) -> list[Row]:
    """The rows that a day brings: new tickets and changed ones, one row per change."""
    return [version for version in _versions_until(world, day) if version["delivered_on"] == day]


def known_tickets(world: World, day: date) -> list[Row]:
    """All tickets of the last weeks as they stand at the end of a day."""
    latest = {
        version["ticket_id"]: version for version in _versions_until(world, day) if version["delivered_on"] <= day
    }
    return list(latest.values())


def _versions_until(world: World, day: date) -> list[Row]:
    return [
        version for back in range(LONGEST, -1, -1) for version in world.remembered(_opened, day - timedelta(days=back))
    ]


def _opened(world: World, day: date) -> list[Row]:
    # All versions, oldest first, of the tickets opened on a day.
    rng = dice(world.seed, "tickets", day)
    reasons = [
        (category, call) for call in world.remembered(calls, day) if (category := _category(rng, call)) is not None
    ]
    reasons += [("fault", failure) for failure in world.remembered(failures, day) if rng.random() < 0.15]
    return [
        version
        for place, (category, reason) in enumerate(reasons)
        for version in _course(rng, f"ticket-{day:%Y%m%d}-{place:02d}", category, reason)
    ]


def _category(rng: Random, call: Row) -> str | None:
    if call["outcome"] != "answered" or call["direction"] != "inbound" or call["customer_id"] is None:
        return None
    if rng.random() < OFTEN.get(call["story"] or "", 0):
        return "complaint"
    share = 0.16 if call["resolved"] is False else 0.03
    return pick(rng, {"complaint": 4, "request": 5, "suggestion": 1}) if rng.random() < share else None


def _course(rng: Random, ticket_id: str, category: str, reason: Row) -> list[Row]:
    opened_at = reason["ended_at"]
    opened = {
        "ticket_id": ticket_id,
        "customer_id": reason["customer_id"],
        "call_id": reason.get("call_id"),
        "opened_at": opened_at,
        "closed_at": None,
        "category": category,
        "topic": reason["topic"],
        "priority": rng.choice(("high", "normal")) if category == "complaint" else "normal",
        "status": "open",
        "updated_at": opened_at,
        "delivered_on": opened_at.date(),
        "story": "complaint_opened" if category == "complaint" else None,
    }
    taken_up = _later(rng, opened, rng.randint(1, 3), status="in_progress", story="ticket_updated_later")
    versions = [opened, taken_up]
    if rng.random() < 0.75:
        closed = _later(rng, taken_up, rng.randint(2, 16), status="closed")
        closed |= {
            "closed_at": closed["updated_at"],
            "story": "complaint_closed" if category == "complaint" else None,
        }
        versions.append(closed)
        if rng.random() < 0.15:
            # The middle row got stuck on its way: it comes after the last one and must not win.
            stuck_until = closed["delivered_on"] + timedelta(days=rng.randint(1, 3))
            versions[1] = taken_up | {"delivered_on": stuck_until, "story": "ticket_older_version_late"}
    return versions


def _later(rng: Random, version: Row, days: int, **changes: object) -> Row:
    updated_at: datetime = midnight(version["updated_at"].date() + timedelta(days=days)) + seconds(rng, 3600, 40_000)
    return version | changes | {"updated_at": updated_at, "delivered_on": updated_at.date()}
