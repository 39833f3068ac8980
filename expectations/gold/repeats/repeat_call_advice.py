"""Truths of gold.repeat_call_advice."""

from great_expectations import expectations as gxe

EXPECTATIONS = (
    gxe.ExpectColumnValuesToNotBeNull(
        column="channel", severity="critical", notes="Who is a campaign's candidate can be reached somehow",
        row_condition="campaign IS NOT NULL", condition_parser="spark",
    ),
    gxe.ExpectColumnPairValuesAToBeGreaterThanB(
        column_A="next_call_expected_at", column_B="send_before", or_equal=True, severity="critical",
        ignore_row_if="either_value_is_missing", notes="A message comes before the call that it saves",
    ),
    gxe.ExpectColumnValuesToNotBeNull(
        column="advice_id", severity="warning", notes="No rule of conf/repeat_advice.yaml suits these callers",
    ),
)  # fmt: skip
