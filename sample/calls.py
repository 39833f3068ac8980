"""Calls: who rang, how long it took, what came of it, and who had to ring again."""

from datetime import date, datetime, timedelta
from random import Random

from sample import occasions, outreach, stories
from sample.agents import on_duty
from sample.dice import dice, pick, seconds
from sample.feeds import Row
from sample.identity import phone_forms
from sample.occasions import Occasion
from sample.world import World

FOLLOW_UP_DAYS = 6
LONGEST_CHAIN = 5
QUEUES = {
    "statement_dispute": "billing",
    "instalment": "billing",
    "fee": "billing",
    "fraud": "fraud",
    "card_lost": "fraud",
}
SELF_SERVICE = frozenset({"balance", "amount_due", "activation"})
SATISFACTION = {True: (1, 2, 6, 25, 40), False: (20, 20, 15, 5, 2), None: (4, 6, 10, 10, 8)}


def calls(world: World, day: date) -> list[Row]:
    """The calls that began on a day, in order of time; the number in the id is the place within the day."""
    begun = [
        call
        for back in range(FOLLOW_UP_DAYS + 2)
        for call in world.remembered(_chains, day - timedelta(days=back))
        if call["started_at"].date() == day
    ]
    begun += outreach.outbound_calls(world, day)
    begun.sort(key=lambda call: (call["started_at"], call["customer_id"] or "", call["caller_number"] or ""))
    return [_numbered(call, f"call-{day:%Y%m%d}-{place:04d}") for place, call in enumerate(begun)]


def _numbered(call: Row, call_id: str) -> Row:
    recorded = call["answered_at"] is not None
    uri = f"s3://recordings/{call['started_at']:%Y/%m/%d}/{call_id}.wav" if recorded else None
    return call | {"call_id": call_id, "recording_uri": uri}


def _chains(world: World, day: date) -> list[Row]:
    # All calls whose first one was made on that day, with those that follow from it on later days.
    rng = dice(world.seed, "calls", day)
    begun = [
        *stories.told(world, day),
        *occasions.after_failures(world, day),
        *occasions.ordinary(world, day),
    ]
    return [call for occasion in begun for call in _chain(rng, world, occasion)]


def _chain(rng: Random, world: World, occasion: Occasion) -> list[Row]:
    chain: list[Row] = []
    following: Occasion | None = occasion
    latest = occasion.at + timedelta(days=FOLLOW_UP_DAYS)
    while following and following.at < latest and len(chain) < LONGEST_CHAIN:
        chain.append(_call(rng, world, following))
        following = _following(rng, following, chain[-1])
    return chain


def _following(rng: Random, occasion: Occasion, call: Row) -> Occasion | None:
    if call["transferred"]:
        at, fixed = (
            call["ended_at"] + seconds(rng, 20, 600),
            {"queue": call["transferred_to"], "transferred": False},
        )
        return _again(occasion, at, fixed, "end")
    if occasion.next == "end" or (occasion.holder is None and occasion.number is None):
        return None
    if call["outcome"] in ("abandoned", "failed"):
        if occasion.next == "retry":
            return _again(occasion, call["ended_at"] + seconds(rng, 90, 540), {"outcome": "answered"}, "end")
        return _again(occasion, call["ended_at"] + seconds(rng, 40, 2400)) if rng.random() < 0.45 else None
    ring_again = {True: 0.05, False: 0.5, None: 0.12}[call["resolved"]]
    if rng.random() >= ring_again:
        return None
    return _again(occasion, call["ended_at"] + timedelta(hours=rng.lognormvariate(2.6, 1.1)))


def _again(occasion: Occasion, at: datetime, fixed: Row | None = None, after: str = "chance") -> Occasion:
    return Occasion(
        at=at.replace(microsecond=0),
        topic=occasion.topic,
        holder=occasion.holder,
        number=occasion.number,
        story=occasion.next_story,
        fixed=fixed or {},
        next=after,
    )


