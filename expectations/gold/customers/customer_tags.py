"""Truths of gold.customer_tags, of the periods that begin."""

from great_expectations import expectations as gxe

EXPECTATIONS = (
    gxe.ExpectColumnValueLengthsToBeBetween(
        column="value", min_value=1, severity="critical", notes="A tag that is not known has no row",
    ),
    gxe.ExpectColumnValueLengthsToBeBetween(
        column="value", max_value=200, severity="warning", notes="A value is a word or number, rarely a text",
    ),
    gxe.ExpectColumnValuesToBeBetween(
        column="rule_version", min_value=1, severity="critical", notes="Versions of rules count from 1",
    ),
)  # fmt: skip
