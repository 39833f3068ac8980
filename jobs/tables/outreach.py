"""Feeds of outreach: who was contacted, and who must not be."""

from jobs.tables.contract import Feed
from jobs.tables.fields import day, identifier, instant, money, string

OUTREACH = "outreach-data"
"""Who answers for these feeds."""

OUTREACH_CHANNELS = ("call", "sms", "push", "wechat", "email")
NUMBERED = ("call", "sms")
"""Channels that need the telephone."""
CONTACT = ["list_on", "campaign", "customer_id"]
"""Columns that say which contact of the lists a row is about."""
NO_CONTACT = ("busy", "no_answer")
"""Results of attempts that are no contact (docs/definitions.md)."""
CONNECTED = ("reached", "converted", "refused", "callback", "wrong_number", "do_not_call", "dropped")
"""Results of calls that somebody answered."""
BARRING = ("wrong_number", "do_not_call")
"""Results that bar the number at which they were given."""
ALL_CHANNELS = "all"
BARRED_CHANNEL = (
    f"CASE WHEN lower(trim(channel)) IN {OUTREACH_CHANNELS} THEN lower(trim(channel)) ELSE '{ALL_CHANNELS}' END"
)
"""SQL, of Spark and of DuckDB, for the channel that a do-not-call entry bars: whatever is none of ours may mean any."""
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

CONTACT_RESULTS = Feed(
    name="contact_results",
    about="One row per attempt to reach a customer, from a list or from elsewhere",
    key=("attempt_id",),
    event="attempted_at",
    owner=OUTREACH,
    subject="outreach",
    span=("attempted_at", "ended_at"),
    columns=(
        identifier("attempt_id", "The attempt", required=True),
        day("list_on", "Day of the list, null when made outside the lists"),
        string("campaign", "Campaign, null when made outside the lists"),
        identifier("customer_id", "The customer", required=True),
        instant("attempted_at", "When the attempt was made", required=True),
        instant("ended_at", "When it ended"),
        string("channel", "Channel", required=True, values=OUTREACH_CHANNELS),
        identifier("agent_id", "The agent"),
        string("result", "What came of it", required=True, values=RESULTS),
        string("answered_by", "Who answered", values=("live", "machine")),
        instant("callback_at", "When the customer wants to be called back"),
        identifier("script_id", "The script that was used"),
        string("product", "Product that was offered"),
        money("amount", "Amount of the sale"),
        string("note", "The agent's note, redacted", text=True),
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
        identifier("customer_id", "The customer, null when the entry names a number alone"),
        string("phone", "The number, null when the entry names a customer alone", personal=True),
        string("channel", "Channel that is barred, null = all"),
        string("reason", "Why"),
        instant("added_at", "Since when", required=True),
        instant("expires_at", "Until when, null = for good"),
    ),
)
