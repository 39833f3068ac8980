"""Truths of gold.script_effects."""

from great_expectations import expectations as gxe

from models.effects import LEAST_PERSONS

EXPECTATIONS = (
    gxe.ExpectColumnPairValuesAToBeGreaterThanB(
        column_A="listed", column_B="successes", or_equal=True, severity="critical", notes="Who succeeded was listed",
    ),
    gxe.ExpectColumnPairValuesAToBeGreaterThanB(
        column_A="difference", column_B="difference_low", or_equal=True, severity="critical",
        notes="A difference lies in its interval",
        row_condition="difference IS NOT NULL", condition_parser="spark",
    ),
    *(
        gxe.ExpectColumnValuesToBeBetween(
            column=arm, min_value=LEAST_PERSONS, severity="critical", notes="Nothing is claimed of few",
            row_condition="is_claim", condition_parser="spark",
        )
        for arm in ("listed", "others_listed")
    ),
)  # fmt: skip
