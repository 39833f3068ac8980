"""Each candidate is decided once, by the first rule that holds; holdouts are drawn among those who won a place."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from jobs.gold.outreach import call_candidates
from jobs.gold.outreach.hours import Allowed, Place, hours_of
from tests.frames import frame

pytestmark = pytest.mark.spark
LIST_ON = date(2026, 3, 31)
DAY = LIST_ON - timedelta(days=1)
BEGIN = datetime(2026, 3, 31, tzinfo=UTC)
HERE, CLOSED, STRICT = (Place("CN", region, None) for region in ("Hunan", "shut", "strict"))
NINE_TO_EIGHT = 0b11111111111 << 9
ALLOWED = {
    HERE: Allowed(NINE_TO_EIGHT, None, None, None),
    CLOSED: Allowed(0, None, None, None),
    STRICT: Allowed(NINE_TO_EIGHT, 3, None, 0.03),
}
CAPS = {
    "contacts_1d": 1, "contacts_7d": 2, "contacts_30d": 4, "campaign_attempts_7d": 3, "number_attempts_7d": 2,
}  # fmt: skip
CAPACITY = {"minutes_a_call": 5.0, "explore_share": 0.05}
NOBODY: dict[str, Any] = {
    "as_of": DAY, "country": "CN", "region": "Hunan", "marketing_consent": True, "call_consent": True, "sms_consent": True,
    "barred_channels": [], "is_person_barred": False, "is_number_barred": False, "contacts_1d": 0, "contacts_7d": 0,
    "contacts_30d": 0, "call_attempts_1d": 0, "connected_calls_1d": 0, "campaign_attempts_7d": {}, "number_attempts_7d": {},
    "refused_campaigns": [], "reached_campaigns": [], "held_out": [], "open_complaints": 0, "open_requests": 0, "star_level": 5,
}  # fmt: skip


def campaign(name: str = "save", **more: Any) -> dict[str, Any]:
    return {
        "name": name, "kind": "marketing", "channel": "call", "audience": "star_level >= 3", "score": "0.3", "value": 1000.0,
        "cost": 8.0, "minutes": None, "quota": None, "floor": 0.0, "purpose": "general", "halted": False, **more,
    }  # fmt: skip


def customer(name: str, **more: Any) -> dict[str, Any]:
    return {**NOBODY, "customer_id": name, "phone_token": f"t{name}", **more}


Decided = Callable[..., dict[tuple[str, str], dict[str, Any]]]


@pytest.fixture
def decided(spark: Any) -> Decided:
    """Rows of gold.call_candidates by campaign and customer."""

    def work(
        people: list[dict[str, Any]], *campaigns: dict[str, Any], **more: Any
    ) -> dict[tuple[str, str], dict[str, Any]]:
        rows = call_candidates.build(
            frame(spark, "features.outreach_customers", people),
            **{name: frame(spark, table, []) for name, table in (
                ("customer_tag_values", "features.customer_tag_values"), ("churn_scores", "gold.churn_scores"),
                ("repeat_call_advice", "gold.repeat_call_advice"),
            )},
            customer_identities=frame(spark, "gold.customer_identities", [
                {"customer_id": each["customer_id"], "person_id": each["person_id"], "valid_from": DAY}
                for each in people if "person_id" in each
            ]),
            **{
                "list_on": LIST_ON, "standing": {}, "campaigns": campaigns, "caps": CAPS, "holdout_share": 0.0001, "capacity": CAPACITY,
                "hours": hours_of(LIST_ON, "UTC"), "minutes": [600.0] * 24,
                "places": {"general": ALLOWED, "collections": ALLOWED}, "abandoned": {},
                "effects": {each["name"]: 0.1 for each in campaigns}, "is_do_not_call_stale": False,
                "time_zone": "UTC", **more,
            },
        )  # fmt: skip
        return {(row["campaign"], row["customer_id"]): row.asDict() for row in rows.collect()}

    return work


def reasons(rows: dict[tuple[str, str], dict[str, Any]], of: str = "save") -> dict[str, str | None]:
    return {who: row["reason"] for (name, who), row in rows.items() if name == of}


def test_the_first_rule_that_holds_is_the_reason(decided: Decided) -> None:
    everything: dict[str, Any] = {
        "no_consent": {"marketing_consent": None},
        "do_not_call": {"barred_channels": ["call"]},
        "protected": {"open_complaints": 1},
        "capped_all_channels": {"contacts_7d": 2},
        "capped_campaign": {"refused_campaigns": ["save"]},
        "too_soon": {"released_at": BEGIN + timedelta(hours=19, seconds=1)},
        "no_callable_hour": {"region": "shut"},
    }
    names = list(everything)
    people = [customer("fine")]
    for place, name in enumerate(names):
        # Whatever would hold later holds too.
        later = {key: value for each in names[place:-1] for key, value in everything[each].items()}
        people.append(customer(name, **{**later, **everything[name]}))
    rows = decided(people, campaign())
    assert reasons(rows) == {"fine": None, **{name: name for name in names}}
    assert set(reasons(decided(people, campaign(halted=True))).values()) == {"campaign_halted"}
    fine = rows["save", "fine"]
    assert (fine["decision"], fine["rank"], fine["expected_value"]) == ("listed", 1, pytest.approx(22))
    assert fine["slot_start_at"].replace(tzinfo=UTC) == BEGIN + timedelta(hours=10)


def test_silence_refuses_marketing_and_a_no_refuses_all(decided: Decided) -> None:
    people = [
        customer("silent", marketing_consent=None, call_consent=None), customer("no_calls", call_consent=False),
        customer("no_ads", marketing_consent=False), customer("objects", profiling_objection=True),
    ]  # fmt: skip
    rows = decided(
        people, campaign(), campaign("care", kind="service"), campaign("text", channel="sms", kind="service")
    )
    assert set(reasons(rows).values()) == {"no_consent"}
    assert [who for who, reason in reasons(rows, "care").items() if reason == "no_consent"] == ["no_calls"]
    assert "no_consent" not in reasons(rows, "text").values()


def test_do_not_call_bars_the_channel_all_or_the_number_and_fails_closed(decided: Decided) -> None:
    people = [
        customer("all", barred_channels=["all"]), customer("sms", barred_channels=["sms"]),
        customer("both", barred_channels=["call", "sms"]), customer("person", is_person_barred=True),
        customer("number", is_number_barred=True), customer("nobody"),
    ]  # fmt: skip
    rows = decided(people, campaign(), campaign("push", channel="push", kind="service"))
    barred = {who for who, reason in reasons(rows).items() if reason == "do_not_call"}
    assert barred == {"all", "both", "person", "number"}
    by_push = {who for who, reason in reasons(rows, "push").items() if reason == "do_not_call"}
    assert by_push == {"all", "person"}, "a wrong number says nothing of the app"
    assert set(reasons(decided(people, campaign(), is_do_not_call_stale=True)).values()) == {"do_not_call"}


def test_a_duty_is_stopped_by_the_law_alone_and_never_held_out(decided: Decided) -> None:
    people = [
        customer("complains", open_complaints=2),
        customer("frail", vulnerable=True),
        customer("held", legal_hold=True),
    ]
    rows = decided(people, campaign(kind="duty"), holdout_share=0.9999)
    assert reasons(rows) == {"complains": None, "frail": "protected", "held": "protected"}
    assert rows["save", "complains"]["decision"] == "listed"


def test_caps_of_the_campaign_and_of_the_law(decided: Decided) -> None:
    people = [
        customer("three", campaign_attempts_7d={"save": 3}), customer("two", campaign_attempts_7d={"save": 2}),
        customer("number", number_attempts_7d={"save": 2}), customer("other", campaign_attempts_7d={"care": 9}),
        customer("reached", reached_campaigns=["save"]), customer("florida", region="strict", call_attempts_1d=3),
        customer("hunan", call_attempts_1d=3),
    ]  # fmt: skip
    told = reasons(decided(people, campaign()))
    capped = {who: reason for who, reason in told.items() if reason}
    assert capped == {
        "three": "capped_campaign", "number": "capped_campaign", "reached": "capped_campaign", "florida": "capped_all_channels",
    }  # fmt: skip
    halted = reasons(decided(people, campaign(), abandoned={"save": 0.031}))
    assert {who for who, reason in halted.items() if reason == "campaign_halted"} == {"florida"}


def test_a_customer_goes_to_the_campaign_that_is_worth_most_and_the_next_has_its_turn(decided: Decided) -> None:
    people = [customer("A"), customer("B", person_id="A"), customer("C", phone_token="tA"), customer("D")]
    rows = decided(
        people,
        campaign("small", value=500.0),
        campaign("large", quota=1),
        campaign("duty", kind="duty", audience="customer_id = 'D'"),
    )
    listed = {key for key, row in rows.items() if row["decision"] == "listed"}
    assert listed == {("large", "A"), ("duty", "D")}
    assert {key: row["reason"] for key, row in rows.items() if key not in listed} == {
        ("small", "A"): "duplicate", ("small", "B"): "duplicate", ("small", "C"): "duplicate", ("small", "D"): "duplicate",
        ("large", "B"): "duplicate", ("large", "C"): "duplicate", ("large", "D"): "duplicate",
    }  # fmt: skip
    second = decided([customer("A"), customer("E")], campaign("small", value=500.0), campaign("large", quota=1))
    assert second["large", "E"]["reason"] == "over_quota"
    assert second["small", "E"]["decision"] == "listed"


def test_a_promised_call_is_wished_for_in_the_hour_of_the_promise(decided: Decided) -> None:
    zone, shanghai = "Asia/Shanghai", BEGIN - timedelta(hours=8)
    people = [
        customer("promised", callback_at=shanghai + timedelta(hours=15, minutes=20), answer_hour=11),
        customer("missed", callback_at=shanghai - timedelta(hours=9), answer_hour=11),
        customer("at_night", callback_at=shanghai + timedelta(hours=23, minutes=59)),
        customer("nothing"),
    ]
    rows = decided(people, campaign(kind="duty"), hours=hours_of(LIST_ON, zone), time_zone=zone)
    slots = {
        who: (row["slot_start_at"].replace(tzinfo=UTC) - shanghai).seconds // 3600 for (_, who), row in rows.items()
    }
    assert slots == {"promised": 15, "missed": 11, "at_night": 19, "nothing": 10}


@pytest.mark.parametrize("day", [date(2026, 3, 29), date(2026, 10, 25), date(2026, 10, 26)])
def test_the_usual_hour_is_that_of_the_clock_on_the_days_on_which_it_changes_too(decided: Decided, day: date) -> None:
    zone = "Europe/Berlin"
    hours = hours_of(day, zone)
    people = [customer("usual", answer_hour=14), customer("nothing")]
    rows = decided(people, campaign(), hours=hours, minutes=[600.0] * len(hours), time_zone=zone)
    slots = {
        who: row["slot_start_at"].replace(tzinfo=UTC).astimezone(ZoneInfo(zone)).hour for (_, who), row in rows.items()
    }
    assert slots == {"usual": 14, "nothing": 10}


def test_holdouts_are_a_stable_share_of_those_who_won_a_place(decided: Decided) -> None:
    people = [customer(f"c{n}") for n in range(400)]
    one, again = (decided(people, campaign(channel="sms"), holdout_share=0.1) for _ in range(2))
    assert one == again
    held = {who for (_, who), row in one.items() if row["decision"] == "holdout"}
    assert 20 <= len(held) <= 65
    assert all(row["slot_start_at"] and row["rank"] is None for (_, who), row in one.items() if who in held)
    few = decided(people, campaign(channel="sms", quota=50), holdout_share=0.1)
    won = [row["decision"] for row in few.values() if row["decision"] != "suppressed"]
    assert won.count("listed") == 50
    assert won.count("holdout") <= 15
    assert {row["decision"] for row in decided([customer("c0", held_out=["save"])], campaign()).values()} == {"holdout"}


def test_below_the_floor_nobody_is_listed_but_some_who_are_drawn(decided: Decided) -> None:
    people = [customer(f"c{n}") for n in range(400)]
    rows = decided(people, campaign(floor=50.0), minutes=[100.0] * 24)
    told = reasons(rows)
    assert set(told.values()) <= {"below_floor", "explore", "holdout"}
    assert 3 <= sum(reason == "explore" for reason in told.values()) <= 24, "5 % of the minutes at 5 a call"
    assert all(row["decision"] == "listed" for row in rows.values() if row["reason"] == "explore")


def test_candidates_are_listed_held_out_or_suppressed_and_nothing_else(decided: Decided) -> None:
    people = [customer(f"c{n}", star_level=n % 6 or None, contacts_7d=n % 4) for n in range(120)]
    rows = decided(people, campaign(), campaign("care", kind="service", audience="star_level = 5"), holdout_share=0.2)
    wanted = {("save", who["customer_id"]) for who in people if (who["star_level"] or 0) >= 3}
    wanted |= {("care", who["customer_id"]) for who in people if who["star_level"] == 5}
    assert rows.keys() == wanted
    assert {row["decision"] for row in rows.values()} == {"listed", "holdout", "suppressed"}
    for row in rows.values():
        assert (row["rank"] is not None) == (row["decision"] == "listed")
        assert (row["reason"] is None) == (row["decision"] == "listed")
