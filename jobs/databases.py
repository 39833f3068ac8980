"""Where a source's database is: by name, from the configuration or from an Airflow connection."""

import json
import os
import sys
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from jobs.database_settings import DATABASE, HOST, PARAMETERS
from jobs.errors import DataError
from jobs.settings import Settings
from jobs.tables import FEEDS

PORTS = {"postgresql": 5432, "mysql": 3306}
KINDS = {"postgres": "postgresql", "postgresql": "postgresql", "mysql": "mysql", "mariadb": "mysql"}
"""What Airflow or a URL calls a kind of database, and what it is here."""
VARIABLE = "AIRFLOW_CONN_"
"""Airflow's own variable of a connection, before its name in capitals."""
EXTRA = "__extra__"
"""By which Airflow writes a connection's extra into a URI, as JSON, where not all of its values are texts."""


@dataclass(frozen=True)
class Address:
    """A database and who reads it; the password is never shown."""

    name: str
    kind: str
    host: str
    port: int
    database: str
    user: str | None
    password: str | None = field(repr=False)
    parameters: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """For the driver, without user and password."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"jdbc:{self.kind}://{host}:{self.port}/{self.database}"

    @property
    def credentials(self) -> dict[str, str]:
        """User and password, where there are such."""
        return {name: value for name, value in {"user": self.user, "password": self.password}.items() if value}


def address_of(name: str, settings: Settings) -> Address:
    """The database of that name: `connections` of the configuration, else the Airflow connection of that id.

    Raises:
        DataError: there is none, its password is not in the environment, or it is of another kind.
    """
    known = settings.configuration.connections.get(name)
    if known is not None:
        password = None if known.password_env is None else os.environ.get(known.password_env)
        if known.password_env is not None and password is None:
            raise DataError(
                f"connection {name}",
                expected=f"its password in the environment variable {known.password_env}",
                found="no such variable",
                todo="set it where nights run, or name another one in connections",
            )
        where = _of_uri(name, known.url.removeprefix("jdbc:"))
        return replace(
            where,
            user=known.user,
            password=password,
            parameters={str(key): value for key, value in known.parameters.items()},
        )
    given = os.environ.get(f"{VARIABLE}{name.upper()}") or _of_airflow(name)
    if given is None:
        raise DataError(
            f"connection {name}",
            expected=f"`connections.{name}` in the configuration, or an Airflow connection of that id",
            found="neither",
            todo=f"add one (docs/adding_a_feed.md), or set {VARIABLE}{name.upper()}",
        )
    return _of_json(name, given) if given.lstrip().startswith("{") else _of_uri(name, given)


def known_to_airflow(settings: Settings) -> dict[str, str]:
    """The connections of feeds that Airflow alone knows, as variables for a process that is none of its tasks."""
    sources = (settings.source(feed).jdbc for feed in FEEDS)
    names = {jdbc.connection for jdbc in sources if jdbc} - settings.configuration.connections.keys()
    variables = {f"{VARIABLE}{name.upper()}": name for name in names}
    found = {variable: _of_airflow(name) for variable, name in variables.items() if variable not in os.environ}
    return {variable: uri for variable, uri in found.items() if uri}


def _of_airflow(name: str) -> str | None:
    """What Airflow itself knows of it, inside one of its tasks."""
    if "airflow.sdk" not in sys.modules:
        return None
    from airflow.sdk import BaseHook
    from airflow.sdk.exceptions import AirflowNotFoundException, AirflowRuntimeError

    try:
        uri: str = BaseHook.get_connection(name).get_uri()
    except (AirflowNotFoundException, AirflowRuntimeError):
        return None
    return uri


def _of_uri(name: str, uri: str) -> Address:
    try:
        parts = urlsplit(uri)
        host, port = unquote(parts.hostname or ""), parts.port
    except ValueError:
        # Not its text: a password with signs that should have been quoted is in it.
        raise _unsuitable(
            name, "an address that cannot be read; signs such as / in a password are written %2F"
        ) from None
    user, password = (unquote(each) if each else None for each in (parts.username, parts.password))
    given = dict(parse_qsl(parts.query))
    parameters = _of_extra(name, given[EXTRA]) if EXTRA in given else given
    return _address(name, parts.scheme, host, port, parts.path, user, password, parameters)


def _of_json(name: str, text: str) -> Address:
    try:
        given = json.loads(text)
        extra = given.get("extra") or {}
    except (ValueError, AttributeError):
        # Not its text: it holds the password.
        raise _unsuitable(name, "JSON that cannot be read") from None
    return _address(
        name, given.get("conn_type"), given.get("host"), given.get("port"), given.get("schema"), given.get("login"),
        given.get("password"), _of_extra(name, extra),
    )  # fmt: skip


def _of_extra(name: str, extra: Any) -> dict[str, str]:
    try:
        more = json.loads(extra) if isinstance(extra, str) else extra
        return {key: str(value) for key, value in more.items()}
    except (ValueError, AttributeError):
        raise _unsuitable(name, "an extra that is no JSON object") from None


def _address(
    name: str,
    kind: str | None,
    host: str | None,
    port: int | str | None,
    database: str | None,
    user: str | None,
    password: str | None,
    parameters: dict[str, str],
) -> Address:
    known = KINDS.get((kind or "").lower())
    if known is None:
        raise _unsuitable(name, f"one of kind {kind}")
    base = unquote((database or "").lstrip("/"))
    if not HOST.fullmatch(host or "") or not DATABASE.fullmatch(base) or not str(port or 0).isdecimal():
        raise _unsuitable(name, "one without host or database, with signs that neither has, or whose port is no number")
    # Airflow keeps other things there too.
    understood = {key: value for key, value in parameters.items() if key in PARAMETERS}
    return Address(name, known, host or "", int(port or PORTS[known]), base, user, password, understood)


def _unsuitable(name: str, found: str) -> DataError:
    return DataError(
        f"connection {name}",
        expected="a PostgreSQL or MySQL database: postgresql://user:password@host:port/database, or mysql://...",
        found=found,
        todo="mend the connection (docs/adding_a_feed.md)",
    )
