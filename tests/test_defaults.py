"""The defaults that people build against stand in conf, with the numbers of the field."""

from jobs.settings import read_settings
from jobs.tables.effects import LATE_DAYS
from jobs.tables.gold import WINDOWS

CONF = read_settings().configuration


def test_a_repeat_is_what_the_field_calls_one() -> None:
    assert WINDOWS == {"24h": 24, "72h": 72, "7d": 168, "30d": 720}
    assert (CONF.repeat_calls.transfer_minutes, CONF.repeat_calls.chain_gap_days) == (15, 7)
    bands = CONF.caller_profiles
    assert (bands.top_share, bands.high_calls, bands.mid_calls) == (0.05, 6, 3)


def test_nobody_is_contacted_more_often_than_the_field_allows() -> None:
    caps = CONF.outreach.caps
    assert (caps.contacts_1d, caps.contacts_7d, caps.contacts_30d) == (1, 2, 4)
    assert (caps.campaign_attempts_7d, caps.number_attempts_7d) == (3, 2)
    assert caps.wait_minutes == {"busy": 30, "no_answer": 240, "voicemail": 1440}
    assert (caps.refused_days, caps.reentry_days, caps.do_not_call_age_days, LATE_DAYS) == (90, 30, 31, 7)
    assert (CONF.outreach.holdout_share, CONF.outreach.capacity.explore_share) == (0.10, 0.05)


def test_hours_and_laws_are_those_of_the_field() -> None:
    law = CONF.law
    assert [f"{each:%H:%M}" for each in law.hours] == ["09:00", "20:00"]
    rows = {row.name: row for row in law.jurisdictions}
    hours = {name: [f"{each:%H:%M}" for each in row.hours or []] for name, row in rows.items()}
    assert hours == {
        "US": ["08:00", "21:00"], "Florida and Oklahoma": ["08:00", "20:00"], "China collections": ["08:00", "22:00"],
    }  # fmt: skip
    assert rows["US"].abandoned_share == 0.03
    assert {"FL", "OK"} <= set(rows["Florida and Oklahoma"].regions)
    assert rows["Florida and Oklahoma"].attempts_1d == 3
    assert (rows["China collections"].purpose, rows["China collections"].connected_1d) == ("collections", 3)


def test_campaigns_are_of_the_kinds_of_the_field() -> None:
    kinds = {each.name: each.kind for each in CONF.outreach.campaigns}
    marketing = {"churn_save", "churn_care_sms", "portfolio_care", "instalment_offer"}
    duties = {"callback_promised", "complaint_care"}
    service = {"repeat_high_call", "repeat_mid_sms", "repeat_low_self_service", "follow_up", "repayment_reminder"}
    assert {name for name, kind in kinds.items() if kind == "marketing"} == marketing
    assert {name for name, kind in kinds.items() if kind == "duty"} == duties
    assert {name for name, kind in kinds.items() if kind == "service"} == service
