"""A moment of a PostgreSQL, exported so that several connections can read it."""

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from math import isfinite
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from jobs.database_settings import Jdbc
from jobs.databases import Address
from jobs.dialects import APPLICATION, Moment, QueryError, first_line
from jobs.errors import DataError

TEXTS = {
    "timestamptz": """to_char({0} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')""",
    "timestamp": "to_char({0}, 'YYYY-MM-DD HH24:MI:SS.US')",
    "date": "to_char({0}, 'YYYY-MM-DD')",
    "bytea": "encode({0}, 'hex')",
}
"""How a type is written where its own text would depend on the session."""
DRIVER, DRIVER_ERROR = "org.postgresql.Driver", "org.postgresql.util.PSQLException"
UNAVAILABLE = (
    "FATAL:", "I/O error", "Connection to ", "connection attempt failed", "statement timeout", "terminating connection",
    "has been closed", "timed out", "could not import the requested snapshot", "invalid snapshot identifier",
    "conflict with recovery",
)  # fmt: skip
"""What the driver says when waiting helps."""
SHOWN = ("42", "25", "0A", "3D", "3F")
"""Classes of SQLSTATE whose text tells of names alone: syntax, access, transactions, what is not there or supported."""
NUMBERS = ("int2", "int4", "int8", "numeric", "float4", "float8")
TIMES = ("timestamptz", "timestamp", "date")


@contextmanager
def opened(address: Address, jdbc: Jdbc, time_zone: str) -> Iterator["PostgreSql"]:
    """The snapshot of a transaction that stands while inside."""
    given = {
        **address.parameters,
        **address.credentials,
        "host": address.host,
        "port": str(address.port),
        "dbname": address.database,
        "connect_timeout": str(jdbc.connect_seconds),
        # A server that has gone without a word is noticed; the server's own limit of statements is gone with it.
        "keepalives_idle": "30",
        "keepalives_interval": "10",
        "keepalives_count": "3",
        "tcp_user_timeout": "60000",
        "application_name": APPLICATION,
    }
    _refuse_key_for_one_driver(address)
    with _told():
        connection = psycopg.connect(make_conninfo(**given))
    # Nothing is to be committed, which a connection that was cut off while Spark read would refuse or wait for.
    with closing(connection):
        with _told():
            snapshot = PostgreSql(connection, address, jdbc, time_zone)
        yield snapshot


def _refuse_key_for_one_driver(address: Address) -> None:
    """Python's driver reads a key as PEM too, Java's does not, and would say so of the rows that it cannot read.

    Raises:
        DataError: it is PEM.
    """
    key = Path(address.parameters.get("sslkey", ""))
    if key.is_file() and os.access(key, os.R_OK) and key.read_bytes().startswith(b"-----BEGIN"):
        raise DataError(
            f"connection {address.name}",
            expected="an sslkey that both drivers read: PKCS-8 as DER, without a password",
            found=f"PEM in {key}",
            todo=f"openssl pkcs8 -topk8 -nocrypt -in {key} -outform DER -out {key.with_suffix('.pk8')}; name that",
        )


