"""How a list went: by score, hour, agent and script, the best result of each contact, late ones for seven days."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from deltalake import DeltaTable

from jobs import runner
from jobs.gold.outreach import list_quality
from jobs.settings import read_settings
from jobs.tables import TABLES
from tests.conftest import World
from tests.frames import frame

pytestmark = pytest.mark.spark
DAY = date(2026, 3, 2)
SLOT = datetime(2026, 3, 2, 2, tzinfo=UTC)


def chosen(customer: str, score: float | None = None, decision: str = "listed", list_on: date = DAY) -> dict[str, Any]:
    return {
        "list_on": list_on, "campaign": "save", "customer_id": customer, "kind": "marketing", "channel": "call",
        "decision": decision, "score": score, "slot_start_at": SLOT,
    }  # fmt: skip


def script(customer: str, script_id: str) -> dict[str, Any]:
    return {
        "list_on": DAY, "campaign": "save", "customer_id": customer, "script_id": script_id, "channel": "call", "rank": 1,
        "slot_start_at": SLOT, "slot_end_at": SLOT, "why": "", "script_hint": "", "expected_value": 0.0,
    }  # fmt: skip


def result(customer: str, found: str, hours: int = 0, agent: str | None = "G1", late: int = 0, **more: Any) -> Any:
    return {
        "attempt_id": f"{customer}-{hours}-{found}", "list_on": DAY, "campaign": "save", "customer_id": customer,
        "attempted_at": SLOT + timedelta(hours=hours), "channel": "call", "agent_id": agent, "result": found,
        "event_date": DAY, "known_on": DAY + timedelta(days=late), "ds": DAY, "row_hash": 0,
    } | more  # fmt: skip


def told(spark: Any, as_of: date, dimension: str, **rows: list[dict[str, Any]]) -> dict[Any, tuple[int, ...]]:
    frames = {
        name: frame(spark, f"{layer}.{name}", rows.get(name, []))
        for layer, name in (("gold", "call_candidates"), ("gold", "call_lists"), ("silver", "contact_results"))
    }
    made = list_quality.build(**frames, as_of=as_of, first=DAY, time_zone="Asia/Shanghai")
    counts = ("listed", "contacted", "reached", "converted")
    of_dimension = made.where(f"dimension = '{dimension}'").collect()
    return {row["group_name"]: tuple(row[name] for name in counts) for row in of_dimension}


ROWS: dict[str, Any] = {
    "call_candidates": [
        *(chosen(name) for name in ("won", "refused", "machine", "busy", "mail", "late", "unworked")),
        chosen("spared", decision="holdout"),
    ],
    "call_lists": [script("won", "a"), script("refused", "a"), script("machine", "b"), script("busy", "b")],
    "contact_results": [
        result("won", "no_answer"), result("won", "converted", 3, "G2", answered_by="live"), result("won", "busy", 5),
        result("refused", "refused", 1),
        result("machine", "reached", answered_by="machine"),
        result("busy", "busy", 1),
        result("mail", "delivered", agent=None),
        result("late", "reached", late=7), result("unworked", "reached", late=8),
        result("unworked", "reached", event_date=DAY - timedelta(days=8)),
        result("spared", "reached"), result("won", "converted", campaign="other"),
    ],
}  # fmt: skip


def test_the_best_result_of_a_contact_counts_and_a_machine_is_no_right_party(spark: Any) -> None:
    in_a_week = DAY + timedelta(days=7)
    assert told(spark, in_a_week, "agent", **ROWS) == {
        "G1": (4, 3, 2, 0), "G2": (1, 1, 1, 1), None: (2, 1, 0, 0),
    }  # fmt: skip
    assert told(spark, in_a_week, "script", **ROWS) == {"a": (2, 2, 2, 1), "b": (2, 1, 0, 0), None: (3, 2, 1, 0)}
    # 02:00 UTC is 10:00 in Shanghai; without an attempt the planned hour stands.
    assert told(spark, in_a_week, "hour", **ROWS) == {"10": (4, 3, 1, 0), "11": (2, 1, 1, 0), "13": (1, 1, 1, 1)}


def test_results_come_late_for_seven_days_and_then_no_more(spark: Any) -> None:
    assert told(spark, DAY, "agent", **ROWS)["G1"] == (3, 2, 1, 0)
    assert told(spark, DAY + timedelta(days=7), "agent", **ROWS)["G1"] == (4, 3, 2, 0)
    assert told(spark, DAY + timedelta(days=60), "agent", **ROWS)["G1"] == (4, 3, 2, 0)


def test_tenths_are_of_the_list_and_who_has_no_score_has_none(spark: Any) -> None:
    candidates = [chosen(f"c{n:02}", score=n / 20) for n in range(20)] + [chosen("none")]
    found = told(
        spark, DAY, "score_decile", call_candidates=candidates, contact_results=[result("c19", "converted")]
    )  # fmt: skip
    assert found == {"1": (2, 1, 1, 1)} | {str(n): (2, 0, 0, 0) for n in range(2, 11)} | {None: (1, 0, 0, 0)}


def test_equal_scores_share_the_tenth_of_the_first_of_them(spark: Any) -> None:
    constant = [chosen(f"c{n:02}", score=0.1) for n in range(20)]
    assert told(spark, DAY, "score_decile", call_candidates=constant) == {"1": (20, 0, 0, 0)}
    scores = [0.9, *[0.5] * 4, *(0.1 - n / 100 for n in range(5))]
    found = told(
        spark, DAY, "score_decile", call_candidates=[chosen(f"c{n}", score) for n, score in enumerate(scores)]
    )  # fmt: skip
    assert {tenth: counts[0] for tenth, counts in found.items()} == {"1": 1, "2": 4} | {str(n): 1 for n in range(6, 11)}


def test_a_night_moves_forward_and_the_same_night_again_changes_nothing(world: World) -> None:
    lake = runner.open_lake(read_settings())
    for layer, name in (("gold", "call_candidates"), ("gold", "call_lists"), ("silver", "contact_results")):
        lake.append(TABLES[f"{layer}.{name}"], frame(lake.spark, f"{layer}.{name}", ROWS[name]))
    assert world.make("gold.list_quality", str(DAY - timedelta(days=1))) == 0, "the list's day has not come"
    made = world.make("gold.list_quality", str(DAY))
    assert made > 0
    version = DeltaTable(world.lake / "gold/list_quality").version()
    assert world.make("gold.list_quality", str(DAY)) == 0
    assert world.make("gold.list_quality", str(DAY - timedelta(days=1))) == 0
    assert DeltaTable(world.lake / "gold/list_quality").version() == version
    assert world.make("gold.list_quality", str(DAY + timedelta(days=7))) > 0, "a late result"
    rate = world.rows("gold.list_quality", "contacted_rate", "reached_rate", "converted_rate", "group_name")
    assert (0.75, 2 / 3, 0.0, "G1") in [tuple(row) for row in rate]
