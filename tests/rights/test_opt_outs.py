"""A number that must not be called stays barred, though nobody knows any more whose it is."""

from datetime import UTC, datetime

from jobs.rights import opt_outs
from jobs.rights.person import find
from tests.rights.conftest import ANNA, BEN, OWN, SHARED, SmallLake

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


def test_without_an_entry_nothing_is_kept(lake: SmallLake) -> None:
    lake.put("silver.do_not_call", {"phone_token": lake.token("phone", OWN)})
    assert opt_outs.keep(lake.tables, find(lake.tables, ANNA)) == 0
    assert entries(lake) == []
