"""A moment of a MySQL or MariaDB, which one connection alone can read (decision 0032)."""

import re
import ssl
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pymysql
from pymysql.constants import CR, ER, FIELD_TYPE

from jobs.database_settings import Jdbc
from jobs.databases import Address
from jobs.dialects import APPLICATION, Moment, QueryError, first_line
from jobs.mail_settings import LOOPBACK

DRIVER = "org.mariadb.jdbc.Driver"
# Spark knows by this form that names stand in backticks; of the driver's own form (jdbc:mariadb:) it does not.
PERMITTED = "?permitMysqlScheme"
KINDS: dict[int, str] = {
    FIELD_TYPE.TIMESTAMP: "timestamp", FIELD_TYPE.DATETIME: "datetime", FIELD_TYPE.DATE: "date",
    FIELD_TYPE.NEWDATE: "date", FIELD_TYPE.BIT: "bit", FIELD_TYPE.JSON: "text", FIELD_TYPE.TIME: "text",
    **dict.fromkeys((FIELD_TYPE.VARCHAR, FIELD_TYPE.VAR_STRING, FIELD_TYPE.STRING, FIELD_TYPE.BLOB), "string"),
    **dict.fromkeys((FIELD_TYPE.TINY_BLOB, FIELD_TYPE.MEDIUM_BLOB, FIELD_TYPE.LONG_BLOB), "string"),
}  # fmt: skip
TEXT = "CAST({0} AS CHAR CHARACTER SET utf8mb4)"
# A date of zeros is how MySQL writes that there is none.
TEXTS = {
    "timestamp": "DATE_FORMAT(NULLIF({0}, 0), '%Y-%m-%dT%H:%i:%s.%fZ')",
    "datetime": "DATE_FORMAT(NULLIF({0}, 0), '%Y-%m-%d %H:%i:%s.%f')",
    "date": "DATE_FORMAT(NULLIF({0}, 0), '%Y-%m-%d')",
    "bit": "CAST({0} + 0 AS CHAR CHARACTER SET utf8mb4)",
    "string": f"CASE WHEN CHARSET({{0}}) = 'binary' THEN LOWER(HEX({{0}})) ELSE {TEXT} END",
}
"""How a type is written where its own text would be another one. Bytes and characters have the same types."""
FOLD = timedelta(hours=2)
"""So far apart may two instants of one wall clock time be."""
UNCHECKED, CHECKED, KNOWN = "trust", "verify-ca", "verify-full"
SSL_MODES = {"disable": None, "require": UNCHECKED, "verify-ca": CHECKED, "verify-full": KNOWN}
"""libpq's words, and the driver's."""
SHOWN = (
    ER.BAD_FIELD_ERROR, ER.NO_SUCH_TABLE, ER.PARSE_ERROR, ER.DUP_FIELDNAME, ER.TABLEACCESS_DENIED_ERROR,
    ER.COLUMNACCESS_DENIED_ERROR, ER.DBACCESS_DENIED_ERROR, ER.BAD_DB_ERROR, ER.SP_DOES_NOT_EXIST, ER.NON_UNIQ_ERROR,
    1792,
)  # fmt: skip
"""Errors whose text tells of names alone; others quote values. The last: a statement that writes."""
PASSING = (
    ER.CON_COUNT_ERROR, ER.ACCESS_DENIED_ERROR, ER.SERVER_SHUTDOWN, ER.LOCK_WAIT_TIMEOUT, ER.LOCK_DEADLOCK,
    ER.QUERY_INTERRUPTED, ER.HANDSHAKE_ERROR, ER.NEW_ABORTING_CONNECTION, 1927, 1969, 3024,
)  # fmt: skip
"""And all errors of the client; the last: the connection was killed, a statement took too long (MariaDB, MySQL)."""
DRIVER_ERROR = re.compile(r"java\.sql\.(SQL\w+)(.*)")
UNAVAILABLE = (
    "SQLNonTransientConnectionException", "SQLTimeoutException", "SQLInvalidAuthorizationSpecException",
)  # fmt: skip
TOO_LONG = "maximum statement execution time exceeded"
"""Of MySQL, whose error 3024 the driver makes a plain SQLException; of MariaDB it is SQLTimeoutException."""
DISCONNECTED = ("Socket", "Connection", "timed out", "killed")
"""Of SQLTransientConnectionException, which the driver also makes of what a function of the database says."""


@contextmanager
def opened(address: Address, jdbc: Jdbc, time_zone: str) -> Iterator["MySql"]:
    """The snapshot of a transaction that stands while inside."""
    mode = _ssl_mode(address)
    with _told():
        connection = pymysql.connect(
            host=address.host,
            port=address.port,
            user=address.user,
            password=address.password or "",
            database=address.database,
            charset="utf8mb4",
            connect_timeout=jdbc.connect_seconds,
            read_timeout=jdbc.statement_seconds + jdbc.connect_seconds,
            ssl=_context(mode, address) if mode else None,
            ssl_disabled=mode is None,
            program_name=APPLICATION,
        )
    with closing(connection):
        with _told():
            snapshot = MySql(connection, address, jdbc, time_zone)
        yield snapshot


