"""Truths of gold.customer_identities."""

from great_expectations import expectations as gxe

EXPECTATIONS = (
    gxe.ExpectColumnPairValuesAToBeGreaterThanB(
        column_A="valid_to", column_B="valid_from", severity="critical", ignore_row_if="either_value_is_missing",
        notes="A period ends after it began",
    ),
    gxe.ExpectColumnValuesToBeBetween(
        column="customers_of_person", min_value=1, severity="critical", notes="A person is at least one customer",
    ),
    gxe.ExpectColumnValuesToBeBetween(
        column="customers_of_phone", min_value=2, severity="critical", notes="It takes two to share a telephone",
    ),
)  # fmt: skip
