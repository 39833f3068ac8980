"""What comes back of the lists that were delivered: how contacts went, and what customers did because of them.

Only who stands on a list is answered for, so whoever was held out lives on as if there were no such campaign.
"""

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random

from sample.agents import on_duty
from sample.customers import Customer
from sample.dice import dice, moment, pick, seconds
from sample.feeds import Row
from sample.identity import phone_forms
from sample.outreach import ANSWERED, dialled
from sample.spending import CURRENCIES
from sample.world import World

WORKED = 0.8  # of the contacts on a list; for the others the day ends first
LATE_DAYS = {0: 90, 1: 5, 2: 3, 3: 2}  # by which results come after the day of the list
DIALLED = 0.7  # of the attempts by telephone leave a call in the exchange
CALL_RESULTS = {
    "reached": 46,
    "converted": 8,
    "no_answer": 22,
    "busy": 6,
    "voicemail": 10,
    "callback": 4,
    "refused": 2,
    "wrong_number": 1,
    "do_not_call": 1,
}
WRITTEN_RESULTS = {"delivered": 40, "opened": 40, "clicked": 20}
TOUCHING = frozenset({"reached", "converted", "opened", "clicked"})
"""Results after which a customer may act: who only had a message in the box does not know of it."""
ACT_DAYS = 2  # after the day of the list, on any of which the customer acts
FILLED_IN = ("list_on", "campaign", "result", "attempted_at", "agent_id", "callback_at", "product", "amount", "note")
CLOCK = "%Y-%m-%d %H:%M"
PREFIX = "answer-"
"""Of the ids of all rows that would not be there without lists."""


@dataclass(frozen=True)
class Contact:
    """One row of a delivered list. `slot_start_at`: when the contact was planned to begin (UTC)."""

    list_on: date
    campaign: str
    customer_id: str
    channel: str
    slot_start_at: datetime

    def dice(self, seed: int, what: str) -> Random:
        """The generator of what becomes of this contact, whatever else is on the list."""
        return dice(seed, what, self.campaign, self.customer_id, self.list_on)

    @property
    def row_id(self) -> str:
        """The id of what comes of it, in every feed."""
        return f"{PREFIX}{self.campaign}-{self.customer_id}-{self.list_on:%Y%m%d}"


@dataclass(frozen=True)
class Change:
    """What a contact changes: with this chance a touched customer has one more row of `feed`, on one of ACT_DAYS.

    `feed` is transactions (a purchase paid in instalments) or calls (an inbound one).
    """

    feed: str
    chance: float


def contacts(file: Path, list_on: date) -> list[Contact]:
    """The contacts of a delivered list, `<delivery>/<list_on>/<campaign>.csv`, whose times are in UTC."""
    return [
        Contact(list_on, file.stem, row["customer_id"], row["channel"], _moment(row["slot_start"]))
        for row in _rows(file)
    ]


def delivered(delivery: Path, list_on: date) -> list[Contact]:
    """The contacts of all lists of a day, none where none were delivered."""
    return [each for file in files(delivery, list_on) for each in contacts(file, list_on)]


def files(delivery: Path, list_on: date) -> list[Path]:
    """The delivered lists of a day."""
    return sorted((delivery / str(list_on)).glob("*.csv"))


def result(world: World, contact: Contact) -> Row | None:
    """The row of contact_results of a contact, `comes_on` and `holder` beside its columns; None: it was not worked."""
    rng = contact.dice(world.seed, "answer")
    if rng.random() >= WORKED:
        return None
    is_call = contact.channel == "call"
    told = pick(rng, CALL_RESULTS if is_call else WRITTEN_RESULTS)
    # Lists tell times by the minute, and so do those who fill them in.
    at = contact.slot_start_at + timedelta(minutes=rng.randint(0, 50))
    row: Row = {
        "attempt_id": contact.row_id,
        "list_on": contact.list_on,
        "campaign": contact.campaign,
        "customer_id": contact.customer_id,
        "holder": _holder(world, contact),
        "attempted_at": at,
        "channel": contact.channel,
        "result": told,
        "comes_on": contact.list_on + timedelta(days=pick(rng, LATE_DAYS)),
    }
    if not is_call:
        return row
    talk = seconds(rng, 40, 400) if told in ANSWERED else seconds(rng, 15, 45)
    row |= {"agent_id": on_duty(world, at, rng)["agent_id"], "ended_at": at + talk}
    if told == "callback":
        row["callback_at"] = at + timedelta(days=1, hours=rng.randint(-2, 2))
    if told == "converted":
        row |= {"product": "instalment_12", "amount": Decimal(rng.randrange(10, 300) * 100)}
    return row


def results(world: World, delivery: Path, day: date) -> list[Row]:
    """The results that come on a day, of its own lists and late ones of the days before."""
    return [row for contact in _lately(delivery, day, max(LATE_DAYS)) if (row := _of_day(world, contact, day))]


