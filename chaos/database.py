"""A source database of the suite's own: a real PostgreSQL that can be killed and started again."""

import csv
from pathlib import Path
from typing import Any

from chaos.postgres import PASSWORD, READER, Postgres, binaries
from chaos.runs import children, kill

PASSWORD_VARIABLE = "ECHOLAKE_CHAOS_PASSWORD"


class Database:
    """The database `bank` with the table `transactions`; there is no server until `start`."""

    def __init__(self) -> None:
        self._server: Postgres | None = None

    @staticmethod
    def is_there() -> bool:
        """Whether this machine has PostgreSQL."""
        return binaries() is not None

    @property
    def variables(self) -> dict[str, str]:
        """What a command needs to read it."""
        return {PASSWORD_VARIABLE: PASSWORD} if self._server else {}

    @property
    def port(self) -> int:
        """Where it listens."""
        assert self._server is not None
        return self._server.port

    def start(self, batch: Path) -> None:
        """Makes sure that it runs and holds the rows of a batch's one file."""
        if self._server is not None:
            return
        found = binaries()
        assert found is not None
        self._server = Postgres(found)
        (file,) = batch.iterdir()
        with file.open(encoding="utf-8", newline="") as opened:
            header, *rows = csv.reader(opened)
        columns = ", ".join(f"{name} text" for name in header)
        self._server.execute(f"CREATE TABLE transactions (ds date, place int, {columns})", database="bank")
        day = batch.name.partition("=")[2]
        for place, row in enumerate(rows):
            padded = [*row, *[""] * (len(header) - len(row))][: len(header)]
            values = ", ".join("NULL" if value == "" else "'" + value.replace("'", "''") + "'" for value in padded)
            self._server.execute(f"INSERT INTO transactions VALUES ('{day}', {place}, {values})", database="bank")

    def rows(self) -> int:
        """How many rows the batch has."""
        assert self._server is not None
        return int(self._server.execute("SELECT count(*) FROM transactions", database="bank")[0][0])

    def kill(self) -> None:
        """Kills the server and all that serve its connections."""
        assert self._server is not None
        for pid in [*children(self._server.process.pid), self._server.process.pid]:
            # One that served a connection may have ended by itself.
            kill(pid)
        self._server.process.wait()

    def restart(self) -> None:
        """Starts it again after a kill; it recovers by its log."""
        assert self._server is not None
        (self._server.root / "data/postmaster.pid").unlink(missing_ok=True)
        self._server.start()

    @property
    def process_is_over(self) -> bool:
        """Whether a kill has struck."""
        return self._server is not None and self._server.process.poll() is not None

    def remove(self) -> None:
        """Stops it and removes its files."""
        if self._server is not None:
            self._server.remove()
            self._server = None


def connection(database: Database) -> dict[str, Any]:
    """The configuration by which transactions come from it."""
    url = f"jdbc:postgresql://127.0.0.1:{database.port}/bank"
    query = "SELECT * FROM transactions WHERE ds = '{ds}'"
    return {
        "connections": {"chaos": {"url": url, "user": READER, "password_env": PASSWORD_VARIABLE}},
        "feeds": {"transactions": {"jdbc": {"connection": "chaos", "query": query, "partition_column": "place"}}},
    }
