"""What happened to a customer, each contact once and in its order; journeys from a failure to the calls after it."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from jobs.gold.customers import customer_timeline
from jobs.tables import TABLES

pytestmark = pytest.mark.spark
NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
DAY = date(2026, 1, 5)
NUMBERS: dict[str, Any] = {"attempt_minutes": 10, "journey_minutes": 60, "failed_events": "fail|error"}
INPUTS = TABLES["gold.customer_timeline"].inputs


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def call(call_id: str, minutes: float, customer: str | None = "C1", **more: Any) -> dict[str, Any]:
    started = at(minutes)
    return {
        "call_id": call_id, "customer_id": customer, "direction": "inbound", "started_at": started,
        "ended_at": started + timedelta(seconds=90), "outcome": "answered", "event_date": started.date(),
    } | more  # fmt: skip


def digital(interaction_id: str, minutes: float, customer: str | None = "C1", **more: Any) -> dict[str, Any]:
    return {
        "interaction_id": interaction_id, "customer_id": customer, "channel": "app", "event": "login_failed",
        "started_at": at(minutes), "event_date": at(minutes).date(),
    } | more  # fmt: skip


def attempt(attempt_id: str, minutes: float, customer: str = "C1", **more: Any) -> dict[str, Any]:
    return {
        "attempt_id": attempt_id, "customer_id": customer, "channel": "call", "result": "reached",
        "attempted_at": at(minutes), "event_date": at(minutes).date(),
    } | more  # fmt: skip


def transaction(customer: str, amount: str, status: str | None = "posted", currency: str = "CNY") -> dict[str, Any]:
    return {
        "customer_id": customer, "amount": Decimal(amount), "status": status, "currency": currency, "event_date": DAY,
    }  # fmt: skip


def built(spark: Any, *columns: str, **inputs: list[dict[str, Any]]) -> list[tuple]:
    frames: dict[str, Any] = {}
    for name in INPUTS:
        table = TABLES[name]
        rows = [tuple(row.get(column.name) for column in table.columns) for row in inputs.get(table.short_name, [])]
        frames[table.short_name] = spark.createDataFrame(rows, ", ".join(f"{c.name} {c.type}" for c in table.columns))
    made = customer_timeline.build(**frames, **NUMBERS)
    return [
        tuple(row[name] for name in columns)
        for row in made.orderBy("customer_id", "event_date", "happened_at", "position").collect()
    ]


def journeys(spark: Any, **inputs: list[dict[str, Any]]) -> dict[str, str | None]:
    return dict(built(spark, "source_id", "journey_id", **inputs))


def test_each_contact_is_a_row_in_the_order_of_time_and_a_days_transactions_are_one(spark: Any) -> None:
    found = built(
        spark, "customer_id", "position", "channel", "direction", "source_id", "outcome", "event", "topic", "chain_id",
        calls=[call("k1", 1, topic="fee"), call("nobody", 0, None)],
        interactions=[
            digital("i1", 3, event="view", topic="fee", call_id="k1"),
            digital("i0", 1, channel="chat", event=None),
            digital("not-signed-in", 1, None),
        ],
        tickets=[
            {"ticket_id": "t1", "customer_id": "C1", "opened_at": at(2), "category": "fault", "topic": "fee", "call_id": "k1",
             "event_date": DAY},
        ],
        contact_results=[attempt("a1", 60, channel="sms", result="delivered")],
        transactions=[transaction("C1", "5"), transaction("C2", "7")],
        repeat_calls=[{"call_id": "k1", "event_date": DAY, "chain_id": "k0"}],
    )  # fmt: skip
    assert found == [
        ("C1", None, "transactions", None, "C1:CNY", None, None, None, None),
        ("C1", 1, "call", "inbound", "k1", "answered", None, "fee", "k0"),
        ("C1", 2, "chat", None, "i0", None, None, None, None),
        ("C1", 3, "ticket", None, "t1", None, "fault", "fee", "k0"),
        ("C1", 4, "app", None, "i1", None, "view", "fee", "k0"),
        ("C1", 5, "sms", "outbound", "a1", "delivered", None, None, None),
        ("C2", None, "transactions", None, "C2:CNY", None, None, None, None),
    ]


def test_a_days_sum_is_of_one_currency_and_holds_what_stands(spark: Any) -> None:
    columns = ("source_id", "happened_at", "transactions", "amount", "currency", "outcome")
    found = built(
        spark, *columns,
        transactions=[
            transaction("C1", "10.50"), transaction("C1", "-2.25", None), transaction("C1", "99", "declined"),
            transaction("C1", "50", "reversed", "USD"), transaction("C2", "1", "disputed"),
            transaction("C2", "1", currency="USD"), transaction("C3", "8", "declined"),
        ],
    )  # fmt: skip
    assert sorted(found) == [
        ("C1:CNY", None, 2, Decimal("8.25"), "CNY", "declined"),
        ("C1:USD", None, 0, Decimal(0), "USD", None),
        ("C2:CNY", None, 1, Decimal(1), "CNY", None),
        ("C2:USD", None, 1, Decimal(1), "USD", None),
        ("C3:CNY", None, 0, Decimal(0), "CNY", "declined"),
    ]


def test_a_caller_is_found_by_a_number_that_one_customer_has_on_that_date(spark: Any) -> None:
    def owner(token: str, since: int, until: int | None, customer: str | None) -> dict[str, Any]:
        return {
            "caller_token": token, "valid_from": date(2026, 1, since), "valid_to": until and date(2026, 1, until),
            "customer_id": customer, "customers": 1 if customer else 2, "confidence": 0.8 if customer else None,
            "reason": "changed_hands" if customer else "shared",
        }  # fmt: skip

    found = built(
        spark, "source_id", "customer_id", "is_resolved_identity", "identity_confidence", "identity_reason",
        calls=[
            call("known", 0, "C1", caller_token="two"), call("found", 1, None, caller_token="one"),
            call("shared", 2, None, caller_token="two"), call("withheld", 3, None), call("new", 4, None, caller_token="x"),
            call("later", 5, None, caller_token="late"),
        ],
        caller_identities=[
            owner("one", 1, 5, "C8"), owner("one", 5, 6, "C9"), owner("one", 6, None, "C7"), owner("two", 1, None, None),
            owner("late", 6, None, "C6"),
        ],
    )  # fmt: skip
    assert found == [("known", "C1", False, None, None), ("found", "C9", True, 0.8, "changed_hands")]


def test_an_attempt_and_its_outbound_call_are_one_contact(spark: Any) -> None:
    columns = ("source", "source_id", "call_id", "outcome", "agent_id", "duration_seconds", "campaign")
    dialled = {"direction": "outbound", "agent_id": "A1"}
    found = built(
        spark, *columns,
        calls=[
            call("far", -11, **dialled), call("exact", -10, **dialled), call("near", 2, **dialled),
            call("others", 0, "C2", **dialled), call("theirs", 1),
        ],
        contact_results=[attempt("a1", 0, campaign="care"), attempt("mail", 0, "C2", channel="email", result="opened")],
    )  # fmt: skip
    assert sorted(found) == [
        ("calls", "far", "far", "answered", "A1", 90, None),
        ("calls", "others", "others", "answered", "A1", 90, None),
        ("calls", "theirs", "theirs", "answered", None, 90, None),
        ("contact_results", "a1", "near", "reached", "A1", 90, "care"),
        ("contact_results", "mail", None, "opened", None, None, None),
    ]


def test_a_failure_and_the_calls_within_the_hour_are_a_journey(spark: Any) -> None:
    found = journeys(
        spark,
        calls=[
            call("before", -5), call("exactly-an-hour", 60), call("an-hour-on", 120), call("too-late", 180.1),
            call("ours", 61, direction="outbound"), call("others", 1, "C2"),
        ],
        interactions=[digital("failed", 0), digital("fine", 2, event="view"), digital("again", 70)],
    )  # fmt: skip
    assert found == {
        "before": None, "failed": "failed", "fine": None, "exactly-an-hour": "failed", "ours": None, "again": "failed",
        "an-hour-on": "failed", "too-late": None, "others": None,
    }  # fmt: skip


def test_what_failed_is_said_by_the_event_or_by_what_was_left_open(spark: Any) -> None:
    found = journeys(
        spark,
        calls=[call(f"k-{who}", 5, who) for who in ("open", "mended", "error", "silent", "nameless")],
        interactions=[
            digital("i-open", 0, "open", event="message", resolved=False, channel="chat"),
            digital("i-mended", 0, "mended", resolved=True),
            digital("i-error", 0, "error", event="Payment_ERROR"),
            digital("i-silent", 0, "silent", event="view"),
            digital("i-nameless", 0, "nameless", event=None),
        ],
    )
    assert {name for name, journey in found.items() if journey} == {"i-open", "k-open", "i-error", "k-error"}


def test_a_failure_that_no_call_follows_soon_begins_nothing(spark: Any) -> None:
    found = journeys(
        spark,
        calls=[call("helped", 90)],
        interactions=[digital("too-early", 0), digital("first", 40), digital("after", 100)],
    )
    assert found == {"too-early": None, "first": "first", "helped": "first", "after": None}


def test_a_call_at_the_moment_of_the_failure_follows_it(spark: Any) -> None:
    assert journeys(spark, calls=[call("a", 0)], interactions=[digital("b", 0)]) == {"a": "b", "b": "b"}


def test_a_journey_goes_on_over_midnight_but_not_over_a_day_without_a_pause(spark: Any) -> None:
    over = journeys(spark, calls=[call("k", 725)], interactions=[digital("i", 715)])
    assert over == {"i": "i", "k": "i"}
    restless = [call(f"k{hour:02}", 720 + 60 * hour) for hour in range(26)]
    found = built(
        spark, "source_id", "journey_id", "journey_on", calls=restless, interactions=[digital("i", 700), digital("j", 2165)]
    )  # fmt: skip
    assert {row[1:] for row in found if row[0] not in ("k24", "k25", "j")} == {("i", DAY)}
    assert [row for row in found if row[0] in ("k24", "k25", "j")] == [
        ("k24", None, None),
        ("j", "j", date(2026, 1, 7)),
        ("k25", "j", date(2026, 1, 7)),
    ]
