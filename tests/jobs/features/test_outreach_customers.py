"""What the rules of outreach look at: one ledger of every attempt, windows to the second, occasions to reach out."""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from jobs.features import outreach_customers
from jobs.settings import read_settings
from jobs.silver import dialled_calls
from jobs.tables import TABLES
from tests.frames import frame

pytestmark = pytest.mark.spark
DAY = date(2026, 3, 30)
T = datetime(2026, 3, 31, tzinfo=UTC)
"""The list's day begins."""
EARLY = date(2026, 1, 1)
DEFAULTS: dict[str, dict[str, Any]] = {
    "customers_versions": {"known_on": EARLY, "updated_at": T - timedelta(days=80)},
    "contact_results": {"channel": "call", "result": "reached"},
    "calls": {"direction": "outbound", "outcome": "answered"},
    "tickets_versions": {"known_on": EARLY, "category": "complaint", "updated_at": T},
    "statements_versions": {"known_on": EARLY, "closed_on": date(2026, 3, 10), "card_id": "K", "updated_at": T},
    "do_not_call": {"known_on": EARLY, "added_at": T - timedelta(days=60)},
    "call_candidates": {"campaign": "care", "kind": "marketing", "channel": "call", "decision": "listed"},
}
CAPS = read_settings().configuration.outreach.caps.model_dump()
Told = dict[str, dict[str, Any]]


@pytest.fixture
def told(spark: Any) -> Callable[..., Told]:
    """Rows of features.outreach_customers by customer; each named table is given by rows that say what matters."""

    def work(
        results_on: Sequence[date] = (DAY,),
        returned: Sequence[tuple[date, str]] = (),
        end_at: datetime = T,
        as_of: date = DAY,
        time_zone: str = "UTC",
        **tables: list[dict[str, Any]],
    ) -> Told:
        rows = {name: [DEFAULTS[name] | row for row in tables.get(name, [])] for name in DEFAULTS}
        for row in rows["contact_results"]:
            row |= {
                "event_date": row["attempted_at"].date(),
                "known_on": row.get("known_on", row["attempted_at"].date()),
            }
        for row in rows["calls"]:
            row |= {"event_date": row["started_at"].date(), "known_on": row["started_at"].date()}
        table = TABLES["features.outreach_customers"]
        frames = {
            name.partition(".")[2]: frame(spark, name, rows.get(name.partition(".")[2], []))
            for name in (*table.inputs, *table.reads_back)
        }
        frames["dialled_calls"] = dialled_calls.build(frames["calls"], frames["contact_results"], attempt_minutes=10)
        made = outreach_customers.build(
            **frames, as_of=as_of, end_at=end_at, time_zone=time_zone, season_began=date(2026, 1, 1), results_on=results_on,
            returned=returned, caps=CAPS,
        )  # fmt: skip
        return {row["customer_id"]: row.asDict(recursive=True) for row in made.collect()}

    return work


def customers(*names: str, **more: Any) -> list[dict[str, Any]]:
    return [{"customer_id": name, "phone_token": f"t{name}", **more} for name in names]


def attempt(customer: str, hours_before: float, **more: Any) -> dict[str, Any]:
    return {"customer_id": customer, "attempted_at": T - timedelta(hours=hours_before), **more}


def test_windows_roll_to_the_second(told: Callable[..., Told]) -> None:
    edge = 24 * 7
    rows = told(
        customers_versions=customers("A", "B", "C"),
        contact_results=[
            attempt("A", 24), attempt("A", edge), attempt("A", 24 * 30),
            attempt("B", 24 + 1 / 3600), attempt("B", edge + 1 / 3600), attempt("B", 24 * 30 + 1 / 3600),
            attempt("C", 1, result="busy"), attempt("C", 2, result="no_answer"), attempt("C", 30, result="voicemail"),
        ],
    )  # fmt: skip
    windows = ("contacts_1d", "contacts_7d", "contacts_30d")
    assert [rows["A"][name] for name in windows] == [1, 2, 3]
    assert [rows["B"][name] for name in windows] == [0, 1, 2]
    assert [rows["C"][name] for name in windows] == [0, 1, 1], "busy and no answer are no contacts"


