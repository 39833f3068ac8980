"""Truths of gold.contact_effects."""

from great_expectations import expectations as gxe

from models.effects import LEAST_PERSONS

EXPECTATIONS = (
    gxe.ExpectColumnPairValuesAToBeGreaterThanB(
        column_A="listed", column_B="contacted", or_equal=True, severity="critical", notes="The contacted are listed",
    ),
    gxe.ExpectColumnPairValuesAToBeGreaterThanB(
        column_A="incremental_effect", column_B="effect_low", or_equal=True, severity="critical",
        notes="An effect lies in its interval",
        row_condition="incremental_effect IS NOT NULL", condition_parser="spark",
    ),
    gxe.ExpectColumnPairValuesAToBeGreaterThanB(
        column_A="effect_high", column_B="incremental_effect", or_equal=True, severity="critical",
        notes="An effect lies in its interval",
        row_condition="incremental_effect IS NOT NULL", condition_parser="spark",
    ),
    *(
        gxe.ExpectColumnValuesToBeBetween(
            column=arm, min_value=LEAST_PERSONS, severity="critical", notes="Nothing is claimed of few",
            row_condition="is_claim", condition_parser="spark",
        )
        for arm in ("listed", "held_out")
    ),
    gxe.ExpectColumnValuesToBeNull(
        column="week", severity="critical", notes="A week is named by its Monday",
        row_condition="weekday(week) <> 0", condition_parser="spark",
    ),
)  # fmt: skip
