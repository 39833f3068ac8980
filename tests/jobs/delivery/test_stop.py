"""Opt-outs that come after a list are told to who holds it."""

import csv
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.jobs.delivery.conftest import ANNA, BEN, CAI, LIST_ON, NIGHT, NUMBERS, SAVE, Outreach

ADDED = datetime(2026, 2, 10, 3, tzinfo=UTC)


@pytest.fixture
def delivered(outreach: Outreach) -> Outreach:
    outreach.deliver()
    assert not file_of(outreach).exists()
    return outreach


def file_of(outreach: Outreach) -> Path:
    return outreach.root / "delivery/stop/2026-02-10.csv"


def stops(outreach: Outreach) -> list[list[str]]:
    outreach.deliver()
    if not file_of(outreach).exists():
        return []
    return list(csv.reader(file_of(outreach).read_text(encoding="utf-8-sig").splitlines()))[1:]


def bar(outreach: Outreach, *entries: dict[str, Any]) -> None:
    outreach.put(
        "silver.do_not_call", *({"known_on": LIST_ON, "added_at": ADDED, "ds": LIST_ON, **each} for each in entries)
    )


def test_nobody_to_leave_alone_is_no_file(delivered: Outreach) -> None:
    assert stops(delivered) == []


def test_a_customer_who_is_barred_is_told_with_campaign_reason_and_date(delivered: Outreach) -> None:
    bar(delivered, {"customer_id": ANNA})
    assert stops(delivered) == [[ANNA, SAVE, "do_not_call", "2026-02-10"]]
    assert file_of(delivered).read_bytes().startswith(b"\xef\xbb\xbfcustomer_id,campaign,reason,known_at\r\n")


def test_an_entry_binds_all_who_share_the_number(delivered: Outreach) -> None:
    anna, cai = (
        delivered.customer(ANNA),
        delivered.customer(CAI) | {"phone_token": delivered.token("phone", NUMBERS[ANNA])},
    )
    delivered.put("silver.customers", anna, cai)
    bar(delivered, {"customer_id": ANNA})
    assert [row[0] for row in stops(delivered)] == [ANNA, CAI]
    bar(delivered, {"phone_token": delivered.token("phone", NUMBERS[ANNA])})
    assert [row[0] for row in stops(delivered)] == [ANNA, CAI]


def test_the_number_that_was_handed_over_counts_though_the_customer_has_another_now(delivered: Outreach) -> None:
    now = {**delivered.customer(ANNA), "phone_token": "another"}
    delivered.put("silver.customers", now)
    then = {**delivered.customer(ANNA), "known_on": NIGHT, "superseded_on": LIST_ON}
    delivered.put("silver.customers_versions", then, {**now, "known_on": LIST_ON, "superseded_on": None})
    bar(delivered, {"phone_token": delivered.token("phone", NUMBERS[ANNA])})
    assert [row[0] for row in stops(delivered)] == [ANNA]


def test_an_entry_for_another_channel_or_one_that_has_ended_bars_nothing(delivered: Outreach) -> None:
    bar(
        delivered,
        {"customer_id": ANNA, "channel": "sms"},
        {"customer_id": BEN, "expires_at": datetime(2026, 2, 9, tzinfo=UTC)},
        {"customer_id": CAI, "channel": "call", "expires_at": datetime(2026, 3, 1, tzinfo=UTC)},
    )
    assert [row[0] for row in stops(delivered)] == [CAI]


def test_an_entry_names_its_channel_in_any_spelling_and_bars_all_where_it_is_none_of_ours(delivered: Outreach) -> None:
    barred = {"SMS": [BEN], " sms ": [BEN], "Call": [ANNA], "fax line 2": [ANNA, BEN], "all": [ANNA, BEN]}
    for channel, told in barred.items():
        bar(delivered, {"customer_id": ANNA, "channel": channel}, {"customer_id": BEN, "channel": channel})
        assert [row[0] for row in stops(delivered)] == told, channel


def test_who_asked_an_agent_not_to_call_is_told(delivered: Outreach) -> None:
    result = {"attempt_id": "a", "customer_id": BEN, "result": "do_not_call", "known_on": LIST_ON}
    delivered.put(
        "silver.contact_results", result, {**result, "attempt_id": "b", "customer_id": ANNA, "result": "reached"}
    )
    assert stops(delivered) == [[BEN, "repayment_reminder", "do_not_call", "2026-02-10"]]


def said(outreach: Outreach, customer_id: str, result: str) -> None:
    """What came of an attempt on the day of the list."""
    outreach.put(
        "silver.contact_results",
        {"customer_id": customer_id, "result": result, "event_date": LIST_ON, "known_on": LIST_ON},
    )


def test_a_wrong_number_is_told_of_everybody_at_the_number_where_the_number_is_needed(delivered: Outreach) -> None:
    said(delivered, "C4", "wrong_number")
    assert stops(delivered) == [], "a message in the app needs no number, and C4 gave none"
    shared = {"phone_token": delivered.token("phone", NUMBERS[ANNA])}
    known = {"known_on": NIGHT, "superseded_on": None}
    people = [delivered.customer(each) | shared for each in (ANNA, CAI)]
    pushed = {**people[0], "customer_id": "C4"}
    delivered.put("silver.customers", *people, pushed)
    delivered.put("silver.customers_versions", *({**each, **known} for each in (*people, pushed)))
    said(delivered, ANNA, "wrong_number")
    assert stops(delivered) == [[each, SAVE, "wrong_number", "2026-02-10"] for each in (ANNA, CAI)]
    said(delivered, ANNA, "do_not_call")
    assert [row[::2] for row in stops(delivered)] == [[each, "do_not_call"] for each in (ANNA, CAI)]