class MySql:
    """A jobs.dialects.Snapshot."""

    is_shared = False

    def __init__(
        self, db: "pymysql.Connection[pymysql.cursors.Cursor]", address: Address, jdbc: Jdbc, time_zone: str
    ) -> None:
        self._db, self._address, self._jdbc, self._zone = db, address, jdbc, ZoneInfo(time_zone)
        is_mariadb = "mariadb" in db.get_server_info().lower()
        seconds = jdbc.statement_seconds
        limit = f"max_statement_time={seconds}" if is_mariadb else f"max_execution_time={seconds * 1000}"
        # Named zones need tables that a server may lack; in UTC no instant is told by two times of the wall clock.
        self._variables = f"time_zone='+00:00',{limit}"
        # Of a reader that pauses, as its workers may, the server would have enough after a minute.
        self._patient = f"{self._variables},net_write_timeout={seconds}"
        for statement in (f"SET {self._variables}", "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY"):
            self._ask(statement)

    def types(self, query: str) -> dict[str, str]:
        with _told(), self._db.cursor() as cursor:
            cursor.execute(f"SELECT * FROM ({query}\n) AS asked LIMIT 0")
            return {column[0]: KINDS.get(int(column[1] or 0), "number") for column in cursor.description or ()}

    def rows(self, asked: str) -> int:
        with _told(), self._db.cursor(pymysql.cursors.DictCursor) as cursor:
            cursor.execute(f"EXPLAIN {asked}")
            return max((int(step.get("rows") or 0) for step in cursor.fetchall()), default=0)

    def bounds(self, asked: str, column: str) -> tuple[float, float] | None:
        return None

    def holds(self, asked: str) -> bool:
        with self._db.cursor() as cursor, _told():
            return cursor.execute(f"{asked} LIMIT 1") > 0

    def name(self, column: str) -> str:
        return "`" + column.replace("`", "``") + "`"

    def text(self, column: str, kind: str) -> str:
        return TEXTS.get(kind, TEXT).format(self.name(column))

    def moment(self, column: str, kind: str) -> Moment:
        if kind in ("number", "bit"):
            # It takes times for numbers too, of another kind: no second since 1970 is within any date.
            raise QueryError(f"the watermark {column} is a number, neither a time nor a date", is_passing=False)
        if kind == "date":
            return Moment(self.text(column, kind), None)
        if kind == "timestamp":
            return Moment(TEXTS["datetime"].format(self.name(column)), "UTC")
        return Moment(self.text(column, kind), str(self._zone))

    def between(self, column: str, kind: str, since: datetime | None, until: datetime) -> str:
        zone, fold = (UTC, timedelta()) if kind == "timestamp" else (self._zone, FOLD)
        at = self.name(column)
        is_since = f"{at} >= {_literal(since.astimezone(zone) - fold)} AND " if since else ""
        return f"{is_since}{at} < {_literal(until.astimezone(zone) + fold)}"

    def unset(self, column: str) -> str:
        at = self.name(column)
        return f"{at} IS NULL OR {at} = 0"

    def place(self, column: str, kind: str) -> str | None:
        return None

    def for_spark(self) -> tuple[str, dict[str, str]]:
        mode, root = _ssl_mode(self._address), self._address.parameters.get("sslrootcert")
        encrypted = {"sslMode": mode, **({"serverSslCert": root} if root else {})} if mode else {"sslMode": "disable"}
        return f"{self._address.url}{PERMITTED}", {
            **self._address.credentials,
            **encrypted,
            "driver": DRIVER,
            "sessionInitStatement": "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY",
            "sessionVariables": self._patient,
            "connectTimeout": str(self._jdbc.connect_seconds * 1000),
            "socketTimeout": str((self._jdbc.statement_seconds + self._jdbc.connect_seconds) * 1000),
            # A server must not ask for files of this machine.
            "allowLocalInfile": "false",
            "connectionAttributes": f"program_name:{APPLICATION}",
        }

    def said_by_driver(self, message: str) -> QueryError | None:
        found = DRIVER_ERROR.search(message)
        if found is None:
            return None
        kind, text = found.groups()
        is_cut = kind == "SQLTransientConnectionException" and any(sign in text for sign in DISCONNECTED)
        # The text may quote values, so the kind alone is told.
        if kind in UNAVAILABLE or is_cut or TOO_LONG in text:
            return QueryError(f"{kind} of its driver", is_passing=True)
        return QueryError("an error while rows were read; the database's own log says which", is_passing=False)

    def _ask(self, statement: str) -> None:
        with self._db.cursor() as cursor:
            cursor.execute(statement)


def _ssl_mode(address: Address) -> str | None:
    """As the driver calls it; None: in clear, by itself within this machine alone."""
    given = address.parameters.get("sslmode") or ("disable" if address.host in LOOPBACK else "verify-full")
    unknown = [key for key in ("sslcert", "sslkey") if key in address.parameters]
    if given not in SSL_MODES or unknown:
        what = ", ".join(unknown) or f"sslmode {given}"
        raise QueryError(f"{what}: of MySQL sslmode is one of {', '.join(SSL_MODES)}, beside sslrootcert", False)
    return SSL_MODES[given]


def _context(mode: str, address: Address) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=address.parameters.get("sslrootcert"))
    except OSError as error:
        raise QueryError(f"sslrootcert cannot be read: {error.strerror}", is_passing=True) from None
    context.check_hostname = mode == KNOWN
    if mode == UNCHECKED:
        context.verify_mode = ssl.CERT_NONE
    return context


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except pymysql.MySQLError as error:
        number: Any = error.args[0] if error.args else None
        is_passing = number in PASSING or (isinstance(number, int) and CR.CR_ERROR_FIRST <= number < 3000)
        is_shown = is_passing or number in SHOWN
        said = first_line(error.args[1] if len(error.args) > 1 else error) if is_shown else "a value or statement"
        raise QueryError(f"{said} (error {number})", is_passing) from None


def _literal(moment: datetime) -> str:
    return f"TIMESTAMP '{moment:%Y-%m-%d %H:%M:%S}'"
