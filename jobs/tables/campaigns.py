"""Campaigns: what they and their rules look at, who was chosen, held out or spared and why, and the lists."""

from jobs.tables.contract import Column, Kind, Table
from jobs.tables.features import AS_OF, CUSTOMER
from jobs.tables.outreach import OUTREACH, OUTREACH_CHANNELS

SUBJECT = "outreach"
DECISIONS = ("listed", "holdout", "suppressed")
KINDS = ("marketing", "service", "duty")
LIST_ON = Column("list_on", "date", "Day of the list", required=True)
CAMPAIGN = Column("campaign", "string", "The campaign of conf/campaigns.yaml", required=True)
SLOT = (
    Column("slot_start_at", "timestamp", "When the contact is planned to begin (UTC); null = not placed"),
    Column("slot_end_at", "timestamp", "End of that hour (UTC)"),
)

OUTREACH_CUSTOMERS = Table(
    name="features.outreach_customers",
    about="One row per open customer and date: occasions to reach out, and all that forbids it on the day after",
    key=("as_of", "customer_id"),
    columns=(
        AS_OF,
        CUSTOMER,
        Column("phone_token", "string", "Keyed pseudonym (HMAC-SHA-256) of the telephone"),
        Column("country", "string", "Country of residence, ISO 3166 alpha-2"),
        Column("region", "string", "Region of residence"),
        Column("time_zone", "string", "IANA name of the customer's time zone; null = unknown"),
        Column("star_level", "int", "Star level, 1 to 7"),
        Column("marketing_consent", "boolean", "Whether marketing is allowed; null = not asked"),
        Column("call_consent", "boolean", "Whether calls are allowed; null = not asked"),
        Column("sms_consent", "boolean", "Whether text messages are allowed; null = not asked"),
        Column("profiling_objection", "boolean", "Whether the customer objects to profiling"),
        Column("vulnerable", "boolean", "Whether the customer needs particular care"),
        Column("legal_hold", "boolean", "Whether a legal matter forbids contact"),
        Column("barred_channels", "array<string>", "Channels that are barred, `all` for each of them", required=True),
        Column("is_person_barred", "boolean", "Whether the customer said never to contact them again", required=True),
        Column("is_number_barred", "boolean", "Whether somebody at the number said so, or it is wrong", required=True),
        Column("contacts_1d", "bigint", "Contacts in the 24 hours before the list's day", required=True),
        Column("contacts_7d", "bigint", "Contacts in 7 times 24 hours before it", required=True),
        Column("contacts_30d", "bigint", "Contacts in 30 times 24 hours before it", required=True),
        Column("call_attempts_1d", "bigint", "Attempts by telephone in the 24 hours before it", required=True),
        Column("connected_calls_1d", "bigint", "Of these the connected ones", required=True),
        Column("campaign_attempts_7d", "map<string,bigint>", "Attempts by campaign, 7 times 24 hours", required=True),
        Column("number_attempts_7d", "map<string,bigint>", "To the number, whoever had it then", required=True),
        Column("refused_campaigns", "array<string>", "Campaigns refused in refused_days (conf)", required=True),
        Column("reached_campaigns", "array<string>", "Campaigns that reached or held out, reentry_days", required=True),
        Column("held_out", "array<string>", "Campaigns that held the customer out in the season", required=True),
        Column("released_at", "timestamp", "When the next attempt may be made (UTC); null = at once"),
        Column("answer_hour", "int", "Hour of the day in which the customer is spoken to most; null = unknown"),
        Column("open_complaints", "bigint", "Complaints that are open", required=True),
        Column("complaint_topic", "string", "Topic of the oldest of these"),
        Column("complaint_opened_on", "date", "When it was opened"),
        Column("open_requests", "bigint", "Open tickets that are no complaints", required=True),
        Column("request_topic", "string", "Topic of the oldest of these"),
        Column("request_opened_on", "date", "When it was opened"),
        Column("settled_on", "date", "When the last ticket was closed, within 7 days"),
        Column("settled_topic", "string", "What it was about"),
        Column("callback_at", "timestamp", "Promised call; nobody spoke to the customer since it was promised (UTC)"),
        Column("given_up_at", "timestamp", "Call given up in 7 days, after which nobody spoke to the customer (UTC)"),
        Column("given_up_topic", "string", "What it was about"),
        Column("amount_due", "decimal(18,2)", "Unpaid amount of the statements due on due_on"),
        Column("due_on", "date", "When the next unpaid statement is due, from the list's day on"),
        Column("days_since_spoken", "int", "Days since anybody spoke with the customer; null = none known within 90"),
    ),
    kind=Kind.AS_OF,
    owner=OUTREACH,
    subject=SUBJECT,
    impact="The day has no lists.",
    inputs=(
        "silver.customers_versions", "silver.tickets_versions",
        "silver.statements_versions", "silver.calls", "silver.contact_results", "silver.dialled_calls",
        "silver.do_not_call",
    ),
    reads_back=("gold.call_candidates",),
    partition="as_of",
    statistics=("customer_id",),
)  # fmt: skip

