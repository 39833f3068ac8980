"""Feeds of the call centre: calls, what they were about, and the people who took them."""

from jobs.tables.contract import Column, Feed
from jobs.tables.fields import day, flag, identifier, instant, string, whole

CALL_CENTRE = "contact-centre-data"
"""Who answers for these feeds."""

CHANNELS = ("app", "wechat", "web", "chat", "bot", "social", "email", "sms")
OUTCOMES = ("answered", "abandoned", "ivr", "voicemail", "failed")
TICKET_CATEGORIES = ("complaint", "request", "suggestion", "fault")

CALLS = Feed(
    name="calls",
    about="One row per call",
    key=("call_id",),
    event="started_at",
    owner=CALL_CENTRE,
    subject="calls",
    optional=False,
    span=("started_at", "ended_at"),
    columns=(
        identifier("call_id", "The call", required=True),
        identifier("customer_id", "The customer, null where the caller was not identified"),
        string("caller_number", "The number at the other end", personal=True),
        identifier("card_id", "The card that the caller named"),
        string("direction", "inbound or outbound, seen from us", required=True, values=("inbound", "outbound")),
        string("site", "Site that took the call"),
        string("queue", "Queue in which the caller waited"),
        identifier("agent_id", "The agent who spoke"),
        instant("started_at", "When the call began", required=True),
        instant("queued_at", "When the caller entered the queue"),
        instant("answered_at", "When an agent answered"),
        instant("ended_at", "When the call ended", required=True),
        whole("hold_seconds", "Time on hold"),
        whole("wrap_seconds", "After-call work"),
        string("outcome", "How the call ended", required=True, values=OUTCOMES),
        string("topic", "What the call was about"),
        flag("resolved", "Whether the agent marked the matter as resolved"),
        whole("csat", "The caller's satisfaction, 1 to 5", between=(1, 5)),
        flag("transferred", "Whether the call was handed on"),
        string("transferred_to", "Queue or agent that it was handed to"),
        string("recording_uri", "Where the recording lies"),
    ),
)

TICKETS = Feed(
    name="tickets",
    about="One row per work order or complaint, in its latest state",
    key=("ticket_id",),
    event="opened_at",
    owner=CALL_CENTRE,
    subject="tickets",
    keeps_versions=True,
    ends="closed_at",
    columns=(
        identifier("ticket_id", "The ticket", required=True),
        identifier("customer_id", "The customer", required=True),
        identifier("call_id", "The call in which it was opened"),
        instant("opened_at", "When it was opened", required=True),
        instant("closed_at", "When it was closed, null while open"),
        string("category", "Category", required=True, values=TICKET_CATEGORIES),
        string("topic", "What it is about"),
        string("priority", "Priority"),
        string("status", "State of the ticket"),
        instant("updated_at", "When the source last changed the row", required=True),
    ),
)

INTERACTIONS = Feed(
    name="interactions",
    about="One row per contact in a digital channel",
    key=("interaction_id",),
    event="started_at",
    owner=CALL_CENTRE,
    subject="digital contacts",
    span=("started_at", "ended_at"),
    columns=(
        identifier("interaction_id", "The contact", required=True),
        identifier("customer_id", "The customer, null where not signed in"),
        string("channel", "Channel", required=True, values=CHANNELS),
        string("event", "What happened"),
        string("topic", "What it was about"),
        instant("started_at", "When it began", required=True),
        instant("ended_at", "When it ended"),
        flag("resolved", "Whether the matter was resolved"),
        identifier("agent_id", "The agent"),
        identifier("call_id", "The call that belongs to it"),
        string("text", "What was written, redacted", text=True),
    ),
)

AGENTS = Feed(
    name="agents",
    about="One row per agent, in the latest state",
    key=("agent_id",),
    event="updated_at",
    owner=CALL_CENTRE,
    subject="agents",
    keeps_versions=True,
    ends="left_on",
    columns=(
        identifier("agent_id", "The agent", required=True),
        string("name", "Full name", personal=True),
        string("team", "Team"),
        string("site", "Site"),
        string("level", "Grade"),
        string("skills", "Skills, separated by |"),
        day("hired_on", "First day"),
        day("left_on", "Last day, null while employed"),
        instant("updated_at", "When the source last changed the row", required=True),
    ),
)

AGENT_EVENTS = Feed(
    name="agent_events",
    about="One row per click in the agent desktop",
    key=("event_id",),
    event="occurred_at",
    owner=CALL_CENTRE,
    subject="agents",
    columns=(
        identifier("event_id", "The click", required=True),
        identifier("agent_id", "The agent", required=True),
        identifier("call_id", "The call during which it was made"),
        identifier("customer_id", "The customer on the screen"),
        string("event", "What was clicked", required=True),
        instant("occurred_at", "When", required=True),
        string("payload", "Details as JSON, redacted", text=True),
    ),
)

TRANSCRIPTS = Feed(
    name="transcripts",
    about="One row per turn of a call",
    key=("call_id", "turn"),
    event="ds",
    owner=CALL_CENTRE,
    subject="calls",
    span=("started_ms", "ended_ms"),
    columns=(
        identifier("call_id", "The call", required=True),
        whole("turn", "Number of the turn within the call", required=True),
        string("speaker", "Who spoke", required=True, values=("agent", "customer")),
        Column("started_ms", "bigint", "Start of the turn, milliseconds from the start of the call"),
        Column("ended_ms", "bigint", "End of the turn, milliseconds from the start of the call"),
        string("text", "What was said, redacted", required=True, text=True),
    ),
)

SHIFTS = Feed(
    name="shifts",
    about="One row per agent and planned shift",
    key=("agent_id", "planned_start_at"),
    event="planned_start_at",
    owner=CALL_CENTRE,
    subject="agents",
    columns=(
        identifier("agent_id", "The agent", required=True),
        instant("planned_start_at", "Planned start", required=True),
        instant("planned_end_at", "Planned end"),
        instant("logged_in_at", "When the agent logged in"),
        instant("logged_out_at", "When the agent logged out"),
        string("leave_type", "Kind of leave, null when at work"),
    ),
)
