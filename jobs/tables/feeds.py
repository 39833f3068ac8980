"""The thirteen feeds: what other systems bring each night."""

from jobs.tables.call_centre import AGENT_EVENTS, AGENTS, CALLS, INTERACTIONS, SHIFTS, TICKETS, TRANSCRIPTS
from jobs.tables.card_business import CARD_ACCOUNTS, CUSTOMERS, STATEMENTS, TRANSACTIONS
from jobs.tables.contract import Feed
from jobs.tables.outreach import CONTACT_RESULTS, DO_NOT_CALL

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
