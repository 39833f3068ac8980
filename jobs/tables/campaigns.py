"""Campaigns: who was to be reached, who was held out, and who was spared, by which rule."""

from jobs.tables.contract import Column, Kind, Table
from jobs.tables.outreach import OUTREACH

DECISIONS = ("listed", "holdout", "suppressed")

CALL_CANDIDATES = Table(
    name="gold.call_candidates",
    about="One row per customer, campaign and day of a list: what was decided, and by which rule",
    key=("list_on", "campaign", "customer_id"),
    columns=(
        Column("list_on", "date", "Day of the list", required=True),
        Column("campaign", "string", "The campaign", required=True),
        Column("customer_id", "string", "The customer", required=True),
        Column("score", "double", "Probability by which the campaign chose"),
        Column("expected_value", "double", "Probability x value x effect - cost"),
        Column("decision", "string", "listed, holdout or suppressed", required=True, values=DECISIONS),
        Column("reason", "string", "Code of the rule that decided"),
        Column("rank", "int", "Place on the list; null = not listed"),
    ),
    kind=Kind.RECORD,
    owner=OUTREACH,
    subject="outreach",
    impact="Models learn from customers as if nobody had tried to keep them.",
    partition="list_on",
    statistics=("customer_id",),
)

CAMPAIGNS = (CALL_CANDIDATES,)
