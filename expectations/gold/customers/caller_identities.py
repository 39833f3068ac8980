"""Truths of gold.caller_identities."""

from great_expectations import expectations as gxe

EXPECTATIONS = (
    gxe.ExpectColumnValuesToBeBetween(
        column="confidence", min_value=0, max_value=1, severity="critical", notes="How sure it is lies between 0 and 1",
    ),
    gxe.ExpectColumnValuesToBeNull(
        column="customer_id", severity="critical", notes="A number that several share is nobody's",
        row_condition="customers > 1", condition_parser="spark",
    ),
    gxe.ExpectColumnValuesToNotBeNull(
        column="customer_id", severity="critical", notes="A number that one customer has is theirs",
        row_condition="customers = 1", condition_parser="spark",
    ),
    gxe.ExpectColumnPairValuesAToBeGreaterThanB(
        column_A="valid_to", column_B="valid_from", severity="critical", ignore_row_if="either_value_is_missing",
        notes="A period ends after it began",
    ),
)  # fmt: skip
