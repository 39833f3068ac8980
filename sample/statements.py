"""Card statements: closed once a month, due twenty days later, paid in time, late or not at all."""

from datetime import date, timedelta
from decimal import Decimal

from sample.cards import Card
from sample.dice import dice, midnight, pick, seconds
from sample.feeds import Row
from sample.world import World

DAYS_TO_PAY = 20
LATEST_PAYMENT = DAYS_TO_PAY + 12  # days after closing
# How the habit of a customer shows in one month.
HABITS = {
    "in_time": {"in_time": 0.96, "late": 0.03, "never": 0.01},
    "late": {"in_time": 0.5, "late": 0.45, "never": 0.05},
    "never": {"in_time": 0.3, "late": 0.3, "never": 0.4},
}


def statements(world: World, day: date) -> list[Row]:
    """The rows that a day brings: statements closed on it, and earlier ones that were paid on it."""
    return [
        *(statement | {"paid_on": None} for statement in world.remembered(_closed, day)),
        *(_payment(world, statement) for statement in paid_statements(world, day)),
    ]


def paid_statements(world: World, day: date) -> list[Row]:
    """The statements paid on a day."""
    return [
        statement
        for back in range(1, LATEST_PAYMENT + 1)
        for statement in world.remembered(_closed, day - timedelta(days=back))
        if statement["paid_on"] == day
    ]


def unpaid_statements(world: World, day: date) -> list[Row]:
    """The statements due on a day and not paid by its end."""
    return [
        statement
        for statement in world.remembered(_closed, day - timedelta(days=DAYS_TO_PAY))
        if statement["amount_due"] > 0 and (statement["paid_on"] is None or statement["paid_on"] > day)
    ]


def _closed(world: World, day: date) -> list[Row]:
    return [
        _statement(world, card, day)
        for card in world.cards
        if card.statement_day == day.day and card.is_open(day) and card.versions[0]["opened_on"] < day
    ]


def _statement(world: World, card: Card, day: date) -> Row:
    rng = dice(world.seed, "statement", card.card_id, day)
    holder = card.customer
    # What a month of this customer's spending comes to, not the sum of the month's transactions.
    month = holder.usual_amount * holder.purchases_a_day * 30 * holder.life.level(day) * rng.uniform(0.7, 1.4)
    amount = Decimal(f"{month:.2f}")
    paid = pick(rng, HABITS[holder.pays]) if amount else "never"
    days = {"in_time": rng.randint(2, DAYS_TO_PAY), "late": rng.randint(DAYS_TO_PAY + 1, LATEST_PAYMENT)}
    story = {"late": "paid_late", "never": "never_paid"}.get(paid) if amount else None
    return {
        "card": card,
        "card_id": card.card_id,
        "customer_id": holder.customer_id,
        "closed_on": day,
        "due_on": day + timedelta(days=DAYS_TO_PAY),
        "amount_due": amount,
        "minimum_due": (amount / 10).quantize(Decimal("0.01")),
        "balance": amount + Decimal(rng.randint(0, 2000)),
        "paid_on": day + timedelta(days=days[paid]) if paid in days else None,
        "updated_at": midnight(day) + seconds(rng, 16 * 3600, 20 * 3600),
        "story": story if story == "never_paid" else None,
        "payment_story": story,
    }


def _payment(world: World, statement: Row) -> Row:
    rng = dice(world.seed, "payment", statement["card_id"], statement["paid_on"])
    paid_at = midnight(statement["paid_on"]) + seconds(rng, 3600, 20 * 3600)
    return (
        statement
        | {"updated_at": paid_at, "balance": statement["balance"] - statement["amount_due"]}
        | {"story": statement["payment_story"]}
    )