def filled_in(world: World, file: Path, list_on: date, day: date) -> bytes | None:
    """A delivered list with the results that come on a day, all other rows as they were.

    It comes back on its own day; on a later one None, unless some of its results come late.
    """
    told = [_of_day(world, contact, day) for contact in contacts(file, list_on)]
    if day != list_on and not any(told):
        return None
    rows = _rows(file)
    written = io.StringIO(newline="")
    writer = csv.DictWriter(written, list(dict.fromkeys([*rows[0], *FILLED_IN])))
    writer.writeheader()
    for row, came in zip(rows, told, strict=True):
        whose = {"list_on": list_on, "campaign": file.stem}
        writer.writerow(row | whose | ({name: _cell(came.get(name)) for name in FILLED_IN} if came else {}))
    return written.getvalue().encode()


def dialled_calls(world: World, delivery: Path, day: date) -> list[Row]:
    """The outbound calls that the attempts of a day leave in the exchange, whenever their results are told."""
    calls = []
    for contact in delivered(delivery, day):
        attempt, rng = result(world, contact), contact.dice(world.seed, "dialled")
        if attempt and contact.channel == "call" and rng.random() < DIALLED:
            calls.append(dialled(rng, world, attempt) | {"call_id": contact.row_id})
    return calls


def changes(world: World, delivery: Path, day: date, planted: Mapping[str, Change]) -> dict[str, list[Row]]:
    """The rows, by feed, that are there on a day because of contacts of the days before; `planted`: by campaign."""
    rows: dict[str, list[Row]] = {}
    for contact in _lately(delivery, day - timedelta(days=1), ACT_DAYS - 1):
        change = planted.get(contact.campaign)
        if change and acts_on(world, contact, change) == day:
            rows.setdefault(change.feed, []).append(_MADE[change.feed](world, contact, day))
    return rows


def acts_on(world: World, contact: Contact, change: Change) -> date | None:
    """The day on which the customer does what the contact brought about; None: never."""
    told, rng = result(world, contact), contact.dice(world.seed, "change")
    is_moved = rng.random() < change.chance
    if told is None or told["result"] not in TOUCHING or not is_moved:
        return None
    return contact.list_on + timedelta(days=rng.randint(1, ACT_DAYS))


def chance_of_acting(channel: str, change: Change, days: int) -> float:
    """How likely somebody on a list acts because of it within some days after, whether worked or reached or not."""
    weights = CALL_RESULTS if channel == "call" else WRITTEN_RESULTS
    touched = sum(weight for told, weight in weights.items() if told in TOUCHING) / sum(weights.values())
    return WORKED * touched * change.chance * min(max(days, 0), ACT_DAYS) / ACT_DAYS


def _lately(delivery: Path, day: date, days: int) -> Iterator[Contact]:
    for back in range(days, -1, -1):
        yield from delivered(delivery, day - timedelta(days=back))


def _of_day(world: World, contact: Contact, day: date) -> Row | None:
    told = result(world, contact)
    return told if told and told["comes_on"] == day else None


def _rows(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8-sig", newline="") as lines:
        return list(csv.DictReader(lines))


def _moment(text: str) -> datetime:
    return datetime.strptime(text, CLOCK).replace(tzinfo=UTC)


def _cell(value: object) -> object:
    return f"{value:{CLOCK}}" if isinstance(value, datetime) else value


def _holder(world: World, contact: Contact) -> Customer:
    return world.customers[int(contact.customer_id[1:]) - 1]


def _bought(world: World, contact: Contact, day: date) -> Row:
    rng, holder = contact.dice(world.seed, "bought"), _holder(world, contact)
    card = world.open_card(holder, day)
    return {
        "transaction_id": contact.row_id,
        "customer_id": contact.customer_id,
        "card_id": card.card_id if card else None,
        "posted_at": moment(rng, day, holder.country),
        "amount": Decimal(rng.randint(40_000, 400_000)) / 100,
        "currency": CURRENCIES[holder.country],
        "kind": "instalment",
        "status": "posted",
        "instalment_months": 12,
        "channel": "app",
    }


def _rang(world: World, contact: Contact, day: date) -> Row:
    rng, holder = contact.dice(world.seed, "rang"), _holder(world, contact)
    started_at = moment(rng, day, holder.country)
    answered_at = started_at + seconds(rng, 10, 60)
    agent = on_duty(world, answered_at, rng)
    row = holder.on(day) or holder.versions[0]
    return {
        "call_id": contact.row_id,
        "customer_id": contact.customer_id,
        "caller_number": rng.choice(phone_forms(row["phone"])),
        "direction": "inbound",
        "site": agent["site"],
        "queue": "cards",
        "agent_id": agent["agent_id"],
        "started_at": started_at,
        "queued_at": started_at + seconds(rng, 3, 9),
        "answered_at": answered_at,
        "ended_at": answered_at + seconds(rng, 40, 400),
        "wrap_seconds": rng.randint(5, 110),
        "outcome": "answered",
        "topic": "fee",
        "resolved": True,
        "transferred": False,
    }


_MADE = {"transactions": _bought, "calls": _rang}
