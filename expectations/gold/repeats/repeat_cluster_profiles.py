"""Truths of gold.repeat_cluster_profiles."""

from great_expectations import expectations as gxe

EXPECTATIONS = (
    gxe.ExpectColumnValuesToBeUnique(column="cluster_name", severity="critical", notes="Kinds are told apart by name"),
    gxe.ExpectColumnPairValuesAToBeGreaterThanB(
        column_A="callers", column_B="customers", or_equal=True, severity="critical", notes="Customers are callers",
    ),
    gxe.ExpectColumnPairValuesAToBeGreaterThanB(
        column_A="calls", column_B="repeat_calls", severity="critical", notes="The first call of a chain is no repeat",
        or_equal=True,
    ),
)  # fmt: skip
