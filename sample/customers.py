"""The card holders: who they are, and how that changes over the years."""

from bisect import bisect_right
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random

from sample.cast import CAST, END, EPOCH, FIRST_ORDINARY
from sample.dice import dice, midnight, moment, pick
from sample.feeds import Row
from sample.identity import full_name, id_number, phone_number
from sample.life import Life, life

PLACES = {
    "CN": (
        ("Shanghai", "Shanghai", "Asia/Shanghai"),
        ("Guangzhou", "Guangdong", "Asia/Shanghai"),
        ("Shenzhen", "Guangdong", "Asia/Shanghai"),
        ("Chengdu", "Sichuan", "Asia/Shanghai"),
        ("Hangzhou", "Zhejiang", "Asia/Shanghai"),
        ("Beijing", "Beijing", "Asia/Shanghai"),
    ),
    "US": (
        ("Miami", "FL", "America/New_York"),
        ("Oklahoma City", "OK", "America/Chicago"),
        ("Boston", "MA", "America/New_York"),
    ),
    "GB": (("Leeds", "England", "Europe/London"), ("Glasgow", "Scotland", "Europe/London")),
}
OCCUPATIONS = (
    "teacher",
    "engineer",
    "nurse",
    "driver",
    "accountant",
    "student",
    "retired",
    "shopkeeper",
    None,
)
TURN_DAYS = 10  # each kind of turn befalls one ordinary customer every ten days
TURNS = (
    "moved_region",
    "changed_phone",
    "consent_withdrawn",
    "card_replaced",
    "limit_raised",
    "star_changed",
)


@dataclass(frozen=True, eq=False)
class Customer:
    """One card holder with all versions of the row, oldest first, and the habits that drive the feeds."""

    number: int
    country: str
    versions: tuple[Row, ...]
    life: Life
    calls_weight: float
    purchases_a_day: float
    usual_amount: float
    pays: str
    card_turns: tuple[tuple[date, str], ...]

    @property
    def customer_id(self) -> str:
        """The id in every feed."""
        return f"C{self.number + 1:05d}"

    def on(self, day: date) -> Row | None:
        """The row as the source had it at the end of a day, none before the customer came."""
        place = bisect_right(self.versions, day, key=lambda version: version["updated_at"].date())
        return self.versions[place - 1] if place else None

    def is_open(self, day: date) -> bool:
        """Whether the account stands open on a day."""
        row = self.on(day)
        return row is not None and row["closed_on"] is None


def customer(seed: int, number: int, opened_on: date, turns: tuple[tuple[date, str], ...]) -> Customer:
    """One customer with all versions; `turns` are the dated changes that this one goes through."""
    rng = dice(seed, "customer", number)
    country = "CN" if number < FIRST_ORDINARY else pick(rng, {"CN": 0.9, "US": 0.06, "GB": 0.04})
    days = life(rng, number, opened_on)
    turns = tuple(turn for turn in turns if opened_on < turn[0] and not (days.closed_on and turn[0] >= days.closed_on))
    row = _first_row(rng, number, country, opened_on)
    if number in CAST["shared_phone"]:
        row["phone"] = phone_number(dice(seed, "shared phone"), "CN")  # a couple with one telephone
    return Customer(
        number=number,
        country=country,
        versions=tuple(_versions(rng, row, days, turns)),
        life=days,
        calls_weight=rng.lognormvariate(0, 1.5),
        purchases_a_day=1.5 if number < FIRST_ORDINARY else min(rng.lognormvariate(0.4, 0.7), 6.0),
        usual_amount=rng.lognormvariate(4.5, 0.6),
        pays=pick(rng, {"in_time": 0.75, "late": 0.18, "never": 0.07}),
        card_turns=tuple(turn for turn in turns if turn[1] in ("card_replaced", "limit_raised")),
    )


