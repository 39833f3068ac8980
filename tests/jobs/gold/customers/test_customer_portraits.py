"""A portrait has the tags that an agent may see, the last call, the open tickets, and what to do next."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest

from jobs.gold.customers import customer_portraits, next_action
from jobs.gold.outreach.draws import is_drawn, season_of
from jobs.tables import TABLES
from jobs.tables.outreach import OUTREACH_CHANNELS
from jobs.tables.tags import CATALOGUE
from tests.frames import frame

pytestmark = pytest.mark.spark
DAY, LIST_ON = date(2026, 1, 31), date(2026, 2, 1)
OF_LISTS = ("features.outreach_customers", "gold.repeat_call_advice", "gold.call_candidates", "gold.call_lists")
CAMPAIGNS = [
    {"name": "care", "goal": "A sign of care", "kind": "marketing"},
    {"name": "text", "goal": "Answer the topic", "kind": "service"},
    {"name": "promise", "goal": "Keep a promise", "kind": "duty"},
]
NOBODY_DRAWN = 0.0
Told = Callable[..., dict[str, str | None]]


def test_a_portrait_puts_tags_last_call_and_open_tickets_together(spark: Any) -> None:
    call = ("call-1", "fee", "answered", None)
    measures = spark.createDataFrame(
        [
            (DAY, "C1", datetime(2026, 1, 30, 9), call, 1, ["T1"]),
            (DAY, "C2", None, None, 0, []),
        ],
        "as_of date, customer_id string, last_call_365d_at timestamp, last_call_365d "
        "struct<call_id:string,topic:string,outcome:string,agent_id:string>, open_tickets bigint, "
        "open_ticket_ids array<string>",
    )
    values = spark.createDataFrame(
        [(DAY, "C1", "yes", "hold"), (DAY, "C2", None, "act")],
        "as_of date, customer_id string, vip string, arm string",
    )
    scores = spark.createDataFrame([("C1", 0.3)], "customer_id string, probability double")
    none: dict[str, Any] = {name.partition(".")[2]: frame(spark, name, []) for name in OF_LISTS}
    portraits = customer_portraits.build(
        measures, values, scores, **none, tags=["vip"], list_on=LIST_ON, campaigns=CAMPAIGNS, holdout_share=0.1,
        time_zone="UTC",
    )  # fmt: skip
    assert "arm" not in portraits.columns
    shown = portraits.select(
        "customer_id", "vip", "last_call_id", "last_call_topic", "last_call_agent_id", "open_tickets",
        "open_ticket_ids", "churn_probability", "next_best_action",
    )  # fmt: skip
    assert sorted(map(tuple, shown.collect())) == [
        ("C1", "yes", "call-1", "fee", None, 1, ["T1"], 0.3, None),
        ("C2", None, None, None, None, 0, [], None, None),
    ]


@pytest.fixture
def told(spark: Any) -> Told:
    """What to do next by customer; each table is given by rows that say what matters.

    Who has advice is open unless `outreach_customers` are given.
    """

    def work(share: float = NOBODY_DRAWN, **rows: list[dict[str, Any]]) -> dict[str, str | None]:
        advised = [row["customer_id"] for row in rows.get("repeat_call_advice", []) if row["customer_id"]]
        rows = {"outreach_customers": [{"customer_id": name} for name in advised]} | rows
        frames: dict[str, Any] = {
            name.partition(".")[2]: frame(spark, name, rows.get(name.partition(".")[2], [])) for name in OF_LISTS
        }
        made = next_action.next_actions(
            **frames, list_on=LIST_ON, campaigns=CAMPAIGNS, holdout_share=share, time_zone="Asia/Shanghai"
        )
        return {row["customer_id"]: row["next_best_action"] for row in made.collect()}

    return work


def listed(customer: str, campaign: str = "care", channel: str = "call") -> dict[str, Any]:
    return {
        "list_on": LIST_ON, "customer_id": customer, "campaign": campaign, "channel": channel, "why": "Used the card 62 % less",
        "slot_start_at": datetime(2026, 2, 1, 2, tzinfo=UTC), "slot_end_at": datetime(2026, 2, 1, 3, tzinfo=UTC),
    }  # fmt: skip


def advice(customer: str | None, campaign: str | None = "text", **more: Any) -> dict[str, Any]:
    return {
        "caller_key": f"c:{customer}", "customer_id": customer, "campaign": campaign, "action": "Answer by text.",
        "channel": "sms", "message": "It is in the app.", **more,
    }  # fmt: skip


def decided(customer: str, decision: str, reason: str | None, campaign: str = "text") -> dict[str, Any]:
    return {"customer_id": customer, "campaign": campaign, "decision": decision, "reason": reason}


ADVICE = "Answer by text. Say: It is in the app."


def test_what_a_list_has_planned_comes_first_in_words_and_business_time(told: Told) -> None:
    lists = [listed("A"), listed("B", "gone", "push")]
    candidates = [decided("A", "listed", None, "care"), decided("A", "suppressed", "over_quota")]
    assert told(call_lists=lists, call_candidates=candidates, repeat_call_advice=[advice("A")]) == {
        "A": "A sign of care: call on 2026-02-01, 10:00 to 11:00. Used the card 62 % less",
        "B": "gone: push message in the app on 2026-02-01, 10:00 to 11:00. Used the card 62 % less",
    }


def test_else_it_is_the_advice_for_repeat_callers_where_no_rule_spares_them(told: Told) -> None:
    reasons = ("over_quota", "over_capacity", "below_floor", "do_not_call", "no_consent", "protected",
               "capped_all_channels", "capped_campaign", "too_soon", "duplicate")  # fmt: skip
    candidates = [decided(reason, "suppressed", reason) for reason in reasons]
    candidates += [decided("other", "suppressed", "no_consent", "care")]
    callers = [advice(reason) for reason in reasons]
    callers += [advice("other"), advice("unasked"), advice(None)]
    callers += [advice("general", None, message=None)]
    callers += [advice("watched", None, channel=None, message=None), advice("nothing", None, channel=None, action=None)]
    assert told(call_candidates=candidates, repeat_call_advice=callers) == {
        **dict.fromkeys(("over_quota", "over_capacity", "below_floor", "other", "unasked"), ADVICE),
        "general": "Answer by text.",
    }, "without a channel there is nothing for the customer"


def test_a_holdout_looks_as_who_has_no_action_and_is_not_nudged(told: Told) -> None:
    candidates = [
        decided("now", "holdout", "holdout"), decided("before", "suppressed", "over_quota"),
        decided("of_another", "suppressed", "over_quota"), decided("of_another", "holdout", "holdout", "care"),
    ]  # fmt: skip
    people = [
        {"customer_id": "before", "held_out": ["care", "text"]}, {"customer_id": "gone_by", "held_out": ["text"]},
        {"customer_id": "of_another", "held_out": ["care"]}, {"customer_id": "now", "held_out": []},
    ]  # fmt: skip
    callers = [advice(each) for each in ("now", "before", "gone_by", "of_another")]
    assert told(call_candidates=candidates, repeat_call_advice=callers, outreach_customers=people) == {
        "of_another": ADVICE
    }, "held out of one campaign, and served by another"


def test_no_advice_is_told_of_who_is_not_open_as_nobody_looked_whether_a_rule_spares_them(told: Told) -> None:
    callers = [advice("open"), advice("closed"), advice("closed_too", None, channel="call")]
    people = [{"customer_id": "open", "held_out": None}]
    assert told(repeat_call_advice=callers, outreach_customers=people) == {"open": ADVICE}
    assert told(call_lists=[listed("closed")], repeat_call_advice=callers, outreach_customers=[]).keys() == {"closed"}


def test_of_those_without_advice_half_are_not_held_out(told: Told, spark: Any) -> None:
    names = [f"c{n}" for n in range(500)]
    rows = told(0.1, repeat_call_advice=[advice(name) for name in names])
    season = season_of(LIST_ON)
    people = spark.createDataFrame([(name,) for name in names], "customer_id string")
    held_out = {row[0] for row in people.where(is_drawn(0.1, season, "text")).collect()}
    untold = {*names} - rows.keys()
    assert held_out < untold, "whoever will be held out is left alone before already"
    assert (len(held_out), len(untold)) == (44, 94)
    assert len(told(0.1, repeat_call_advice=[advice(name, "promise") for name in names])) == 500, "of a duty is nobody"


def test_every_channel_has_its_words() -> None:
    assert {*next_action.CHANNELS} == {*OUTREACH_CHANNELS}


def test_every_tag_that_is_not_hidden_is_a_column() -> None:
    columns = TABLES["gold.customer_portraits"].column_names
    assert {tag.name for tag in CATALOGUE.tags.values() if tag.sensitivity != "hidden"} <= {*columns}
    assert not {tag.name for tag in CATALOGUE.tags.values() if tag.sensitivity == "hidden"} & {*columns}
