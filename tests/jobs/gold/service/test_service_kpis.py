"""Service level and repeat rates of a day, on a few calls."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from jobs.gold.service import service_kpis

DAY = date(2026, 1, 5)
AT = datetime(2026, 1, 5, 9, tzinfo=UTC)
CALLS = (
    "call_id string, customer_id string, direction string, queue string, outcome string, started_at timestamp, "
    "queued_at timestamp, answered_at timestamp, ended_at timestamp, wrap_seconds int, event_date date"
)
FLAGS = [f"{name}_{window}" for name in ("repeated_any", "is_mature") for window in ("24h", "72h", "7d", "30d")]
REPEATS = "call_id string, event_date date, role string, hours_since_previous double, " + ", ".join(
    f"{flag} boolean" for flag in FLAGS
)


def seconds(number: float) -> datetime:
    return AT + timedelta(seconds=number)


def figures(spark: Any, calls: list[tuple], repeats: list[tuple]) -> dict[Any, Any]:
    made = service_kpis.build(spark.createDataFrame(calls, CALLS), spark.createDataFrame(repeats, REPEATS), 20)
    return {row["queue"]: row for row in made.collect()}


def test_abandoned_calls_lower_the_service_level_and_other_calls_do_not_count(spark: Any) -> None:
    calls = [
        ("in-time", "C1", "inbound", "q", "answered", AT, seconds(5), seconds(25), seconds(85), 10, DAY),
        ("late", "C2", "inbound", None, "answered", AT, None, seconds(21), seconds(51), None, DAY),
        ("gave-up", "C3", "inbound", "q", "abandoned", AT, None, None, seconds(3), None, DAY),
        ("robot", "C4", "inbound", "q", "ivr", AT, None, None, seconds(3), None, DAY),
        ("ours", "C4", "outbound", "q", "answered", AT, None, seconds(1), seconds(3), None, DAY),
        ("of-a-queue-all", "C5", "inbound", "all", "abandoned", AT, None, None, seconds(3), None, DAY),
        ("robot-alone", "C4", "inbound", "ivr", "ivr", AT, None, None, seconds(3), None, DAY),
    ]
    mature = [False] * 4 + [True, True, True, False]
    repeats = [(each[0], DAY, "first", None, *mature) for each in calls if each[2] == "inbound"]
    found = figures(spark, calls, repeats)
    assert set(found) == {"q", None, "all"}, "a queue that was offered no call has no row"
    whole = found["all"]
    assert (whole["offered"], whole["answered"], whole["abandoned"]) == (4, 2, 2)
    assert whole["service_level"] == 1 / 4
    assert whole["average_wait_seconds"] == (20 + 21 + 3 + 3) / 4
    assert figures(spark, [calls[2]], repeats)["all"]["average_handle_seconds"] is None, "nobody answered"
    assert whole["average_handle_seconds"] == (70 + 30) / 2
    assert whole["repeat_rate_7d"] == 0.0
    assert whole["repeat_rate_30d"] is None, "null until mature"


def test_parts_of_seconds_are_counted_exactly(spark: Any) -> None:
    calls = [
        (f"c{wait}", "C1", "inbound", "q", "answered", AT, None, seconds(wait), seconds(2 * wait + 1), 1, DAY)
        for wait in (0.1, 0.2, 0.3)
    ]
    repeats = [(each[0], DAY, "first", None, *[False] * 4, *[True] * 4) for each in calls]
    whole = figures(spark, calls, repeats)["all"]
    assert (whole["average_wait_seconds"], whole["average_handle_seconds"]) == (0.2, 2.2)


def test_first_contact_resolution_counts_answered_first_calls_of_customers(spark: Any) -> None:
    names = ["resolved", "came-back", "repeat", "transfer", "nobody"]
    calls = [
        (name, None if name == "nobody" else "C1", "inbound", "q", "answered", AT, None, AT, AT, None, DAY)
        for name in names
    ]
    mature = [True] * 4
    repeats = [
        ("resolved", DAY, "first", None, *[False] * 4, *mature),
        ("came-back", DAY, "first", 800.0, *[True] * 4, *mature),
        ("repeat", DAY, "repeat", 30.0, *[False] * 4, *mature),
        ("transfer", DAY, "transfer", 0.1, *[True] * 4, *mature),
        ("nobody", DAY, "first", None, *[False] * 4, *mature),
    ]
    whole = figures(spark, calls, repeats)["all"]
    assert whole["repeat_rate_24h"] == 1 / 4
    assert whole["first_contact_resolution_24h"] == 2 / 3, "30 hours after the last call it is a first call again"
    assert whole["first_contact_resolution_72h"] == 1 / 2
