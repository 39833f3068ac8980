"""The SQL prompt, over small lakes that no Spark has seen."""

import io
import stat
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from jobs import prompt
from jobs.errors import DataError


def write_kpis(lake: Path, *offered: int) -> None:
    days = [date(2026, 1, 31)] * len(offered)
    write_deltalake(
        lake / "gold/service_kpis",
        pa.table({"day": days, "queue": [f"queue {n}" for n in offered], "offered": list(offered)}),
        partition_by=["day"],
        mode="append",
    )


@pytest.fixture
def lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ECHOLAKE_LAKE", str(tmp_path))
    monkeypatch.delenv("ECHOLAKE_CONF", raising=False)
    write_kpis(tmp_path, 3)
    write_deltalake(tmp_path / "vault/customers", pa.table({"value": ["Mary Poppins"]}))
    return tmp_path


def typing(*lines: str | type[BaseException]) -> Callable[[str], str]:
    """A person who types these lines, or presses the keys that raise these."""
    left = iter(lines)

    def ask(_: str) -> str:
        line = next(left)
        if isinstance(line, str):
            return line
        raise line

    return ask


def test_a_table_is_asked_by_layer_and_name(lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert prompt.run("SELECT queue, offered FROM gold.service_kpis WHERE day = DATE '2026-01-31'") == 0
    shown = capsys.readouterr().out
    assert "queue 3" in shown
    assert "offered" in shown


def test_a_layer_can_be_made_the_default(lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert prompt.run("USE gold; FROM service_kpis;") == 0
    assert "queue 3" in capsys.readouterr().out


def test_a_wrong_statement_is_one_line_and_stops_the_rest(lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert prompt.run("SELECT 'before'; SELECT nothing FROM gold.service_kpis; SELECT 'after'") == 1
    shown = capsys.readouterr()
    assert "before" in shown.out
    assert "after" not in shown.out
    assert shown.err.startswith("failed: ")
    assert shown.err.count("\n") == 1


@pytest.mark.parametrize("statement", ["SELEC 1", "SELECT 'open", "SELECT lake FROM lake"])
def test_what_is_no_statement_fails(lake: Path, statement: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert prompt.run(statement) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_the_vault_is_left_out_and_says_so(lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert prompt.run("SELECT value FROM vault.customers") == 1
    shown = capsys.readouterr()
    assert shown.err == f"failed: {prompt.LEFT_OUT}\n"
    assert "Mary" not in shown.out + shown.err


def test_a_table_that_no_night_has_made_is_told_from_a_misspelt_one(
    lake: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert prompt.run('SELECT * FROM "gold"."repeat_calls"') == 1
    assert "gold.repeat_calls is not made yet" in capsys.readouterr().err
    assert prompt.run("SELECT * FROM gold.repeat_cals") == 1
    assert "does not exist" in capsys.readouterr().err


def test_dot_tables_lists_what_is_there_without_the_vault(lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert prompt.run(".tables") == 0
    names = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert names == ["gold.service_kpis", "vault.*"]


def test_an_unknown_dot_command_names_the_known_ones(lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert prompt.run(".schema") == 1
    assert ".tables, .help or .quit" in capsys.readouterr().err


def test_times_are_shown_in_utc(lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    instant = pa.array([datetime(2026, 1, 31, 5, tzinfo=UTC)])
    write_deltalake(lake / "ops/nights", pa.table({"completed_at": instant}))
    assert prompt.run("SELECT completed_at FROM ops.nights") == 0
    assert "2026-01-31 05:00:00+00" in capsys.readouterr().out


def test_an_empty_lake_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ECHOLAKE_LAKE", str(tmp_path))
    with pytest.raises(DataError, match="make run"):
        prompt.run(None)


def test_a_pipe_is_answered_without_a_prompt(
    lake: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("SELECT 'one';\nSELECT 'two';\n"))
    assert prompt.run(None) == 0
    shown = capsys.readouterr().out
    assert "one" in shown
    assert "two" in shown
    assert "lake=>" not in shown


def test_a_person_may_err_and_go_on(lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    typed = typing("", "SELEC;", "SELECT 'a;", "b' AS", "joined;", "dropped", KeyboardInterrupt, ".quit")
    prompt._converse(prompt._Lake(str(lake)), typed)
    shown = capsys.readouterr()
    assert shown.err.count("failed: ") == 1
    assert r"a;\nb" in shown.out
    assert "joined" in shown.out


def test_the_end_of_the_input_ends_the_prompt(lake: Path) -> None:
    prompt._converse(prompt._Lake(str(lake)), typing("SELECT", EOFError))


def test_a_night_that_ends_meanwhile_is_seen(lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    opened = prompt._Lake(str(lake))
    assert opened.answer("SELECT sum(offered) AS total FROM gold.service_kpis")
    write_kpis(lake, 40)
    assert opened.answer("SELECT sum(offered) AS total FROM gold.service_kpis")
    assert "43" in capsys.readouterr().out


def test_the_history_is_for_its_owner_alone_and_comes_back(tmp_path: Path) -> None:
    import readline

    file = tmp_path / "local/sql_history"
    with prompt._history(file):
        readline.add_history("SELECT 42;")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    readline.clear_history()
    with prompt._history(file):
        assert readline.get_history_item(1) == "SELECT 42;"
