"""Attempts to reach customers, and the outbound calls that some of them leave in the exchange."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from random import Random

from sample.agents import on_duty
from sample.cast import CAST, FIRST_ORDINARY, day_number
from sample.customers import Customer
from sample.dice import dice, midnight, pick, seconds
from sample.feeds import Row
from sample.identity import phone_forms
from sample.texts import Text, personal_sentence, text
from sample.world import World

CAMPAIGNS = {
    "portfolio_care": 3,
    "instalment_offer": 3,
    "repayment_reminder": 4,
    "follow_up": 2,
    "callback_promised": 1,
    "complaint_care": 1,
    None: 2,
}
CHANNELS = {"call": 55, "sms": 20, "push": 10, "wechat": 10, "email": 5}
CALL_RESULTS = {
    "reached": 36,
    "no_answer": 32,
    "busy": 8,
    "voicemail": 10,
    "converted": 6,
    "callback": 5,
    "dropped": 3,
}
WRITTEN_RESULTS = {"delivered": 70, "opened": 20, "clicked": 10}
# Results that bar a person or a number for long are rare: one of each a week, on its day.
BARRING = {1: "wrong_number", 3: "refused", 5: "do_not_call"}
ANSWERED = frozenset({"reached", "converted", "callback", "refused", "wrong_number", "do_not_call", "dropped"})
CALL_OUTCOMES = {"voicemail": "voicemail", "no_answer": "failed", "busy": "failed", "dropped": "abandoned"}
MAILING_DAY = 5  # of each month
NOTES = (
    "客户稍后再考虑。",
    "Customer asked for details in writing, sent.",
    "已解释分期手续费，客户满意",
    'Said "not before March", ring then.',
)


def contact_results(world: World, day: date) -> list[Row]:
    """The attempts of a day, in order of time; few, so that most customers stay below the caps."""
    rng = dice(world.seed, "contact results", day)
    holders = [holder for holder in world.open_customers(day) if holder.number >= FIRST_ORDINARY]
    tried = [
        _attempt(rng, world, holder, day, None)
        for holder in rng.sample(holders, max(3, round(len(world.customers) * 0.035)))
    ]
    if barring := BARRING.get(day_number(day) % 7):
        # Among a few touchy ones, or after some years nobody could be called any more.
        tried.append(_attempt(rng, world, rng.choice(holders[::12]), day, barring))
    tried += [_attempt(rng, world, holder, day, None) | {"story": "over_contacted"} for holder in _pestered(world, day)]
    if day.day == MAILING_DAY:
        tried += [_mail(rng, holder, day) for holder in rng.sample(holders, max(20, len(holders) // 4))]
    tried.sort(key=lambda attempt: (attempt["attempted_at"], attempt["customer_id"]))
    return [attempt | {"attempt_id": f"att-{day:%Y%m%d}-{place:03d}"} for place, attempt in enumerate(tried)]


def _pestered(world: World, day: date) -> list[Customer]:
    # Every other day, far above any cap.
    return [world.customers[number] for number in CAST["over_contacted"] if (day_number(day) + number) % 2 == 0]


def _attempt(rng: Random, world: World, holder: Customer, day: date, barring: str | None) -> Row:
    campaign = pick(rng, CAMPAIGNS)
    channel = "call" if barring else pick(rng, CHANNELS)
    at = midnight(day) + seconds(rng, 3600, 12 * 3600 - 1)  # 09:00 to 20:00 in China
    attempt: Row = {
        "list_on": day if campaign else None,
        "campaign": campaign,
        "customer_id": holder.customer_id,
        "holder": holder,
        "attempted_at": at,
        "channel": channel,
        "script_id": f"S-{campaign}-1" if campaign else None,
        "story": barring,
    }
    if channel != "call":
        return attempt | {"ended_at": None, "result": pick(rng, WRITTEN_RESULTS)}
    result = barring or pick(rng, CALL_RESULTS)
    return attempt | _spoken(rng, world, holder, day, result, attempt)


def _spoken(rng: Random, world: World, holder: Customer, day: date, result: str, attempt: Row) -> Row:
    at, live = attempt["attempted_at"], result in ANSWERED
    spoken = {
        "result": result,
        "agent_id": on_duty(world, at, rng)["agent_id"],
        "ended_at": at + (seconds(rng, 40, 400) if live else seconds(rng, 15, 45)),
        "answered_by": "live" if live else "machine" if result == "voicemail" else None,
    }
    if result == "callback":
        spoken["callback_at"] = midnight(day + timedelta(days=1)) + seconds(rng, 2 * 3600, 11 * 3600)
    if result == "converted":
        spoken |= {"product": "instalment_12", "amount": Decimal(rng.randrange(10, 300) * 100)}
    if live and rng.random() < 0.7:
        spoken["note"] = _note(rng, world, holder, day)
    return spoken


def _note(rng: Random, world: World, holder: Customer, day: date) -> Text:
    said = rng.choice(NOTES)
    if rng.random() < 0.6:
        return text(said)
    personal = personal_sentence(rng, world, holder, day)
    return text(f"{said} {personal}", personal.tells)


def _mail(rng: Random, holder: Customer, day: date) -> Row:
    at = midnight(day) + seconds(rng, 7200, 7800)
    return {
        "list_on": None,
        "campaign": None,
        "customer_id": holder.customer_id,
        "holder": holder,
        "attempted_at": at,
        "ended_at": None,
        "channel": "email",
        "result": pick(rng, WRITTEN_RESULTS),
        "script_id": "S-newsletter",
        "story": None,
    }


def outbound_calls(world: World, day: date) -> list[Row]:
    """Outbound calls of a day: most attempts by telephone leave one, and agents ring by hand besides."""
    rng = dice(world.seed, "outbound", day)
    from_lists = [
        dialled(rng, world, attempt)
        for attempt in world.remembered(contact_results, day)
        if attempt["channel"] == "call" and rng.random() < 0.7
    ]
    by_hand = [
        _by_hand(rng, world, holder, day)
        for holder in rng.sample(world.open_customers(day), 2)
        if holder.number >= FIRST_ORDINARY
    ]
    return [call for call in from_lists + by_hand if call["started_at"].date() == day]


def dialled(rng: Random, world: World, attempt: Row) -> Row:
    """The call that an attempt by telephone leaves in the exchange; of the attempt `holder` and the feed's columns."""
    started_at = attempt["attempted_at"] + seconds(rng, -20, 60)
    outcome = CALL_OUTCOMES.get(attempt["result"], "answered")
    call = _outbound(rng, world, attempt["holder"], started_at, outcome)
    return call | {"agent_id": attempt["agent_id"], "ended_at": max(attempt["ended_at"], call["ended_at"])}


def _by_hand(rng: Random, world: World, holder: Customer, day: date) -> Row:
    started_at = midnight(day) + seconds(rng, 3600, 12 * 3600)
    outcome = pick(rng, {"answered": 5, "voicemail": 2, "failed": 3})
    agent = on_duty(world, started_at, rng)["agent_id"]
    return _outbound(rng, world, holder, started_at, outcome) | {"agent_id": agent}


def _outbound(rng: Random, world: World, holder: Customer, started_at: datetime, outcome: str) -> Row:
    rings = seconds(rng, 6, 25)
    answered_at = started_at + rings if outcome == "answered" else None
    talk = seconds(rng, 30, 300) if answered_at else seconds(rng, 0, 5)
    row = holder.on(started_at.date()) or holder.versions[0]
    return {
        "customer_id": holder.customer_id,
        "caller_number": rng.choice(phone_forms(row["phone"])),
        "card_id": None,
        "direction": "outbound",
        "queue": "outbound",
        "started_at": started_at,
        "answered_at": answered_at,
        "ended_at": started_at + rings + talk,
        "wrap_seconds": rng.randint(5, 60),
        "outcome": outcome,
        "topic": None,
        "resolved": None,
        "transferred": None,
        "story": None,
    }
