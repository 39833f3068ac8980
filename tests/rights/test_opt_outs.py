"""A number that must not be called stays barred, though nobody knows any more whose it is."""

from datetime import UTC, date, datetime

import pytest

from jobs.rights import opt_outs
from jobs.rights.person import find
from tests.rights.conftest import ANNA, BEN, DAY, OWN, SHARED, SmallLake

LATER = datetime(2026, 1, 6, 12, tzinfo=UTC)
ENTRY = ("customer_id", "phone_token", "channel", "expires_at", "ds")


def entries(lake: SmallLake) -> list[tuple[object, ...]]:
    rows = lake.rows("silver.do_not_call", *ENTRY)
    return [row for row in rows if row[4] == opt_outs.OF_NO_BATCH]


def test_an_entry_of_the_customer_bars_the_numbers_of_the_customer(lake: SmallLake) -> None:
    own, shared = lake.token("phone", OWN), lake.token("phone", SHARED)
    lake.put(
        "silver.do_not_call",
        {"customer_id": ANNA, "channel": "sms", "expires_at": LATER},
        {"customer_id": ANNA, "phone_token": shared},
        {"customer_id": BEN, "channel": "call"},
    )
    for _ in range(2):
        assert opt_outs.keep(lake.tables, find(lake.tables, ANNA)) == 2
        assert entries(lake) == sorted(
            [
                (None, own, "sms", LATER, opt_outs.OF_NO_BATCH),
                (None, shared, None, None, opt_outs.OF_NO_BATCH),
            ],
            key=str,
        )
    assert len(lake.rows("silver.do_not_call")) == 5


def test_who_asked_a_caller_to_be_left_alone_is_barred_too(lake: SmallLake) -> None:
    attempt = {"customer_id": ANNA, "channel": "call", "attempted_at": LATER}
    lake.put("silver.contact_results", {**attempt, "result": "do_not_call"}, {**attempt, "result": "busy"})
    opt_outs.keep(lake.tables, find(lake.tables, ANNA))
    assert lake.rows("silver.do_not_call", "phone_token", "added_at") == [(lake.token("phone", OWN), LATER)]


def numbers_of_anna(lake: SmallLake, *numbers: str) -> None:
    """One after the other, each from a day on; the last one is that of today."""
    tokens = [lake.token("phone", number) if number else None for number in numbers]
    days = [date(2026, 1, day) for day in (2, 5, 9)[: len(tokens)]]
    lake.put(
        "silver.customers_versions",
        *(
            {"customer_id": ANNA, "phone_token": token, "known_on": known_on, "superseded_on": superseded_on}
            for token, known_on, superseded_on in zip(tokens, days, [*days[1:], None], strict=True)
        ),
    )
    lake.put("silver.customers", {"customer_id": ANNA, "phone_token": tokens[-1]})


def said(lake: SmallLake, result: str, on: date) -> None:
    """What came of an attempt to reach Anna."""
    lake.put("silver.contact_results", {"customer_id": ANNA, "result": result, "attempted_at": LATER, "event_date": on})


@pytest.mark.parametrize("now", [OWN, ""], ids=["another", "none"])
def test_the_number_at_which_somebody_asked_to_be_left_alone_stays_barred_though_they_have_another_now(
    lake: SmallLake, now: str
) -> None:
    numbers_of_anna(lake, SHARED, now)
    said(lake, "do_not_call", DAY)
    for _ in range(2):
        opt_outs.keep(lake.tables, find(lake.tables, ANNA))
        barred = {lake.token("phone", number) for number in (SHARED, now) if number}
        wanted = [(None, number, None, None, opt_outs.OF_NO_BATCH) for number in barred]
        assert entries(lake) == sorted(wanted, key=str)


@pytest.mark.parametrize(
    ("on", "wrong"),
    [
        (date(2026, 1, 1), SHARED),
        (date(2026, 1, 2), SHARED),
        (date(2026, 1, 5), SHARED),
        (date(2026, 1, 6), "+8613700137000"),
        (date(2026, 1, 10), OWN),
    ],
    ids=["before the first batch", "on its day", "on the day of the change", "a day later", "today's"],
)
def test_a_wrong_number_stays_barred_for_what_needs_a_number_and_no_other_number_with_it(
    lake: SmallLake, on: date, wrong: str
) -> None:
    numbers_of_anna(lake, SHARED, "+8613700137000", OWN)
    said(lake, "wrong_number", on)
    for _ in range(2):
        assert opt_outs.keep(lake.tables, find(lake.tables, ANNA)) == 1
        number = lake.token("phone", wrong)
        assert entries(lake) == [(None, number, channel, None, opt_outs.OF_NO_BATCH) for channel in ("call", "sms")]
        keys = lake.rows("silver.do_not_call", "phone_token", "added_at")
        assert len({*keys}) == 2, "rows of their own"


def test_a_wrong_number_of_somebody_who_had_none_bars_nothing(lake: SmallLake) -> None:
    numbers_of_anna(lake, "", OWN)
    said(lake, "wrong_number", DAY)
    assert opt_outs.keep(lake.tables, find(lake.tables, ANNA)) == 0
    assert entries(lake) == []


def test_without_an_entry_nothing_is_kept(lake: SmallLake) -> None:
    lake.put("silver.do_not_call", {"phone_token": lake.token("phone", OWN)})
    assert opt_outs.keep(lake.tables, find(lake.tables, ANNA)) == 0
    assert entries(lake) == []
