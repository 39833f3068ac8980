"""How much each active customer lives with the card: levels, gaps and habits against the customer's own past."""

from datetime import date, timedelta

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.features import use_days
from jobs.tables.tags import CATALOGUE, Measure

DAYS = use_days.LONGEST
"""The longest window of uses; whoever is observed for less is weighed by what is known."""
TOLD: dict[str, str] = {
    **{f"uses_{days}d": f"card_uses_{days}d" for days in (30, 60, 90, 180)},
    **{f"spend_{days}d_amount": f"card_spend_{days}d_amount" for days in (1, 7, 30, 60, 90, 180)},
    **{f"spend_squares_{days}d": f"card_spend_squares_{days}d" for days in (1, 90)},
    "categories_90d": "size(spend_categories_90d)",
    "categories_dropped_30d": "size(array_except(map_keys(spend_categories_90d), map_keys(spend_categories_30d)))",
    "merchant_groups_90d": "size(merchant_groups_90d)",
    "merchant_groups_dropped_30d": "size(array_except(map_keys(merchant_groups_90d), map_keys(merchant_groups_30d)))",
    "refunds_90d": "refunds_90d",
    "online_share_90d": "try_divide(online_purchases_90d, purchases_with_channel_90d)",
    "declined_30d": "declined_transactions_30d",
    "tenure_days": "CASE WHEN customer_since <= as_of THEN datediff(as_of, customer_since) + 1 END",
    "stars": "stars",
    "open_cards": "open_cards",
    "credit_limit_amount": "credit_limit_amount",
    "limit_used_share": "CASE WHEN credit_limit_amount > 0 THEN card_spend_30d_amount / credit_limit_amount END",
    "late_payment_share_365d": "try_divide(late_payments_365d, statements_365d)",
    "calls_30d": "inbound_calls_30d",
    "calls_90d": "inbound_calls_90d",
    "same_topic_calls_90d": "aggregate(map_values(call_topics_90d), 0L, (sum, calls) -> sum + calls - 1)",
    "unresolved_calls_90d": "unresolved_calls_90d",
    "abandoned_calls_90d": "abandoned_calls_90d",
    "mean_wait_seconds_90d": "try_divide(wait_90d_microseconds, 1000000 * offered_calls_90d)",
    "leaving_calls_90d": "leaving_calls_90d",
    "csat": "csat_365d",
    "open_complaints": "open_complaints",
    "complaints_90d": "opened_complaints_90d",
    "digital_contacts_90d": "aggregate(map_values(digital_contacts_90d), 0L, (sum, contacts) -> sum + contacts)",
    "contacts_30d": "outreach_contacts_30d",
    "responses_90d": "aggregate(map_values(responses_by_channel_90d), 0L, (sum, contacts) -> sum + contacts)",
}
"""Columns that follow from the measures alone, in Spark SQL."""
USE_DATES = f"use_dates_{DAYS}d"
BESIDE = (USE_DATES, "customer_until", "customer_since")


def measures() -> tuple[Measure, ...]:
    """The measures that are read."""
    read = " ".join((*TOLD.values(), *BESIDE))
    words = set(read.replace("(", " ").replace(")", " ").replace(",", " ").split())
    return tuple(measure for name, measure in CATALOGUE.measures.items() if name in words)


def build(customer_measures: DataFrame, as_of: date, active_days: int, history_days: int) -> DataFrame:
    """One row per customer who is not closed and used the card in the `active_days` up to the date.

    `customer_measures` of that date, at least those of `measures()`; `history_days`: days since the first batch of
    transactions. A customer without a row in customers counts as not closed.
    """
    is_open = "customer_until IS NULL OR customer_until > as_of"
    is_active = F.get(USE_DATES, F.size(USE_DATES) - 1) > F.lit(as_of - timedelta(days=active_days))
    active = customer_measures.where(is_active & F.expr(is_open)).withColumns(
        {name: F.expr(told) for name, told in TOLD.items()}
    )
    told = active.withColumn("_days", use_days.figures(USE_DATES, as_of, history_days))
    longest = F.least(F.lit(DAYS), F.lit(history_days), F.coalesce("tenure_days", F.lit(DAYS)))
    # Nobody has used a card for longer than it is observed, whatever the source says of the tenure.
    observed = F.greatest(longest, F.datediff("as_of", F.get(USE_DATES, F.lit(0))) + 1)
    return told.select(
        "as_of",
        "customer_id",
        observed.alias("observed_days"),
        (observed / F.col("_days.use_days_180d")).alias("usual_gap_days"),
        "_days.*",
        *TOLD,
    )
