"""The made-up call centre goes on after a kill, and mixes with nobody's real one."""

from pathlib import Path
from typing import Any

import pytest

import sample
from jobs import ranges, sample_run
from jobs.errors import DataError
from jobs.settings import read_settings
from jobs.table_logs import TableLogs
from jobs.tables import TABLES


@pytest.fixture
def landing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ECHOLAKE_LANDING", str(tmp_path / "landing"))
    monkeypatch.setenv("ECHOLAKE_LAKE", str(tmp_path / "lake"))
    monkeypatch.setattr(ranges, "load", lambda *_, **__: pytest.fail("nothing may be loaded"))
    return tmp_path / "landing"


def test_what_was_killed_while_its_files_were_written_goes_on(landing: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(folder: Path, *_: Any) -> None:
        (folder / "calls").mkdir(exist_ok=True)
        raise KeyboardInterrupt

    monkeypatch.setattr(sample, "write", killed)
    for run_id in ("first", "second"):
        with pytest.raises(KeyboardInterrupt):
            sample_run.run(run_id)


def test_other_files_and_a_lake_of_other_sources_are_refused(landing: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample, "write", lambda *_: pytest.fail("nothing may be written"))
    TableLogs(read_settings().lake).create(TABLES["ops.nights"])
    with pytest.raises(DataError, match="holds nights of other sources"):
        sample_run.run("over a lake")
    (landing / "calls").mkdir(parents=True)
    with pytest.raises(DataError, match="holds other files"):
        sample_run.run("over files")


def test_a_landing_that_is_made_up_lets_nothing_into_a_lake_of_other_nights_but_into_its_own(
    landing: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: Any) -> None:
        assert (lake / sample_run.MARK).exists(), "a lake says before its first table what it will hold"
        raise KeyboardInterrupt

    lake = Path(read_settings().lake)
    monkeypatch.setattr(sample, "write", killed)
    for run_id in ("first", "again"):
        with pytest.raises(KeyboardInterrupt):
            sample_run.run(run_id)
        TableLogs(str(lake)).create(TABLES["ops.nights"])
    monkeypatch.setattr(sample, "write", lambda *_: pytest.fail("nothing may be written"))
    monkeypatch.setenv("ECHOLAKE_LAKE", str(landing.parent / "real"))
    TableLogs(read_settings().lake).create(TABLES["ops.nights"])
    with pytest.raises(DataError, match="holds nights of other sources") as refused:
        sample_run.run("over real nights")
    assert str(landing.parent / "real" / sample_run.MARK) in refused.value.todo