_AUDIENCE = (
    "features.outreach_customers", "features.customer_tag_values", "gold.churn_scores", "gold.repeat_call_advice",
)  # fmt: skip

CALL_CANDIDATES = Table(
    name="gold.call_candidates",
    about="One row per customer, campaign and day of a list: what was decided, and by which rule",
    key=("list_on", "campaign", "customer_id"),
    columns=(
        LIST_ON,
        CAMPAIGN,
        CUSTOMER,
        Column("kind", "string", "Kind of the campaign", required=True, values=KINDS),
        Column("channel", "string", "Channel of the campaign", required=True, values=OUTREACH_CHANNELS),
        Column("score", "double", "Probability by which the campaign chose"),
        Column("expected_value", "double", "Probability x value x effect - cost"),
        Column("decision", "string", "listed, holdout or suppressed", required=True, values=DECISIONS),
        Column("reason", "string", "Code of the rule that decided; null = listed by value"),
        Column("rank", "int", "Place on the list; null = not listed"),
        *SLOT,
    ),
    kind=Kind.AS_OF,
    owner=OUTREACH,
    subject=SUBJECT,
    impact="The day has no lists, and models learn from customers as if nobody had tried to keep them.",
    inputs=(*_AUDIENCE, "gold.customer_identities"),
    numbers_from=("silver.shifts", "silver.contact_results"),
    module="jobs.gold.outreach.call_candidates",
    partition="list_on",
    statistics=("customer_id",),
)

CALL_LISTS = Table(
    name="gold.call_lists",
    about="One row per contact on a list: whom to reach, when, why, and what to say",
    key=("list_on", "campaign", "customer_id"),
    columns=(
        LIST_ON,
        CAMPAIGN,
        Column("channel", "string", "How to reach the customer", required=True, values=OUTREACH_CHANNELS),
        Column("rank", "int", "Place on the list, 1 = first", required=True),
        CUSTOMER,
        Column("slot_start_at", "timestamp", "When the contact is planned to begin (UTC)", required=True),
        Column("slot_end_at", "timestamp", "End of that hour (UTC)", required=True),
        Column("why", "string", "Why the customer is on the list, in words", required=True),
        Column("script_id", "string", "The script; variants are drawn by hash", required=True),
        Column("script_hint", "string", "What to say", required=True),
        Column("expected_value", "double", "Probability x value x effect - cost", required=True),
    ),
    kind=Kind.AS_OF,
    owner=OUTREACH,
    subject=SUBJECT,
    impact="The day has no lists.",
    inputs=("gold.call_candidates", *_AUDIENCE),
    module="jobs.gold.outreach.call_lists",
    partition="list_on",
    statistics=("customer_id",),
)

OUTREACH_FEATURES = (OUTREACH_CUSTOMERS,)
CAMPAIGNS = (CALL_CANDIDATES, CALL_LISTS)