def turning_points(customers: int) -> dict[int, list[tuple[date, str]]]:
    """Whom which change befalls when: in turn, not by chance, so that each fortnight has some of each."""
    ordinary = customers - FIRST_ORDINARY
    points: dict[int, list[tuple[date, str]]] = {}
    for turn in range((END - EPOCH).days // TURN_DAYS * len(TURNS)):
        period, kind = divmod(turn, len(TURNS))
        day = EPOCH + timedelta(days=period * TURN_DAYS + kind)
        points.setdefault(FIRST_ORDINARY + turn % ordinary, []).append((day, TURNS[kind]))
    return points


def opening_day(seed: int, number: int, customers: int) -> date:
    """Most came before the world began; every seventh ordinary one comes later, evenly spread."""
    newcomers = (customers - FIRST_ORDINARY) // 7
    place, late = divmod(number - FIRST_ORDINARY, 7)
    if number >= FIRST_ORDINARY and late == 6 and place < newcomers:
        return EPOCH + timedelta(days=3 + (END - EPOCH).days // newcomers * place)
    return EPOCH - timedelta(days=dice(seed, "opened", number).randint(260, 3600))


def _first_row(rng: Random, number: int, country: str, opened_on: date) -> Row:
    city, region, zone = rng.choice(PLACES[country])
    return {
        "customer_id": f"C{number + 1:05d}",
        **_person(rng, number, country),
        "occupation": rng.choice(OCCUPATIONS),
        "city": city,
        "region": region,
        "country": country,
        "star_level": min(7, 1 + int(rng.expovariate(0.6))),
        "opened_on": opened_on,
        "closed_on": None,
        "time_zone": zone if rng.random() < 0.95 else None,
        "marketing_consent": pick(rng, {True: 0.85, False: 0.1, None: 0.05}),
        "call_consent": pick(rng, {True: 0.9, False: 0.06, None: 0.04}),
        "sms_consent": pick(rng, {True: 0.85, False: 0.1, None: 0.05}),
        "profiling_objection": rng.random() < 0.02,
        "vulnerable": rng.random() < 0.02,
        "legal_hold": rng.random() < 0.01,
        "updated_at": moment(rng, opened_on, country),
    }


def _person(rng: Random, number: int, country: str) -> Row:
    # Of age when the first of them opened an account.
    birth, gender = date(1948, 1, 1) + timedelta(days=rng.randint(0, 17_800)), rng.choice(("female", "male"))
    name, letters = full_name(rng, country)
    mailbox = f"{letters}{birth:%y}.{number}@example.{rng.choice(('com', 'org', 'net'))}"
    return {
        "name": name,
        "phone": phone_number(rng, country),
        "id_number": id_number(rng, birth, gender) if country == "CN" else None,
        "email": mailbox if rng.random() < 0.9 else None,
        "wechat_id": f"wxid_{letters}{rng.randint(1000, 9999)}" if country == "CN" else None,
        "gender": gender if rng.random() < 0.97 else None,
        "birth_date": birth,
    }


def _versions(rng: Random, row: Row, days: Life, turns: tuple[tuple[date, str], ...]) -> list[Row]:
    versions = [row | {"story": "new_customer"}]
    for day, kind in turns:
        changes = _changes(rng, versions[-1], kind)
        if changes:
            versions.append(versions[-1] | changes | {"updated_at": _working_hour(rng, day), "story": kind})
    if days.closed_on and days.closed_on > row["opened_on"]:
        closing = {"closed_on": days.closed_on, "updated_at": _working_hour(rng, days.closed_on)}
        versions.append(versions[-1] | closing | {"story": "account_closed"})
    return versions


def _changes(rng: Random, row: Row, kind: str) -> Row:
    if kind == "moved_region":
        city, region, zone = rng.choice([place for place in PLACES[row["country"]] if place[1] != row["region"]])
        return {"city": city, "region": region, "time_zone": zone}
    if kind == "changed_phone":
        return {"phone": phone_number(rng, row["country"])}
    if kind == "consent_withdrawn" and (row["marketing_consent"] or row["call_consent"]):
        return {"marketing_consent": False, "call_consent": False}
    if kind == "star_changed":
        return {"star_level": max(1, min(7, row["star_level"] + rng.choice((-1, 1))))}
    return {}


def _working_hour(rng: Random, day: date) -> datetime:
    return midnight(day) + timedelta(seconds=rng.randint(3600, 10 * 3600))
