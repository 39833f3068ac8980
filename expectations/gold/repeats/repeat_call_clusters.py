"""Truths of gold.repeat_call_clusters."""

from great_expectations import expectations as gxe

EXPECTATIONS = (
    gxe.ExpectColumnValuesToBeBetween(
        column="repeat_calls_90d", min_value=1, severity="critical", notes="Whoever is here called again",
    ),
    gxe.ExpectColumnPairValuesAToBeGreaterThanB(
        column_A="calls_90d", column_B="repeat_calls_90d", or_equal=True, severity="critical",
        notes="Repeats are calls",
    ),
    gxe.ExpectColumnValuesToNotBeNull(
        column="frequency_band", severity="critical", notes="A customer has a band",
        row_condition="customer_id IS NOT NULL", condition_parser="spark",
    ),
    gxe.ExpectColumnValuesToNotBeNull(
        column="cluster_name", severity="critical", notes="A kind has a name",
        row_condition="cluster_id IS NOT NULL", condition_parser="spark",
    ),
    gxe.ExpectColumnValuesToNotBeNull(
        column="cluster_id", severity="warning", notes="No kinds yet: there were too few callers to tell kinds",
    ),
)  # fmt: skip
