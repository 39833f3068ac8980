"""Truths of gold.list_quality."""

from great_expectations import expectations as gxe

EXPECTATIONS = tuple(
    gxe.ExpectColumnPairValuesAToBeGreaterThanB(
        column_A=whole, column_B=part, or_equal=True, severity="critical", notes=f"The {part} are {whole}"
    )
    for whole, part in (("listed", "contacted"), ("contacted", "reached"), ("reached", "converted"))
)
