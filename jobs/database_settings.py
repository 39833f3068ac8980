"""The configuration of feeds that come from a database, and of the databases themselves."""

import re
from typing import Literal, Self, get_args

from pydantic import Field, field_validator, model_validator

from jobs.sections import Section

PLACEHOLDERS = ("{ds}", "{begins_at}", "{ends_at}")
HOST = re.compile(r"[A-Za-z0-9_.\-]+|[0-9A-Fa-f:.]+")
DATABASE = re.compile(r"[^?&;/\\\s\x00-\x1f]+")
"""A driver takes what stands behind `?` for options of its own, among them such as load classes or read files."""
URL = r"^jdbc:(postgresql|mysql|mariadb)://([A-Za-z0-9_.\-]+|\[[0-9A-Fa-f:.]+\])(:\d{1,5})?/[^?&;/\\\s]+$"
Parameter = Literal["sslmode", "sslrootcert", "sslcert", "sslkey"]
PARAMETERS = get_args(Parameter)
"""libpq's words for what both drivers of a database, Java's and Python's, need to know of TLS."""


class Database(Section):
    """Where a database is and who reads it (docs/adding_a_feed.md). Secrets stay in the environment: `password_env`."""

    url: str = Field(pattern=URL)
    user: str | None = None
    password_env: str | None = None
    parameters: dict[Parameter, str] = Field(default_factory=dict)


class Jdbc(Section):
    """What a feed reads of a database, and by what a row belongs to a date."""

    connection: str
    query: str
    watermark: str | None = None
    overlap_hours: float = Field(1.0, ge=0)
    partition_column: str | None = None
    partitions: int = Field(4, ge=1, le=64)
    fetch_rows: int = Field(10_000, ge=1)
    connect_seconds: int = Field(10, ge=1)
    statement_seconds: int = Field(1_800, ge=1)

    @field_validator("query")
    @classmethod
    def _is_one_question(cls, value: str) -> str:
        asked = value.strip().rstrip(";").strip()
        if not asked or ";" in asked:
            raise ValueError("a query is one SELECT, without a semicolon")
        return asked

    @model_validator(mode="after")
    def _has_one_clock(self) -> Self:
        if self.watermark and self.is_dated:
            raise ValueError(f"a query has either a watermark or one of {' '.join(PLACEHOLDERS)}")
        return self

    @property
    def tells_dates(self) -> bool:
        """Whether it can tell the rows of one date from those of another."""
        return self.watermark is not None or self.is_dated

    @property
    def is_dated(self) -> bool:
        """Whether the query itself asks for a date."""
        return any(placeholder in self.query for placeholder in PLACEHOLDERS)
