"""The thirteen feeds: what other systems bring each night."""

from jobs.tables.contract import Column, Feed

CALL_CENTRE = "contact-centre-data"
CARDS = "card-data"
OUTREACH = "outreach-data"

CHANNELS = ("app", "wechat", "web", "chat", "bot", "social", "email", "sms")
OUTREACH_CHANNELS = ("call", "sms", "push", "wechat", "email")
OUTCOMES = ("answered", "abandoned", "ivr", "voicemail", "failed")
TRANSACTION_KINDS = ("purchase", "refund", "repayment", "cash_advance", "instalment", "fee")
TRANSACTION_STATES = ("posted", "declined", "disputed", "reversed")
TRANSACTION_CHANNELS = ("pos", "online", "phone_bank", "app", "atm")
TICKET_CATEGORIES = ("complaint", "request", "suggestion", "fault")
RESULTS = (
    "reached",
    "no_answer",
    "busy",
    "voicemail",
    "refused",
    "wrong_number",
    "converted",
    "do_not_call",
    "delivered",
    "opened",
    "clicked",
    "callback",
    "dropped",
)


def _id(name: str, comment: str, required: bool = False) -> Column:
    return Column(name, "string", comment, required=required)


def _string(name: str, comment: str, **more: object) -> Column:
    return Column(name, "string", comment, **more)  # type: ignore[arg-type]


def _at(name: str, comment: str, required: bool = False) -> Column:
    return Column(name, "timestamp", f"{comment} (UTC)", required=required)


def _on(name: str, comment: str, required: bool = False) -> Column:
    return Column(name, "date", comment, required=required)


def _whole(name: str, comment: str, **more: object) -> Column:
    return Column(name, "int", comment, **more)  # type: ignore[arg-type]


def _money(name: str, comment: str, required: bool = False) -> Column:
    return Column(name, "decimal(18,2)", comment, required=required)


def _flag(name: str, comment: str) -> Column:
    return Column(name, "boolean", comment)


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
        _id("call_id", "The call", required=True),
        _id("customer_id", "The customer, null where the caller was not identified"),
        _string("caller_number", "The number at the other end", personal=True),
        _id("card_id", "The card that the caller named"),
        _string("direction", "inbound or outbound, seen from us", required=True, values=("inbound", "outbound")),
        _string("site", "Site that took the call"),
        _string("queue", "Queue in which the caller waited"),
        _id("agent_id", "The agent who spoke"),
        _at("started_at", "When the call began", required=True),
        _at("queued_at", "When the caller entered the queue"),
        _at("answered_at", "When an agent answered"),
        _at("ended_at", "When the call ended", required=True),
        _whole("hold_seconds", "Time on hold"),
        _whole("wrap_seconds", "After-call work"),
        _string("outcome", "How the call ended", required=True, values=OUTCOMES),
        _string("topic", "What the call was about"),
        _flag("resolved", "Whether the agent marked the matter as resolved"),
        _whole("csat", "The caller's satisfaction, 1 to 5", between=(1, 5)),
        _flag("transferred", "Whether the call was handed on"),
        _string("transferred_to", "Queue or agent that it was handed to"),
        _string("recording_uri", "Where the recording lies"),
    ),
)

TRANSACTIONS = Feed(
    name="transactions",
    about="One row per posted transaction",
    key=("transaction_id",),
    event="posted_at",
    owner=CARDS,
    subject="transactions",
    optional=False,
    columns=(
        _id("transaction_id", "The transaction", required=True),
        _id("customer_id", "The customer", required=True),
        _id("card_id", "The card"),
        _at("posted_at", "When it was posted", required=True),
        _money("amount", "Amount, positive = money spent by the customer", required=True),
        _string("currency", "ISO 4217 code of the amount", required=True),
        _string("kind", "Kind of transaction", required=True, values=TRANSACTION_KINDS),
        _string("status", "State of the transaction", values=TRANSACTION_STATES),
        _id("original_transaction_id", "The transaction that this one corrects"),
        _whole("instalment_months", "Number of monthly instalments"),
        _money("fee_amount", "Fee within the amount"),
        _id("merchant_id", "The merchant"),
        _string("merchant_category", "Merchant category"),
        _string("merchant_city", "City of the merchant"),
        _string("merchant_region", "Region of the merchant"),
        _string("merchant_country", "Country of the merchant"),
        _string("channel", "Where it was made", values=TRANSACTION_CHANNELS),
    ),
)

