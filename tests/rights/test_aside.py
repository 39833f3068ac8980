"""Rows that were set aside: whose they are, and what is left of them."""

from datetime import date
from typing import Any

import pytest

from jobs.rights.aside import Aside, balance
from jobs.rights.person import find
from jobs.tables import FEEDS, Table
from tests.rights.conftest import ANNA, BEN, DAY, OWN, SHARED, SmallLake

CALLS = next(feed for feed in FEEDS if feed.name == "calls")
FILE = "calls.csv"
SHOWN = ("ds", "line", "reason", "column", "row")


def aside(lake: SmallLake) -> Aside:
    return Aside(lake.tables, find(lake.tables, ANNA), {"Anna.Lee@example.org", OWN}, "CN")


def shown(line: int | None, row: str, ds: date | None = DAY) -> dict[str, Any]:
    return {"ds": ds, "file": FILE, "line": line, "reason": "broken", "column": "outcome", "row": row}


def raw(line: int | None, text: str) -> dict[str, Any]:
    return {"feed": "calls", "ds": DAY, "file": FILE, "line": line, "raw": text}


@pytest.mark.parametrize(
    "text",
    [
        f"x,{ANNA},y",
        f'{{"customer_id": "{ANNA}"}}',
        "x;own;y",
        "x,13800138000",
        "x,+86 138 0013 8000,y",
        "x;(0086) 138-0013-8000",
        "x|Anna.Lee@example.org",
    ],
)
def test_a_broken_row_is_the_persons_when_it_holds_what_is_theirs_alone(lake: SmallLake, text: str) -> None:
    lake.put("quarantine.calls", shown(2, "xx"), shown(3, "yy"))
    lake.put("vault.quarantine_raw", raw(2, text), raw(3, f"bens,{BEN},{SHARED}"))
    aside(lake).erase(CALLS)
    assert lake.rows("quarantine.calls", *SHOWN) == [
        (DAY, 2, "erased person", None, None),
        (DAY, 3, "broken", "outcome", "yy"),
    ]
    assert lake.rows("vault.quarantine_raw", "line") == [(3,)]


def test_a_row_that_names_another_customer_stays_whatever_it_mentions(lake: SmallLake) -> None:
    row = f'{{"call_id": "own", "customer_id": "{BEN}"}}'
    lake.put("quarantine.calls", shown(2, row), shown(3, f'{{"call_id": "z", "customer_id": "{ANNA}"}}'))
    lake.put("vault.quarantine_raw", raw(2, f"own,{BEN},{ANNA}"), raw(3, "z"), raw(None, f"{ANNA},z"), raw(None, "z"))
    aside(lake).erase(CALLS)
    assert lake.rows("quarantine.calls", "line", "reason") == [(2, "broken"), (3, "erased person")]
    assert lake.rows("vault.quarantine_raw", "raw") == [(f"own,{BEN},{ANNA}",), ("z",)]


def test_an_identifier_that_quarantine_shows_by_its_shape_alone_is_told_by_the_raw_row(lake: SmallLake) -> None:
    lake.put("silver.customers", {"customer_id": "1234567"})
    lake.put("quarantine.calls", *(shown(line, '{"customer_id": "9999999"}') for line in (2, 3)))
    lake.put("vault.quarantine_raw", raw(2, '{"customer_id":1234567}'), raw(3, '{"customer_id":7654321}'))
    Aside(lake.tables, find(lake.tables, "1234567"), set(), "CN").erase(CALLS)
    assert lake.rows("quarantine.calls", "line", "reason") == [(2, "erased person"), (3, "broken")]
    assert lake.rows("vault.quarantine_raw", "line") == [(3,)]


def test_a_raw_row_that_its_shown_twin_alone_told_goes_after_a_kill_between_the_two_and_others_stay(
    lake: SmallLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = f'{{"customer_id": null, "caller_token": "{lake.token("phone", OWN)}"}}'
    erased = shown(5, "", None) | {"reason": "erased person", "column": None, "row": None}
    lake.put("quarantine.calls", shown(2, told), shown(3, "yy"), erased)
    lake.put("vault.quarantine_raw", raw(2, "1380;0138000"), raw(3, "bens"), raw(5, "of a date"), raw(None, "z"))

    def killed(table: Table, rows: list[dict[str, Any]], where: str) -> None:
        if table.name == "vault.quarantine_raw":
            raise KeyboardInterrupt
        record(table, rows, where)

    first = aside(lake)
    record = first.tables.record
    with monkeypatch.context() as patch:
        patch.setattr(first.tables, "record", killed)
        with pytest.raises(KeyboardInterrupt):
            first.erase(CALLS)
    assert lake.rows("quarantine.calls", "line", "reason")[0] == (2, "erased person")
    aside(lake).erase(CALLS)
    assert lake.rows("vault.quarantine_raw", "raw") == [("bens",), ("of a date",), ("z",)]


def test_landed_rows_leave_an_empty_row_each_once_however_often_the_command_runs(lake: SmallLake) -> None:
    landed = {"source_file": FILE, "customer_id": ANNA}
    lake.put(
        "bronze.calls",
        {**landed, "call_id": "own", "source_line": 2},
        {**landed, "call_id": "packed", "source_line": None},
        {**landed, "call_id": "bens", "customer_id": BEN, "source_line": 3},
    )
    lake.put("quarantine.calls", shown(4, "zz", None))
    for _ in range(2):
        aside(lake).erase(CALLS)
        assert lake.rows("quarantine.calls", *SHOWN) == [
            (None, 4, "broken", "outcome", "zz"),
            (DAY, 2, "erased person", None, None),
            (DAY, None, "erased person", None, None),
        ]


def test_the_account_of_a_batch_balances_and_others_are_left_alone(lake: SmallLake) -> None:
    old = date(2024, 1, 1)
    count = {"feed": "calls", "file": FILE, "rows_in": 3, "rows_landed": 3, "rows_quarantined": 0}
    # Of an older batch bronze has nothing any more; its account is history.
    lake.put("ops.batches", {**count, "ds": DAY}, {**count, "ds": old}, {**count, "ds": DAY, "feed": "cards"})
    lake.put("bronze.calls", *({"source_file": FILE, "customer_id": BEN, "call_id": name} for name in ("a", "b")))
    balance(lake.tables, CALLS, {(str(DAY), FILE)})
    assert lake.rows("ops.batches", "feed", "ds", "rows_in", "rows_landed", "rows_quarantined") == [
        ("calls", old, 3, 3, 0),
        ("calls", DAY, 3, 2, 1),
        ("cards", DAY, 3, 3, 0),
    ]
