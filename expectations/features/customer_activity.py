"""Truths of features.customer_activity: what a shifted or a frozen column would break."""

from itertools import pairwise

from great_expectations import expectations as gxe

WINDOWS = (7, 14, 30, 60, 90, 180)

EXPECTATIONS = (
    gxe.ExpectColumnValuesToBeBetween(
        column="observed_days", min_value=1, max_value=180, severity="critical", notes="Uses are known of 180 days",
    ),
    *(
        gxe.ExpectColumnPairValuesAToBeGreaterThanB(
            column_A=f"use_days_{long}d", column_B=f"use_days_{short}d", or_equal=True, severity="critical",
            notes="Days of a window are among those of a longer one",
        )
        for short, long in pairwise(WINDOWS)
    ),
    gxe.ExpectColumnValuesToBeBetween(
        column="use_days_7d", min_value=1, severity="critical", notes="A use within 7 days is one of 7 days",
        row_condition="days_since_use < 7", condition_parser="spark",
    ),
    gxe.ExpectColumnValuesToBeBetween(
        column="use_days_30d", max_value=0, severity="critical", notes="No use since 30 days is none of 30 days",
        row_condition="days_since_use >= 30", condition_parser="spark",
    ),
    gxe.ExpectColumnPairValuesAToBeGreaterThanB(
        column_A="categories_90d", column_B="categories_dropped_30d", or_equal=True, severity="critical",
        notes="Only what was there is dropped",
    ),
)  # fmt: skip
