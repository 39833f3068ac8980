"""What was said in the calls and clicked beside them."""

from datetime import date, datetime, timedelta
from random import Random

from sample.calls import calls
from sample.customers import Customer
from sample.dice import dice, pick
from sample.feeds import Row
from sample.texts import ANSWERS, CHECKS, GREETINGS, THANKS, Text, matter, payload, personal_sentence, text
from sample.world import World

TRANSCRIBED_SHARE = 0.4
PERSONAL_SHARE = 0.25
CLICKS = {"screen_opened": 5, "identity_checked": 3, "limit_viewed": 2, "knowledge_searched": 2}


def transcripts(world: World, day: date) -> list[Row]:
    """The turns of the calls of a day that were written down."""
    rng = dice(world.seed, "transcripts", day)
    return [
        turn
        for call in world.remembered(calls, day)
        if call["answered_at"] and call["direction"] == "inbound" and rng.random() < TRANSCRIBED_SHARE
        for turn in _turns(rng, world, call)
    ]


def _turns(rng: Random, world: World, call: Row) -> list[Row]:
    holder, day = _holder(world, call), call["started_at"].date()
    said: list[tuple[str, Text]] = [
        ("agent", text(rng.choice(GREETINGS))),
        ("customer", matter(rng, world, holder, call["topic"], day, PERSONAL_SHARE)),
    ]
    if holder and rng.random() < 0.4:
        said += [
            ("agent", text(rng.choice(CHECKS))),
            ("customer", personal_sentence(rng, world, holder, day)),
        ]
    said += [("agent", text(rng.choice(ANSWERS))), ("customer", text(rng.choice(THANKS)))]
    turns, now = [], 0
    for place, (speaker, words) in enumerate(said, start=1):
        started, now = now + rng.randint(200, 1500), now + rng.randint(2500, 9000)
        turns.append(
            {
                "call_id": call["call_id"],
                "turn": place,
                "speaker": speaker,
                "started_ms": started,
                "ended_ms": now,
                "text": words,
            }
        )
    return turns


def agent_events(world: World, day: date) -> list[Row]:
    """The clicks of a day, in order of time: each answered inbound call is accepted, some leave more."""
    rng = dice(world.seed, "agent events", day)
    clicks = [
        click
        for call in world.remembered(calls, day)
        if call["answered_at"] and call["direction"] == "inbound"
        for click in _clicks(rng, world, call)
        if click["occurred_at"].date() == day
    ]
    clicks.sort(key=lambda click: (click["occurred_at"], click["call_id"]))
    return [click | {"event_id": f"evt-{day:%Y%m%d}-{place:04d}"} for place, click in enumerate(clicks)]


def _clicks(rng: Random, world: World, call: Row) -> list[Row]:
    holder, answered_at, ended_at = _holder(world, call), call["answered_at"], call["ended_at"]
    clicks = [_click(call, "call_accepted", answered_at, payload({"device": "desk"}))]
    if rng.random() < 0.5:
        shown = payload({"screen": rng.choice(("account", "cards", "limits")), "load_ms": rng.randint(80, 2500)})
        moment = answered_at + (ended_at - answered_at) * rng.random()
        clicks.append(_click(call, pick(rng, CLICKS), moment, shown))
    if rng.random() < 0.3:
        note = matter(rng, world, holder, call["topic"], answered_at.date(), PERSONAL_SHARE)
        clicks.append(_click(call, "note_saved", ended_at + timedelta(seconds=4), payload({"length": len(note)}, note)))
    return clicks


def _click(call: Row, event: str, at: datetime, details: Text) -> Row:
    return {
        "agent_id": call["agent_id"],
        "call_id": call["call_id"],
        "customer_id": call["customer_id"],
        "event": event,
        "occurred_at": at,
        "payload": details,
    }


def _holder(world: World, call: Row) -> Customer | None:
    return world.customers[int(call["customer_id"][1:]) - 1] if call["customer_id"] else None