def test_days_of_24_hours_reach_back_over_midnight_where_the_clock_went_forward(told: Callable[..., Told]) -> None:
    """The 30th of March has ended an hour early, as one counts from the end of December."""
    refused = attempt("A", CAPS["refused_days"] * 24 + 0.5, result="refused", campaign="care")
    rows = told(customers_versions=customers("A"), contact_results=[refused], end_at=T - timedelta(hours=1))
    assert rows["A"]["refused_campaigns"] == ["care"]


def test_calls_by_hand_count_unless_they_are_an_attempt_that_has_its_result(told: Callable[..., Told]) -> None:
    at = T - timedelta(hours=5)
    calls = [
        {"call_id": str(n), "customer_id": who, "started_at": at + timedelta(minutes=minutes), **more}
        for n, (who, minutes, more) in enumerate(
            [
                ("A", 10, {}),
                ("B", 10.1, {}),
                ("C", 0, {}),
                ("D", 0, {"outcome": "failed"}),
                ("E", 0, {"direction": "inbound"}),
            ]
        )
    ]
    tried = [{"customer_id": who, "attempted_at": at} for who in "AB"]
    rows = told(customers_versions=customers(*"ABCDE"), contact_results=tried, calls=calls)
    assert {who: rows[who]["contacts_1d"] for who in rows} == {"A": 1, "B": 2, "C": 1, "D": 0, "E": 0}
    assert {who: rows[who]["call_attempts_1d"] for who in rows} == {"A": 1, "B": 2, "C": 1, "D": 1, "E": 0}


def test_a_listed_contact_counts_until_its_results_have_landed_and_a_holdout_as_if_reached(
    told: Callable[..., Told],
) -> None:
    slot = {"list_on": DAY, "slot_start_at": T - timedelta(hours=12)}
    lists = [
        {"customer_id": "A", **slot}, {"customer_id": "B", **slot}, {"customer_id": "C", "decision": "holdout", **slot},
        {"customer_id": "D", "decision": "suppressed", "list_on": DAY},
    ]  # fmt: skip
    worked = [attempt("B", 11, list_on=DAY, campaign="care", result="no_answer")]
    given = {"customers_versions": customers(*"ABCD"), "call_candidates": lists, "contact_results": worked}
    to_come, landed = told(results_on=[DAY - timedelta(days=1)], **given), told(**given)
    assert {who: to_come[who]["contacts_1d"] for who in to_come} == {"A": 1, "B": 0, "C": 1, "D": 0}
    assert {who: landed[who]["contacts_1d"] for who in landed} == {"A": 0, "B": 0, "C": 1, "D": 0}
    assert (landed["C"]["reached_campaigns"], landed["C"]["held_out"]) == (["care"], ["care"])
    assert to_come["A"]["reached_campaigns"] == []
    later = told(results_on=[DAY + timedelta(days=1)], **given)
    assert later["A"]["contacts_1d"] == 1, "a file that is missing is missed, whatever came after it"
    for returned, counts in {(DAY, "care"): 0, (DAY, "other"): 1, (DAY - timedelta(days=1), "care"): 1}.items():
        came_back = told(results_on=[], returned=[returned], **given)
        assert came_back["A"]["contacts_1d"] == counts, "of a list that came back, nothing is to come"


def test_attempts_of_a_campaign_count_for_the_customer_and_for_the_number(told: Callable[..., Told]) -> None:
    rows = told(
        customers_versions=customers("A", "B", phone_token="shared"),
        contact_results=[
            attempt("A", 20, campaign="care", result="no_answer"), attempt("A", 40, campaign="care", channel="push"),
            attempt("B", 30, campaign="care", result="busy"), attempt("B", 24 * 8, campaign="care", result="refused"),
        ],
    )  # fmt: skip
    assert rows["A"]["campaign_attempts_7d"] == {"care": 2}
    assert rows["B"]["campaign_attempts_7d"] == {"care": 1}
    assert rows["A"]["number_attempts_7d"] == rows["B"]["number_attempts_7d"] == {"care": 2}
    assert rows["B"]["refused_campaigns"] == ["care"]


