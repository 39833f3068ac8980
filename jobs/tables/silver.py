"""Silver: one clean row per thing, and how things were known on a past date."""

from jobs.tables.call_centre import CALL_CENTRE
from jobs.tables.contract import Column, Feed, Kind, Table
from jobs.tables.feeds import FEEDS
from jobs.tables.landed import ROW_HASH

FOLLOWED = ("calls", "transactions", "interactions", "contact_results")
"""Feeds of which later tables take in what changed, row by row."""

EVENT_DATE = Column("event_date", "date", "Business date of the event time", required=True)


def _current(feed: Feed) -> Table:
    event_date = () if feed.is_entity else (EVENT_DATE,)
    return Table(
        name=f"silver.{feed.name}",
        about=f"{feed.about}: the version that the source updated last",
        # A source may use a key anew after its redelivery days; the event's date tells the things apart.
        key=(*feed.lake_key, *event_date_name(feed)),
        columns=(
            *feed.lake_columns,
            *event_date,
            Column("known_on", "date", "First batch that brought the key", required=True),
            Column("ds", "date", "Batch that brought this version", required=True),
            ROW_HASH,
        ),
        kind=Kind.KEYED,
        owner=feed.owner,
        subject=feed.subject,
        impact=f"Facts and lists keep the {feed.name} of the night before.",
        inputs=(f"bronze.{feed.name}",),
        module="jobs.silver.current",
        partition=None if feed.is_entity else "event_date",
        statistics=(*event_date_name(feed), feed.lake_key[0], "ds", "known_on"),
        change_feed=feed.name in FOLLOWED,
        feed=feed,
    )


def _versions(feed: Feed) -> Table:
    return Table(
        name=f"silver.{feed.name}_versions",
        about=f"{feed.about} and period of batches in which it was known so",
        key=(*feed.lake_key, "known_on"),
        columns=(
            *feed.lake_columns,
            Column("known_on", "date", "Batch from which on this version was the one known", required=True),
            Column("superseded_on", "date", "Batch that replaced it, null while it is the one known"),
            ROW_HASH,
        ),
        kind=Kind.KEYED,
        owner=feed.owner,
        subject=feed.subject,
        impact=f"A past date cannot be read with the {feed.name} of that date.",
        inputs=(f"bronze.{feed.name}",),
        module="jobs.silver.versions",
        statistics=(feed.lake_key[0], "known_on"),
        change_feed=feed.name == "customers",
        feed=feed,
    )


def event_date_name(feed: Feed) -> tuple[str, ...]:
    """The column by which silver is partitioned, as a tuple of none or one."""
    return () if feed.is_entity else (EVENT_DATE.name,)


CALLER_HISTORY = Table(
    name="silver.caller_history",
    about="One row per caller: the last inbound call before the days that the nights recompute",
    key=("caller_key",),
    columns=(
        Column("caller_key", "string", "c: customer, else n: caller_token", required=True),
        Column("call_id", "string", "The last call", required=True),
        Column("started_at", "timestamp", "When it began (UTC)", required=True),
        Column("ended_at", "timestamp", "When it ended (UTC)", required=True),
        Column("transferred", "boolean", "Whether it was handed on"),
        Column("outcome", "string", "How it ended", required=True),
        Column("chain_id", "string", "First call of its chain", required=True),
        Column("position_in_chain", "bigint", "Its position in the chain", required=True),
        Column("event_date", "date", "Business date of started_at", required=True),
    ),
    kind=Kind.RECORD,
    owner=CALL_CENTRE,
    subject="calls",
    impact="gold.repeat_calls keeps the state of the night before.",
    inputs=("silver.calls",),
    statistics=("caller_key", "event_date"),
)

DIALLED_CALLS = Table(
    name="silver.dialled_calls",
    about="One row per outbound call to a customer: what it is as an attempt, and since when a result tells of it",
    key=("call_id", "event_date"),
    columns=(
        Column("call_id", "string", "The call", required=True),
        EVENT_DATE,
        Column("customer_id", "string", "The customer", required=True),
        Column("started_at", "timestamp", "When it began (UTC)", required=True),
        Column(
            "result",
            "string",
            "What it came to where no result tells: reached (answered), voicemail, no_answer",
            required=True,
            values=("reached", "voicemail", "no_answer"),
        ),
        Column("known_on", "date", "First batch that brought the call", required=True),
        Column(
            "told_on",
            "date",
            "First batch that brought a result by telephone within 10 minutes of its start: from then on that is the "
            "attempt; null = none has, and the call is one of its own",
        ),
    ),
    kind=Kind.DERIVED,
    owner=CALL_CENTRE,
    subject="outreach",
    impact="Calls by hand of the date count in no cap and in no tag.",
    inputs=("silver.calls", "silver.contact_results"),
    partition="event_date",
    statistics=("customer_id", "known_on"),
    change_feed=True,
)

SILVER = (
    *(_current(feed) for feed in FEEDS),
    *(_versions(feed) for feed in FEEDS if feed.keeps_versions),
    CALLER_HISTORY,
    DIALLED_CALLS,
)
