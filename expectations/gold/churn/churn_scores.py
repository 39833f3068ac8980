"""Truths of gold.churn_scores."""

from great_expectations import expectations as gxe

EXPECTATIONS = (
    gxe.ExpectColumnValuesToBeBetween(
        column="probability", min_value=0, max_value=1, severity="critical", notes="A probability lies in 0 to 1",
    ),
    gxe.ExpectColumnValuesToBeBetween(
        column="decile", min_value=1, max_value=10, severity="critical", notes="Deciles are tenths",
    ),
    gxe.ExpectColumnValuesToNotBeNull(
        column="reason_1", severity="critical", notes="Reasons are told from the first on",
        row_condition="reason_2 IS NOT NULL", condition_parser="spark",
    ),
    gxe.ExpectColumnValuesToNotBeNull(
        column="reason_2", severity="critical", notes="Reasons are told from the first on",
        row_condition="reason_3 IS NOT NULL", condition_parser="spark",
    ),
)  # fmt: skip
