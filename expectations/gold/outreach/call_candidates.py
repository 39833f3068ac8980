"""Truths of gold.call_candidates."""

from great_expectations import expectations as gxe

EXPECTATIONS = (
    gxe.ExpectColumnValuesToNotBeNull(
        column="reason", severity="critical", notes="Whoever is spared or held out has a reason",
        row_condition="decision <> 'listed'", condition_parser="spark",
    ),
    gxe.ExpectColumnValuesToNotBeNull(
        column="rank", severity="critical", notes="Whoever is listed has a place on the list",
        row_condition="decision = 'listed'", condition_parser="spark",
    ),
    gxe.ExpectColumnValuesToNotBeNull(
        column="slot_start_at", severity="critical", notes="Whoever has won a place has an hour",
        row_condition="decision <> 'suppressed'", condition_parser="spark",
    ),
    gxe.ExpectColumnValuesToBeInSet(
        column="decision", value_set=["listed", "suppressed"], severity="critical", notes="No duty is held out",
        row_condition="kind = 'duty'", condition_parser="spark",
    ),
)  # fmt: skip
