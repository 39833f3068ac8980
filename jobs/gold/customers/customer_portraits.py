"""Portraits: all that is known of a customer now, in one row."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.gold.customers.next_action import next_actions


def build(
    customer_measures: DataFrame,
    customer_tag_values: DataFrame,
    churn_scores: DataFrame,
    outreach_customers: DataFrame,
    repeat_call_advice: DataFrame,
    call_candidates: DataFrame,
    call_lists: DataFrame,
    tags: Sequence[str],
    list_on: date,
    campaigns: Sequence[Mapping[str, Any]],
    holdout_share: float,
    time_zone: str,
) -> DataFrame:
    """One row per customer, in the order of their ids so that a file holds a stretch of them.

    Frames of one date; candidates and lists are of `list_on`, the day after it. `tags`: those that an agent may see.
    """
    measured = customer_measures.select(
        "customer_id",
        F.col("last_call_365d_at").alias("last_call_at"),
        *(F.col("last_call_365d")[part].alias(f"last_call_{name}") for name, part in _OF_THE_CALL.items()),
        "open_tickets",
        "open_ticket_ids",
    )
    scored = churn_scores.select("customer_id", F.col("probability").alias("churn_probability"))
    actions = next_actions(
        call_candidates,
        call_lists,
        repeat_call_advice,
        outreach_customers,
        list_on,
        campaigns,
        holdout_share,
        time_zone,
    )
    return (
        customer_tag_values.select("customer_id", "as_of", *tags)
        .join(measured, "customer_id", "left")
        .join(scored, "customer_id", "left")
        .join(actions, "customer_id", "left")
    )


_OF_THE_CALL = {"id": "call_id", "topic": "topic", "outcome": "outcome", "agent_id": "agent_id"}
