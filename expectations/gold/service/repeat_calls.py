"""Truths of gold.repeat_calls."""

from great_expectations import expectations as gxe

EXPECTATIONS = (
    gxe.ExpectColumnValuesToBeInSet(
        column="role", value_set=["first", "repeat", "transfer"], severity="critical",
        notes="A call is the first of a chain, a repeat, or a transfer",
    ),
    gxe.ExpectColumnValuesToBeBetween(
        column="position_in_chain", min_value=1, severity="critical", notes="Positions count from 1",
    ),
    gxe.ExpectColumnValuesToBeBetween(
        column="hours_since_previous", min_value=0, severity="critical",
        notes="The previous call did not start after this one",
    ),
)  # fmt: skip
