"""Portraits: all that is known of a customer now, in one row."""

from collections.abc import Sequence

from pyspark.sql import DataFrame
from pyspark.sql import functions as F


def build(
    customer_measures: DataFrame, customer_tag_values: DataFrame, churn_scores: DataFrame, tags: Sequence[str]
) -> DataFrame:
    """One row per customer, in the order of their ids so that a file holds a stretch of them; frames of one date.

    `tags`: those that an agent may see.
    """
    measured = customer_measures.select(
        "customer_id",
        F.col("last_call_365d_at").alias("last_call_at"),
        *(F.col("last_call_365d")[part].alias(f"last_call_{name}") for name, part in _OF_THE_CALL.items()),
        "open_tickets",
        "open_ticket_ids",
    )
    scored = churn_scores.select("customer_id", F.col("probability").alias("churn_probability"))
    return (
        customer_tag_values.select("customer_id", "as_of", *tags)
        .join(measured, "customer_id", "left")
        .join(scored, "customer_id", "left")
        .withColumn("next_best_action", F.lit(None).cast("string"))
    )


_OF_THE_CALL = {"id": "call_id", "topic": "topic", "outcome": "outcome", "agent_id": "agent_id"}
