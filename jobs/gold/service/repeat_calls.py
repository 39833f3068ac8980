"""Repeat contact: which inbound calls repeat an earlier one, and which were followed by another."""

from datetime import datetime, timedelta

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.chains import linked, next_contact_at
from jobs.columns import MICROSECONDS_AN_HOUR, customer_of_caller, microseconds_between
from jobs.tables.gold import WINDOWS


def build(
    calls: DataFrame,
    caller_history: DataFrame,
    known_until: datetime,
    transfer_minutes: int,
    chain_gap_days: int,
) -> DataFrame:
    """One row per inbound call of `calls`, which hold all calls of their callers from some date on.

    `caller_history` is each caller's last inbound call before that date, with its chain. `known_until` (UTC) is
    the end of the latest business date that passed the gate. Beside the table's columns stands what the history takes
    of a call: ended_at, transferred, and next_event_date, the date of the caller's next call.
    """
    chained = linked(calls, caller_history, transfer_minutes, chain_gap_days)
    on_topic = F.when(F.col("topic").isNotNull(), next_contact_at("topic"))
    followed = chained.withColumn("_next_on_topic_at", on_topic)
    next_at = {"any": "_next_contact_at", "topic": "_next_on_topic_at"}
    gap_hours = microseconds_between("_previous_started_at", "started_at") / MICROSECONDS_AN_HOUR
    flags = [
        F.coalesce(microseconds_between("started_at", at) <= hours * MICROSECONDS_AN_HOUR, F.lit(False)).alias(
            f"repeated_{which}_{window}"
        )
        for which, at in next_at.items()
        for window, hours in WINDOWS.items()
    ]
    return followed.select(
        "call_id",
        # Not carried through the windows beside the key, which would copy it in each.
        customer_of_caller().alias("customer_id"),
        "caller_key",
        "queue",
        "topic",
        "agent_id",
        "outcome",
        "started_at",
        "event_date",
        "chain_id",
        "position_in_chain",
        F.col("_previous_call_id").alias("previous_call_id"),
        gap_hours.alias("hours_since_previous"),
        F.when(F.col("_is_transfer"), "transfer")
        .when(F.col("position_in_chain") == 1, "first")
        .otherwise("repeat")
        .alias("role"),
        ((F.col("position_in_chain") > 1) & F.coalesce("_previous_is_abandoned", F.lit(False))).alias("is_retry"),
        *flags,
        *(flag.alias(name) for name, flag in mature(known_until).items()),
        "ended_at",
        "transferred",
        "next_event_date",
    )


def mature(known_until: datetime) -> dict[str, Column]:
    """The flags that tell by started_at alone whether a window has passed, so that no follow-up is final."""
    return {
        f"is_mature_{window}": F.col("started_at") <= F.lit(known_until - timedelta(hours=hours))
        for window, hours in WINDOWS.items()
    }
