"""A lake of two people that no Spark has seen."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from jobs.pseudonyms import ensure_key, keyed_token
from jobs.rights.stored import StoredTables
from jobs.settings import Settings, read_settings
from jobs.tables import TABLES

DAY = date(2026, 1, 5)
NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)

ANNA, BEN = "C1", "C2"
OWN, SHARED = "+8613800138000", "+8613900139000"


class SmallLake:
    """Tables filled with plain rows; what a row does not name is null, or the day and noon where it is required."""

    def __init__(self, root: Path, key_file: Path) -> None:
        self.tables = StoredTables(str(root))
        self.key_file = str(key_file)

    def token(self, kind: str, value: str) -> str:
        """The keyed pseudonym."""
        return keyed_token(kind, value, self.key_file)

    def put(self, name: str, *rows: dict[str, Any]) -> None:
        """Fills a table."""
        table = TABLES[name]
        plain = {"date": DAY, "timestamp": NOON, "string": "-", "bigint": 1, "int": 1, "double": 1.0, "boolean": False}
        default = {column.name: plain[column.type] for column in table.columns if column.required}
        self.tables.record(table, [default | row for row in rows], "true")

    def rows(self, name: str, *columns: str) -> list[tuple[Any, ...]]:
        """The rows of a table, sorted."""
        rows = self.tables.select(TABLES[name], "true", columns)
        return sorted((tuple(row.values()) for row in rows), key=str)


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name, folder in {"LAKE": "lake", "DELIVERY": "delivery", "LANDING": "landing", "PII_KEY_FILE": "key"}.items():
        monkeypatch.setenv(f"ECHOLAKE_{name}", str(tmp_path / folder))
    for name in ("CONF", "ROLE", "TEAM"):
        monkeypatch.delenv(f"ECHOLAKE_{name}", raising=False)
    found = read_settings()
    ensure_key(found.key_file)
    return found


@pytest.fixture
def lake(settings: Settings) -> SmallLake:
    """Anna and Ben share one number; Anna has another for herself, from which somebody called without a name."""
    small = SmallLake(Path(settings.lake), settings.key_file)
    own, shared = (small.token("phone", number) for number in (OWN, SHARED))
    small.put(
        "silver.customers",
        {"customer_id": ANNA, "name_token": small.token("name", "anna lee"), "phone_token": own, "city": "Harbin"},
        {"customer_id": BEN, "phone_token": shared, "city": "Wuhan"},
    )
    small.put(
        "silver.calls",
        {"call_id": "own", "customer_id": ANNA, "caller_token": own, "agent_id": "A1", "topic": "fee"},
        {"call_id": "borrowed", "customer_id": ANNA, "caller_token": shared, "agent_id": "A2"},
        {"call_id": "unidentified", "caller_token": own, "agent_id": "A2"},
        {"call_id": "bens", "customer_id": BEN, "caller_token": shared, "agent_id": "A1"},
        {"call_id": "nobodys", "caller_token": shared, "agent_id": "A1"},
        {"call_id": "withheld"},
    )
    small.put(
        "silver.transcripts",
        *({"call_id": call, "turn": 1, "text": f"of {call}"} for call in ("own", "unidentified", "bens", "withheld")),
    )
    small.put(
        "silver.agents",
        {"agent_id": "A1", "team": "blue", "name_token": small.token("name", "ada")},
        {"agent_id": "A2", "team": "red"},
    )
    small.put(
        "vault.customers",
        {"person_id": ANNA, "personal_column": "name", "token": small.token("name", "anna lee"), "value": "Anna Lee"},
        {"person_id": ANNA, "personal_column": "phone", "token": own, "value": OWN},
        {"person_id": BEN, "personal_column": "phone", "token": shared, "value": SHARED},
    )
    small.put(
        "vault.calls",
        {"person_id": None, "personal_column": "caller_number", "token": own, "value": OWN},
        {"person_id": ANNA, "personal_column": "caller_number", "token": shared, "value": SHARED},
        {"person_id": None, "personal_column": "caller_number", "token": shared, "value": SHARED},
    )
    return small
