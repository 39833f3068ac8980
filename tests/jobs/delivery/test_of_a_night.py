"""A night hands its lists over: from the files of the sources to the number on the list, and to the summary."""

import csv
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from jobs import lock, night, runner
from jobs.settings import read_settings
from jobs.tables import TABLES
from tests.conftest import World
from tests.frames import frame

pytestmark = pytest.mark.spark
NIGHT, LIST_ON = date(2026, 1, 5), date(2026, 1, 6)
CUSTOMERS = "customer_id,name,phone,sms_consent,updated_at\nC1,李安娜,138 0013 8000,true,2026-01-05 10:00:00\n"
RUN = "test__delivery"


@pytest.fixture(scope="module")
def listed(module_world: World) -> World:
    """A customer who came with a batch, on the list of the day after."""
    module_world.configure(time_zone="Asia/Shanghai", delivery={"names": True})
    module_world.drop("customers", str(NIGHT), CUSTOMERS)
    for table in ("bronze.customers", "silver.customers", "silver.customers_versions"):
        module_world.make(table, str(NIGHT))
    lake = runner.open_lake(read_settings())
    common = {"list_on": LIST_ON, "campaign": "repeat_low_self_service", "customer_id": "C1", "channel": "sms"}
    at = datetime(2026, 1, 6, 2, tzinfo=UTC)
    contact = {
        "rank": 1, "slot_start_at": at, "slot_end_at": at.replace(hour=3), "why": "Called twice about the limit",
        "script_id": "a", "script_hint": "The limit is in the app", "expected_value": 3.0,
    }  # fmt: skip
    lake.append(TABLES["gold.call_lists"], frame(lake.spark, "gold.call_lists", [common | contact]))
    candidate = common | {"kind": "service", "decision": "listed", "rank": 1}
    lake.append(TABLES["gold.call_candidates"], frame(lake.spark, "gold.call_candidates", [candidate]))
    return module_world


@pytest.fixture(scope="module")
def outcomes(listed: World) -> list[dict[str, Any]]:
    """Of the night, and of the same night again."""
    made = [night.run_delivery(NIGHT, RUN) for _ in range(2)]
    lock.release(read_settings(), RUN)
    return made


def rows(file: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(file.read_text(encoding="utf-8-sig").splitlines()))


def test_the_number_and_name_of_the_source_are_on_the_list(listed: World, outcomes: list[dict[str, Any]]) -> None:
    [row] = rows(listed.root / "delivery/2026-01-06/repeat_low_self_service.csv")
    assert (row["customer_id"], row["name"], row["phone"]) == ("C1", "李安娜", "+8613800138000")
    assert row["slot_start"] == "2026-01-06 10:00"


def test_a_night_counts_contacts_once(outcomes: list[dict[str, Any]]) -> None:
    assert [(each["table"], each["state"], each["rows"]) for each in outcomes] == [
        ("delivery", "done", 1), ("delivery", "unchanged", 0),
    ]  # fmt: skip


def test_opt_outs_of_the_next_batch_are_told_to_the_holders_of_the_list(
    listed: World, outcomes: list[dict[str, Any]]
) -> None:
    entry = "customer_id,phone,channel,reason,added_at,expires_at\n,+86 138 0013 8000,,asked,2026-01-06 09:00:00,\n"
    listed.drop("do_not_call", str(LIST_ON), entry)
    for table in ("bronze.do_not_call", "silver.do_not_call"):
        listed.make(table, str(LIST_ON))
    done = night.deliver(LIST_ON, RUN)
    assert done.parcel is None
    [stop] = rows(listed.root / "delivery/stop/2026-01-06.csv")
    wanted = {
        "customer_id": "C1",
        "campaign": "repeat_low_self_service",
        "reason": "do_not_call",
        "known_at": "2026-01-06",
    }
    assert stop == wanted
