"""What the made-up sources deliver: the columns of each feed, its file format and how it writes times."""

from dataclasses import dataclass
from typing import Any

Row = dict[str, Any]  # column to value; other keys (story, width) are for the sample itself and never written


@dataclass(frozen=True)
class Drop:
    """The shape of one feed's files.

    `times` is how a moment is written: plain (UTC, no zone), zulu, or shanghai (+08:00).
    """

    ending: str
    times: str
    columns: tuple[str, ...]


def _drop(ending: str, times: str, columns: str) -> Drop:
    return Drop(ending, times, tuple(columns.split()))


DROPS: dict[str, Drop] = {
    "calls": _drop(
        "csv.gz",
        "plain",
        "call_id customer_id caller_number card_id direction site queue agent_id started_at queued_at "
        "answered_at ended_at hold_seconds wrap_seconds outcome topic resolved csat transferred "
        "transferred_to recording_uri",
    ),
    "transactions": _drop(
        "csv",
        "zulu",
        "transaction_id customer_id card_id posted_at amount currency kind status original_transaction_id "
        "instalment_months fee_amount merchant_id merchant_category merchant_city merchant_region "
        "merchant_country channel",
    ),
    "statements": _drop(
        "parquet",
        "zulu",
        "card_id customer_id closed_on due_on amount_due minimum_due balance paid_on updated_at",
    ),
    "customers": _drop(
        "csv",
        "plain",
        "customer_id name phone id_number email wechat_id gender birth_date occupation city region country "
        "star_level opened_on closed_on time_zone marketing_consent call_consent sms_consent "
        "profiling_objection vulnerable legal_hold updated_at",
    ),
    "cards": _drop("csv", "zulu", "card_id customer_id product opened_on closed_on credit_limit status updated_at"),
    "tickets": _drop(
        "json",
        "shanghai",
        "ticket_id customer_id call_id opened_at closed_at category topic priority status updated_at",
    ),
    "interactions": _drop(
        "jsonl",
        "shanghai",
        "interaction_id customer_id channel event topic started_at ended_at resolved agent_id call_id text",
    ),
    "agents": _drop("csv", "plain", "agent_id name team site level skills hired_on left_on updated_at"),
    "agent_events": _drop("jsonl", "zulu", "event_id agent_id call_id customer_id event occurred_at payload"),
    "transcripts": _drop("jsonl.gz", "plain", "call_id turn speaker started_ms ended_ms text"),
    "shifts": _drop(
        "parquet",
        "plain",
        "agent_id planned_start_at planned_end_at logged_in_at logged_out_at leave_type",
    ),
    "contact_results": _drop(
        "csv",
        "shanghai",
        "attempt_id list_on campaign customer_id attempted_at ended_at channel agent_id result answered_by "
        "callback_at script_id product amount note",
    ),
    "do_not_call": _drop("csv", "plain", "customer_id phone channel reason added_at expires_at"),
}

PERSONAL = frozenset({"name", "phone", "caller_number", "id_number", "email", "wechat_id"})
TEXTS = frozenset({"text", "note", "payload"})
