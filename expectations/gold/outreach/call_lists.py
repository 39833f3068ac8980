"""Truths of gold.call_lists."""

from great_expectations import expectations as gxe

EXPECTATIONS = (
    gxe.ExpectCompoundColumnsToBeUnique(
        column_list=["list_on", "customer_id"], severity="critical", notes="A customer is on one list a day",
    ),
    gxe.ExpectColumnValueLengthsToBeBetween(
        column="why", min_value=3, severity="critical", notes="Why is said in words",
    ),
    gxe.ExpectColumnValuesToBeBetween(column="rank", min_value=1, severity="critical", notes="Places begin at 1"),
)  # fmt: skip
