"""Truths of gold.repeat_call_causes."""

from great_expectations import expectations as gxe

EXPECTATIONS = (
    gxe.ExpectColumnPairValuesAToBeGreaterThanB(
        column_A="calls", column_B="repeated", or_equal=True, severity="critical", notes="Repeated calls are calls",
    ),
    gxe.ExpectColumnValuesToBeBetween(
        column="repeat_rate", min_value=0, max_value=1, severity="critical", notes="A share lies in 0 to 1",
    ),
    gxe.ExpectColumnValuesToBeBetween(
        column="expected_rate", min_value=0, max_value=1, severity="critical", notes="A share lies in 0 to 1",
    ),
)  # fmt: skip
