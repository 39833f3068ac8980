"""Who sees what of the lake: tables, columns, the rows of a team, and values in clear (conf/roles.yaml)."""

import os
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal

import yaml
from pydantic import ValidationError, field_validator, model_validator

from jobs.errors import DataError
from jobs.sections import Section
from jobs.settings import ROOT
from jobs.tables import TABLES, Table
from jobs.tables.card_business import CUSTOMERS
from jobs.tables.persons import holds_persons

FILE = ROOT / "conf/roles.yaml"
VAULT = "vault"

REVEALED = tuple(column.name for column in CUSTOMERS.personal)
"""What may be shown of a customer."""


class Role(Section):
    """What a role sees; `hidden` columns are left out, `rows: team` leaves the rows of one team's agents."""

    tables: tuple[str, ...]
    hidden: tuple[str, ...] = ()
    rows: Literal["team"] | None = None
    may_reveal: tuple[str, ...] = ()

    @field_validator("tables")
    @classmethod
    def _tables_exist(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        unknown = [name for name in value if "*" not in name and name not in TABLES]
        return _known(value, unknown, "tables of the lake, or patterns of them with *")

    @field_validator("hidden")
    @classmethod
    def _columns_exist(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        columns = {column for table in TABLES.values() for column in table.column_names}
        unknown = [name for name in value if "*" not in name and name not in columns]
        return _known(value, unknown, "columns of the lake, or patterns of them with *")

    @field_validator("may_reveal")
    @classmethod
    def _values_exist(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return _known(value, [name for name in value if name not in REVEALED], f"some of {', '.join(REVEALED)}")


class _Roles(Section):
    default: str
    roles: dict[str, Role]

    @model_validator(mode="after")
    def _default_exists(self) -> "_Roles":
        _known((), [] if self.default in self.roles else [self.default], f"one of {', '.join(self.roles)}")
        return self


@dataclass(frozen=True)
class Access:
    """A role, and the team of whoever has it where its rows are by team."""

    name: str
    role: Role
    team: str | None = None

    @property
    def is_narrow(self) -> bool:
        """Whether the role sees less than the tables as they are."""
        return "*" not in self.role.tables or bool(self.role.hidden) or self.role.rows is not None

    def sees(self, table: Table) -> bool:
        """Whether the table is the role's; of rows by team those without an agent must not be about a person."""
        is_named = any(fnmatchcase(table.name, pattern) for pattern in self.role.tables)
        is_of_team = self.role.rows is None or "agent_id" in table.column_names or not holds_persons(table)
        return table.layer != VAULT and is_named and is_of_team

    def is_hidden(self, column: str) -> bool:
        """Whether the role does without the column."""
        return any(fnmatchcase(column, pattern) for pattern in self.role.hidden)


def access(name: str | None, team: str | None = None, file: Path = FILE) -> Access:
    """The role of that name, else of ECHOLAKE_ROLE, else the default one.

    Raises:
        DataError: the file has an unknown key or name, there is no such role, or it needs a team and has none.
    """
    known = _read(file)
    chosen = name or os.environ.get("ECHOLAKE_ROLE") or known.default
    role = known.roles.get(chosen)
    if role is None:
        raise _wrong(
            f"the role {chosen}", f"one of {', '.join(known.roles)}", "no such role", f"name one of {file.name}"
        )
    team = team or os.environ.get("ECHOLAKE_TEAM") or None
    if role.rows == "team" and team is None:
        raise _wrong(f"the role {chosen}", "the team whose rows it sees", "none", "name it by --team or ECHOLAKE_TEAM")
    return Access(chosen, role, team)


def _read(file: Path) -> _Roles:
    try:
        return _Roles.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")))
    except (OSError, yaml.YAMLError, ValidationError) as error:
        first = error.errors()[0] if isinstance(error, ValidationError) else {"loc": (), "msg": str(error)}
        found = f"{'.'.join(map(str, first['loc']))}: {first['msg']}".replace("\n", " ")
        raise _wrong(f"roles ({file.name})", "the keys of docs/privacy.md", found, f"mend {file}") from None


def _known(value: tuple[str, ...], unknown: list[str], expected: str) -> tuple[str, ...]:
    if unknown:
        raise ValueError(f"expected {expected}; found {', '.join(unknown)}")
    return value


def _wrong(headline: str, expected: str, found: str, todo: str) -> DataError:
    return DataError(headline, expected=expected, found=found, todo=todo)
