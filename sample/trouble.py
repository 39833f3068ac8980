"""What goes wrong on the way: rows late, twice, mended afterwards, or broken."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from sample.dice import dice
from sample.feeds import DROPS, Row
from sample.world import World

Facts = Callable[[World, date], list[Row]]

LATE_DAYS = (1, 2, 3, 4, 5, 20)
BELOW_SHARE, MOST = 0.02, 10  # broken rows of a batch: under the limits at which the door stops a night
# What may befall one row of a day: the chance, and the steps with the days after which each is seen.
FATES: dict[str, tuple[tuple[float, tuple[tuple[str, tuple[int, ...]], ...]], ...]] = {
    "any": (
        (0.6, (("late", (1, 2, 3, 4, 5)),)),
        (0.4, (("late", (1, 2, 3)),)),
        (0.2, (("late", (20,)),)),
        (0.5, (("redelivered", (1, 2, 3, 4)),)),
        (0.6, (("corrected", (1, 2, 3, 4)),)),
    ),
    "calls": ((0.25, (("moved", (1, 2, 3, 4)),)),),
    "transactions": (
        (0.4, (("disputed", (2,)),)),
        (0.4, (("disputed", (3,)), ("reversed", (5,)))),
    ),
}

ONCE_LARGE = ("customers", "cards")  # only the first delivery has room for a broken row

Break = Callable[[Row, date], Row]


@dataclass(frozen=True)
class Mishap:
    """One row of a day that is held back, brought again, or changed `days` later."""

    kind: str
    days: int
    row: Row


def travelled(world: World, feed: str, facts: Facts, day: date) -> list[Row]:
    """The rows of a feed as a day's batch brings them: without the late ones, with what other days left."""
    late = {id(mishap.row) for mishap in mishaps(world, feed, facts, day) if mishap.kind == "late"}
    arrived = [row for row in world.remembered(facts, day) if id(row) not in late]
    for back in LATE_DAYS:
        for mishap in mishaps(world, feed, facts, day - timedelta(days=back), seen_after=back):
            arrived.append(_leftover(feed, mishap))
    return arrived


def mishaps(world: World, feed: str, facts: Facts, day: date, seen_after: int | None = None) -> list[Mishap]:
    """What befalls a day's rows, or what of it is seen so many days after; a story's rows travel safely."""
    rng = dice(world.seed, "mishaps", feed, day)
    plans = [
        [(kind, rng.choice(days)) for kind, days in steps]
        for chance, steps in FATES["any"] + FATES.get(feed, ())
        if rng.random() < chance
    ]
    if seen_after and not any(days == seen_after for steps in plans for _, days in steps):
        return []  # so that the rows of a day long past are seldom worked out
    safe = [row for row in world.remembered(facts, day) if row.get("story") is None and _may_suffer(feed, row)]
    unlucky = rng.sample(safe, min(len(plans), len(safe)))
    return [
        Mishap(kind, days, row)
        for steps, row in zip(plans, unlucky, strict=False)
        for kind, days in steps
        if seen_after in (None, days)
    ]


def _may_suffer(feed: str, row: Row) -> bool:
    return feed != "transactions" or (row["kind"] == "purchase" and row["status"] == "posted")


def _leftover(feed: str, mishap: Mishap) -> Row:
    told = {"story": f"{mishap.kind}_{feed}"}
    if mishap.kind == "corrected":
        return mishap.row | CORRECTIONS[feed](mishap.row) | told
    if mishap.kind == "moved":
        return _shifted(mishap.row, timedelta(days=-1)) | told
    if mishap.kind in ("disputed", "reversed"):
        return mishap.row | {"status": mishap.kind} | told
    return mishap.row | told


CORRECTIONS: dict[str, Callable[[Row], Row]] = {
    "calls": lambda row: {"topic": "fee" if row["topic"] != "fee" else "balance", "resolved": True},
    "transactions": lambda row: {"amount": row["amount"] + Decimal("1.50")},
    "interactions": lambda row: {"resolved": True, "topic": "balance"},
}


def _shifted(row: Row, by: timedelta) -> Row:
    return row | {name: value + by for name, value in row.items() if isinstance(value, datetime)}


def _moved_to(row: Row, day: date) -> Row:
    first = min(value for value in row.values() if isinstance(value, datetime))
    return _shifted(row, day - first.date())


