"""Truths of gold.repeat_call_risk."""

from great_expectations import expectations as gxe

EXPECTATIONS = (
    gxe.ExpectColumnValuesToBeBetween(
        column="probability", min_value=0, max_value=1, severity="critical", notes="A probability lies in 0 to 1",
    ),
    gxe.ExpectColumnValuesToBeBetween(
        column="decile", min_value=1, max_value=10, severity="critical", notes="Deciles are tenths",
    ),
)  # fmt: skip