def test_a_wrong_number_that_was_another_one_is_no_reason(delivered: Outreach) -> None:
    then = {**delivered.customer(ANNA), "phone_token": "another", "known_on": NIGHT - timedelta(days=9)}
    now = {**delivered.customer(ANNA), "known_on": NIGHT, "superseded_on": None}
    delivered.put("silver.customers_versions", {**then, "superseded_on": NIGHT}, now)
    wrong = {"customer_id": ANNA, "result": "wrong_number"}
    delivered.put("silver.contact_results", {**wrong, "event_date": NIGHT - timedelta(days=5), "known_on": LIST_ON})
    assert stops(delivered) == []


def test_a_wrong_number_that_was_mended_on_its_day_is_the_one_that_was_handed_over(delivered: Outreach) -> None:
    now = {**delivered.customer(ANNA), "known_on": LIST_ON, "superseded_on": None}
    then = {**now, "phone_token": "another", "known_on": NIGHT - timedelta(days=9), "superseded_on": LIST_ON}
    cai = {**delivered.customer(CAI), "phone_token": now["phone_token"], "known_on": NIGHT, "superseded_on": None}
    delivered.put("silver.customers_versions", then, now, cai)
    delivered.put("silver.customers", delivered.customer(ANNA), cai)
    said(delivered, ANNA, "wrong_number")
    assert [row[0] for row in stops(delivered)] == [ANNA], "the new number is nobody's wrong one"


@pytest.mark.parametrize("result", ["refused", "reached", "callback"])
def test_an_answer_to_an_offer_is_no_opt_out(delivered: Outreach, result: str) -> None:
    said(delivered, ANNA, result)
    assert stops(delivered) == []


def test_a_complaint_or_a_protection_that_comes_later_is_no_opt_out(delivered: Outreach) -> None:
    delivered.put("silver.customers", {**delivered.customer(ANNA), "vulnerable": True, "legal_hold": True})
    delivered.put("silver.tickets", {"ticket_id": "T", "customer_id": ANNA, "category": "complaint"})
    assert stops(delivered) == []


@pytest.mark.parametrize(
    ("customer_id", "before", "is_told"),
    [
        (ANNA, {"marketing_consent": True}, True),
        (ANNA, {"call_consent": True}, True),
        (ANNA, {"sms_consent": True}, False),
        (ANNA, {"marketing_consent": None, "call_consent": None}, False),
        (BEN, {"marketing_consent": True, "sms_consent": True}, False),  # of a service only a no is a refusal
    ],
)
def test_a_yes_that_became_silence_is_told_where_silence_refuses(
    delivered: Outreach, customer_id: str, before: dict[str, bool | None], is_told: bool
) -> None:
    then = {**delivered.customer(customer_id), **before, "known_on": NIGHT, "superseded_on": LIST_ON}
    now = {**delivered.customer(customer_id), "ds": LIST_ON}
    delivered.put("silver.customers", now)
    delivered.put("silver.customers_versions", then, {**now, "known_on": LIST_ON, "superseded_on": None})
    assert stops(delivered) == ([[customer_id, SAVE, "no_consent", "2026-02-10"]] if is_told else [])


@pytest.mark.parametrize(
    ("customer_id", "withdrawn", "is_told"),
    [
        (ANNA, {"marketing_consent": False}, True),
        (ANNA, {"profiling_objection": True}, True),
        (ANNA, {"call_consent": False}, True),
        (ANNA, {"sms_consent": False, "marketing_consent": None}, False),
        (BEN, {"marketing_consent": False, "call_consent": False}, False),  # a service by text message
        (BEN, {"sms_consent": False}, True),
    ],
)
def test_a_consent_that_was_withdrawn_is_told_where_the_list_needs_it(
    delivered: Outreach, customer_id: str, withdrawn: dict[str, bool | None], is_told: bool
) -> None:
    delivered.put("silver.customers", {**delivered.customer(customer_id), **withdrawn, "ds": LIST_ON})
    campaign = SAVE if customer_id == ANNA else "repayment_reminder"
    assert stops(delivered) == ([[customer_id, campaign, "no_consent", "2026-02-10"]] if is_told else [])


def test_later_nights_tell_of_a_list_as_long_as_it_may_be_in_use(delivered: Outreach) -> None:
    bar(delivered, {"customer_id": ANNA})
    delivered.deliver(LIST_ON + timedelta(days=7))
    assert not file_of(delivered).exists()
    done = delivered.deliver(LIST_ON + timedelta(days=6))
    assert done.stops == {file_of(delivered): 1}


def test_who_is_no_longer_barred_leaves_the_file_the_last_one_too(delivered: Outreach) -> None:
    bar(delivered, {"customer_id": ANNA}, {"customer_id": CAI})
    assert [row[0] for row in stops(delivered)] == [ANNA, CAI]
    bar(delivered, {"customer_id": ANNA})
    assert [row[0] for row in stops(delivered)] == [ANNA]
    bar(delivered)
    assert delivered.deliver().stops == {file_of(delivered): 0}
    assert file_of(delivered).read_bytes() == b"\xef\xbb\xbfcustomer_id,campaign,reason,known_at\r\n"
    assert not delivered.deliver().stops


def test_what_is_told_already_is_not_written_again(delivered: Outreach) -> None:
    bar(delivered, {"customer_id": ANNA})
    assert delivered.deliver().stops
    assert not delivered.deliver().stops
    assert [file.name for file in file_of(delivered).parent.iterdir()] == ["2026-02-10.csv"]