def _to_1970(row: Row, day: date) -> Row:
    return _moved_to(row, date(1970, 1, 1))


def _to_future(row: Row, day: date) -> Row:
    return _moved_to(row, day + timedelta(days=5))


def _backwards(row: Row, day: date) -> Row:
    return row | {"ended_at": row["started_at"] - timedelta(minutes=1)}


def _set(**values: object) -> Break:
    return lambda row, day: row | values


def _fields(more: int) -> Break:
    return lambda row, day: row | {"more_fields": more}


# One thing is broken at a time, so that each row has one reason.
BREAKS: dict[str, tuple[tuple[str, Break], ...]] = {
    "calls": (
        ("null started_at", _set(started_at=None)),
        ("hold_seconds does not cast", _set(hold_seconds="n/a")),
        ("unknown outcome", _set(outcome="hung_up")),
        ("csat out of range", _set(csat=9)),
        ("too few fields", _fields(-6)),
        ("ended before started", _backwards),
        ("event in the future", _to_future),
        ("event before 1990", _to_1970),
        ("null call_id", _set(call_id=None)),
        ("started_at does not cast", _set(started_at="2026-13-45 25:61:00")),
    ),
    "transactions": (
        ("amount does not cast", _set(amount="12,5O")),
        ("null currency", _set(currency=None)),
        ("unknown kind", _set(kind="purchse")),
        ("too few fields", _fields(-4)),
        ("event in the future", _to_future),
        ("event before 1990", _to_1970),
        ("too many fields", _fields(1)),
        ("unknown channel", _set(channel="fax")),
        ("null customer_id", _set(customer_id=None)),
    ),
    "interactions": (
        ("unknown channel", _set(channel="fax")),
        ("null started_at", _set(started_at=None)),
        ("ended before started", _backwards),
        ("resolved does not cast", _set(resolved="maybe")),
        ("event in the future", _to_future),
    ),
    "transcripts": (
        ("null text", _set(text=None)),
        ("turn does not cast", _set(turn="first")),
        ("unknown speaker", _set(speaker="robot")),
    ),
    "agent_events": (
        ("occurred_at does not cast", _set(occurred_at="yesterday")),
        ("null agent_id", _set(agent_id=None)),
        ("event before 1990", _to_1970),
    ),
    "contact_results": (
        ("unknown result", _set(result="maybe")),
        ("null attempted_at", _set(attempted_at=None)),
        ("too few fields", _fields(-3)),
    ),
    "customers": (
        ("star_level out of range", _set(star_level=9)),
        ("null updated_at", _set(updated_at=None)),
    ),
    "cards": (("credit_limit does not cast", _set(credit_limit="unlimited")),),
}


def broken(world: World, feed: str, rows: list[Row], day: date) -> list[Row]:
    """Rows that must not pass the door: damaged copies with an id of their own and `broken`, the reason.

    They come every other day and in turn rather than by chance, so that a month shows each kind.
    """
    breaks = BREAKS.get(feed, ())
    turn, is_clean_day = divmod(day.toordinal(), 2)
    room = min(MOST, int(len(rows) * BELOW_SHARE), len(breaks))
    if (is_clean_day and feed not in ONCE_LARGE) or not room:
        return []
    rng = dice(world.seed, "broken", feed, day)
    return [
        _damaged(feed, model, day, breaks[(turn + place) % len(breaks)], place)
        for place, model in enumerate(rng.sample(rows, min(room, rng.randint(1, 3))))
    ]


def _damaged(feed: str, model: Row, day: date, fault: tuple[str, Break], place: int) -> Row:
    reason, damage = fault
    key = DROPS[feed].columns[0]
    prefix = str(model[key]).split("-")[0].rstrip("0123456789")
    damaged = damage(model | {key: f"{prefix}-{day:%Y%m%d}-9{place:03d}"}, day)
    return damaged | {"broken": reason, "story": None}


def doubled(world: World, feed: str, rows: list[Row], day: date) -> list[Row]:
    """A row or two that the same file brings twice."""
    rng = dice(world.seed, "doubled", feed, day)
    return rng.sample(rows, min(2, len(rows))) if feed in CORRECTIONS and rng.random() < 0.4 else []