STATEMENTS = Feed(
    name="statements",
    about="One row per card statement",
    key=("card_id", "closed_on"),
    event="closed_on",
    owner=CARDS,
    subject="statements",
    columns=(
        _id("card_id", "The card", required=True),
        _id("customer_id", "The customer", required=True),
        _on("closed_on", "Day on which the statement was closed", required=True),
        _on("due_on", "Day on which it is due"),
        _money("amount_due", "Amount due"),
        _money("minimum_due", "Least amount due"),
        _money("balance", "Balance of the card"),
        _on("paid_on", "Day on which it was paid"),
        _at("updated_at", "When the source last changed the row", required=True),
    ),
)

CUSTOMERS = Feed(
    name="customers",
    about="One row per customer",
    key=("customer_id",),
    event="updated_at",
    owner=CARDS,
    subject="customers",
    keeps_versions=True,
    ends="closed_on",
    columns=(
        _id("customer_id", "The customer", required=True),
        _string("name", "Full name", personal=True),
        _string("phone", "Phone number", personal=True),
        _string("id_number", "Number of the identity document", personal=True),
        _string("email", "E-mail address", personal=True),
        _string("wechat_id", "WeChat account", personal=True),
        _string("gender", "Gender as the customer gave it"),
        _on("birth_date", "Date of birth"),
        _string("occupation", "Occupation"),
        _string("city", "City of residence"),
        _string("region", "Region of residence"),
        _string("country", "Country of residence"),
        _whole("star_level", "Star level, 1 to 7", between=(1, 7)),
        _on("opened_on", "Customer since"),
        _on("closed_on", "Customer until, null while open"),
        _string("time_zone", "IANA time zone of the customer"),
        _flag("marketing_consent", "Consent to marketing"),
        _flag("call_consent", "Consent to be called"),
        _flag("sms_consent", "Consent to text messages"),
        _flag("profiling_objection", "Objection to profiling"),
        _flag("vulnerable", "Needs particular care"),
        _flag("legal_hold", "Held for legal reasons"),
        _at("updated_at", "When the source last changed the row", required=True),
    ),
)

