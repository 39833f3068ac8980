"""Truths of gold.customer_timeline."""

from great_expectations import expectations as gxe

EXPECTATIONS = (
    gxe.ExpectColumnValuesToNotBeNull(
        column="position", severity="critical", notes="A contact has its place in the day",
        row_condition="source <> 'transactions'", condition_parser="spark",
    ),
    gxe.ExpectColumnValuesToNotBeNull(
        column="happened_at", severity="critical", notes="A contact has its moment",
        row_condition="source <> 'transactions'", condition_parser="spark",
    ),
    gxe.ExpectColumnValuesToNotBeNull(
        column="identity_reason", severity="critical", notes="Whoever was found by the number was found for a reason",
        row_condition="is_resolved_identity", condition_parser="spark",
    ),
    gxe.ExpectColumnValuesToBeBetween(
        column="duration_seconds", min_value=0, severity="critical", notes="No contact ends before it began",
    ),
)  # fmt: skip
