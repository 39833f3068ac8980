"""Truths of gold.customer_portraits."""

from great_expectations import expectations as gxe

EXPECTATIONS = (
    gxe.ExpectColumnValuesToBeBetween(
        column="churn_probability", min_value=0, max_value=1, severity="critical", notes="A probability lies in 0 to 1",
    ),
    gxe.ExpectColumnValuesToBeBetween(
        column="open_tickets", min_value=0, severity="critical", notes="Nobody has fewer than no open tickets",
    ),
)  # fmt: skip
