"""Each kind of caller is in the files."""

from collections import Counter
from datetime import timedelta

import phonenumbers

from tests.sample.drops import FIRST, grouped, moment


def test_disputers_ring_three_to_five_times_a_fortnight_about_one_thing(january):
    callers = grouped(january.calls_of("billing_dispute"), "customer_id")
    most = []
    for calls in callers.values():
        assert {row["topic"] for row in calls} == {"statement_dispute"}
        starts = [moment(row["started_at"]) for row in calls]
        most.append(max(sum(timedelta(0) <= at - first < timedelta(days=14) for at in starts) for first in starts))
    # The fortnight of one of them may lie across the end of the month.
    assert len(most) == 3
    assert sum(3 <= count <= 5 for count in most) >= 2


def test_balance_checkers_ring_daily(january):
    calls = Counter(row["customer_id"] for row in january.calls_of("balance_checker"))
    assert calls == dict.fromkeys(january.story("balance_checker", "customer_id"), 31)


def test_a_retry_follows_an_abandoned_call_within_minutes(january):
    given_up, retried = january.calls_of("abandoned_first"), january.calls_of("abandoned_retry")
    assert len(given_up) == len(retried) >= 20
    for first in given_up:
        second = next(row for row in retried if row["customer_id"] == first["customer_id"] and row["ds"] == first["ds"])
        gap = moment(second["started_at"]) - moment(first["ended_at"])
        assert first["outcome"] == "abandoned"
        assert timedelta(0) < gap < timedelta(minutes=10)


def test_a_transferred_call_goes_on_within_a_quarter_of_an_hour(january):
    handed_on, taken = january.calls_of("transferred_first"), january.calls_of("transferred_on")
    assert len(handed_on) == len(taken) >= 15
    for first in handed_on:
        second = next(row for row in taken if row["customer_id"] == first["customer_id"] and row["ds"] == first["ds"])
        gap = moment(second["started_at"]) - moment(first["ended_at"])
        assert (first["transferred"], second["queue"]) == ("true", first["transferred_to"])
        assert timedelta(0) < gap < timedelta(minutes=15)


def test_anonymous_callers_have_no_number(january):
    calls = january.calls_of("anonymous")
    assert {row["customer_id"] for row in calls} == {""}
    assert {row["caller_number"] for row in calls} == {"", "anonymous", "withheld", "unknown", "0000"}


def test_callers_known_by_number_alone_write_it_in_many_forms(january):
    calls = january.calls_of("known_by_number")
    written = {row["caller_number"] for row in calls}
    numbers = {phonenumbers.format_number(phonenumbers.parse(form, "CN"), 0) for form in written}
    assert {row["customer_id"] for row in calls} == {""}
    assert len(numbers) == 3
    assert len(written) > 10


def test_two_customers_share_a_telephone(january):
    couple = january.story("shared_phone", "customer_id")
    phones = {row["phone"] for row in january.rows("customers", FIRST) if row.get("customer_id") in couple}
    assert len(couple) == 2
    assert len({phonenumbers.format_number(phonenumbers.parse(form, "CN"), 0) for form in phones}) == 1


def test_frequencies_are_high_mid_and_low(january):
    def calls_a_customer(story):
        return set(Counter(row["customer_id"] for row in january.calls_of(story)).values())

    assert calls_a_customer("balance_checker") == {31}
    assert calls_a_customer("mid_frequency") <= {3, 4}
    assert 2 in calls_a_customer("low_frequency") <= {1, 2}  # one pair may lie across the end of the month


def test_an_app_failure_is_followed_by_a_call_within_the_hour(january):
    failures = {
        (row["customer_id"], row["ds"]): row["started_at"]
        for row in january.sound("interactions")
        if row["interaction_id"] in january.story("app_failure_then_call", "interaction_id")
    }
    calls = january.calls_of("app_failure_then_call")
    gaps = [moment(row["started_at"]) - moment(failures[row["customer_id"], row["ds"]]) for row in calls]
    assert len(calls) >= 31
    assert all(timedelta(0) < gap < timedelta(hours=1) for gap in gaps)