def _call(rng: Random, world: World, occasion: Occasion) -> Row:
    caller = _caller(rng, world, occasion)
    star = caller.pop("star_level")
    topic = occasion.topic
    queue = "vip" if star >= 6 else QUEUES.get(topic or "", "cards")
    call: Row = {
        "direction": "inbound",
        "queue": queue if rng.random() < 0.98 else None,
        "outcome": _outcome(rng, topic),
        "topic": topic,
        "started_at": occasion.at,
        "story": occasion.story,
    }
    call |= caller | occasion.fixed
    course = {"answered": _answered, "abandoned": _abandoned}.get(call["outcome"], _unanswered)
    # What a story has fixed stays; the course of the call fills the rest.
    return course(rng, world, call) | occasion.fixed


def _outcome(rng: Random, topic: str | None) -> str:
    weights = {"answered": 82, "abandoned": 9, "failed": 1, "ivr": 25 if topic in SELF_SERVICE else 2}
    return pick(rng, weights)


def _caller(rng: Random, world: World, occasion: Occasion) -> Row:
    holder, day = occasion.holder, occasion.at.date()
    row = holder.on(day) if holder else None
    if holder is None or row is None:
        number = occasion.number
        written = rng.choice(phone_forms(number)) if number and number.startswith("+") else number
        return {"customer_id": None, "caller_number": written, "card_id": None, "star_level": 1}
    card = world.open_card(holder, day) if rng.random() < 0.7 else None
    return {
        "customer_id": holder.customer_id,
        "caller_number": rng.choice(phone_forms(row["phone"])),
        "card_id": card.card_id if card else None,
        "star_level": row["star_level"],
    }


def _answered(rng: Random, world: World, call: Row) -> Row:
    queued_at = call["started_at"] + seconds(rng, 5, 40)
    answered_at = queued_at + timedelta(seconds=min(int(rng.expovariate(1 / 16)), 600))
    agent = on_duty(world, answered_at, rng)
    transferred = call.get("transferred", rng.random() < 0.04)
    # Juniors and hard topics leave more behind that is not resolved.
    chance = 0.62 + 0.12 * (agent["level"] == "senior") + 0.12 * (call["topic"] in SELF_SERVICE)
    resolved = call.get("resolved", pick(rng, {True: chance, False: 0.92 - chance, None: 0.08}))
    course = {
        "site": agent["site"],
        "agent_id": agent["agent_id"],
        "queued_at": queued_at,
        "answered_at": answered_at,
        "ended_at": answered_at + timedelta(seconds=20 + int(rng.lognormvariate(5.3, 0.6))),
        "hold_seconds": rng.choice((0, 0, 0, rng.randint(5, 120))),
        "wrap_seconds": rng.randint(5, 110),
        "resolved": False if transferred else resolved,
        "transferred": transferred,
        "transferred_to": rng.choice(("billing", "fraud", "vip")) if transferred else None,
    }
    if rng.random() < 0.3:
        course["csat"] = rng.choices((1, 2, 3, 4, 5), SATISFACTION[course["resolved"]])[0]
    return call | course


def _abandoned(rng: Random, world: World, call: Row) -> Row:
    queued_at = call["started_at"] + seconds(rng, 5, 40)
    return (
        call
        | _nobody(rng)
        | {
            "queued_at": queued_at,
            "ended_at": queued_at + seconds(rng, 4, 200),
            "topic": call["topic"] if rng.random() < 0.5 else None,
        }
    )


def _unanswered(rng: Random, world: World, call: Row) -> Row:
    # The machine has answered, or nobody: no queue, no agent.
    resolved = True if call["outcome"] == "ivr" and rng.random() < 0.7 else None
    return (
        call
        | _nobody(rng)
        | {
            "queue": None,
            "ended_at": call["started_at"] + seconds(rng, 3, 150),
            "resolved": resolved,
        }
    )


def _nobody(rng: Random) -> Row:
    return {
        "site": rng.choice(("Shanghai", "Chengdu", "Leeds")),
        "queued_at": None,
        "answered_at": None,
        "agent_id": None,
        "resolved": None,
        "transferred": False,
        "transferred_to": None,
    }
