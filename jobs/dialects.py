"""What a database must be able to say so that a feed can be read of it; one class for each kind of database."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from jobs.database_settings import Jdbc
from jobs.databases import Address
from jobs.redaction import scrub

APPLICATION = "echolake"


class QueryError(Exception):
    """What a database says of a query, in one line without a value of a row; `is_passing`: waiting helps."""

    def __init__(self, said: str, is_passing: bool) -> None:
        super().__init__(said)
        self.is_passing = is_passing


@dataclass(frozen=True)
class Moment:
    """When a row was changed, as SQL for a text: `YYYY-MM-DD`, or with a time, in the zone named (None: a date)."""

    sql: str
    zone: str | None


class Snapshot(Protocol):
    """One moment of a database in which questions are asked, and SQL for what Spark reads of it.

    `kind`s of columns are the database's own names of types. All questions raise QueryError.
    """

    is_shared: bool
    """Whether several of Spark's connections can read this very moment."""

    def types(self, query: str) -> dict[str, str]:
        """The columns of the query with their kinds."""

    def rows(self, asked: str) -> int:
        """About how many rows a SELECT gives, as the planner estimates them."""

    def bounds(self, asked: str, column: str) -> tuple[float, float] | None:
        """Least and greatest number in a column of a SELECT."""

    def holds(self, asked: str) -> bool:
        """Whether a SELECT gives any row."""

    def name(self, column: str) -> str:
        """The column's name, quoted."""

    def text(self, column: str, kind: str) -> str:
        """A column's value as text; the same whatever the session: instants in UTC, bytes in hexadecimal."""

    def moment(self, column: str, kind: str) -> Moment:
        """A watermark's value."""

    def between(self, column: str, kind: str, since: datetime | None, until: datetime) -> str:
        """Holds at least for all rows whose watermark lies from `since` (None: ever) to before `until`; few more."""

    def unset(self, column: str) -> str:
        """Holds where a watermark has no value."""

    def place(self, column: str, kind: str) -> str | None:
        """A number by which rows can be parted; None: by this column they cannot."""

    def for_spark(self) -> tuple[str, dict[str, str]]:
        """URL and properties of Spark's connections."""

    def said_by_driver(self, message: str) -> QueryError | None:
        """What the driver said in an error of Spark's; None: it said nothing."""


Opened = Callable[[Address, Jdbc, str], AbstractContextManager[Snapshot]]


@contextmanager
def opened(address: Address, jdbc: Jdbc, time_zone: str) -> Iterator[Snapshot]:
    """A snapshot of the database, whose times without a zone are of `time_zone`; it stands while inside.

    Raises:
        QueryError: the database does not answer, or lets nobody in.
    """
    open_: Opened
    if address.kind == "mysql":
        from jobs.mysql import opened as open_
    else:
        from jobs.postgresql import opened as open_
    with open_(address, jdbc, time_zone) as snapshot:
        yield snapshot


def first_line(error: object) -> str:
    """The first line of what a driver says, without numbers that may be personal."""
    return scrub((str(error).strip() or type(error).__name__).splitlines()[0][:300])