class PostgreSql:
    """A jobs.dialects.Snapshot."""

    def __init__(self, db: psycopg.Connection[Any], address: Address, jdbc: Jdbc, time_zone: str) -> None:
        self._db, self._address, self._jdbc, self._time_zone = db, address, jdbc, time_zone
        self._shared = self._begun()
        self.is_shared = self._shared is not None

    def types(self, query: str) -> dict[str, str]:
        with _told():
            cursor = self._db.execute(f"SELECT * FROM ({query}\n) AS asked LIMIT 0".encode())
        types: dict[str, str] = {}
        for column in cursor.description or []:
            if column.name in types:
                raise QueryError(f"column {column.name} is there twice", is_passing=False)
            known = self._db.adapters.types.get(column.type_code)
            # An array has the name of what it holds.
            types[column.name] = known.name if known and known.oid == column.type_code else "text"
        return types

    def rows(self, asked: str) -> int:
        row = self._one(f"EXPLAIN (FORMAT JSON) {asked}")
        plan = row[0][0]["Plan"] if row else {}
        return int(plan.get("Plan Rows", 0))

    def bounds(self, asked: str, column: str) -> tuple[float, float] | None:
        row = self._one(f"SELECT min({column}), max({column}) FROM ({asked}) AS batch")
        if not row or row[0] is None or not isfinite(float(row[1]) - float(row[0])):
            return None
        return float(row[0]), float(row[1])

    def holds(self, asked: str) -> bool:
        return self._one(f"{asked} LIMIT 1") is not None

    def name(self, column: str) -> str:
        return '"' + column.replace('"', '""') + '"'

    def text(self, column: str, kind: str) -> str:
        return TEXTS.get(kind, "({0})::text").format(self.name(column))

    def moment(self, column: str, kind: str) -> Moment:
        if kind == "date":
            return Moment(self.text(column, kind), None)
        # A time without a zone is one of the session's, which is the source's.
        instant = f"({self.name(column)}::timestamptz AT TIME ZONE 'UTC')"
        return Moment(f"to_char({instant}, 'YYYY-MM-DD HH24:MI:SS.US')", "UTC")

    def between(self, column: str, kind: str, since: datetime | None, until: datetime) -> str:
        at = self.name(column)
        is_since = f"{at} >= {_instant(since)} AND " if since else ""
        return f"{is_since}{at} < {_instant(until)}"

    def unset(self, column: str) -> str:
        return f"{self.name(column)} IS NULL"

    def place(self, column: str, kind: str) -> str | None:
        if kind in NUMBERS:
            return f"({self.name(column)})::double precision"
        return f"extract(epoch FROM {self.name(column)})::double precision" if kind in TIMES else None

    def for_spark(self) -> tuple[str, dict[str, str]]:
        return self._address.url, {
            **self._address.parameters,
            **self._address.credentials,
            "driver": DRIVER,
            "sessionInitStatement": "; ".join(self._beginning(self._shared)),
            "connectTimeout": str(self._jdbc.connect_seconds),
            # A server that has gone without a word is noticed, a slow one has its own limit.
            "socketTimeout": str(self._jdbc.statement_seconds + self._jdbc.connect_seconds),
            "tcpKeepAlive": "true",
            "ApplicationName": APPLICATION,
        }

    def said_by_driver(self, message: str) -> QueryError | None:
        if DRIVER_ERROR not in message:
            return None
        said = first_line(message[message.index(DRIVER_ERROR) :])
        is_passing = any(sign in said for sign in UNAVAILABLE)
        return QueryError(
            said if is_passing else "an error while rows were read; the database's own log says which", is_passing
        )

    def _begun(self) -> str | None:
        """Begins the transaction whose moment all others share; the name by which they do, None where none can."""
        self._begin()
        try:
            row = self._db.execute("SELECT pg_export_snapshot()").fetchone()
        except psycopg.errors.DatabaseError:
            # Such as a standby: then one transaction reads all.
            self._db.rollback()
            self._begin()
            return None
        return str(row[0]) if row else None

    def _begin(self) -> None:
        for statement in self._beginning(None):
            self._db.execute(statement.encode())

    def _beginning(self, shared: str | None) -> list[str]:
        """What every transaction that reads begins with, of its own moment or of a shared one."""
        return [
            "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY",
            *([f"SET TRANSACTION SNAPSHOT '{shared}'"] if shared else []),
            f"SET LOCAL statement_timeout = '{self._jdbc.statement_seconds}s'",
            # This one waits while Spark reads, and Spark's while its workers take what they have read.
            "SET LOCAL idle_in_transaction_session_timeout = 0",
            f"SET LOCAL TimeZone = {sql.quote(self._time_zone)}",
        ]

    def _one(self, query: str) -> Any:
        with _told():
            return self._db.execute(query.encode()).fetchone()


def _instant(moment: datetime) -> str:
    return f"TIMESTAMPTZ '{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}+00'"


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except psycopg.OperationalError as error:
        raise QueryError(first_line(error), is_passing=True) from None
    except psycopg.Error as error:
        # Others quote values, as what a function of the database raises.
        is_shown = (error.sqlstate or "").startswith(SHOWN)
        said = first_line(error) if is_shown else f"a value or function of which it says {type(error).__name__}"
        raise QueryError(said, is_passing=False) from None
