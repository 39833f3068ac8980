"""The morning page: one file that names nobody, asks nobody, and whose numbers are those of the tables."""

import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from jobs import runner
from jobs.reports import call_lists, pages
from jobs.settings import read_settings
from jobs.table_logs import TableLogs
from jobs.tables import TABLES
from tests.conftest import World
from tests.frames import frame

pytestmark = pytest.mark.spark
DAY = date(2026, 3, 30)
LIST_ON = DAY + timedelta(days=1)
AT = datetime(2026, 3, 31, 10, tzinfo=UTC)


def test_the_page_shows_totals_reasons_minutes_and_effects(world: World) -> None:
    settings = read_settings()
    assert pages.write("call_lists", DAY, settings) is None, "no lists, no page"
    lake = runner.open_lake(settings)
    chosen = {
        "list_on": LIST_ON,
        "campaign": "churn_save",
        "kind": "marketing",
        "channel": "call",
        "expected_value": 22.0,
    }
    slot = {"slot_start_at": AT, "slot_end_at": AT + timedelta(hours=1)}
    candidates = [
        *({**chosen, **slot, "customer_id": f"L{n}", "decision": "listed", "rank": n + 1} for n in range(3)),
        {**chosen, **slot, "customer_id": "H", "decision": "holdout", "reason": "holdout"},
        *({**chosen, "customer_id": f"S{n}", "decision": "suppressed", "reason": "no_consent"} for n in range(4)),
        {**chosen, "customer_id": "S9", "decision": "suppressed", "reason": "over_capacity"},
    ]
    listed = [
        {**row, "why": "spends less", "script_id": "s", "script_hint": "ask"}
        for row in candidates
        if row["decision"] == "listed"
    ]
    week = {
        "campaign": "churn_save", "week": DAY - timedelta(days=91), "listed": 900, "held_out": 100, "contacted": 500,
        "incremental_effect": 0.051, "effect_low": 0.01, "effect_high": 0.09, "cost": Decimal(0), "is_claim": True,
        "sentence": "kept 5.1 points more", "listed_successes": 800, "held_out_successes": 80, "contacts": 500,
        "final_on": DAY,
    }  # fmt: skip
    script = {
        "campaign": "churn_save", "week": week["week"], "script_id": "offer", "listed": 450, "successes": 405, "rate": 0.9,
        "others_listed": 450, "others_successes": 396, "others_rate": 0.88, "difference": 0.02, "difference_low": -0.021,
        "difference_high": 0.061, "is_claim": True, "final_on": DAY,
    }  # fmt: skip
    for name, rows in (
        ("gold.call_candidates", candidates),
        ("gold.call_lists", listed),
        ("gold.contact_effects", [week]),
        ("gold.script_effects", [script]),
    ):
        lake.append(TABLES[name], frame(lake.spark, name, rows))
    file = pages.write("call_lists", DAY, settings)
    page = (world.root / f"delivery/reports/{DAY}/call_lists.html").read_text()
    assert file is not None
    for wanted in (
        "<b>3</b>",
        "<b>9</b>",
        "<b>1</b>",
        "<b>5</b>",
        "no consent",
        "no agent minutes left",
        "+5.1 [+1.0, +9.0]",
        "+2.0 [-2.1, +6.1]",
        "on the lists",
        " -4</text>",
    ):
        assert wanted in page
    assert re.search(r"<td>10:00</td><td class=\"n\">3</td><td class=\"n\">15</td><td class=\"n\">60</td>", page)
    assert not re.search(r"""(src|href)="(?!#|data:)|url\((?!#)|@import|<script""", page), "all that it shows is in it"
    assert not re.search(r"\b(L0|H|S0)\b", page), "it names nobody"
    assert pages.write("call_lists", DAY, settings) == file
    assert (world.root / f"delivery/reports/{DAY}/call_lists.html").read_text() == page


def test_the_page_counts_the_minutes_of_shifts_as_the_lists_do(world: World) -> None:
    settings = read_settings()
    lake = runner.open_lake(settings)
    chosen = {"list_on": LIST_ON, "campaign": "churn_save", "kind": "marketing", "channel": "call", "customer_id": "S"}
    rows: dict[str, list[dict[str, Any]]] = {
        "gold.call_candidates": [{**chosen, "decision": "suppressed", "reason": "no_consent"}],
        "silver.shifts": [
            {"agent_id": agent, "planned_start_at": start, "planned_end_at": start + timedelta(hours=8),
             "leave_type": leave, "event_date": start.date(), "known_on": DAY, "ds": DAY, "row_hash": n}
            for n, (agent, start, leave) in enumerate(
                [("A1", AT - timedelta(hours=10.5), None), ("A2", AT, "annual")]
            )
        ],
    }  # fmt: skip
    for name, given in rows.items():
        lake.append(TABLES[name], frame(lake.spark, name, given))
    told = call_lists.content(TableLogs(settings.lake), DAY, settings)
    assert told is not None
    share = settings.configuration.outreach.capacity.share_of_shifts * 60
    assert [(row["hour"], row["minutes"]) for row in told["hours"]] == [
        *((f"0{hour}:00", pytest.approx(share)) for hour in range(7)),
        ("07:00", pytest.approx(share / 2)),
    ]
