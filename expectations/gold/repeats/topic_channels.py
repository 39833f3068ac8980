"""Truths of gold.topic_channels."""

from great_expectations import expectations as gxe

EXPECTATIONS = (
    gxe.ExpectColumnPairValuesAToBeGreaterThanB(
        column_A="contacts", column_B="resolved", or_equal=True, severity="critical", notes="They are contacts",
    ),
    gxe.ExpectColumnPairValuesAToBeGreaterThanB(
        column_A="resolved_high", column_B="resolved_low", or_equal=True, severity="critical",
        notes="An interval ends after it began",
    ),
)  # fmt: skip
