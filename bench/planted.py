"""Are both arms of a campaign alike before it, and is what it changed what the answers of the world planted?"""

import math
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from statistics import NormalDist
from typing import Any, NamedTuple

from scipy.stats import chi2

from bench.promises import Finding, Lake
from sample import answers
from sample.answers import PREFIX, Change, Contact
from sample.world import World

SURE = 0.999
Z = NormalDist().inv_cdf((1 + SURE) / 2)
LEAST_PERSONS, LEAST_OF_EACH = 100, 10
LATE_DAYS = 7
FACTS = {"silver.transactions": "transactions", "silver.calls": "calls"}
COVARIATES = {
    "transactions_30d": """(SELECT count(*) FROM transactions x WHERE x.customer_id = f.customer_id
        AND x.event_date BETWEEN f.night - 29 AND f.night AND x.known_on <= f.night)""",
    "calls_90d": """(SELECT count(*) FROM calls x WHERE x.customer_id = f.customer_id AND x.direction = 'inbound'
        AND x.event_date BETWEEN f.night - 89 AND f.night AND x.known_on <= f.night)""",
    "attempts_30d": """(SELECT count(*) FROM ledger x WHERE x.list_on = f.list_on AND x.customer_id = f.customer_id
        AND x.tried_at < f.t AND x.tried_at >= f.t - INTERVAL 720 HOUR)""",
    "churn_probability": """(SELECT max(probability) FROM scores x WHERE x.scored_on = f.night
        AND x.customer_id = f.customer_id)""",
    "expected_value": "f.expected_value",
}


class Told(NamedTuple):
    """The promises on effects, and a table of them in lines."""

    findings: list[Finding]
    lines: list[str]


def arms_alike(lake: Lake, campaigns: Sequence[str]) -> list[Finding]:
    """Compares listed and held out at their first date, by what was known then; call after `promises.kept`.

    Means by Welch's t, levels by chi-square, each at 99.9 %; a break tells the standardised difference.
    """
    breaks: dict[str, list[str]] = {name: [] for name in (*COVARIATES, "star_level")}
    persons = 0
    for campaign in campaigns:
        columns = ", ".join(f"{sql} AS {name}" for name, sql in COVARIATES.items())
        rows = lake.rows(f"""
            WITH f AS (
                SELECT c.*, p.star_level, p.t, p.night FROM candidates c
                JOIN (SELECT campaign, customer_id, min(list_on) AS list_on FROM candidates
                    WHERE decision <> 'suppressed' GROUP BY campaign, customer_id, date_trunc('quarter', list_on))
                USING (campaign, customer_id, list_on)
                JOIN known_people p USING (list_on, customer_id) WHERE c.campaign = '{campaign}'
            ) SELECT decision = 'listed', star_level, {columns} FROM f""")
        persons += len(rows)
        for place, name in enumerate(COVARIATES, 2):
            arms = [
                [float(row[place]) for row in rows if row[0] is arm and row[place] is not None] for arm in (True, False)
            ]
            difference, bound = _standardised(*arms)
            if abs(difference) > bound:
                breaks[name].append(f"{campaign}: {difference:+.3f} standard deviations, at most {bound:.3f}")
        statistic, freedom = _chi_square([(bool(row[0]), row[1]) for row in rows])
        if statistic > chi2.ppf(SURE, freedom):
            breaks["star_level"].append(f"{campaign}: chi-square {statistic:.1f} with {freedom} degrees of freedom")
    return [
        Finding(f"before the first contact both arms are alike: {name}", persons, found)
        for name, found in breaks.items()
    ]


def _standardised(one: Sequence[float], other: Sequence[float]) -> tuple[float, float]:
    """Difference of means in standard deviations, and how far chance may take it."""
    if min(len(one), len(other)) < 2:
        return 0.0, math.inf
    means = [sum(arm) / len(arm) for arm in (one, other)]
    spreads = [
        sum((value - mean) ** 2 for value in arm) / (len(arm) - 1)
        for arm, mean in zip((one, other), means, strict=True)
    ]
    deviation = math.sqrt(sum(spreads) / 2)
    if not deviation:
        return 0.0, math.inf
    error = math.sqrt(spreads[0] / len(one) + spreads[1] / len(other))
    return (means[0] - means[1]) / deviation, Z * error / deviation


