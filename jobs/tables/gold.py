"""Gold: one table per business question."""

from jobs.tables.call_centre import CALL_CENTRE
from jobs.tables.contacts import CONTACTS
from jobs.tables.contract import Column, Kind, Table

WINDOWS: dict[str, int] = {"24h": 24, "72h": 72, "7d": 168, "30d": 720}
"""Windows of repeat contact in hours (docs/definitions.md)."""


def _per_window(name: str, type_: str, comment: str) -> tuple[Column, ...]:
    return tuple(Column(f"{name}_{window}", type_, comment.format(window=window)) for window in WINDOWS)


REPEAT_CALLS = Table(
    name="gold.repeat_calls",
    about="One row per inbound call: whether it repeats an earlier one, and whether another followed",
    key=("call_id", "event_date"),
    columns=(
        Column("call_id", "string", "The call", required=True),
        Column("customer_id", "string", "The customer, null where the caller was not identified"),
        Column("caller_key", "string", "c: customer, else n: caller_token, else x: call_id", required=True),
        Column("queue", "string", "Queue of the call"),
        Column("topic", "string", "Topic of the call"),
        Column("agent_id", "string", "Agent of the call; owns the repeats that follow when it was answered"),
        Column("outcome", "string", "How the call ended", required=True),
        Column("started_at", "timestamp", "When the call began (UTC)", required=True),
        Column("event_date", "date", "Business date of started_at", required=True),
        Column("chain_id", "string", "First call of the chain", required=True),
        Column("position_in_chain", "bigint", "Position in the chain, from 1", required=True),
        Column("previous_call_id", "string", "The caller's call before this one"),
        Column("hours_since_previous", "double", "Hours from the start of that call to the start of this one"),
        Column("role", "string", "first, repeat or transfer", required=True),
        Column("is_retry", "boolean", "Whether it follows an abandoned call of its chain", required=True),
        *_per_window("repeated_any", "boolean", "Whether another call of the caller follows within {window}"),
        *_per_window("repeated_topic", "boolean", "Whether another call on the same topic follows within {window}"),
        *_per_window("is_mature", "boolean", "Whether {window} have passed, so that false is final"),
    ),
    kind=Kind.WINDOW,
    owner=CALL_CENTRE,
    subject="calls",
    impact="Repeat rates, first-contact resolution and callback lists are a day old.",
    inputs=("silver.calls",),
    reads_back=("silver.caller_history",),
    module="jobs.gold.service.repeat_calls",
    partition="event_date",
    statistics=("event_date", "caller_key", "started_at"),
)

SERVICE_KPIS = Table(
    name="gold.service_kpis",
    about="One row per day and queue, and per day with queue = 'all': service level and repeat contact",
    key=("day", "queue"),
    columns=(
        Column("day", "date", "Business date", required=True),
        Column("queue", "string", "Queue, 'all' for the whole day; null = calls without a queue"),
        Column("offered", "bigint", "Inbound calls answered or abandoned", required=True),
        Column("answered", "bigint", "Offered calls that were answered", required=True),
        Column("abandoned", "bigint", "Offered calls that were abandoned", required=True),
        Column("service_level", "double", "Share of the offered calls answered within 20 s"),
        Column("average_wait_seconds", "double", "Mean wait of the offered calls"),
        Column("average_handle_seconds", "double", "Mean talk and wrap-up time of the answered calls"),
        *_per_window(
            "repeat_rate",
            "double",
            "Share of the day's calls followed by another within {window}, null until mature",
        ),
        *_per_window(
            "first_contact_resolution",
            "double",
            "Share of the day's answered first calls of customers not followed within {window}, null until mature",
        ),
    ),
    kind=Kind.DAILY,
    owner=CALL_CENTRE,
    subject="service",
    impact="The operations head sees yesterday's service level.",
    inputs=("silver.calls", "gold.repeat_calls"),
    module="jobs.gold.service.service_kpis",
    statistics=("day",),
)

GOLD = (REPEAT_CALLS, SERVICE_KPIS, *CONTACTS)