CARD_ACCOUNTS = Feed(
    name="cards",
    about="One row per card",
    key=("card_id",),
    event="updated_at",
    owner=CARDS,
    subject="customers",
    keeps_versions=True,
    ends="closed_on",
    columns=(
        _id("card_id", "The card", required=True),
        _id("customer_id", "The customer", required=True),
        _string("product", "Card product"),
        _on("opened_on", "Day of issue"),
        _on("closed_on", "Day on which it was closed"),
        _money("credit_limit", "Credit limit"),
        _string("status", "State of the card"),
        _at("updated_at", "When the source last changed the row", required=True),
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
        _id("ticket_id", "The ticket", required=True),
        _id("customer_id", "The customer", required=True),
        _id("call_id", "The call in which it was opened"),
        _at("opened_at", "When it was opened", required=True),
        _at("closed_at", "When it was closed, null while open"),
        _string("category", "Category", required=True, values=TICKET_CATEGORIES),
        _string("topic", "What it is about"),
        _string("priority", "Priority"),
        _string("status", "State of the ticket"),
        _at("updated_at", "When the source last changed the row", required=True),
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
        _id("interaction_id", "The contact", required=True),
        _id("customer_id", "The customer, null where not signed in"),
        _string("channel", "Channel", required=True, values=CHANNELS),
        _string("event", "What happened"),
        _string("topic", "What it was about"),
        _at("started_at", "When it began", required=True),
        _at("ended_at", "When it ended"),
        _flag("resolved", "Whether the matter was resolved"),
        _id("agent_id", "The agent"),
        _id("call_id", "The call that belongs to it"),
        _string("text", "What was written, redacted", text=True),
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
        _id("agent_id", "The agent", required=True),
        _string("name", "Full name", personal=True),
        _string("team", "Team"),
        _string("site", "Site"),
        _string("level", "Grade"),
        _string("skills", "Skills, separated by |"),
        _on("hired_on", "First day"),
        _on("left_on", "Last day, null while employed"),
        _at("updated_at", "When the source last changed the row", required=True),
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
        _id("event_id", "The click", required=True),
        _id("agent_id", "The agent", required=True),
        _id("call_id", "The call during which it was made"),
        _id("customer_id", "The customer on the screen"),
        _string("event", "What was clicked", required=True),
        _at("occurred_at", "When", required=True),
        _string("payload", "Details as JSON, redacted", text=True),
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
        _id("call_id", "The call", required=True),
        _whole("turn", "Number of the turn within the call", required=True),
        _string("speaker", "Who spoke", required=True, values=("agent", "customer")),
        Column("started_ms", "bigint", "Start of the turn, milliseconds from the start of the call"),
        Column("ended_ms", "bigint", "End of the turn, milliseconds from the start of the call"),
        _string("text", "What was said, redacted", required=True, text=True),
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
        _id("agent_id", "The agent", required=True),
        _at("planned_start_at", "Planned start", required=True),
        _at("planned_end_at", "Planned end"),
        _at("logged_in_at", "When the agent logged in"),
        _at("logged_out_at", "When the agent logged out"),
        _string("leave_type", "Kind of leave, null when at work"),
    ),
)

CONTACT_RESULTS = Feed(
    name="contact_results",
    about="One row per attempt to reach a customer, from a list or from elsewhere",
    key=("attempt_id",),
    event="attempted_at",
    owner=OUTREACH,
    subject="outreach",
    span=("attempted_at", "ended_at"),
    columns=(
        _id("attempt_id", "The attempt", required=True),
        _on("list_on", "Day of the list, null when made outside the lists"),
        _string("campaign", "Campaign, null when made outside the lists"),
        _id("customer_id", "The customer", required=True),
        _at("attempted_at", "When the attempt was made", required=True),
        _at("ended_at", "When it ended"),
        _string("channel", "Channel", required=True, values=OUTREACH_CHANNELS),
        _id("agent_id", "The agent"),
        _string("result", "What came of it", required=True, values=RESULTS),
        _string("answered_by", "Who answered", values=("live", "machine")),
        _at("callback_at", "When the customer wants to be called back"),
        _id("script_id", "The script that was used"),
        _string("product", "Product that was offered"),
        _money("amount", "Amount of the sale"),
        _string("note", "The agent's note, redacted", text=True),
    ),
)

DO_NOT_CALL = Feed(
    name="do_not_call",
    about="One row per do-not-call entry",
    key=("customer_id", "phone", "added_at"),
    event="added_at",
    owner=OUTREACH,
    subject="outreach",
    ends="expires_at",
    any_of=("customer_id", "phone"),
    columns=(
        _id("customer_id", "The customer, null when the entry names a number alone"),
        _string("phone", "The number, null when the entry names a customer alone", personal=True),
        _string("channel", "Channel that is barred, null = all"),
        _string("reason", "Why"),
        _at("added_at", "Since when", required=True),
        _at("expires_at", "Until when, null = for good"),
    ),
)

FEEDS: tuple[Feed, ...] = (
    CUSTOMERS,
    CALLS,
    TRANSACTIONS,
    STATEMENTS,
    CARD_ACCOUNTS,
    TICKETS,
    INTERACTIONS,
    AGENTS,
    AGENT_EVENTS,
    TRANSCRIPTS,
    SHIFTS,
    CONTACT_RESULTS,
    DO_NOT_CALL,
)
