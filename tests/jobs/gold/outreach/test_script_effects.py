"""Which script works: those who got one against those who got another, by what became of them."""

from datetime import date, timedelta
from typing import Any

import pytest

from jobs.gold.outreach import script_effects
from jobs.tables import TABLES
from tests.frames import frame
from tests.jobs.gold.outreach.test_contact_effects import CAMPAIGN, DAYS, MONDAY, bought, chosen

pytestmark = pytest.mark.spark
TABLE = TABLES["gold.script_effects"]
ENDED = MONDAY + timedelta(days=DAYS)


def told(spark: Any, **rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    frames = {
        TABLES[name].short_name: frame(spark, name, rows.get(TABLES[name].short_name, [])) for name in TABLE.inputs
    }
    made = script_effects.build(**frames, as_of=ENDED, first=date(2026, 1, 1), time_zone="UTC", campaigns=[CAMPAIGN])
    return {row["script_id"]: row.asDict() for row in made.select(*TABLE.column_names).collect()}


def got(customer: str, script: str, list_on: date = MONDAY) -> dict[str, Any]:
    return {"list_on": list_on, "campaign": "save", "customer_id": customer, "script_id": script}


def test_scripts_are_held_against_each_other_as_the_arms_are(spark: Any) -> None:
    asked, offered = [f"A{n}" for n in range(200)], [f"B{n}" for n in range(100)]
    won = [*asked[:120], *offered[:40], "H1"]
    found = told(
        spark,
        call_candidates=[*(chosen(each, "listed") for each in (*asked, *offered)), chosen("H1", "holdout")],
        call_lists=[*(got(each, "ask") for each in asked), *(got(each, "offer") for each in offered)],
        transactions=[bought(each, MONDAY + timedelta(days=9)) for each in won],
    )
    ask, offer = found["ask"], found["offer"]
    assert [ask[name] for name in ("listed", "successes", "others_listed", "others_successes")] == [200, 120, 100, 40]
    assert (ask["rate"], ask["others_rate"], ask["difference"]) == pytest.approx((0.6, 0.4, 0.2))
    # As in the test of contact effects, where the same counts are two arms.
    assert (ask["difference_low"], ask["difference_high"]) == pytest.approx((0.0801, 0.3117), abs=1e-4)
    assert (offer["difference"], offer["difference_low"]) == pytest.approx((-0.2, -0.3117), abs=1e-4)
    assert ask["is_claim"]
    assert ask["final_on"] == MONDAY + timedelta(days=6 + DAYS + 7)


def test_a_customer_counts_with_the_script_of_the_first_list_once_the_days_have_passed(spark: Any) -> None:
    later = MONDAY + timedelta(days=10)
    rows: dict[str, list[dict[str, Any]]] = {
        "call_candidates": [chosen("A", "listed"), chosen("A", "listed", later), chosen("B", "listed", later)],
        "call_lists": [got("A", "ask"), got("A", "offer", later), got("B", "offer", later)],
    }
    found = told(spark, **rows)
    assert {script: row["listed"] for script, row in found.items()} == {"ask": 1}
    assert (found["ask"]["difference"], found["ask"]["is_claim"], found["ask"]["others_listed"]) == (None, False, 0)
