"""What happens in the digital channels: the app, WeChat, the web, chats and mail."""

from datetime import date
from random import Random

from sample.agents import on_duty
from sample.calls import calls
from sample.customers import Customer
from sample.dice import dice, moment, pick, seconds
from sample.failures import failures
from sample.feeds import Row
from sample.texts import Text, matter
from sample.world import World

CHANNELS = {"app": 34, "wechat": 24, "web": 14, "chat": 10, "bot": 8, "email": 5, "social": 3, "sms": 2}
EVENTS = {
    "app": {"login": 5, "view_statement": 3, "pay_bill": 2, "view_limit": 1},
    "wechat": {"open_menu": 3, "view_balance": 3, "send_message": 2},
    "web": {"login": 3, "view_statement": 2, "visit_page": 3},
}
WRITTEN = frozenset({"chat", "bot", "email", "social", "send_message"})
TOPICS = {
    "balance": 5,
    "amount_due": 4,
    "instalment": 2,
    "temporary_limit": 2,
    "fee": 1,
    "activation": 1,
    "statement_dispute": 1,
}
PERSONAL_SHARE = 0.2


def interactions(world: World, day: date) -> list[Row]:
    """The digital contacts of a day in order of time."""
    rng = dice(world.seed, "interactions", day)
    holders = rng.choices(world.open_customers(day), k=round(len(world.customers) * rng.uniform(0.22, 0.28)))
    contacts = [_contact(rng, world, holder, day) for holder in holders] + _failures(world, day)
    contacts.sort(key=lambda contact: (contact["started_at"], contact["customer_id"] or ""))
    return [contact | {"interaction_id": f"int-{day:%Y%m%d}-{place:04d}"} for place, contact in enumerate(contacts)]


def _failures(world: World, day: date) -> list[Row]:
    # The app's log knows the call where the customer rang from within the app.
    rang = {
        call["customer_id"]: call["call_id"]
        for call in world.remembered(calls, day)
        if call["story"] == "app_failure_then_call"
    }
    return [
        failure | {"call_id": rang.get(failure["customer_id"]) if failure["leads_to_call"] else None}
        for failure in world.remembered(failures, day)
    ]


def _contact(rng: Random, world: World, holder: Customer, day: date) -> Row:
    channel = pick(rng, CHANNELS)
    event = pick(rng, EVENTS.get(channel, {"message": 1}))
    started_at = moment(rng, day, holder.country)
    signed_in = rng.random() < 0.88
    written = channel in WRITTEN or event in WRITTEN
    topic = pick(rng, TOPICS) if written or rng.random() < 0.3 else None
    return {
        "customer_id": holder.customer_id if signed_in else None,
        "channel": channel,
        "event": event,
        "topic": topic,
        "started_at": started_at,
        "ended_at": started_at + seconds(rng, 10, 900) if rng.random() < 0.9 else None,
        "resolved": rng.random() < 0.8 if written else None,
        "agent_id": on_duty(world, started_at, rng)["agent_id"] if channel == "chat" else None,
        "text": _written(rng, world, holder, topic, day) if written else None,
    }


def _written(rng: Random, world: World, holder: Customer, topic: str | None, day: date) -> Text:
    return matter(rng, world, holder, topic, day, PERSONAL_SHARE)