def _chi_square(rows: Sequence[tuple[bool, Any]]) -> tuple[float, int]:
    """Pearson's statistic of arm by level, and its degrees of freedom."""
    levels = sorted({level for _, level in rows}, key=str)
    statistic = 0.0
    for arm in (True, False):
        in_arm = sum(is_listed is arm for is_listed, _ in rows)
        for level in levels:
            expected = in_arm * sum(each == level for _, each in rows) / len(rows)
            seen = sum(row == (arm, level) for row in rows)
            statistic += (seen - expected) ** 2 / expected if expected else 0.0
    return statistic, max(len(levels) - 1, 1)


def effects(
    lake: Lake, world: World, contacts: Sequence[Contact], planted: Mapping[str, Change], outreach: Any
) -> Told:
    """Measures effects again from silver, and holds gold.contact_effects and the planted ones against that."""
    ((as_of,),) = lake.rows("SELECT max(list_on) - 1 FROM candidates")
    counted = [each for each in outreach.campaigns if each.outcome.table in FACTS and each.kind != "duty"]
    persons = {each.name: _persons(lake, each, as_of) for each in counted}
    lines = [f"{'campaign':24} {'listed':>13} {'held out':>13} {'planted':>8} {'measured':>9} {'99.9 % interval':>20}"]
    wrong, differs = [], []
    for campaign in counted:
        of_lake = _of_lake(lake, campaign.name)
        again = _by_week(persons[campaign.name])
        differs += [(campaign.name, week, of_lake.get(week), again.get(week)) for week in {*of_lake, *again}
                    if of_lake.get(week) != again.get(week)]  # fmt: skip
        sums = tuple(sum(counts[place] for counts in of_lake.values()) for place in range(4))
        truth = None
        if campaign.name in planted:
            own = [each for each in contacts if each.campaign == campaign.name]
            truth = _truth(persons[campaign.name], world, own, planted[campaign.name], campaign.outcome.negate)
            wrong += _wrong(campaign.name, sums, truth)
        lines.append(_line(campaign.name, sums, truth))
    weeks = sum(len(_by_week(each)) for each in persons.values())
    return Told(
        [
            Finding("gold.contact_effects has the counts that silver gives again", weeks, differs),
            Finding("effects have the planted sign and size, from arms large enough", len(planted), wrong),
        ],
        lines,
    )


class Person(NamedTuple):
    """A person of a campaign and season whose outcome days have passed.

    `by_itself`: what its outcome looks for was seen in them among the rows that no contact of this world brought about.
    """

    customer_id: str
    list_on: date
    is_listed: bool
    until: date
    by_itself: bool
    is_success: bool


def _persons(lake: Lake, campaign: Any, as_of: date) -> list[Person]:
    table, days = FACTS[campaign.outcome.table], campaign.outcome_days
    identifier = "transaction_id" if table == "transactions" else "call_id"
    seen = f"count(*) FILTER (e.{identifier} IS NOT NULL)"
    unplanted = f"count(*) FILTER (e.{identifier} NOT LIKE '{PREFIX}%')"
    least, negate = campaign.outcome.at_least, campaign.outcome.negate
    rows = lake.rows(f"""
        WITH firsts AS (
            SELECT customer_id, min(list_on) AS list_on, arg_min(decision, list_on) = 'listed' AS is_listed
            FROM candidates
            WHERE campaign = '{campaign.name}' AND decision <> 'suppressed' AND list_on <= DATE '{as_of}'
            GROUP BY customer_id, date_trunc('quarter', list_on)
        ),
        mature AS (SELECT *, list_on + {days} AS until FROM firsts WHERE list_on + {days} <= DATE '{as_of}'),
        e AS (SELECT * FROM {table} WHERE {campaign.outcome.where})
        SELECT m.customer_id, m.list_on, m.is_listed, m.until, {unplanted} >= {least},
            ({seen} >= {least}) <> {negate}
        FROM mature m LEFT JOIN e
        ON e.customer_id = m.customer_id AND e.event_date > m.list_on AND e.event_date <= m.until
            AND e.known_on <= least(DATE '{as_of}', m.until + {LATE_DAYS})
        GROUP BY m.customer_id, m.list_on, m.is_listed, m.until""")
    return [Person(*row) for row in rows]


