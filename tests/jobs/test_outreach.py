"""Mornings with results flowing back: nobody is listed who must not be, as SQL over the lake tells it."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import duckdb
import pytest
from deltalake import DeltaTable

from jobs import outreach, runner
from jobs.delivery import records
from jobs.gold.outreach.hours import Shift
from jobs.lake import Lake
from jobs.settings import read_settings
from jobs.table_logs import TableLogs
from jobs.tables import TABLES
from tests.conftest import World
from tests.frames import frame

pytestmark = pytest.mark.spark
FIRST = date(2026, 6, 1)
NIGHTS = 5
PEOPLE = 240
STEPS = ("features.outreach_customers", "gold.call_candidates", "gold.call_lists")
OUTCOME = {"table": "silver.transactions"}
CAMPAIGNS = {
    "save": {
        "goal": "keep", "kind": "marketing", "channel": "call", "audience": "star_level >= 2", "score": "0.3", "value": 1000,
        "effect": 0.1, "effect_sd": 0.05, "cost": 8, "why": "{star_level} stars", "owner": "us",
        "scripts": [{"id": "s1", "hint": "ask"}], "quota": 40, "outcome": OUTCOME, "outcome_days": 5,
    },
    "remind": {
        "goal": "remind", "kind": "service", "channel": "sms", "audience": "star_level >= 1", "score": "0.2", "value": 100,
        "effect": 0.1, "effect_sd": 0.05, "cost": 0.1, "why": "{star_level} stars", "owner": "us",
        "scripts": [{"id": "r1", "hint": "text"}], "quota": 30, "outcome": OUTCOME, "outcome_days": 5,
    },
    "promise": {
        "goal": "call", "kind": "duty", "channel": "call", "audience": "callback_at IS NOT NULL", "score": "1.0", "value": 50,
        "effect": 0.5, "effect_sd": 0.2, "cost": 8, "why": "promised", "owner": "us", "scripts": [{"id": "p1", "hint": "call"}],
        "outcome": OUTCOME, "outcome_days": 5,
    },
}  # fmt: skip

NOTHING: dict[str, Any] = {
    **dict.fromkeys(("is_person_barred", "is_number_barred"), False),
    **{name: [] for name in ("barred_channels", "refused_campaigns", "reached_campaigns", "held_out")},
    **{name: {} for name in ("campaign_attempts_7d", "number_attempts_7d")},
    **dict.fromkeys(("contacts_1d", "contacts_7d", "contacts_30d", "call_attempts_1d", "connected_calls_1d"), 0),
    **dict.fromkeys(("open_complaints", "open_requests"), 0),
}
"""What keeps nobody from a list."""


@pytest.fixture(scope="module")
def mornings(module_world: World) -> World:
    """A lake after some nights; the results of each list came in the night after."""
    ours = dict.fromkeys(campaign.name for campaign in read_settings().configuration.outreach.campaigns)
    module_world.configure(outreach={"campaigns": {**ours, **CAMPAIGNS}, "capacity": {"minutes_an_hour": 10}})
    lake = runner.open_lake(read_settings())
    rng = Random(5)
    lake.append(TABLES["silver.customers_versions"], frame(lake.spark, "silver.customers_versions", list(_people(rng))))
    entries = [
        {"customer_id": f"C{n}", "added_at": _at(FIRST, -9), "known_on": FIRST, "event_date": FIRST, "ds": FIRST, "row_hash": n}
        for n in range(0, PEOPLE, 17)
    ]  # fmt: skip
    lake.append(TABLES["silver.do_not_call"], frame(lake.spark, "silver.do_not_call", entries))
    for name in ("silver.contact_results", "silver.calls", "silver.tickets_versions", "silver.statements_versions",
                 "gold.customer_identities", "features.customer_tag_values", "gold.churn_scores",
                 "gold.repeat_call_advice"):  # fmt: skip
        lake.create(TABLES[name])
    for n in range(NIGHTS):
        day = FIRST + timedelta(days=n)
        came = list(_results(module_world, day, rng)) if n else []
        if came:
            lake.append(TABLES["silver.contact_results"], frame(lake.spark, "silver.contact_results", came))
        batches = [
            {"feed": feed, "ds": day, "file": f"{feed}.csv", "rows_in": 0, "rows_landed": 0, "rows_quarantined": 0}
            for feed in ("contact_results", "do_not_call")
        ]
        lake.record(TABLES["ops.batches"], batches, f"ds = DATE'{day}'")
        for step in STEPS:
            module_world.make(step, str(day))
    return module_world


def _at(day: date, hours: float) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(hours=hours)


def _people(rng: Random) -> Iterator[dict[str, Any]]:
    for n in range(PEOPLE):
        yield {
            "customer_id": f"C{n}", "phone_token": f"t{n // 2 if n < 20 else n}", "country": "CN", "region": "Hunan",
            "time_zone": rng.choice(["Asia/Shanghai", "Europe/Berlin", None]), "star_level": rng.randrange(1, 8),
            "marketing_consent": rng.choice([True, True, True, False, None]), "call_consent": rng.random() < 0.9,
            "sms_consent": rng.random() < 0.9, "vulnerable": rng.random() < 0.05, "updated_at": _at(FIRST, -24),
            "known_on": FIRST, "row_hash": n,
        }  # fmt: skip


def _results(world: World, day: date, rng: Random) -> Iterator[dict[str, Any]]:
    """What came of the list of the date: a fifth is not worked, and agents call by hand besides."""
    columns = ("list_on", "campaign", "customer_id", "channel", "slot_start_at")
    listed = [row for row in world.rows("gold.call_lists", *columns) if row[0] == day]
    tried = [row for row in listed if rng.random() < 0.8]
    tried += [(None, None, f"C{rng.randrange(PEOPLE)}", "call", _at(day, 11)) for _ in range(6)]
    for n, (list_on, campaign, customer, channel, at) in enumerate(tried):
        spoken = rng.choice(
            ["reached", "no_answer", "busy", "voicemail", "converted", "refused", "wrong_number", "callback"]
        )
        yield {
            "attempt_id": f"{day}-{n}", "list_on": list_on, "campaign": campaign, "customer_id": customer,
            "attempted_at": at + timedelta(minutes=rng.randrange(50)), "channel": channel,
            "result": spoken if channel == "call" else "delivered",
            "callback_at": _at(day, 34) if spoken == "callback" and channel == "call" else None,
            "event_date": day, "known_on": day, "ds": day, "row_hash": n,
        }  # fmt: skip


def ask(world: World, query: str) -> list[tuple[Any, ...]]:
    """Rows of a query over candidates, lists, results, people and entries, by another reader than Spark."""
    tables = {
        "candidates": "gold/call_candidates", "lists": "gold/call_lists", "results": "silver/contact_results",
        "people": "silver/customers_versions", "entries": "silver/do_not_call",
    }  # fmt: skip
    with duckdb.connect() as db:
        db.execute("SET TimeZone = 'UTC'")
        for name, folder in tables.items():
            db.register(name, DeltaTable(world.lake / folder).to_pyarrow_dataset())
        return db.execute(query).fetchall()


def test_every_morning_has_lists_holdouts_and_a_reason_for_everybody_else(mornings: World) -> None:
    days = ask(mornings, "SELECT list_on, count(*) FILTER (decision = 'listed') FROM candidates GROUP BY 1 ORDER BY 1")
    assert [day for day, _ in days] == [FIRST + timedelta(days=n + 1) for n in range(NIGHTS)]
    assert all(listed > 0 for _, listed in days)
    assert ask(mornings, "SELECT * FROM candidates WHERE decision <> 'listed' AND reason IS NULL") == []
    reasons = {row[0] for row in ask(mornings, "SELECT DISTINCT reason FROM candidates")}
    assert reasons >= {
        "no_consent", "do_not_call", "protected", "capped_all_channels", "capped_campaign", "over_quota", "duplicate", "holdout",
    }  # fmt: skip
    same = "SELECT count(*) FROM candidates c FULL JOIN lists l USING (list_on, campaign, customer_id) WHERE "
    assert ask(mornings, same + "(c.decision = 'listed') IS DISTINCT FROM (l.rank IS NOT NULL)") == [(0,)]


def test_no_window_holds_more_contacts_than_the_caps_allow(mornings: World) -> None:
    attempts = """
        SELECT customer_id, attempted_at AS at FROM results WHERE result NOT IN ('busy', 'no_answer')
        UNION ALL SELECT customer_id, slot_start_at FROM candidates WHERE decision = 'holdout'
    """
    for days, most in ((1, 1), (7, 2), (30, 4)):
        over = ask(
            mornings,
            f"""WITH attempts AS ({attempts})
            SELECT l.list_on, l.customer_id, count(*) FROM lists l JOIN attempts a USING (customer_id)
            WHERE a.at < l.list_on AND a.at >= l.list_on - INTERVAL {days} DAY GROUP BY ALL HAVING count(*) >= {most}""",
        )
        assert over == [], f"{most} in {days} days"


def test_nobody_barred_without_consent_or_held_out_is_on_a_list(mornings: World) -> None:
    barred = """SELECT l.customer_id FROM lists l JOIN people p USING (customer_id) WHERE p.phone_token IN (
        SELECT n.phone_token FROM people n JOIN entries USING (customer_id)) OR p.vulnerable
        OR (l.channel = 'call' AND NOT p.call_consent) OR (l.channel = 'sms' AND NOT p.sms_consent)
        OR (l.campaign = 'save' AND p.marketing_consent IS NOT TRUE)"""
    assert ask(mornings, barred) == []
    again = """SELECT * FROM lists l JOIN candidates c USING (campaign, customer_id)
        WHERE c.decision = 'holdout' AND l.list_on > c.list_on"""
    assert ask(mornings, again) == []
    wrong = """SELECT * FROM lists l JOIN people p USING (customer_id) JOIN (
        SELECT phone_token, min(attempted_at) AS at FROM results JOIN people USING (customer_id)
        WHERE result = 'wrong_number' GROUP BY 1) w USING (phone_token) WHERE w.at < l.list_on"""
    assert ask(mornings, wrong) == []


def test_people_are_called_in_their_own_hours_and_once_a_day(mornings: World) -> None:
    outside = """SELECT * FROM lists JOIN people USING (customer_id) WHERE
        hour(timezone(coalesce(time_zone, 'Asia/Shanghai'), slot_start_at)) NOT BETWEEN 9 AND 19"""
    assert ask(mornings, outside) == []
    assert ask(mornings, "SELECT list_on, customer_id FROM lists GROUP BY ALL HAVING count(*) > 1") == []
    numbers = "SELECT list_on, phone_token FROM lists JOIN people USING (customer_id) GROUP BY ALL HAVING count(*) > 1"
    assert ask(mornings, numbers) == []
    minutes = "SELECT slot_start_at FROM lists WHERE channel = 'call' GROUP BY 1 HAVING 5 * count(*) > 10"
    assert ask(mornings, minutes) == []


def test_lists_that_were_delivered_stay_whatever_arrives_later(mornings: World) -> None:
    day = FIRST + timedelta(days=1)
    listed = f"SELECT max(customer_id) FROM lists WHERE list_on = DATE '{day + timedelta(days=1)}'"
    ((customer,),) = ask(mornings, listed)
    lake = runner.open_lake(read_settings())
    records.note(lake, records.FOLDER, records.Parcel(day + timedelta(days=1), 1, 1, "0"))
    late = {
        "customer_id": customer,
        "added_at": _at(day, 1),
        "known_on": day,
        "event_date": day,
        "ds": day,
        "row_hash": 999,
    }
    lake.append(TABLES["silver.do_not_call"], frame(lake.spark, "silver.do_not_call", [late]))
    versions = [DeltaTable(mornings.lake / step.replace(".", "/")).version() for step in STEPS[1:]]
    assert [mornings.make(step, str(day)) > 0 for step in STEPS] == [True, False, False]
    assert [DeltaTable(mornings.lake / step.replace(".", "/")).version() for step in STEPS[1:]] == versions
    lake.delete(TABLES["silver.do_not_call"], "row_hash = 999")


def test_the_same_night_again_changes_nothing(mornings: World) -> None:
    day = FIRST + timedelta(days=NIGHTS - 1)
    before = [DeltaTable(mornings.lake / step.replace(".", "/")).version() for step in STEPS]
    assert [mornings.make(step, str(day)) for step in STEPS] == [0, 0, 0]
    assert [DeltaTable(mornings.lake / step.replace(".", "/")).version() for step in STEPS] == before


def test_nobody_is_listed_when_the_last_do_not_call_file_is_old(mornings: World) -> None:
    late = FIRST + timedelta(days=NIGHTS + 31)
    for step in STEPS:
        mornings.make(step, str(late))
    told = ask(mornings, f"SELECT DISTINCT decision FROM candidates WHERE list_on = DATE '{late + timedelta(days=1)}'")
    assert told == [("suppressed",)]


def test_a_call_is_live_where_somebody_was_reached_and_no_machine_is_named(spark: Any) -> None:
    told: dict[str, list[tuple[int, str, str | None]]] = {
        "golden": [(29, "dropped", None), (9, "reached", "live"), (7, "voicemail", "machine")],
        "silent": [(1, "dropped", None), (99, "reached", None)],
        "machines_named": [(29, "dropped", None), (9, "refused", None), (7, "reached", "machine")],
        "results_only": [(29, "dropped", None), (9, "do_not_call", None), (7, "voicemail", None), (80, "busy", None)],
        "nobody_there": [(5, "no_answer", None)],
        "machines_dropped": [(1, "dropped", "live"), (99, "reached", "live"), (40, "dropped", "machine")],
    }
    results = [
        {"campaign": campaign, "channel": "call", "result": result, "answered_by": by, "event_date": FIRST}
        for campaign, rows in told.items()
        for count, result, by in rows
        for _ in range(count)
    ]
    shares = outreach._abandoned(frame(spark, "silver.contact_results", results), FIRST)
    assert shares == pytest.approx(
        {
            "golden": 0.6444,
            "silent": 0.01,
            "machines_named": 0.6444,
            "results_only": 0.6444,
            "nobody_there": 0.0,
            "machines_dropped": 0.01,
        },
        abs=5e-5,
    )


def test_shifts_of_a_day_are_those_that_began_on_it_or_the_day_before_as_known_then(world: World) -> None:
    lake = runner.open_lake(read_settings())
    assert outreach._shifts(lake, FIRST) == []
    before = FIRST - timedelta(days=1)
    planned = [
        {"agent_id": agent, "planned_start_at": _at(FIRST, start), "planned_end_at": end and _at(FIRST, end),
         "leave_type": leave, "event_date": _at(FIRST, start).date(), "known_on": known_on, "ds": known_on, "row_hash": n}
        for n, (agent, start, end, leave, known_on) in enumerate([
            ("night", -0.5, 7.5, None, before), ("day", 9, 17, None, before), ("ill", 9, 17, "sick", before),
            ("told later", 9, 17, None, FIRST), ("no end", 9, None, None, before), ("long ago", -30, -22, None, before),
            ("next day", 24, 32, None, before),
        ])
    ]  # fmt: skip
    lake.append(TABLES["silver.shifts"], frame(lake.spark, "silver.shifts", planned))
    assert sorted(outreach._shifts(lake, FIRST), key=lambda shift: (shift.start, shift.is_leave)) == [
        Shift(_at(FIRST, -0.5), _at(FIRST, 7.5), is_leave=False),
        Shift(_at(FIRST, 9), _at(FIRST, 17), is_leave=False),
        Shift(_at(FIRST, 9), _at(FIRST, 17), is_leave=True),
    ]


def test_nobody_is_told_to_have_spent_more_than_usual_before_the_usual_is_known(world: World) -> None:
    lake = runner.open_lake(read_settings())
    spent = {
        "transaction_id": "T", "customer_id": "A", "posted_at": _at(FIRST, 1), "amount": Decimal(1), "currency": "CNY",
        "kind": "purchase", "event_date": FIRST, "known_on": FIRST, "ds": FIRST, "row_hash": 1,
    }  # fmt: skip
    lake.append(TABLES["silver.transactions"], frame(lake.spark, "silver.transactions", [spent]))
    tags = {"customer_id": "A", "instalment_user_365d": "no", "abnormal_consumption_7d": "spike"}
    nights = [FIRST + timedelta(days=days) for days in (88, 89)]
    for name, row in ((STEPS[0], NOTHING | {"customer_id": "A"}), ("features.customer_tag_values", tags)):
        lake.append(TABLES[name], frame(lake.spark, name, [row | {"as_of": night} for night in nights]))
    for name in ("silver.contact_results", "gold.customer_identities", "gold.churn_scores", "gold.repeat_call_advice"):
        lake.create(TABLES[name])
    offered = [world.make("gold.call_candidates", str(night)) for night in nights]
    assert offered == [0, 1], "90 days are known at the end of the second night"
    ((told, day),) = world.rows("gold.call_candidates", "campaign", "list_on")
    assert (told, day) == ("instalment_offer", nights[1] + timedelta(days=1))


def _warned(lake: Lake, night: date, people: list[dict[str, Any]]) -> str:
    """The one warning of a night that decides on these people alone."""
    lake.append(TABLES[STEPS[0]], frame(lake.spark, STEPS[0], people))
    for name in ("silver.contact_results", "gold.customer_identities", "features.customer_tag_values",
                 "gold.churn_scores", "gold.repeat_call_advice"):  # fmt: skip
        lake.create(TABLES[name])
    batch = {"feed": "do_not_call", "ds": night, "file": "f", "rows_in": 0, "rows_landed": 0, "rows_quarantined": 0}
    lake.record(TABLES["ops.batches"], [batch], f"ds = DATE'{night}'")
    (warning,) = runner.run("gold.call_candidates", [night], "test", read_settings()).warnings
    return str(warning)


def test_a_night_names_the_countries_whose_time_nobody_knows_and_calls_nobody_there(world: World) -> None:
    lake = runner.open_lake(read_settings())
    countries = {"A": "China", "B": " China", "C": "XX", "D": "China", "E": " jp"}
    people = [
        {"as_of": FIRST, "customer_id": who, "phone_token": who, "country": country,
         "time_zone": " Asia/Shanghai" if who == "D" else None, **NOTHING, "open_complaints": 1}
        for who, country in countries.items()
    ]  # fmt: skip
    warning = _warned(lake, FIRST, people)
    assert "on 2026-06-02 for customers in China, XX without" in warning
    told = dict(world.rows("gold.call_candidates", "customer_id", "reason"))
    assert told == {"A": "no_callable_hour", "B": "no_callable_hour", "C": "no_callable_hour", "D": None, "E": None}


def test_a_night_says_that_the_holidays_of_a_year_are_missing(world: World) -> None:
    lake, last = runner.open_lake(read_settings()), date(2026, 12, 31)
    person = {"as_of": last, "customer_id": "A", "phone_token": "A", "country": "cn", **NOTHING, "open_complaints": 1}
    warning = _warned(lake, last, [person])
    assert warning.startswith("no holiday of 2027 is known of CN")


def test_a_list_with_a_refused_row_has_not_come_back_before_its_mended_reply_has(tmp_path: Path) -> None:
    """Until then its contacts count at their slots: what the refused rows say has not landed."""
    logs, returned_lists = TableLogs(str(tmp_path)), TABLES["ops.returned_lists"]
    counts = {f"rows_{name}": 0 for name in ("in", "taken", "not_worked", "refused", "replaced")}

    def account(file: str, day: date, refused: int) -> dict[str, Any]:
        return {"ds": day, "file": file, "list_on": FIRST, "campaign": "save"} | counts | {"rows_refused": refused}

    for file, day, refused, found in (("a", FIRST, 3, []), ("b", FIRST + timedelta(days=1), 0, [(FIRST, "save")])):
        logs.record(returned_lists, [account(file, day, refused)], f"ds = DATE'{day}'")
        assert outreach.returned(logs, day) == found
    assert outreach.returned(logs, FIRST) == []