def test_attempts_count_for_the_number_that_was_dialled_whoever_has_it_now(told: Callable[..., Told]) -> None:
    changed_on = DAY - timedelta(days=1)
    people = [
        {"customer_id": "closed", "phone_token": "p", "closed_on": DAY},
        {"customer_id": "partner", "phone_token": "p"},
        {"customer_id": "moved", "phone_token": "old", "superseded_on": changed_on},
        {"customer_id": "moved", "phone_token": "new", "known_on": changed_on},
        {"customer_id": "heir", "phone_token": "of nobody", "superseded_on": changed_on},
        {"customer_id": "heir", "phone_token": "old", "known_on": changed_on},
        {"customer_id": "of later", "phone_token": "q", "known_on": DAY},
    ]
    called = [
        attempt(who, hours, campaign="care", result="no_answer")
        for who, hours in [
            ("closed", 50), ("closed", 70), ("moved", 70), ("moved", 25), ("moved", 24 * 8), ("of later", 70),
        ]
    ]  # fmt: skip
    rows = told(customers_versions=people, contact_results=called)
    assert {who: row["number_attempts_7d"] for who, row in rows.items()} == {
        "partner": {"care": 2}, "moved": {}, "heir": {"care": 2}, "of later": {"care": 1},
    }, "on the day of the change the number of the day before is dialled"  # fmt: skip


def test_results_release_the_customer_when_the_latest_of_their_waits_is_over(told: Callable[..., Told]) -> None:
    rows = told(
        customers_versions=customers("A", "B"),
        contact_results=[
            attempt("A", 5, result="voicemail"),
            attempt("A", 0.1, result="busy"),
            attempt("B", 5, result="no_answer"),
        ],
    )
    assert rows["A"]["released_at"].replace(tzinfo=UTC) == T + timedelta(hours=19)
    assert rows["B"]["released_at"] is None, "four hours are over before the day begins"


def test_whoever_is_barred_is_barred_by_name_number_and_for_all_who_share_it(told: Callable[..., Told]) -> None:
    people = [*customers("A", "B", phone_token="shared"), *customers("C", "D", "E", "F")]
    entries = [
        {"customer_id": "A", "channel": "SMS"}, {"phone_token": "tC"}, {"customer_id": "D", "expires_at": T},
        {"customer_id": "E", "known_on": DAY + timedelta(days=1)}, {"customer_id": "F", "channel": "fax line 2"},
    ]  # fmt: skip
    said = [attempt("F", 24 * 50, result="wrong_number"), attempt("D", 24 * 50, result="do_not_call")]
    rows = told(customers_versions=people, do_not_call=entries, contact_results=said)
    assert {who: rows[who]["barred_channels"] for who in rows} == {
        "A": ["sms"], "B": ["sms"], "C": ["all"], "D": [], "E": [], "F": ["all"],
    }, "a channel that is none of ours may mean any"  # fmt: skip
    assert [who for who in rows if rows[who]["is_number_barred"]] == ["D", "F"]
    assert [who for who in rows if rows[who]["is_person_barred"]] == ["D"]


def test_a_wrong_number_is_the_one_that_was_known_when_the_day_began(told: Callable[..., Told]) -> None:
    at = T - timedelta(hours=24 * 9 + 12)
    mended = {"known_on": at.date()}
    people = [
        {"customer_id": "A", "phone_token": "old", "superseded_on": at.date()},
        {"customer_id": "A", "phone_token": "new", **mended},
        {"customer_id": "B", "phone_token": "old"}, {"customer_id": "C", "phone_token": "new"},
        {"customer_id": "D", "phone_token": "of later", "known_on": at.date() + timedelta(days=3)},
    ]  # fmt: skip
    said = [attempt(who, 24 * 9 + 12, result="wrong_number") for who in ("A", "D")]
    rows = told(customers_versions=people, contact_results=said)
    assert [who for who in rows if rows[who]["is_number_barred"]] == ["B", "D"]


