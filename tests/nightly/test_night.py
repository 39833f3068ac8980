"""A whole night over the sample world, as its readers and its night watch see it."""

import re
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import pytest

import sample
from tests.conftest import World

DAY = date(2026, 1, 6)
OPERATIONAL = {"loaded_at", "file_modified_at", "row_hash"}


@pytest.fixture(scope="module")
def night(module_world: World) -> Any:
    """The first night of the sample world."""
    from jobs import ranges

    made = sample.write(module_world.landing, DAY, DAY)
    summary = ranges.backfill(DAY, DAY, "night", say=_quiet)
    return module_world, made, summary


def test_every_row_in_is_landed_or_quarantined_and_written_down(night: Any) -> None:
    world, made, summary = night
    counted: Counter[tuple[str, str]] = Counter()
    for feed, ds, rows_in, landed, aside in world.rows(
        "ops.batches", "feed", "CAST(ds AS VARCHAR)", "rows_in", "rows_landed", "rows_quarantined"
    ):
        assert rows_in == landed + aside
        counted[feed, ds] += rows_in
    written = {(feed, str(ds)): rows for feed, days in made.rows.items() for ds, rows in days.items() if rows}
    assert {key: rows for key, rows in counted.items() if rows} == written
    assert "complete" in summary
    assert world.rows("ops.nights", "count(completed_at)") == [(1,)]


def test_nothing_personal_stands_outside_the_vault(night: Any) -> None:
    world, made, _ = night
    wanted = _personal(made)
    found = {}
    for file in _files_outside_the_vault(world.lake):
        hit = wanted.search(_content(file))
        if hit:
            found[str(file.relative_to(world.lake))] = hit.group().decode()
    assert not found
    assert (world.lake / "vault").stat().st_mode & 0o777 == 0o700


def test_neither_the_key_nor_anything_personal_is_in_a_log(night: Any, server_log: Path) -> None:
    world, made, _ = night
    key = (world.root / "pseudonym.key").read_bytes()
    files = [*_files_outside_the_vault(world.lake), server_log]
    assert not [file for file in files if key in file.read_bytes()]
    assert not _personal(made).search(server_log.read_bytes())


def test_the_same_night_run_again_changes_nothing(night: Any) -> None:
    from jobs import ranges

    world, _, _ = night
    before, versions = _lake(world), _versions(world)
    ranges.backfill(DAY, DAY, "again", say=_quiet)
    assert _lake(world) == before
    assert _versions(world) == versions, "tables that do not change get no commit"


def test_a_night_that_the_gate_stops_leaves_silver_and_gold_and_ends_well_once_mended(night: Any) -> None:
    from jobs import ranges
    from jobs.errors import DataError

    world, _, _ = night
    before = _lake(world)
    file = next((world.landing / "calls" / f"ds={DAY}").iterdir())
    content = file.read_bytes()
    file.write_bytes(b"")
    with pytest.raises(DataError, match="empty"):
        ranges.backfill(DAY, DAY, "broken", say=_quiet)
    assert _lake(world) == before
    assert ("failed",) in world.rows("ops.runs", "state")
    file.write_bytes(content)


def _personal(made: Any) -> re.Pattern[bytes]:
    """Finds any personal value of the sample, save those too short to tell from other text."""
    forms = [value.encode() for value in made.personal if len(value) > 3 or not value.isascii()]
    return re.compile(b"|".join(re.escape(form) for form in sorted(forms, key=len, reverse=True)))


def _files_outside_the_vault(lake: Path) -> list[Path]:
    return [file for file in lake.rglob("*") if file.is_file() and "vault" not in file.relative_to(lake).parts]


def _content(file: Path) -> bytes:
    if file.suffix != ".parquet":
        return file.read_bytes()
    import pyarrow.parquet as pq

    # Packed pages hide their text from a plain search.
    return "\n".join(str(row) for row in pq.read_table(file).to_pylist()).encode()


def _lake(world: World) -> dict[str, list[tuple[Any, ...]]]:
    """Business columns of all tables but those of the operation."""
    from jobs.tables import TABLES

    names = [name for name in TABLES if name.split(".")[0] in ("bronze", "quarantine", "silver", "features", "gold")]
    found = {}
    for name in names:
        if (world.lake / name.replace(".", "/")).exists():
            columns = [f'"{c.name}"' for c in TABLES[name].columns if c.name not in OPERATIONAL]
            found[name] = world.rows(name, *columns)
    return found


def _versions(world: World) -> dict[str, int]:
    from deltalake import DeltaTable

    layers = ("bronze", "quarantine", "silver", "features", "gold", "vault")
    return {
        f"{layer}.{table.name}": DeltaTable(table).version()
        for layer in layers
        for table in sorted((world.lake / layer).iterdir())
        if table.is_dir()
    }


def _quiet(_: str) -> None:
    """Nights say a line a table."""
