"""Bronze, quarantine and vault: what comes of a feed at the door."""

from jobs.tables.contract import Column, Feed, Kind, Table
from jobs.tables.feeds import FEEDS

_OF_FILE = "File that brought the row, below the landing root; of a returned list, below the delivery root"
_OF_LINE = "Line (or row) of the file, null where not known"
FILE = Column("file", "string", _OF_FILE, required=True)
LINE = Column("line", "bigint", _OF_LINE)
ROW_HASH = Column("row_hash", "bigint", "Hash of the row's business columns; breaks ties between versions")

ERASED_PERSON = "erased person"
"""The reason of a row that is set aside without its content, as its person was erased (docs/privacy.md)."""


def _bronze(feed: Feed) -> Table:
    provenance = (
        Column("ds", "date", "Business date of the batch", required=True),
        Column("source_file", "string", _OF_FILE, required=True),
        Column("source_line", "bigint", _OF_LINE),
        ROW_HASH,
        Column("loaded_at", "timestamp", "When the row was landed (UTC)"),
    )
    knows_names = ("bronze.customers",) if feed.texts else ()
    return Table(
        name=f"bronze.{feed.name}",
        about=f"{feed.about}, as each batch brought it; a row brought twice stands twice",
        key=(),
        columns=(*feed.lake_columns, *provenance),
        kind=Kind.LANDED,
        owner=feed.owner,
        subject=feed.subject,
        impact=f"The night stops before silver; everything that reads {feed.name} keeps yesterday's state.",
        inputs=knows_names,
        partition="ds",
        statistics=("ds", *feed.lake_key[:1]),
        feed=feed,
    )


def _quarantine(feed: Feed) -> Table:
    return Table(
        name=f"quarantine.{feed.name}",
        about=f"One row per row of the feed {feed.name} that could not be landed, with the reason",
        key=(),
        columns=(
            Column(
                "ds",
                "date",
                "Business date of the batch, null where the row does not say, or its own is not read from its file",
            ),
            FILE,
            LINE,
            Column("reason", "string", "What is wrong with the row", required=True),
            Column("column", "string", "Column that is wrong, null where the whole row is"),
            Column("row", "string", "The row, with personal data replaced"),
            Column("loaded_at", "timestamp", "When the row was set aside (UTC)"),
        ),
        kind=Kind.RECORD,
        owner=feed.owner,
        subject=feed.subject,
        impact="Rows that were set aside cannot be looked at.",
        statistics=("ds",),
        feed=feed,
    )


def _vault(feed: Feed) -> Table:
    return Table(
        name=f"vault.{feed.name}",
        about=f"One row per person and token of the feed {feed.name}: the personal value in clear",
        key=("person_id", "personal_column", "token"),
        columns=(
            Column("person_id", "string", "Customer or agent, null where not known"),
            Column("personal_column", "string", "Column of the feed that held the value", required=True),
            Column("token", "string", "The keyed pseudonym", required=True),
            Column("value", "string", "The value in clear (numbers in E.164)", required=True),
            Column("known_on", "date", "Business date of the batch that brought it", required=True),
        ),
        kind=Kind.RECORD,
        owner=feed.owner,
        subject=feed.subject,
        impact="Numbers and names cannot be looked up for delivery.",
        statistics=("personal_column",),
        feed=feed,
    )


QUARANTINE_RAW = Table(
    name="vault.quarantine_raw",
    about="One row per row that could not be landed, as it came",
    key=(),
    columns=(
        Column("feed", "string", "The feed", required=True),
        Column(
            "ds",
            "date",
            "Business date of the batch, null where the row does not say, or its own is not read from its file",
        ),
        FILE,
        LINE,
        Column("raw", "string", "The row as it came"),
    ),
    kind=Kind.RECORD,
    owner="platform",
    subject="operations",
    impact="A broken row cannot be compared with its source.",
    partition="feed",
    statistics=("ds",),
)

ERASED = Table(
    name="vault.erased",
    about="One row per keyed token that remains of an erased person, so that a later file does not bring them back",
    key=("kind", "token"),
    columns=(
        Column("kind", "string", "What it stands for: customer, call, card, ticket, number or name", required=True),
        Column("token", "string", "Keyed pseudonym (HMAC-SHA-256) of the identifier or name", required=True),
        Column("length", "int", "Of a name: its words, or characters where no space is set"),
        Column("erased_on", "date", "Day of the erasure", required=True),
    ),
    kind=Kind.RECORD,
    owner="platform",
    subject="privacy",
    impact="An erased person can come back with a file that is sent again.",
    statistics=("erased_on",),
)

BRONZE = tuple(_bronze(feed) for feed in FEEDS)
QUARANTINE = tuple(_quarantine(feed) for feed in FEEDS)
VAULT = (*(_vault(feed) for feed in FEEDS if feed.personal), QUARANTINE_RAW, ERASED)