def test_occasions_are_open_tickets_calls_given_up_promises_and_statements(told: Callable[..., Told]) -> None:
    opened = {"opened_at": T - timedelta(days=3), "topic": "fee"}
    tickets = [
        {"ticket_id": "1", "customer_id": "A", **opened},
        {"ticket_id": "2", "customer_id": "A", "category": "request", **opened, "closed_at": T - timedelta(days=1)},
        {"ticket_id": "3", "customer_id": "B", **opened, "known_on": DAY + timedelta(days=1)},
    ]
    gave_up = {"direction": "inbound", "outcome": "abandoned", "topic": "limit"}
    calls = [
        {"call_id": "1", "customer_id": "B", "started_at": T - timedelta(hours=30), **gave_up},
        {"call_id": "2", "customer_id": "C", "started_at": T - timedelta(hours=30), **gave_up},
        {"call_id": "3", "customer_id": "C", "started_at": T - timedelta(hours=9), "direction": "inbound"},
        {"call_id": "4", "customer_id": "F", "started_at": T - timedelta(hours=9), "direction": "inbound"},
    ]
    promised = [
        attempt("D", 30, result="callback", callback_at=T + timedelta(hours=10)),
        attempt("E", 30, result="callback", callback_at=T + timedelta(hours=30)),
        attempt("F", 30, result="callback", callback_at=T + timedelta(hours=10)),
    ]
    due = {"amount_due": Decimal(90), "due_on": DAY + timedelta(days=3)}
    statements = [
        {"customer_id": "A", **due},
        {"customer_id": "B", **due, "paid_on": DAY},
        {"customer_id": "C", **due, "due_on": DAY},
    ]
    rows = told(
        customers_versions=customers(*"ABCDEF"), tickets_versions=tickets, calls=calls, contact_results=promised,
        statements_versions=statements,
    )  # fmt: skip
    assert (rows["A"]["open_complaints"], rows["A"]["complaint_topic"]) == (1, "fee")
    assert (rows["A"]["settled_on"], rows["A"]["open_requests"]) == (DAY, 0)
    assert rows["B"]["open_complaints"] == 0, "not known yet"
    assert (rows["B"]["given_up_topic"], rows["C"]["given_up_at"]) == ("limit", None)
    assert rows["C"]["days_since_spoken"] == 0
    assert rows["C"]["answer_hour"] == 15
    assert rows["D"]["callback_at"].replace(tzinfo=UTC) == T + timedelta(hours=10)
    assert rows["E"]["callback_at"] is None, "not on the list's day yet"
    assert rows["F"]["callback_at"] is None, "called in since, and was answered"
    assert [rows[who]["amount_due"] for who in "ABC"] == [Decimal("90.00"), None, None]


@pytest.mark.parametrize("days", [88, 89, 90])
def test_a_promise_that_was_kept_on_its_day_is_not_owed_at_the_edge_of_what_is_read(
    told: Callable[..., Told], days: int
) -> None:
    at = days * 24 + 14
    promised = attempt("A", at, result="callback", callback_at=T - timedelta(hours=at - 5))
    kept = {"call_id": "1", "customer_id": "A", "started_at": T - timedelta(hours=at - 4), "direction": "inbound"}
    rows = told(customers_versions=customers("A"), contact_results=[promised], calls=[kept])
    assert rows["A"]["callback_at"] is None
    # Of either direction a talk of 90 days ago is none.
    assert rows["A"]["days_since_spoken"] == (days if days < 90 else None)


