"""The tests' PostgreSQL."""

from collections.abc import Iterator

import pytest

from chaos.postgres import READER, Postgres, binaries


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
