"""A PostgreSQL of its own for Airflow: on no port, for one user, whole after a kill, and a clear word where there is none."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from jobs import postgres
from jobs.errors import DataError
from jobs.postgres import NAME, Postgres, UnusableError
from jobs.services import Service

needs_postgres = pytest.mark.skipif(
    not list(postgres.DEBIAN.glob("*/bin/postgres")), reason="needs Debian's postgresql"
)


@pytest.fixture
def folder() -> Iterator[Path]:
    """Where another user may get to: root's PostgreSQL is not root's."""
    root = Path(tempfile.mkdtemp(prefix="echolake-postgres-"))
    root.chmod(0o755)
    yield root / "postgres"
    shutil.rmtree(root)


def started(server: Postgres, log: Path) -> Service:
    service = Service("PostgreSQL", server.command, log, server.user, signal.SIGINT)
    service.start()
    assert service.process is not None
    server.wait(service.process, log)
    return service


def asked(server: Postgres, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(host=str(server.folder), user=NAME, dbname=NAME, autocommit=True) as db:
        cursor = db.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


@needs_postgres
def test_it_survives_a_kill_and_a_data_folder_that_was_half_made(folder: Path, tmp_path: Path) -> None:
    (folder / "new").mkdir(parents=True)
    (folder / "new/PG_VERSION").write_text("15\n")
    server = postgres.find(folder)
    server.prepare()
    service = started(server, tmp_path / "log")
    asked(server, "CREATE TABLE nights AS SELECT 1 AS night")
    assert service.process is not None
    service.process.kill()
    service.process.wait()
    server.prepare()
    again = started(server, tmp_path / "log")
    assert asked(server, "SELECT night FROM nights") == [(1,)]
    assert again.process is not None
    again.process.send_signal(signal.SIGINT)
    assert again.process.wait(30) == 0


@needs_postgres
def test_it_listens_on_no_port_and_lets_its_owner_in_alone(folder: Path, tmp_path: Path) -> None:
    server = postgres.find(folder)
    server.prepare()
    service = started(server, tmp_path / "log")
    try:
        assert asked(server, "SHOW listen_addresses") == [("",)]
        assert server.data.stat().st_mode & 0o777 == 0o700
        assert folder.stat().st_mode & 0o777 == 0o700
        if os.geteuid() == 0:
            folder.chmod(0o755)
            asked(server, "ALTER SYSTEM SET unix_socket_permissions = '0777'")
            (folder / ".s.PGSQL.5432").chmod(0o777)
            tried = subprocess.run(
                ["psql", f"--host={folder}", f"--username={NAME}", NAME],
                user="nobody", group="nogroup", extra_groups=[], capture_output=True, text=True, check=False, cwd="/",
            )  # fmt: skip
            assert "Peer authentication failed" in tried.stderr
    finally:
        assert service.process is not None
        service.process.send_signal(signal.SIGINT)
        service.process.wait(30)


def test_without_postgresql_it_says_what_to_install(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "DEBIAN", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UnusableError, match="apt-get install postgresql"):
        postgres.find(folder)


@needs_postgres
def test_data_of_another_release_is_not_touched_and_said(folder: Path) -> None:
    (folder / "data").mkdir(parents=True)
    (folder / "data/PG_VERSION").write_text("9\n")
    with pytest.raises(DataError, match="apt-get install postgresql-9"):
        postgres.find(folder)


@needs_postgres
@pytest.mark.skipif(os.geteuid() != 0, reason="only root starts it as another user")
def test_a_folder_that_the_servers_user_cannot_enter_is_said(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    with pytest.raises(UnusableError, match="may not enter"):
        postgres.find(tmp_path / "home/postgres")


@needs_postgres
def test_a_path_that_is_too_long_for_a_socket_is_said(folder: Path) -> None:
    with pytest.raises(UnusableError, match="too long"):
        postgres.find(folder / ("x" * 100))
