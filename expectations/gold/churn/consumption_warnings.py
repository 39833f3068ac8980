"""Truths of gold.consumption_warnings."""

from great_expectations import expectations as gxe

EXPECTATIONS = (
    gxe.ExpectColumnPairValuesAToBeGreaterThanB(
        column_A="as_of", column_B="since", or_equal=True, severity="critical", notes="A change began by the date",
    ),
    gxe.ExpectColumnPairValuesAToBeGreaterThanB(
        column_A="usual", column_B="seen", severity="critical", notes="Whoever falls silent or back is below usual",
        row_condition="kind IN ('silent', 'drop')", condition_parser="spark",
    ),
    gxe.ExpectColumnPairValuesAToBeGreaterThanB(
        column_A="seen", column_B="usual", severity="critical", notes="Whoever leaps up is above usual",
        row_condition="kind = 'spike'", condition_parser="spark",
    ),
)  # fmt: skip
