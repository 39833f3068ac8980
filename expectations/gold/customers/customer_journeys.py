"""Truths of gold.customer_journeys."""

from great_expectations import expectations as gxe

EXPECTATIONS = (
    gxe.ExpectColumnValuesToBeBetween(
        column="minutes_to_call", min_value=0, severity="critical", notes="The call follows the failure",
    ),
    gxe.ExpectColumnPairValuesAToBeGreaterThanB(
        column_A="contacts", column_B="calls", severity="critical",
        notes="A journey holds a failure besides its calls",
    ),
)  # fmt: skip
