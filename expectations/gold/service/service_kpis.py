"""Truths of gold.service_kpis."""

from great_expectations import expectations as gxe

from jobs.tables.gold import WINDOWS

_SHARES = (
    "service_level",
    *(f"{name}_{window}" for name in ("repeat_rate", "first_contact_resolution") for window in WINDOWS),
)

EXPECTATIONS = (
    *(
        gxe.ExpectColumnValuesToBeBetween(
            column=name, min_value=0, max_value=1, severity="critical", notes="A share lies between 0 and 1"
        )
        for name in _SHARES
    ),
    gxe.ExpectColumnValuesToBeBetween(
        column="offered", min_value=1, severity="critical", notes="A day without offered calls has no row"
    ),
    gxe.ExpectColumnValuesToBeBetween(
        column="average_wait_seconds", min_value=0, severity="warning",
        notes="Nobody waits less than no time (fails where the source's times are not in order)",
    ),
)  # fmt: skip