def test_a_day_of_25_hours_ends_with_its_last(told: Callable[..., Told]) -> None:
    midnight = datetime(2026, 11, 1, 4, tzinfo=UTC)
    promised = [
        {"customer_id": who, "attempted_at": midnight - timedelta(hours=9), "result": "callback", "callback_at": at}
        for who, at in (("A", midnight + timedelta(hours=24.5)), ("B", midnight + timedelta(hours=25)))
    ]
    rows = told(
        end_at=midnight, as_of=date(2026, 10, 31), time_zone="America/New_York", customers_versions=customers("A", "B"),
        contact_results=promised,
    )  # fmt: skip
    assert [rows[who]["callback_at"] is not None for who in "AB"] == [True, False]


def test_what_was_asked_for_after_midnight_binds_once_it_has_come(told: Callable[..., Told]) -> None:
    rows = told(
        customers_versions=[*customers("A", "B"), *customers("C", phone_token="tB")],
        contact_results=[
            attempt("A", -0.5, result="do_not_call", known_on=DAY),
            attempt("B", -0.5, result="wrong_number", known_on=DAY),
        ],
    )
    assert [rows[who]["is_person_barred"] for who in "ABC"] == [True, False, False]
    assert [rows[who]["is_number_barred"] for who in "ABC"] == [True, True, True]


def test_whoever_answered_was_spoken_with_whatever_the_answer_unless_it_was_a_machine(
    told: Callable[..., Told],
) -> None:
    ends: dict[str, dict[str, Any]] = {
        "R": {"result": "reached"}, "W": {"result": "converted"}, "N": {"result": "refused", "answered_by": "live"},
        "B": {"result": "callback"}, "D": {"result": "do_not_call"},
        "M": {"result": "reached", "answered_by": "machine"}, "F": {"result": "wrong_number"}, "L": {"result": "dropped"},
        "T": {"result": "refused", "channel": "sms"},
    }  # fmt: skip
    calls = [
        {"call_id": who, "customer_id": who, "started_at": T - timedelta(hours=40), "direction": "inbound", "outcome": "abandoned"}
        for who in ends
    ]  # fmt: skip
    promised = [
        attempt(who, 50, attempt_id=f"{who}-promised", result="callback", callback_at=T - timedelta(hours=20))
        for who in ends
    ]
    tried = [attempt(who, 10, attempt_id=who, **end) for who, end in ends.items()]
    rows = told(customers_versions=customers(*ends), calls=calls, contact_results=[*promised, *tried])
    spoken_with = {who: row["days_since_spoken"] == 0 for who, row in rows.items()}
    assert {who for who, is_spoken in spoken_with.items() if is_spoken} == {*"RWNBD"}
    assert {who: row["answer_hour"] == 14 for who, row in rows.items()} == spoken_with
    assert {who: row["given_up_at"] is None for who, row in rows.items()} == spoken_with
    assert {who: row["callback_at"] is None for who, row in rows.items()} == spoken_with, "the promise was kept"


def test_the_amount_due_is_that_of_the_first_date_on_which_anything_is_due(told: Callable[..., Told]) -> None:
    soon, later = DAY + timedelta(days=3), DAY + timedelta(days=20)
    statements = [
        {"customer_id": "A", "card_id": card, "amount_due": Decimal(amount), "due_on": due_on, "paid_on": paid_on}
        for card, amount, due_on, paid_on in [
            ("K1", 900, later, None), ("K2", 40, soon, None), ("K3", 2, soon, None), ("K4", 7, soon, DAY), ("K5", 0, DAY, None),
        ]
    ]  # fmt: skip
    rows = told(customers_versions=customers("A"), statements_versions=statements)
    assert (rows["A"]["amount_due"], rows["A"]["due_on"]) == (Decimal("42.00"), soon)


def test_closed_customers_are_left_out_and_versions_are_those_of_the_date(told: Callable[..., Told]) -> None:
    people = [
        *customers("A", call_consent=True, superseded_on=DAY + timedelta(days=1)),
        *customers("A", call_consent=False, known_on=DAY + timedelta(days=1)),
        *customers("B", closed_on=DAY),
        *customers("C", closed_on=DAY + timedelta(days=1)),
    ]
    rows = told(customers_versions=people)
    assert set(rows) == {"A", "C"}
    assert rows["A"]["call_consent"] is True
