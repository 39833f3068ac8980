"""The timeline, journeys and identities end the same however nights come, and a late contact lands in its day."""

from typing import Any

import pytest
from deltalake import DeltaTable

from jobs.table_logs import TableLogs
from jobs.tables import TABLES
from tests.conftest import World

pytestmark = pytest.mark.spark

HEADERS = {
    "calls": "call_id,customer_id,caller_number,direction,started_at,ended_at,outcome",
    "interactions": "interaction_id,customer_id,channel,event,started_at,resolved",
    "customers": "customer_id,phone,id_number,updated_at",
    "tickets": "ticket_id,customer_id,opened_at,category,status,updated_at",
    "contact_results": "attempt_id,customer_id,attempted_at,channel,result",
    "transactions": "transaction_id,customer_id,posted_at,amount,currency,kind",
}
SILVER = (
    "silver.calls",
    "silver.interactions",
    "silver.customers_versions",
    "silver.tickets",
    "silver.contact_results",
    "silver.transactions",
)
MADE = ("gold.customer_identities", "gold.caller_identities", "gold.customer_timeline", "gold.customer_journeys")
ONE, TWO = "13800138001", "13800138002"


def call(call_id: str, customer: str, at: str, number: str = "", direction: str = "inbound") -> str:
    return f"{call_id},{customer},{number},{direction},2026-01-{at}:00,2026-01-{at}:30,answered"


# The second night's first call belongs to a failure of the evening before. The third says that another failure was
# none, that the number of C2 is C3's as well, that C1 and C3 are one person, and brings an attempt of the evening before
# whose call came after midnight.
BATCHES: dict[str, dict[str, list[str]]] = {
    "2026-01-05": {
        "calls": [call("k1", "C1", "05 09:00")],
        "interactions": [
            "i1,C1,app,login_failed,2026-01-05 23:40:00,",
            "i2,C2,chat,message,2026-01-05 08:00:00,false",
            "i3,C2,app,view,2026-01-05 08:10:00,",
        ],
        "customers": [f"C1,{ONE},110101199003071233,2026-01-05 01:00:00", f"C2,{TWO},,2026-01-05 01:00:00"],
        "tickets": ["t1,C1,2026-01-05 09:01:00,fault,open,2026-01-05 09:01:00"],
        "transactions": ["x1,C1,2026-01-05 12:00:00,5.00,CNY,purchase", "x2,C1,2026-01-05 13:00:00,7.00,CNY,purchase"],
    },
    "2026-01-06": {
        "calls": [call("k2", "C1", "06 00:10"), call("k3", "", "06 10:00", TWO), call("k4", "C2", "05 08:30")],
        "transactions": ["x3,C2,2026-01-06 12:00:00,9.00,CNY,purchase"],
    },
    "2026-01-07": {
        "calls": [
            call("k5", "", "06 11:00", TWO),
            call("k6", "", "07 10:00", TWO),
            call("k7", "C1", "07 00:02", ONE, "outbound"),
        ],
        "interactions": ["i2,C2,chat,message,2026-01-05 08:00:00,true"],
        "customers": [f"C3,{TWO},110101199003071233,2026-01-07 01:00:00"],
        "tickets": ["t1,C1,2026-01-05 09:01:00,fault,closed,2026-01-07 09:01:00"],
        "contact_results": ["a1,C1,2026-01-06 23:58:00,call,reached"],
        "transactions": ["x4,C1,2026-01-05 14:00:00,1.00,CNY,purchase"],
    },
}


@pytest.fixture(scope="module")
def one_by_one(module_world: World) -> dict[str, list[tuple[Any, ...]]]:
    """The tables after the nights in their order."""
    _drop(module_world)
    for day in BATCHES:
        _night(module_world, day)
    return _made(module_world)


def test_contacts_stand_in_their_day_however_late_and_hang_together_over_midnight(
    one_by_one: dict[str, list[tuple[Any, ...]]], module_world: World
) -> None:
    columns = ("customer_id", "CAST(event_date AS VARCHAR)", "source_id", "call_id", "journey_id", "identity_reason")
    assert module_world.rows(
        "gold.customer_timeline", *columns, order="customer_id, event_date, position NULLS LAST"
    ) == [
        ("C1", "2026-01-05", "k1", "k1", None, None),
        ("C1", "2026-01-05", "t1", None, None, None),
        ("C1", "2026-01-05", "i1", None, "i1", None),
        ("C1", "2026-01-05", "C1:CNY", None, None, None),
        ("C1", "2026-01-06", "k2", "k2", "i1", None),
        ("C1", "2026-01-06", "a1", "k7", None, None),
        ("C2", "2026-01-05", "i2", None, None, None),
        ("C2", "2026-01-05", "i3", None, None, None),
        ("C2", "2026-01-05", "k4", "k4", None, None),
        ("C2", "2026-01-06", "k3", "k3", None, "only_owner"),
        ("C2", "2026-01-06", "k5", "k5", None, "only_owner"),
        ("C2", "2026-01-06", "C2:CNY", None, None, None),
    ]
    sums = module_world.rows("gold.customer_timeline", "customer_id", "transactions", "CAST(amount AS VARCHAR)")
    assert [row for row in sums if row[1] is not None] == [("C1", 3, "13.00"), ("C2", 1, "9.00")]
    assert module_world.rows("gold.customer_journeys", "journey_id", "first_call_id", "minutes_to_call") == [
        ("i1", "k2", 30.0)
    ]


