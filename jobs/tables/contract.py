"""The vocabulary in which tables and feeds are declared."""

from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    """How a night changes a table."""

    LANDED = "landed"
    KEYED = "keyed"
    WINDOW = "window"
    DAILY = "daily"
    AS_OF = "as of"
    HISTORY = "history"
    SNAPSHOT = "snapshot"
    DERIVED = "derived"
    RECORD = "record"

    @property
    def is_stamped(self) -> bool:
        """Whether it says what was known on a date; all other kinds end alike whatever the order of nights."""
        return self in (Kind.AS_OF, Kind.HISTORY, Kind.SNAPSHOT)


@dataclass(frozen=True)
class Column:
    """One column: its Spark SQL type and what it means.

    `personal` columns are replaced by a pseudonym at the door, `text` columns are redacted there.
    `values` is the enumeration that the door accepts, `between` the inclusive range.
    """

    name: str
    type: str
    comment: str
    required: bool = False
    values: tuple[str, ...] = ()
    between: tuple[int, int] | None = None
    personal: bool = False
    text: bool = False

    @property
    def is_number_of_a_phone(self) -> bool:
        """Whether the pseudonym is made from the E.164 form."""
        return self.personal and self.name in ("phone", "caller_number")

    @property
    def token_name(self) -> str:
        """Name of the pseudonym in the lake."""
        return "caller_token" if self.name == "caller_number" else f"{self.name}_token"


@dataclass(frozen=True)
class Feed:
    """A table that some other system owns and of which each night brings a batch."""

    name: str
    about: str
    key: tuple[str, ...]
    event: str
    columns: tuple[Column, ...]
    owner: str
    subject: str
    optional: bool = True
    keeps_versions: bool = False
    ends: str | None = None
    span: tuple[str, str] | None = None
    any_of: tuple[str, ...] = ()

    @property
    def has_updated_at(self) -> bool:
        """Whether the source says when it last changed a row."""
        return any(column.name == "updated_at" for column in self.columns)

    @property
    def is_entity(self) -> bool:
        """Whether its rows are things that live on, not events: the event time is the last update."""
        return self.event == "updated_at"

    @property
    def personal(self) -> tuple[Column, ...]:
        """Columns that become pseudonyms."""
        return tuple(column for column in self.columns if column.personal)

    @property
    def texts(self) -> tuple[Column, ...]:
        """Free text columns."""
        return tuple(column for column in self.columns if column.text)

    @property
    def lake_columns(self) -> tuple[Column, ...]:
        """The feed's columns as they stand in the lake: pseudonyms in place of personal values."""
        return tuple(stored for column in self.columns for stored in _stored(column))

    @property
    def lake_key(self) -> tuple[str, ...]:
        """The key in lake columns."""
        return tuple(c.token_name if c.personal else c.name for name in self.key for c in [self.column(name)])

    def column(self, name: str) -> Column:
        """The column of that name."""
        return next(column for column in self.columns if column.name == name)


@dataclass(frozen=True)
class Table:
    """A table of the lake: what a row is, what it is made of, who answers for it."""

    name: str
    about: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    kind: Kind
    owner: str
    subject: str
    impact: str
    inputs: tuple[str, ...] = ()
    reads_back: tuple[str, ...] = ()
    """Tables made later in the night, of which rows of nights before are read."""
    numbers_from: tuple[str, ...] = ()
    """Tables of which a few numbers are taken before the table is made."""
    module: str | None = None
    partition: str | None = None
    then_by: tuple[str, ...] = ()
    statistics: tuple[str, ...] = ()
    sorted_by: str | None = None
    change_feed: bool = False
    feed: Feed | None = field(default=None, compare=False)

    @property
    def layer(self) -> str:
        """bronze, silver, gold, ..."""
        return self.name.split(".")[0]

    @property
    def short_name(self) -> str:
        """The name without its layer."""
        return self.name.split(".")[1]

    @property
    def made_from(self) -> tuple[str, ...]:
        """All tables that a night makes before this one."""
        return (*self.inputs, *self.numbers_from)

    @property
    def partitions(self) -> tuple[str, ...]:
        """The columns by which the table lies in folders, outer ones first."""
        return (self.partition, *self.then_by) if self.partition else ()

    @property
    def day(self) -> str:
        """The column with the business date of a row."""
        return self.partition or "day"

    @property
    def clustered_by(self) -> str | None:
        """The column by which the upkeep lays rows next to each other: whom readers look for."""
        persons = (name for name in ("customer_id", "caller_key") if name in self.column_names)
        return self.sorted_by or next(persons, None)

    @property
    def column_names(self) -> tuple[str, ...]:
        """Names in their order."""
        return tuple(column.name for column in self.columns)


def _stored(column: Column) -> tuple[Column, ...]:
    if not column.personal:
        return (column,)
    token = Column(column.token_name, "string", f"Keyed pseudonym (HMAC-SHA-256) of {column.name}")
    if not column.is_number_of_a_phone:
        return (token,)
    return (
        token,
        Column("phone_country", "string", "Country of the number, ISO 3166 alpha-2"),
        Column("phone_area", "string", "Area code of the number, null where it has none"),
    )
