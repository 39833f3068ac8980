"""The cards that customers hold: issued, raised, lost and replaced, closed."""

from bisect import bisect_right
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from random import Random

from sample.cast import END, EPOCH, FIRST_ORDINARY
from sample.customers import Customer
from sample.dice import dice, midnight, seconds
from sample.feeds import Row
from sample.identity import card_number

PRODUCTS = ("classic", "gold", "platinum", "young", "co-brand")


@dataclass(frozen=True, eq=False)
class Card:
    """One card with all versions of its row, the number on the plastic, and the day its statements close."""

    card_id: str
    customer: Customer
    versions: tuple[Row, ...]
    plastic: str
    statement_day: int

    def on(self, day: date) -> Row | None:
        """The row as the source had it at the end of a day, none before the card was issued."""
        place = bisect_right(self.versions, day, key=lambda version: version["updated_at"].date())
        return self.versions[place - 1] if place else None

    def is_open(self, day: date) -> bool:
        """Whether the card can be used on a day."""
        row = self.on(day)
        return row is not None and row["closed_on"] is None


def cards_of(seed: int, customer: Customer) -> list[Card]:
    """All cards that a customer ever holds; a few customers hold none."""
    rng = dice(seed, "cards", customer.number)
    wallets = 1 if customer.number < FIRST_ORDINARY else rng.choices((0, 1, 2), (3, 72, 25))[0]
    opened_on = customer.versions[0]["opened_on"]
    cards: list[Card] = []
    for place in range(wallets):
        # The second card comes later, but never after a turn of the first.
        turns = customer.card_turns if place == 0 else ()
        ends = [customer.life.closed_on, _given_up(rng) if place else None]
        closed_on = min((day for day in ends if day), default=None)
        cards += _line(rng, customer, len(cards), opened_on + timedelta(days=40 * place), turns, closed_on)
    return cards


def _given_up(rng: Random) -> date | None:
    # Most second cards are handed back some day.
    return EPOCH + timedelta(days=rng.randint(0, (END - EPOCH).days)) if rng.random() < 0.7 else None


def _line(
    rng: Random,
    customer: Customer,
    place: int,
    opened_on: date,
    turns: tuple[tuple[date, str], ...],
    closed_on: date | None,
) -> list[Card]:
    # One account: the card and, once it is lost, its replacements.
    limit, product = Decimal(rng.randrange(5, 80) * 1000), rng.choice(PRODUCTS)
    line: list[Card] = []
    issued, changes = opened_on, list(turns)
    if closed_on and closed_on <= opened_on:
        return line
    while True:
        loss = next((day for day, kind in changes if kind == "card_replaced" and day > issued), None)
        rows = [_row(rng, customer, place + len(line), product, issued, limit)]
        for day, kind in changes:
            if kind == "limit_raised" and issued < day and (loss is None or day < loss):
                limit += 5000
                rows.append(_changed(rng, rows[-1], day, "limit_raised", credit_limit=limit))
        end = loss or closed_on
        if end:
            kind = "card_closed" if loss is None else "card_lost"
            rows.append(_changed(rng, rows[-1], end, kind, closed_on=end, status=kind.removeprefix("card_")))
        line.append(Card(rows[0]["card_id"], customer, tuple(rows), card_number(rng), rng.randint(1, 28)))
        if loss is None:
            return line
        issued = loss


def _row(rng: Random, customer: Customer, place: int, product: str, issued: date, limit: Decimal) -> Row:
    return {
        "card_id": f"K{customer.number + 1:05d}{place:02d}",
        "customer_id": customer.customer_id,
        "product": product,
        "opened_on": issued,
        "closed_on": None,
        "credit_limit": limit,
        "status": "active",
        "updated_at": midnight(issued) + seconds(rng, 11 * 3600, 14 * 3600),
    }


def _changed(rng: Random, row: Row, day: date, story: str, **changes: object) -> Row:
    return row | changes | {"updated_at": midnight(day) + seconds(rng, 3600, 10 * 3600), "story": story}
