"""A night over rows whose every text is hostile: they land as the texts that they are, and what is made of them is harmless."""

import csv
import io
import json
from datetime import date
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

import sample
from jobs.delivery.files import harmless
from jobs.tables import FEEDS, Feed
from jobs.tables.contract import Column
from tests.conftest import World
from tests.security.hostile import VALUES

DAY = date(2026, 1, 6)
AT = "2026-01-06T04:00:00Z"
PLAIN = {
    "timestamp": AT, "date": str(DAY), "boolean": "true", "int": "1", "bigint": "1", "decimal(18,2)": "12.50",
}  # fmt: skip


def row(feed: Feed, kind: str, hostile: str) -> dict[str, str]:
    """A row of the feed that is whole but for its texts, in which the value stands wherever a text may stand."""
    told = {column.name: of_column(column, hostile) for column in feed.columns}
    # Keys are the value too; what begins alike may not be one thing.
    return told | {name: f"{told[name]}{kind}" for name in feed.key if feed.column(name).type == "string"}


def of_column(column: Column, hostile: str) -> str:
    if column.values:
        return column.values[0]
    if column.between:
        return str(column.between[0])
    return hostile if column.type == "string" else PLAIN[column.type]


@pytest.fixture(scope="module")
def night(module_world: World) -> World:
    from jobs import night

    module_world.configure(feeds={feed.name: {"quarantine": {"share": 1.0, "rows": 10_000}} for feed in FEEDS})
    sample.write(module_world.landing, DAY, DAY)
    for feed in FEEDS:
        rows = [json.dumps(row(feed, kind, value)) for kind, value in VALUES.items()]
        module_world.drop(feed.name, str(DAY), "\n".join(rows) + "\n", name="x'; DROP TABLE `y` --\u202e.jsonl")
    said: list[str] = []
    night.backfill(DAY, DAY, "hostile", say=said.append)
    assert "complete" in "\n".join(said)
    return module_world


@pytest.mark.night
def test_every_hostile_row_is_landed_or_set_aside(night: World) -> None:
    accounted = night.rows("ops.batches", "feed", "rows_in", "rows_landed", "rows_quarantined", "file")
    hostile = {
        feed: (rows_in, landed, aside) for feed, rows_in, landed, aside, file in accounted if file and "DROP" in file
    }
    assert {*hostile} == {feed.name for feed in FEEDS}
    assert {rows_in for rows_in, _, _ in hostile.values()} == {len(VALUES)}
    assert all(rows_in == landed + aside for rows_in, landed, aside in hostile.values())


@pytest.mark.night
@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("calls", "topic"),
        ("calls", "queue"),
        ("tickets", "topic"),
        ("transactions", "merchant_city"),
        ("agents", "team"),
    ],
)
def test_a_value_lands_as_the_text_that_it_is(night: World, table: str, column: str) -> None:
    found = {value for (value,) in night.rows(f"bronze.{table}", f'"{column}"')}
    missing = {kind for kind, value in VALUES.items() if value not in found}
    assert missing == set()


@pytest.mark.night
def test_no_page_has_markup_or_script_of_a_source(night: World) -> None:
    pages = [*(night.root / "delivery").rglob("*.html")]
    assert pages
    for page in pages:
        seen = Seen()
        seen.feed(page.read_text(encoding="utf-8"))
        assert "script" not in seen.tags
        assert not [name for name in seen.attributes if name.startswith("on")]
        assert not [value for value in seen.links if not value.startswith(("#", "data:image"))]


@pytest.mark.night
def test_no_cell_of_a_list_is_computed(night: World) -> None:
    for file in (night.root / "delivery").rglob("*.csv"):
        for cells in csv.reader(io.StringIO(file.read_text(encoding="utf-8-sig"), newline="")):
            assert [cell for cell in cells if harmless(cell) != cell] == []


@pytest.mark.night
def test_nothing_is_written_where_a_value_points_to(night: World) -> None:
    outside = [each.name for each in night.root.iterdir()]
    assert {name for name in outside if not name.startswith("conf-")} <= {
        "landing", "lake", "delivery", "pseudonym.key", "mlflow",
    }  # fmt: skip
    names = [file.name for file in night.lake.rglob("*") if file.is_dir()]
    assert not [name for name in names if "DROP" in name or ".." in name]


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


def test_the_value_of_each_kind_is_hostile_to_somebody() -> None:
    assert len({*VALUES.values()}) == len(VALUES)
    assert harmless(VALUES["formula"]) != VALUES["formula"]
    assert Path("/lake", VALUES["path"]).resolve() == Path("/etc/passwd")
