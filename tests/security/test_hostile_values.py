"""Rows whose every text is hostile land as the texts that they are, and pages made of such texts are harmless."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from jobs.delivery.files import harmless
from jobs.reports import pages
from jobs.settings import read_settings
from jobs.tables import FEEDS, TABLES, Feed
from jobs.tables.contract import Column
from tests.conftest import World
from tests.rights.conftest import SmallLake
from tests.security.hostile import VALUES

DAY, NEXT = date(2026, 1, 6), date(2026, 1, 7)
AT = datetime(2026, 1, 6, 4, tzinfo=UTC)
PLAIN = {
    "timestamp": "2026-01-06T04:00:00Z", "date": str(DAY), "boolean": "true", "int": "1", "bigint": "1",
    "decimal(18,2)": "12.50",
}  # fmt: skip
NAME = "x'; DROP TABLE `y` --\u202e.jsonl"


def row(feed: Feed, kind: str, hostile: str) -> dict[str, str]:
    """A row of the feed that is whole but for its texts: the value stands wherever a text may stand."""
    told = {column.name: of_column(column, hostile) for column in feed.columns}
    return told | {name: f"{told[name]}{kind}" for name in feed.key if feed.column(name).type == "string"}


def of_column(column: Column, hostile: str) -> str:
    if column.values:
        return column.values[0]
    if column.between:
        return str(column.between[0])
    return hostile if column.type == "string" else PLAIN[column.type]


@pytest.mark.spark
@pytest.mark.parametrize("feed", FEEDS, ids=lambda feed: feed.name)
def test_hostile_rows_land_as_the_texts_that_they_are(world: World, feed: Feed) -> None:
    """Every text column of every feed, also such as a later declaration brings."""
    rows = [json.dumps(row(feed, kind, value)) for kind, value in VALUES.items()]
    world.drop(feed.name, str(DAY), "\n".join(rows) + "\n", name=NAME)
    [batch] = world.land(feed.name, str(DAY))
    assert (batch.rows_in, batch.rows_landed + batch.rows_quarantined) == (len(VALUES), len(VALUES))
    assert batch.file.endswith(NAME)
    plain = [
        c for c in feed.columns if c.type == "string" and not (c.values or c.personal or c.text or c.name in feed.key)
    ]
    landed = world.rows(f"bronze.{feed.name}", *(f'"{column.name}"' for column in plain)) if plain else []
    for place, column in enumerate(plain):
        assert {each[place] for each in landed} <= {*VALUES.values()}, column.name
    if plain:
        assert batch.rows_quarantined <= 1, "a value is set aside for what it means"
    outside = {each.name for each in world.root.iterdir() if not each.name.startswith("conf-")}
    assert outside <= {"landing", "lake", "delivery", "pseudonym.key", "mlflow"}


OURS = {
    "gold.call_candidates": {"list_on": NEXT, "decision": "listed", "channel": "call"},
    "gold.call_lists": {"list_on": NEXT, "channel": "call"},
    "gold.contact_effects": {"week": date(2025, 11, 3), "final_on": DAY, "is_claim": True},
    "gold.script_effects": {"week": date(2025, 11, 3), "final_on": DAY, "is_claim": True},
    "gold.list_quality": {"list_on": DAY, "dimension": "script"},
}
"""What the page chooses rows by."""
TYPED = {
    "int": 1, "bigint": 1, "double": 0.5, "boolean": True, "date": DAY, "timestamp": AT, "array<string>": None,
}  # fmt: skip


def test_no_page_has_markup_of_what_it_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LAKE", "DELIVERY"):
        monkeypatch.setenv(f"ECHOLAKE_{name}", str(tmp_path / name.lower()))
    settings = read_settings()
    lake = SmallLake(tmp_path / "lake", tmp_path / "key")
    for name, ours in OURS.items():
        lake.tables.record(TABLES[name], [{**of_table(name, value), **ours} for value in VALUES.values()], "true")
    file = pages.write("call_lists", DAY, settings)
    assert file is not None
    seen = Seen()
    text = Path(file).read_text(encoding="utf-8")
    seen.feed(text)
    assert "alert(1)" in text, "it is shown"
    assert "script" not in seen.tags
    assert not [name for name in seen.attributes if name.startswith("on")]
    assert not [link for link in seen.links if not link.startswith(("#", "data:image"))]


def of_table(name: str, hostile: str) -> dict[str, Any]:
    """A row with the value in each text."""
    types = {column.name: column.type for column in TABLES[name].columns}
    decimals = {column: Decimal(1) for column, type_ in types.items() if type_.startswith("decimal")}
    texts = {column: hostile for column, type_ in types.items() if type_ == "string"}
    return {column: TYPED.get(type_) for column, type_ in types.items()} | decimals | texts


class Seen(HTMLParser):
    """What a browser makes of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.links: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, Any]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links |= {str(value) for name, value in attrs if name in ("src", "href", "xlink:href", "action")}


def test_the_values_are_hostile() -> None:
    assert len({*VALUES.values()}) == len(VALUES)
    assert harmless(VALUES["formula"]) != VALUES["formula"]
    assert Path("/lake", VALUES["path"]).resolve() == Path("/etc/passwd")
