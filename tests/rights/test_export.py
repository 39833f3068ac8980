"""What a person gets when they ask what is held of them."""

import json
import stat
from pathlib import Path

import pytest

from jobs.errors import DataError
from jobs.rights.export import export
from jobs.settings import Settings
from tests.rights.conftest import ANNA, OWN, SHARED, SmallLake


def test_all_rows_of_the_person_are_told_with_the_values_in_clear(lake: SmallLake, settings: Settings) -> None:
    file = Path(str(export(ANNA, settings)))
    told = json.loads(file.read_text())
    assert told["customer_id"] == ANNA
    held = told["tables"]
    assert sorted(held) == ["silver.calls", "silver.customers", "silver.transcripts", "vault.calls", "vault.customers"]
    assert sorted((row["call_id"], row["caller_number"]) for row in held["silver.calls"]) == [
        ("borrowed", SHARED), ("own", OWN), ("unidentified", OWN),
    ]  # fmt: skip
    (customer,) = held["silver.customers"]
    assert (customer["name"], customer["phone"], customer["city"]) == ("Anna Lee", OWN, "Harbin")
    assert [row["text"] for row in held["silver.transcripts"]] == ["of own", "of unidentified"]


def test_the_file_is_for_its_owner_alone_names_nobody_and_is_the_same_again(
    lake: SmallLake, settings: Settings
) -> None:
    file = Path(str(export(ANNA, settings)))
    first = file.read_bytes()
    file.chmod(0o644)
    assert Path(str(export(ANNA, settings))) == file
    assert file.read_bytes() == first
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert ANNA not in str(file.relative_to(settings.delivery))


def test_who_exported_a_person_is_written_down_and_changes_no_export(lake: SmallLake, settings: Settings) -> None:
    lake.put("ops.pii_access", {"customer_token": lake.token("customer", ANNA), "by": "Ada", "role": "service"})
    first = Path(str(export(ANNA, settings))).read_bytes()
    assert Path(str(export(ANNA, settings))).read_bytes() == first
    assert [row["by"] for row in json.loads(first)["tables"]["ops.pii_access"]] == ["Ada"]
    looks = lake.rows("ops.pii_access", "role", "column", "customer_token")
    assert [look for look in looks if look[0] == "export"] == [("export", "all", lake.token("customer", ANNA))] * 2


def test_an_entry_of_do_not_call_that_gives_a_number_alone_is_the_persons_too(
    lake: SmallLake, settings: Settings
) -> None:
    lake.put(
        "silver.do_not_call",
        {"customer_id": None, "phone_token": lake.token("phone", OWN), "channel": "call"},
        {"customer_id": None, "phone_token": lake.token("phone", SHARED), "channel": "sms"},
    )
    held = json.loads(Path(str(export(ANNA, settings))).read_text())["tables"]
    assert [row["channel"] for row in held["silver.do_not_call"]] == ["call"]


def test_rows_that_could_not_be_landed_are_told_as_they_came(lake: SmallLake, settings: Settings) -> None:
    broken = {"ds": None, "file": "calls.csv", "line": 3}
    lake.put("quarantine.calls", {**broken, "reason": "broken line", "row": "xx,X9"}, {**broken, "line": 4})
    lake.put(
        "vault.quarantine_raw",
        {**broken, "feed": "calls", "raw": f"x,{ANNA}\n"},
        {**broken, "feed": "cards", "raw": ANNA},
    )
    held = json.loads(Path(str(export(ANNA, settings))).read_text())["tables"]
    assert [row["row"] for row in held["quarantine.calls"]] == ["xx,X9"]
    assert sorted(row["feed"] for row in held["vault.quarantine_raw"]) == ["calls", "cards"]


def test_a_customer_of_whom_nothing_is_held_is_an_error(lake: SmallLake, settings: Settings) -> None:
    with pytest.raises(DataError, match="nothing of such a customer"):
        export("C9", settings)
    assert not Path(settings.delivery).exists()
