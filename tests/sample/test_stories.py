"""Spending, complaints, opt-outs and changes tell the stories that later tables find."""

from collections import Counter
from decimal import Decimal
from operator import itemgetter
from statistics import median

from tests.sample.drops import DAYS, FIRST, grouped


def test_faders_spend_less_and_the_dormant_nothing(january):
    spent = Counter(row["customer_id"] for row in january.sound("transactions") if row["kind"] == "purchase")
    dormant = set(january.story("dormant", "customer_id")) - set(january.story("reactivated", "customer_id"))
    fading = set(january.story("fading", "customer_id")) - dormant
    others = [spent[row] for row in january.story("spend_spike", "customer_id")]
    assert fading
    assert january.story("reactivated", "customer_id")
    assert max(spent[who] for who in fading) < min(others)


def test_a_spike_is_a_day_far_above_the_others(january):
    for who in january.story("spend_spike", "customer_id"):
        spent = [row for row in january.sound("transactions") if row["customer_id"] == who]
        by_day = grouped([row | {"on": row["posted_at"][:10]} for row in spent], "on", "amount")
        sums = [sum(map(float, amounts)) for amounts in by_day.values()]
        assert max(sums) > 8 * median(sums)


def test_transactions_are_of_all_kinds_and_states(january):
    rows = january.sound("transactions")
    assert {row["kind"] for row in rows} == {
        "purchase",
        "refund",
        "repayment",
        "cash_advance",
        "instalment",
        "fee",
    }
    assert {row["status"] for row in rows} == {"posted", "declined", "disputed", "reversed", ""}
    gains = {row["kind"] for row in rows if Decimal(row["amount"]) < 0}
    costs = {row["kind"] for row in rows if Decimal(row["amount"]) > 0}
    assert gains == {"refund", "repayment"}
    assert costs == {"purchase", "cash_advance", "instalment", "fee"}


def test_a_refund_names_its_purchase(january):
    rows = january.sound("transactions")
    bought = {row["transaction_id"]: row for row in rows}
    refunds = [row for row in rows if row["kind"] == "refund" and row["original_transaction_id"] in bought]
    assert len(refunds) > 20
    for row in refunds:
        original = bought[row["original_transaction_id"]]
        assert (original["kind"], original["card_id"]) == ("purchase", row["card_id"])
        assert original["posted_at"] < row["posted_at"]


def test_a_reversed_purchase_was_disputed_before(january):
    delivered = sorted(january.sound("transactions"), key=lambda row: row["ds"])
    states = grouped(delivered, "transaction_id", "status")
    reversals = [states[key] for key in january.story("reversed_transactions", "transaction_id")]
    assert ["posted", "disputed", "reversed"] in reversals


def test_tickets_are_opened_updated_closed_and_told_out_of_order(january):
    rows = grouped(january.sound("tickets"), "ticket_id")
    for story in ("complaint_open", "complaint_closed", "ticket_updated_later", "ticket_older_version_late"):
        assert january.story(story, "ticket_id")
    for ticket_id in january.story("complaint_open", "ticket_id"):
        assert not any(row["closed_at"] for row in rows[ticket_id])
    for ticket_id in january.story("ticket_older_version_late", "ticket_id"):
        newest = max(rows[ticket_id], key=itemgetter("updated_at"))
        last_to_come = max(rows[ticket_id], key=itemgetter("ds"))
        assert (newest["status"], last_to_come["status"]) == ("closed", "in_progress")


def test_opt_outs_are_by_customer_by_number_for_one_channel_and_for_a_time(january):
    entries = january.sound("do_not_call")
    assert all(bool(row["customer_id"]) != bool(row["phone"]) for row in entries)
    kinds = {(bool(row["phone"]), row["channel"], bool(row["expires_at"])) for row in entries}
    assert kinds == {(False, "", False), (True, "", False), (False, "sms", False), (True, "call", True)}


def test_consent_is_withdrawn_and_customers_move(january):
    versions = grouped(january.sound("customers"), "customer_id")
    for story, column in (
        ("moved_region", "region"),
        ("changed_phone", "phone"),
        ("consent_withdrawn", "call_consent"),
    ):
        changed = [versions[who] for who in january.story(story, "customer_id") if len(versions[who]) > 1]
        assert changed
        assert any(rows[0][column] != rows[-1][column] for rows in changed)


def test_cards_are_closed_and_agents_leave(january):
    closed = {row["card_id"] for row in january.sound("cards") if row["closed_on"] and row["ds"] > str(FIRST)}
    gone = {row["agent_id"] for row in january.sound("agents") if row["left_on"] and row["ds"] > str(FIRST)}
    assert set(january.story("card_lost", "card_id")) <= closed
    assert set(january.story("agent_left", "agent_id")) == gone


def test_attempts_end_in_every_way_that_bars_a_customer(january):
    results = Counter(row["result"] for row in january.sound("contact_results"))
    for result in ("wrong_number", "refused", "do_not_call"):
        assert results[result] >= 4
        assert january.story(result, "customer_id")
    contacts = Counter(row["customer_id"] for row in january.sound("contact_results"))
    assert min(contacts[who] for who in january.story("over_contacted", "customer_id")) > 10


def test_statements_are_paid_late_or_never(january):
    paid = [row for row in january.sound("statements") if row["paid_on"]]
    late = {row["card_id"] for row in paid if row["paid_on"] > row["due_on"]}
    assert late == set(january.story("paid_late", "card_id"))
    assert january.story("never_paid", "card_id")


def test_tomorrows_shifts_are_known_tonight(january):
    for on in DAYS:
        planned = [row for row in january.rows("shifts", on) if row["planned_start_at"].date() > on]
        assert len(planned) >= 12
        assert not any(row["logged_in_at"] for row in planned)
