"""The door for rows of somebody who was erased."""

from typing import Any

import pytest

from jobs import gate
from jobs.known_names import ERASED_NAME, with_erased
from jobs.person_names import name_forms, name_length
from jobs.pseudonyms import ensure_key
from jobs.redaction import redact_text
from jobs.settings import Settings
from jobs.tables import TABLES
from tests.conftest import World
from tests.rights.conftest import ANNA, BEN, DAY, OWN, SHARED, SmallLake

HEADER = "call_id,customer_id,caller_number,direction,started_at,ended_at,outcome\n"


def call(name: str, customer: str, number: str, outcome: str = "answered") -> str:
    return f"{name},{customer},{number},inbound,2026-01-05 10:00:00,2026-01-05 10:05:00,{outcome}\n"


@pytest.fixture
def door(world: World) -> World:
    """A lake from which Anna was erased, with the call `own` and a number of hers."""
    ensure_key(world.root / "pseudonym.key")
    small = SmallLake(world.lake, world.root / "pseudonym.key")
    small.put(
        "vault.erased",
        {"kind": "customer", "token": small.token("customer", ANNA)},
        {"kind": "call", "token": small.token("call", "own")},
        {"kind": "number", "token": small.token("phone", OWN)},
    )
    return world


@pytest.mark.spark
def test_rows_of_the_person_are_set_aside_without_a_word_and_all_others_land(door: World) -> None:
    rows = [
        call("own", BEN, SHARED),
        call("new", ANNA, SHARED),
        call("unnamed", "", OWN),
        call("reassigned", BEN, OWN),
        call("nobodys", "", SHARED),
        call("withheld", "", ""),
        call("eaten", "", OWN, "eaten"),
        f"short,{ANNA}\n",
        f"short too,{OWN}\n",
        f"short as well,{BEN}\n",
    ]
    door.drop("calls", "2026-01-05", HEADER + "".join(rows))
    (batch,) = door.land("calls", "2026-01-05")
    assert (batch.rows_in, batch.rows_landed, batch.rows_quarantined, batch.rows_erased) == (10, 3, 7, 6)
    assert door.rows("bronze.calls", "call_id") == [("nobodys",), ("reassigned",), ("withheld",)]
    aside = door.rows("quarantine.calls", "line", "reason = 'erased person'", '"column"', '"row" IS NULL')
    assert aside == [*((line, True, None, True) for line in (2, 3, 4, 8, 9, 10)), (11, False, None, False)]
    assert door.rows("vault.quarantine_raw", "line") == [(11,)]
    # The number is the other customer's now.
    assert door.rows("vault.calls", "person_id", "value", order="ALL NULLS FIRST") == [(None, SHARED), (BEN, OWN)]


@pytest.mark.spark
def test_an_opt_out_of_the_number_lands_without_the_number_in_clear(door: World) -> None:
    entries = f"customer_id,phone,added_at\n,{OWN},2026-01-05 09:00:00\n{ANNA},{OWN},2026-01-05 09:00:00\n"
    door.drop("do_not_call", "2026-01-05", entries)
    (batch,) = door.land("do_not_call", "2026-01-05")
    assert (batch.rows_landed, batch.rows_erased) == (1, 1)
    assert door.rows("bronze.do_not_call", "customer_id", "phone_token IS NULL") == [(None, False)]
    assert not (door.lake / "vault/do_not_call").exists() or door.rows("vault.do_not_call") == []


def test_rows_of_erased_persons_do_not_stop_the_night(settings: Settings) -> None:
    batch: dict[str, Any] = {"feed": "calls", "ds": "2026-01-05", "file": "f", "rows_in": 20, "rows_of_file": 20}
    quarantined = {**batch, "rows_quarantined": 15, "rows_erased": 0}
    assert gate._beyond_limits([quarantined], settings)
    assert not gate._beyond_limits([{**quarantined, "rows_erased": 15}], settings)


def test_the_name_of_an_erased_person_goes_on_being_redacted_and_no_other(lake: SmallLake) -> None:
    name = {form: name_length(form) for who in ("Anna Lee", "李安娜") for form in name_forms(who)}
    lake.put(
        "vault.erased",
        *({"kind": "name", "token": lake.token(ERASED_NAME, form), "length": length} for form, length in name.items()),
    )
    customer = {"kind": "customer", "token": lake.token("customer", ANNA), "length": None}
    lake.tables.add(TABLES["vault.erased"], customer | {"erased_on": DAY})
    erased = lake.tables.path(TABLES["vault.erased"])
    names = with_erased({"ben": "2026-01-02"}, erased, lake.key_file)
    assert redact_text("Lee Anna, ANNA LEE, Anna Li, Ben", names, "2026-01-01") == "[name], [name], Anna Li, Ben"
    assert redact_text("请李安娜来电, Ben", names, "2026-01-02") == "请[name]来电, [name]"
    assert redact_text("C1's file, C11, 客户C1。", names, "2026-01-02") == "[erased]'s file, C11, 客户[erased]。"