def _by_week(persons: Sequence[Person]) -> dict[date, tuple[int, ...]]:
    """Listed with success, listed, held out with success, held out, by Monday."""
    weeks: dict[date, list[int]] = {}
    for person in persons:
        counts = weeks.setdefault(person.list_on - timedelta(days=person.list_on.weekday()), [0, 0, 0, 0])
        arm = 0 if person.is_listed else 2
        counts[arm] += person.is_success
        counts[arm + 1] += 1
    return {week: tuple(counts) for week, counts in weeks.items()}


def _of_lake(lake: Lake, campaign: str) -> dict[date, tuple[int, ...]]:
    rows = lake.rows(f"""SELECT week, listed_successes, listed, held_out_successes, held_out FROM contact_effects
        WHERE campaign = '{campaign}'""")
    return {week: tuple(counts) for week, *counts in rows}


def _truth(persons: Sequence[Person], world: World, contacts: Sequence[Contact], change: Change, negate: bool) -> float:
    """The difference of success rates to expect (intention to treat).

    Each contact of a listed person in the outcome days adds its chance to bring the outcome about, unless one before
    did, or the person does so anyway; what a contact will bring about is settled when it is made.
    """
    of_customer: dict[str, list[Contact]] = {}
    for contact in sorted(contacts, key=lambda each: each.list_on):
        of_customer.setdefault(contact.customer_id, []).append(contact)
    listed = [person for person in persons if person.is_listed]
    gained = 0.0
    for person in (each for each in listed if not each.by_itself):
        for contact in of_customer[person.customer_id]:
            if not person.list_on <= contact.list_on < person.until:
                continue
            gained += answers.chance_of_acting(contact.channel, change, (person.until - contact.list_on).days)
            acts_on = answers.acts_on(world, contact, change)
            if acts_on and acts_on <= person.until:
                break
    return (-1 if negate else 1) * gained / len(listed) if listed else 0.0


def _wrong(campaign: str, sums: Sequence[int], truth: float) -> list[str]:
    won_1, n_1, won_0, n_0 = sums
    if min(n_1, n_0) < LEAST_PERSONS or min(won_1, n_1 - won_1, won_0, n_0 - won_0) < LEAST_OF_EACH:
        return [f"{campaign}: arms too small to tell, {won_1} of {n_1} and {won_0} of {n_0}"]
    difference, low, high = newcombe(*sums)
    if not low <= truth <= high:
        return [f"{campaign}: planted {truth:+.3f} is outside {low:+.3f} to {high:+.3f}"]
    if truth and (difference > 0) != (truth > 0):
        return [f"{campaign}: planted {truth:+.3f}, measured {difference:+.3f}"]
    return []


def newcombe(won_1: int, n_1: int, won_0: int, n_0: int) -> tuple[float, float, float]:
    """Difference of two shares with its 99.9 % hybrid score interval (Newcombe 1998, method 10)."""
    (p_1, low_1, high_1), (p_0, low_0, high_0) = _wilson(won_1, n_1), _wilson(won_0, n_0)
    difference = p_1 - p_0
    low = difference - math.hypot(p_1 - low_1, high_0 - p_0)
    return difference, low, difference + math.hypot(high_1 - p_1, p_0 - low_0)


def _wilson(won: int, n: int) -> tuple[float, float, float]:
    share = won / n
    middle = share + Z**2 / (2 * n)
    spread = Z * math.sqrt(share * (1 - share) / n + Z**2 / (4 * n**2))
    return share, (middle - spread) / (1 + Z**2 / n), (middle + spread) / (1 + Z**2 / n)


def _line(campaign: str, sums: Sequence[int], truth: float | None) -> str:
    won_1, n_1, won_0, n_0 = sums
    arms = f"{campaign:24} {f'{won_1} of {n_1}':>13} {f'{won_0} of {n_0}':>13}"
    if not n_1 or not n_0:
        return arms
    difference, low, high = newcombe(won_1, n_1, won_0, n_0)
    plan = "" if truth is None else f"{truth:+.3f}"
    return f"{arms} {plan:>8} {difference:+9.3f} {f'{low:+.3f} to {high:+.3f}':>20}"
