"""The tests' databases."""

import os
import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from chaos.postgres import READER, Postgres, binaries

if TYPE_CHECKING:
    from tests.databases.mariadb import MariaDb


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Postgres]:
    found = binaries()
    if found is None:
        pytest.skip("needs Debian's postgresql")
    server = Postgres(found)
    yield server
    server.remove()


@pytest.fixture
def postgres(postgres_server: Postgres) -> Iterator[Postgres]:
    """The server with an empty database `bank`."""
    yield postgres_server
    postgres_server.execute(
        "DROP SCHEMA public CASCADE",
        "CREATE SCHEMA public",
        f"GRANT USAGE ON SCHEMA public TO {READER}",
        database="bank",
    )


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator["MariaDb"]:
    if shutil.which("mariadbd", path=f"{os.environ['PATH']}:/usr/sbin") is None:
        pytest.skip("needs Debian's mariadb-server")
    from tests.databases.mariadb import MariaDb

    server = MariaDb()
    yield server
    server.remove()


@pytest.fixture
def mariadb(mariadb_server: "MariaDb") -> Iterator["MariaDb"]:
    """The server with a database `bank` that is empty again afterwards."""
    yield mariadb_server
    mariadb_server.execute("DROP DATABASE bank", "CREATE DATABASE bank CHARACTER SET utf8mb4")
