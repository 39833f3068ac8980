"""The fortnight finds what the answers planted, and says so when a campaign changes something else."""

import random
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bench import planted
from bench.promises import Lake
from sample import answers
from sample.answers import Change, Contact
from sample.world import World

FIRST, LISTS, PEOPLE, DAYS = date(2026, 3, 24), 11, 400, 3
AS_OF = FIRST + timedelta(days=LISTS + DAYS)
TOLD = Change("transactions", 0.7)
CAMPAIGN = SimpleNamespace(
    name="offer", kind="marketing", outcome_days=DAYS,
    outcome=SimpleNamespace(table="silver.transactions", where="true", at_least=1, negate=False),
)  # fmt: skip


def found(root: Path, lives_by: Change) -> planted.Told:
    """What is found in a world where contacts change this much, when TOLD is what was planted."""
    world, rng = World(7, PEOPLE), random.Random(1)
    contacts, candidates, rows = [], [], []
    done: set[str] = set()
    for day in (FIRST + timedelta(days=n) for n in range(LISTS)):
        free = [holder.customer_id for holder in world.customers if holder.customer_id not in done]
        for who in rng.sample(free, min(70, len(free))):
            is_listed = random.Random(who).random() < 0.6
            candidates.append({"list_on": day, "campaign": "offer", "customer_id": who,
                               "decision": "listed" if is_listed else "holdout"})  # fmt: skip
            contact = Contact(day, "offer", who, "call", datetime(day.year, day.month, day.day, 10, tzinfo=UTC))
            told = answers.result(world, contact) if is_listed else None
            if not is_listed or (told and told["result"] in answers.TOUCHING):
                done.add(who)
            if is_listed:
                contacts.append(contact)
                rows.append((contact.row_id, who, answers.acts_on(world, contact, lives_by)))
    for holder in world.customers:
        days = [FIRST + timedelta(days=n) for n in range(LISTS + DAYS) if rng.random() < 0.08]
        rows += [(f"txn-{holder.customer_id}-{day}", holder.customer_id, day) for day in days]
    candidates.append({"list_on": AS_OF + timedelta(days=1), "campaign": "other", "decision": "suppressed"})
    lake = Lake(root)
    lake.add("candidates", candidates, "list_on DATE, campaign VARCHAR, customer_id VARCHAR, decision VARCHAR")
    made: list[dict[str, Any]] = [
        {"transaction_id": key, "customer_id": who, "event_date": day, "known_on": day} for key, who, day in rows if day
    ]
    lake.add("transactions", made, "transaction_id VARCHAR, customer_id VARCHAR, event_date DATE, known_on DATE")
    lake.run(f"""CREATE TABLE contact_effects AS
        WITH p AS (SELECT *, list_on + {DAYS} AS until FROM (
            SELECT customer_id, min(list_on) AS list_on, arg_min(decision, list_on) AS arm FROM candidates
            WHERE campaign = 'offer' GROUP BY customer_id, date_trunc('quarter', list_on))),
        s AS (SELECT p.*, EXISTS (SELECT 1 FROM transactions t WHERE t.customer_id = p.customer_id
            AND t.event_date > p.list_on AND t.event_date <= p.until) AS won FROM p)
        SELECT 'offer' AS campaign, CAST(date_trunc('week', list_on) AS DATE) AS week,
            count(*) FILTER (arm = 'listed' AND won) AS listed_successes, count(*) FILTER (arm = 'listed') AS listed,
            count(*) FILTER (arm = 'holdout' AND won) AS held_out_successes,
            count(*) FILTER (arm = 'holdout') AS held_out
        FROM s GROUP BY ALL""")
    return planted.effects(lake, world, contacts, {"offer": TOLD}, SimpleNamespace(campaigns=[CAMPAIGN]))


def test_what_was_planted_is_found(tmp_path: Path) -> None:
    told = found(tmp_path, TOLD)
    assert [finding.broken for finding in told.findings] == [0, 0]
    assert told.lines[1].startswith("offer")


@pytest.mark.parametrize("chance", [0.0, 0.15])
def test_another_effect_than_the_planted_is_a_broken_promise(tmp_path: Path, chance: float) -> None:
    counts, size = found(tmp_path, Change("transactions", chance)).findings
    assert counts.broken == 0
    assert "planted +0.3" in str(size.breaks[0])


def test_the_interval_is_newcombe_s() -> None:
    # Newcombe (1998), table II (a): 56 of 70 against 48 of 80 is +0.0524 to +0.3339 at 95 %, wider at 99.9 %.
    difference, low, high = planted.newcombe(56, 70, 48, 80)
    assert difference == pytest.approx(0.2)
    assert low < 0.0524 < 0.3339 < high
