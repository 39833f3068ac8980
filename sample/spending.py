"""What customers do with their cards: purchases, cash, instalments, refunds, fees, repayments."""

from datetime import date, timedelta
from decimal import Decimal
from random import Random

from sample.cards import Card
from sample.cast import CAST, day_number
from sample.customers import Customer
from sample.dice import dice, moment, pick, poisson, seconds
from sample.feeds import Row
from sample.statements import paid_statements, unpaid_statements
from sample.world import World

REFUND_DAYS, REFUND_SHARE = 12, 0.03
KINDS = {"purchase": 93, "cash_advance": 3, "instalment": 4}
CURRENCIES = {"CN": "CNY", "US": "USD", "GB": "GBP"}
# category: weight, usual amount against the customer's own, online share
MERCHANTS = {
    "grocery": (30, 0.6, 0.3),
    "restaurant": (22, 0.8, 0.1),
    "fuel": (8, 1.2, 0.0),
    "clothing": (12, 1.6, 0.6),
    "electronics": (5, 6.0, 0.7),
    "travel": (6, 5.0, 0.9),
    "health": (6, 1.5, 0.2),
    "utilities": (11, 1.0, 1.0),
}
CATEGORIES = {category: weight for category, (weight, _, _) in MERCHANTS.items()}
SPIKE_DAYS = 30  # a spender's great day comes once in so many


def transactions(world: World, day: date) -> list[Row]:
    """The transactions posted on a day, in order of time."""
    posted = [
        *world.remembered(purchases, day),
        *_refunds(world, day),
        *_repayments(world, day),
        *_fees(world, day),
    ]
    return sorted(posted, key=lambda row: (row["posted_at"], row["transaction_id"]))


def purchases(world: World, day: date) -> list[Row]:
    """Money spent on a day: purchases, cash advances and instalments."""
    rng = dice(world.seed, "purchases", day)
    spent: list[Row] = []
    busy = 1.15 if day.weekday() >= 4 else 0.95
    for holder in world.open_customers(day):
        level = holder.life.level(day)
        card = world.open_card(holder, day) if level else None
        if card:
            spent += [_spent(rng, card, day) for _ in range(poisson(rng, holder.purchases_a_day * level * busy))]
            if _is_great_day(holder, day):
                spent += [_spent(rng, card, day, times=20) | {"story": "spend_spike"} for _ in range(5)]
    return [row | {"transaction_id": f"txn-{day:%Y%m%d}-{place:04d}"} for place, row in enumerate(spent)]


def _is_great_day(holder: Customer, day: date) -> bool:
    return (
        holder.number in CAST["spend_spike"]
        and (day_number(day) + 10 * CAST["spend_spike"].index(holder.number)) % SPIKE_DAYS == 0
    )


def _spent(rng: Random, card: Card, day: date, times: int = 1) -> Row:
    holder = card.customer
    kind = pick(rng, KINDS)
    usual = holder.usual_amount * times * (5 if kind == "instalment" else 1)
    row = _posted(card, "posted" if rng.random() < 0.975 else "declined") | {
        "posted_at": moment(rng, day, holder.country),
        "kind": kind,
        "amount": _money(usual * rng.lognormvariate(0, 0.7)),
    }
    if kind == "cash_advance":
        row["amount"] = Decimal(rng.randint(1, 30) * 100)
        return row | {"fee_amount": _money(float(row["amount"]) * 0.01), "channel": "atm"}
    if kind == "instalment":
        row |= {
            "instalment_months": rng.choice((3, 6, 12, 24)),
            "fee_amount": _money(float(row["amount"]) * 0.03),
        }
    return row | _merchant(rng, holder, day, row)


def _merchant(rng: Random, holder: Customer, day: date, row: Row) -> Row:
    category = pick(rng, CATEGORIES)
    _, factor, online = MERCHANTS[category]
    home = holder.on(day) or holder.versions[0]
    place = rng.randint(1, 40)
    merchant = {
        "merchant_id": f"M{category[:3].upper()}{place:03d}",
        "merchant_category": category,
        "merchant_city": home["city"],
        "merchant_region": home["region"],
        "merchant_country": home["country"],
        "channel": pick(rng, {"online": 0.7, "app": 0.25, "phone_bank": 0.05}) if rng.random() < online else "pos",
        "amount": _money(float(row["amount"]) * factor),
    }
    if category == "travel" and rng.random() < 0.4:
        abroad = {
            "merchant_city": "Bangkok",
            "merchant_region": None,
            "merchant_country": "TH",
            "currency": "THB",
        }
        return merchant | abroad
    return merchant


def _posted(card: Card, status: str | None = "posted") -> Row:
    return {
        "customer_id": card.customer.customer_id,
        "card_id": card.card_id,
        "currency": CURRENCIES[card.customer.country],
        "status": status,
        "fee_amount": None,
        "original_transaction_id": None,
    }


def _refunds(world: World, day: date) -> list[Row]:
    refunds = [
        refund
        for back in range(1, REFUND_DAYS + 1)
        for refund in world.remembered(_refunds_to_come, day - timedelta(days=back))
        if refund["posted_at"].date() == day
    ]
    return [refund | {"transaction_id": f"txn-{day:%Y%m%d}-5{place:03d}"} for place, refund in enumerate(refunds)]


def _refunds_to_come(world: World, bought_on: date) -> list[Row]:
    rng = dice(world.seed, "refunds", bought_on)
    return [
        _refund(rng, purchase, bought_on + timedelta(days=rng.randint(1, REFUND_DAYS)))
        for purchase in world.remembered(purchases, bought_on)
        if purchase["kind"] == "purchase" and purchase["status"] == "posted" and rng.random() < REFUND_SHARE
    ]


def _refund(rng: Random, purchase: Row, day: date) -> Row:
    part = 1.0 if rng.random() < 0.8 else 0.5
    return purchase | {
        "kind": "refund",
        "amount": -_money(float(purchase["amount"]) * part),
        "posted_at": moment(rng, day),
        "original_transaction_id": purchase["transaction_id"],
        "story": "refund",
    }


def _repayments(world: World, day: date) -> list[Row]:
    rng = dice(world.seed, "repayments", day)
    return [
        _posted(statement["card"], rng.choice(("posted", None)))
        | {
            "transaction_id": f"txn-{day:%Y%m%d}-7{place:03d}",
            "kind": "repayment",
            "amount": -statement["amount_due"],
            "posted_at": moment(rng, day),
            "channel": rng.choice(("app", "online")),
        }
        for place, statement in enumerate(paid_statements(world, day))
    ]


def _fees(world: World, day: date) -> list[Row]:
    # Late fees on the morning after the due day; the yearly fee on the card's birthday.
    rng = dice(world.seed, "fees", day)
    owing = [(row["card"], Decimal("60.00")) for row in unpaid_statements(world, day - timedelta(days=1))]
    for card in world.cards:
        issued = card.versions[0]["opened_on"]
        if (issued.month, issued.day) == (day.month, day.day) and issued < day and card.is_open(day):
            owing.append((card, Decimal("200.00")))
    return [
        _posted(card)
        | {
            "transaction_id": f"txn-{day:%Y%m%d}-8{place:03d}",
            "kind": "fee",
            "amount": amount,
            "fee_amount": amount,
            "posted_at": moment(rng, day).replace(hour=2) + seconds(rng, 0, 600),
        }
        for place, (card, amount) in enumerate(owing)
    ]


def _money(value: float) -> Decimal:
    return Decimal(f"{max(value, 1.0):.2f}")
