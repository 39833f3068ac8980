"""The data dictionary says what jobs/tables/ declares, and notices when it does not."""

from pathlib import Path

import pytest

from jobs import dictionary
from jobs.tables import FEEDS, TABLES, Column, Kind, Table


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(dictionary, "ROOT", tmp_path)
    monkeypatch.setattr(dictionary, "FILE", tmp_path / "docs/data_dictionary.md")
    return dictionary.FILE


def test_every_table_has_a_section_with_its_grain(file: Path) -> None:
    assert dictionary.write() == 0
    text = file.read_text()
    for table in TABLES.values():
        assert f"\n### {table.name}\n\n{table.about}.\n" in text


def test_every_column_is_explained(file: Path) -> None:
    dictionary.write()
    rows = [line.split(" | ")[0] for line in file.read_text().splitlines()]
    for feed in FEEDS:
        for column in feed.lake_columns:
            assert f"| `{column.name}`" in rows


def test_the_same_declarations_give_the_same_bytes(file: Path) -> None:
    dictionary.write()
    first = file.read_bytes()
    dictionary.write()
    assert file.read_bytes() == first


def test_a_fresh_dictionary_passes_and_a_stale_one_says_what_to_do(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dictionary.write()
    assert dictionary.write(only_check=True) == 0
    file.write_text(file.read_text().replace("The card that the caller named", "A card"))
    assert dictionary.write(only_check=True) == 1
    assert "make docs" in capsys.readouterr().err
    assert "A card" in file.read_text(), "a check changes nothing"


def test_a_missing_dictionary_is_stale(file: Path) -> None:
    assert dictionary.write(only_check=True) == 1
    assert not file.exists()


def test_a_column_says_its_type_and_what_it_may_hold(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = Table(
        name="gold.moods",
        about="One row per caller",
        key=("caller_key",),
        columns=(
            Column("caller_key", "string", "The caller", required=True),
            Column("mood", "string", "How they felt", values=("glad", "cross")),
            Column("shouts", "int", "How often they shouted", between=(0, 9)),
            Column("words", "string", "Separated by |"),
        ),
        kind=Kind.WINDOW,
        owner="contact-centre-data",
        subject="calls",
        impact="Nobody knows.",
        inputs=("silver.calls",),
    )
    monkeypatch.setattr(dictionary, "TABLES", {table.name: table})
    dictionary.write()
    section = file.read_text().partition("### gold.moods")[2].partition("\n## ")[0]
    assert section.rstrip().splitlines() == [
        "",
        "",
        "One row per caller.",
        "",
        "- **Key**: `caller_key`",
        f"- **Kind**: window. {dictionary.NIGHTS[Kind.WINDOW]}",
        "- **Made from**: `silver.calls`",
        "- **Owner**: contact-centre-data",
        "- **Subject**: calls",
        "- **Impact of failure**: Nobody knows.",
        "",
        "| column | type | required | meaning |",
        "| --- | --- | --- | --- |",
        "| `caller_key` | string | yes | The caller |",
        "| `mood` | string |  | How they felt; one of glad, cross |",
        "| `shouts` | int |  | How often they shouted; from 0 to 9 |",
        "| `words` | string |  | Separated by \\| |",
    ]
