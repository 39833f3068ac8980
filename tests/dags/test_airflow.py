"""Airflow on this machine: where it keeps its things, who can reach it, what a person sees of a run."""

import io
import os
import socket
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from jobs import airflow, postgres, standalone
from jobs.errors import DataError


def test_airflow_keeps_to_the_checkout_and_to_loopback() -> None:
    variables = airflow.environment(airflow.default_home())
    assert variables["AIRFLOW__API__HOST"] == "127.0.0.1"
    assert variables["AIRFLOW__CORE__LOAD_EXAMPLES"] == "False"
    local = str(airflow.ROOT / ".local")
    kept = ("AIRFLOW_HOME", "AIRFLOW__LOGGING__BASE_LOG_FOLDER")
    assert all(variables[name].startswith(local) for name in kept)
    assert variables[airflow.DATABASE].startswith(f"sqlite:///{local}")


def test_a_scheduler_does_not_see_single_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(airflow.DATABASE, raising=False)
    single = airflow.environment(tmp_path)[airflow.DATABASE]
    monkeypatch.setattr(postgres, "DEBIAN", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    server, url, told = standalone.metadata(tmp_path)
    assert server is None
    assert standalone.environment(tmp_path, url)[airflow.DATABASE] == url != single
    assert "SQLite" in told
    assert "apt-get install postgresql" in told


@pytest.mark.parametrize("name", [airflow.DATABASE, f"{airflow.DATABASE}_CMD"])
def test_a_database_that_the_environment_names_wins(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(airflow.DATABASE, raising=False)
    monkeypatch.setenv(name, "postgresql+psycopg2://airflow:secret@db.example/airflow")
    server, url, told = standalone.metadata(tmp_path)
    assert server is None
    assert airflow.DATABASE not in standalone.environment(tmp_path, url)
    assert name in told
    assert "secret" not in told


def test_nobody_is_let_in_without_a_password_unless_the_environment_says_how(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AIRFLOW__CORE__AUTH_MANAGER", raising=False)
    assert "Fab" in standalone.environment(tmp_path, "sqlite://")["AIRFLOW__CORE__AUTH_MANAGER"]
    assert "SIMPLE_AUTH_MANAGER_ALL_ADMINS" not in " ".join(standalone.environment(tmp_path, "sqlite://"))
    monkeypatch.setenv("AIRFLOW__CORE__AUTH_MANAGER", "bank.Ldap")
    assert standalone.environment(tmp_path, "sqlite://")["AIRFLOW__CORE__AUTH_MANAGER"] == "bank.Ldap"


def test_a_second_one_on_the_same_files_is_refused_and_told_of_the_first(tmp_path: Path) -> None:
    match = f"the process {os.getpid()}"
    with standalone.alone(tmp_path), pytest.raises(DataError, match=match), standalone.alone(tmp_path):
        pass
    with standalone.alone(tmp_path):
        pass


def test_a_port_that_is_taken_is_told_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        monkeypatch.setenv("AIRFLOW__API__PORT", str(other.getsockname()[1]))
        with pytest.raises(DataError, match="AIRFLOW__API__PORT=8081 make airflow"):
            standalone.run(tmp_path)


def test_the_business_time_zone_is_that_of_the_schedules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "conf.yaml").write_text("time_zone: Asia/Shanghai\ndeadline_minutes: 90\n")
    monkeypatch.setenv("ECHOLAKE_CONF", str(tmp_path / "conf.yaml"))
    variables = airflow.environment(tmp_path)
    assert variables["AIRFLOW__CORE__DEFAULT_TIMEZONE"] == "Asia/Shanghai"
    assert variables["ECHOLAKE_DEADLINE_MINUTES"] == "90"


def test_all_output_goes_to_the_file_but_the_console_stays(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with airflow.output_in(tmp_path / "log") as console:
        os.write(1, b"a task's print\n")
        os.write(2, b"a server's complaint\n")
        console.write("a line for people\n")
    os.write(1, b"after\n")
    assert capfd.readouterr().out == "a line for people\nafter\n"
    assert (tmp_path / "log").read_text() == "a task's print\na server's complaint\n"


def failed(task_id: str, error: Exception) -> dict[str, Any]:
    return {"ti": SimpleNamespace(task_id=task_id), "exception": error, "run_id": "run"}


def test_a_failed_run_ends_with_its_first_cause_on_one_line() -> None:
    console = io.StringIO()
    progress = airflow.Progress(console)
    progress.failed(failed("bronze.calls", DataError("calls", expected="a file", found="none", todo="deliver it")))
    progress.failed(failed("night_summary", RuntimeError("the night is not complete")))
    assert progress.ended(is_success=False, waiting=21) == 1
    last = console.getvalue().splitlines()[-1]
    assert last == "failed: bronze.calls: calls expected: a file found: none to do: deliver it; 21 were not begun"


def test_a_data_error_is_told_with_expected_found_and_what_to_do() -> None:
    console = io.StringIO()
    airflow.Progress(console).failed(
        failed("bronze.calls", DataError("calls", expected="a file", found="none", todo="deliver it"))
    )
    told = [line.strip() for line in console.getvalue().splitlines()[1:]]
    assert told == ["calls", "expected: a file", "found:    none", "to do:    deliver it"]


def test_a_complete_run_ends_with_success() -> None:
    assert airflow.Progress(io.StringIO()).ended(is_success=True, waiting=0) == 0


def test_the_parent_of_the_tasks_alone_imports_what_they_need(monkeypatch: pytest.MonkeyPatch) -> None:
    code = (airflow.ROOT / "conf/airflow/airflow_local_settings.py").read_text()
    monkeypatch.setattr(sys, "argv", ["airflow", "api-server"])
    names: dict[str, Any] = {}
    exec(compile(code, "airflow_local_settings.py", "exec"), names)
    assert "great_expectations" not in names