def test_a_merge_is_seen_from_its_date_on(one_by_one: dict[str, list[tuple[Any, ...]]], module_world: World) -> None:
    columns = ("customer_id", "CAST(valid_from AS VARCHAR)", "CAST(valid_to AS VARCHAR)", "person_id", "phone_group_id")
    assert module_world.rows("gold.customer_identities", *columns) == [
        ("C1", "2026-01-05", "2026-01-07", "C1", None),
        ("C1", "2026-01-07", None, "C1", None),
        ("C2", "2026-01-05", "2026-01-07", "C2", None),
        ("C2", "2026-01-07", None, "C2", "C2"),
        ("C3", "2026-01-07", None, "C1", "C2"),
    ]


def test_a_night_run_again_changes_nothing(one_by_one: dict[str, list[tuple[Any, ...]]], module_world: World) -> None:
    assert [module_world.make(name, "2026-01-07") for name in MADE] == [0] * len(MADE)


def test_nights_in_another_order_and_several_at_once_end_at_the_same_tables(
    one_by_one: dict[str, list[tuple[Any, ...]]], world: World
) -> None:
    _drop(world)
    first, *others = reversed(BATCHES)
    _night(world, first)
    _night(world, *others)
    assert _made(world) == one_by_one


def test_a_decision_undoes_a_merge_and_taking_it_back_restores_it(
    one_by_one: dict[str, list[tuple[Any, ...]]], module_world: World
) -> None:
    apart = {"most_customers": 20, "apart": [["C1", "C3"]], "same": [["C1", "C2"]]}
    _configure(module_world, customer_identities=apart)
    module_world.make("gold.customer_identities", "2026-01-07")
    assert module_world.rows("gold.customer_identities", "customer_id", "person_id", "person_reason") == [
        ("C1", "C1", "decided"),
        ("C2", "C1", "decided"),
        ("C2", "C1", "decided"),
        ("C3", "C3", "alone"),
    ]
    _configure(module_world)
    module_world.make("gold.customer_identities", "2026-01-07")
    assert _made(module_world) == one_by_one


def test_what_changed_nothing_is_looked_at_once(
    one_by_one: dict[str, list[tuple[Any, ...]]], module_world: World
) -> None:
    moved = f"C1,{ONE},110101199003071233,2026-01-08 01:00:00"
    module_world.drop("customers", "2026-01-08", "\n".join([HEADERS["customers"], moved, ""]))
    module_world.land("customers", "2026-01-08")
    assert module_world.make("silver.customers_versions", "2026-01-08") == 2
    versions = []
    for _ in range(2):
        assert [module_world.make(name, "2026-01-08") for name in MADE] == [0] * len(MADE)
        versions.append([DeltaTable(module_world.lake / name.replace(".", "/")).version() for name in MADE])
    assert versions[0] == versions[1]
    consumed = TableLogs(str(module_world.lake)).consumed(TABLES[MADE[0]], TABLES["silver.customers_versions"])
    assert consumed == DeltaTable(module_world.lake / "silver/customers_versions").version()
    assert _made(module_world) == one_by_one


def _drop(world: World) -> None:
    _configure(world)
    for day, feeds in BATCHES.items():
        for feed, rows in feeds.items():
            world.drop(feed, day, "\n".join([HEADERS[feed], *rows, ""]))


def _configure(world: World, **more: Any) -> None:
    world.configure(feeds={"calls": {"optional": True}, "transactions": {"optional": True}}, **more)


def _night(world: World, *days: str) -> None:
    for feed in HEADERS:
        world.land(feed, *days)
    for name in SILVER:
        world.make(name, *days)
    world.pass_gate(max(days))
    for name in ("gold.repeat_calls", *MADE):
        world.make(name, *days)


def _made(world: World) -> dict[str, list[tuple[Any, ...]]]:
    # Each world has a key of its own, so the same number has another pseudonym.
    names = {name: [column.name for column in TABLES[name].columns] for name in MADE}
    return {name: world.rows(name, *(c for c in columns if c != "caller_token")) for name, columns in names.items()}
