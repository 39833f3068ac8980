"""The lists say whom to reach, why in words, and what to say; of several scripts each customer keeps one."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from jobs.gold.outreach import call_lists
from jobs.settings import read_settings
from tests.frames import frame

pytestmark = pytest.mark.spark
LIST_ON = date(2026, 3, 31)
AT = datetime(2026, 3, 31, 10, tzinfo=UTC)
SAVE = {
    "name": "save", "why": "{reason_1}; {star_level} stars",
    "scripts": [{"id": "ask", "hint": "Ask why."}, {"id": "offer", "hint": "Offer {main_topic}."}],
}  # fmt: skip
CARE = {"name": "care", "why": "{callback_words}", "scripts": [{"id": "one", "hint": "=HYPERLINK is only text"}]}
OURS = {each.name: each.model_dump() for each in read_settings().configuration.outreach.campaigns}


def why(spark: Any, campaign: str, *people: dict[str, Any], **more: list[dict[str, Any]]) -> dict[str, str]:
    """Why people are on the list of a campaign of conf, by customer."""
    candidates = [
        {"list_on": LIST_ON, "campaign": campaign, "customer_id": each["customer_id"], "decision": "listed", "rank": 1}
        for each in people
    ]
    made = call_lists.build(
        frame(spark, "gold.call_candidates", candidates),
        frame(spark, "features.outreach_customers", people),
        frame(spark, "features.customer_tag_values", more.get("tags", [])),
        frame(spark, "gold.churn_scores", []),
        frame(spark, "gold.repeat_call_advice", more.get("advice", [])),
        standing={},
        campaigns=[OURS[campaign]],
        time_zone="UTC",
    )
    return {row["customer_id"]: row["why"] for row in made.collect()}


def test_why_and_script_are_said_with_the_customer_s_own_values(spark: Any) -> None:
    who = [f"c{n}" for n in range(60)]
    candidates = [
        {"list_on": LIST_ON, "campaign": "save", "customer_id": name, "decision": "listed", "rank": n + 1, "channel": "call",
         "slot_start_at": AT, "slot_end_at": AT + timedelta(hours=1), "expected_value": 22.0}
        for n, name in enumerate(who)
    ]  # fmt: skip
    candidates += [
        {**candidates[0], "campaign": "care", "customer_id": "called"},
        {**candidates[0], "customer_id": "spared", "decision": "suppressed", "reason": "protected"},
        {**candidates[0], "customer_id": "held", "decision": "holdout", "reason": "holdout"},
    ]
    people = [{"customer_id": name, "star_level": 6} for name in (*who, "spared", "held")]
    people.append(
        {"customer_id": "called", "given_up_at": AT - timedelta(days=2), "given_up_topic": "fee", "open_requests": 0}
    )
    made = call_lists.build(
        frame(spark, "gold.call_candidates", candidates),
        frame(spark, "features.outreach_customers", people),
        frame(spark, "features.customer_tag_values", []),
        frame(spark, "gold.churn_scores", [{"customer_id": "c0", "reason_1": "spent 62 % less"}]),
        frame(spark, "gold.repeat_call_advice", [{"customer_id": name, "main_topic": "fees"} for name in who]),
        standing={},
        campaigns=[SAVE, CARE],
        time_zone="UTC",
    )
    rows = {row["customer_id"]: row for row in made.collect()}
    assert set(rows) == {*who, "called"}
    assert rows["c0"]["why"] == "spent 62 % less; 6 stars"
    assert rows["c1"]["why"] == "unknown; 6 stars"
    assert rows["called"]["why"] == "Gave up waiting on 2026-03-29, about fee; nobody has called back"
    hints = {(rows[name]["script_id"], rows[name]["script_hint"]) for name in who}
    assert hints == {("ask", "Ask why."), ("offer", "Offer fees.")}
    assert 15 <= sum(rows[name]["script_id"] == "ask" for name in who) <= 45


def test_why_tells_dates_in_business_time_and_of_a_promise_the_hour_too(spark: Any) -> None:
    people = [
        {"customer_id": "promised", "callback_at": datetime(2026, 2, 3, 7, tzinfo=UTC)},
        {"customer_id": "given_up", "given_up_at": datetime(2026, 3, 29, 17, tzinfo=UTC)},
        {"customer_id": "asked", "open_requests": 1, "request_opened_on": date(2026, 3, 30)},
    ]
    candidates = [
        {"list_on": LIST_ON, "campaign": "care", "customer_id": each["customer_id"], "decision": "listed", "rank": 1}
        for each in people
    ]
    made = call_lists.build(
        frame(spark, "gold.call_candidates", candidates),
        frame(spark, "features.outreach_customers", people),
        frame(spark, "features.customer_tag_values", []),
        frame(spark, "gold.churn_scores", []),
        frame(spark, "gold.repeat_call_advice", []),
        standing={},
        campaigns=[CARE],
        time_zone="Asia/Shanghai",
    )
    assert {row["customer_id"]: row["why"] for row in made.collect()} == {
        "promised": "A call back was promised for 2026-02-03 15:00",
        "given_up": "Gave up waiting on 2026-03-30; nobody has called back",
        "asked": "A request is open since 2026-03-30",
    }


def test_a_topic_that_nobody_knows_is_left_out(spark: Any) -> None:
    opened = {"complaint_opened_on": date(2026, 3, 30), "open_complaints": 1}
    people = [{"customer_id": "of a fee", "complaint_topic": "fee", **opened}, {"customer_id": "of what", **opened}]
    assert why(spark, "complaint_care", *people) == {
        "of a fee": "A complaint about fee is open since 2026-03-30",
        "of what": "A complaint is open since 2026-03-30",
    }
    closed = {"customer_id": "A", "settled_on": date(2026, 3, 29)}
    assert why(spark, "follow_up", closed) == {"A": "A matter was closed on 2026-03-29"}


@pytest.mark.parametrize("campaign", ["repeat_high_call", "repeat_mid_sms"])
def test_how_many_of_the_calls_are_about_the_main_topic_is_said(spark: Any, campaign: str) -> None:
    topics: list[dict[str, Any]] = [
        {"customer_id": "A", "main_topic": "amount_due", "main_topic_calls": 2},
        {"customer_id": "N"},
    ]
    tags = [{"customer_id": who, "calls_90d": "18"} for who in "AN"]
    people = [{"customer_id": who} for who in "AN"]
    assert why(spark, campaign, *people, tags=tags, advice=topics) == {
        "A": "Called 18 times in 90 days, most often about amount_due (2 of them)",
        "N": "Called 18 times in 90 days",
    }


def test_what_has_not_happened_is_said_as_far_as_it_is_known(spark: Any) -> None:
    people = [{"customer_id": "A", "star_level": 6}]
    assert why(spark, "portfolio_care", *people) == {
        "A": "A customer of 6 stars with whom nobody is known to have spoken for 90 days"
    }
    assert why(spark, "instalment_offer", *people) == {
        "A": "Spent far more than usual in the last 7 days, and no payment in instalments of the last year is known"
    }
