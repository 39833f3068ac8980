"""What the command line says when something fails that nobody foresaw."""

from pathlib import Path

import pytest

from jobs import __main__ as command_line


def test_an_error_that_cannot_be_noted_is_told_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".local").touch()  # no folder, so nothing can be written below
    monkeypatch.setattr(command_line, "LOCAL", tmp_path / ".local")
    told = command_line._unexpected(ValueError("the fault itself"))
    assert told.startswith("ValueError: the fault itself; the whole of it could not be written to")
