"""Repeat contact, against the numbers of docs/definitions.md and against a plain reading of them."""

import random
from datetime import UTC, date, datetime, timedelta
from typing import Any

from jobs.chains import linked
from jobs.gold.service import repeat_calls
from jobs.silver import caller_history
from jobs.tables import TABLES

START = datetime(2026, 1, 5, 8, tzinfo=UTC)
KNOWN_UNTIL = datetime(2026, 3, 1, tzinfo=UTC)
WINDOWS = {"24h": 24, "72h": 72, "7d": 168, "30d": 720}
CALLS = (
    "call_id string, customer_id string, caller_token string, direction string, queue string, topic string, "
    "agent_id string, started_at timestamp, ended_at timestamp, transferred boolean, outcome string, event_date date"
)


def call(call_id: str, hours: float, **other: Any) -> dict[str, Any]:
    started = START + timedelta(hours=hours)
    return {
        "call_id": call_id,
        "customer_id": "C1",
        "caller_token": None,
        "direction": "inbound",
        "queue": "cards",
        "topic": "balance",
        "agent_id": "A1",
        "started_at": started,
        "ended_at": started + timedelta(minutes=5),
        "transferred": False,
        "outcome": "answered",
        "event_date": started.date(),
        **other,
    }


def built(
    spark: Any, calls: list[dict[str, Any]], history: Any = None, until: datetime = KNOWN_UNTIL
) -> dict[str, Any]:
    names = [column.split()[0] for column in CALLS.split(", ")]
    frame = spark.createDataFrame([tuple(each[name] for name in names) for each in calls], CALLS)
    earlier = history if history is not None else _no_history(spark)
    rows = repeat_calls.build(frame, earlier, until, 15, 7).collect()
    return {row["call_id"]: row for row in rows}


def _no_history(spark: Any) -> Any:
    table = TABLES["silver.caller_history"]
    return spark.createDataFrame([], ", ".join(f"{c.name} {c.type}" for c in table.columns))


def test_windows_roles_and_chains_follow_the_definition(spark: Any) -> None:
    rows = built(
        spark,
        [
            call("first", 0, outcome="abandoned"),
            call("retry", 1, transferred=True),
            call("transfer", 1 + 10 / 60, topic="fraud"),
            call("exactly-a-day-later", 25 + 10 / 60, topic="fraud"),
            call("new-chain", 25 + 10 / 60 + 168.01),
            call("outbound", 2, direction="outbound"),
            call("nobody", 0, customer_id=None),
            call("nobody-again", 1, customer_id=None),
            call("by-number", 0, customer_id=None, caller_token="T"),
            call("by-number-again", 1, customer_id=None, caller_token="T", topic=None),
        ],
    )
    assert {name: (row["role"], row["position_in_chain"], row["is_retry"]) for name, row in rows.items()} == {
        "first": ("first", 1, False),
        "retry": ("repeat", 2, True),
        "transfer": ("transfer", 3, False),
        "exactly-a-day-later": ("repeat", 4, False),
        "new-chain": ("first", 1, False),
        "nobody": ("first", 1, False),
        "nobody-again": ("first", 1, False),
        "by-number": ("first", 1, False),
        "by-number-again": ("repeat", 2, False),
    }
    assert rows["exactly-a-day-later"]["chain_id"] == "first"
    assert rows["nobody"]["caller_key"] == "x:nobody"
    # The transfer is no follow-up; the call 24 h after it is, to the second.
    assert (rows["retry"]["repeated_any_24h"], rows["retry"]["repeated_any_72h"]) == (False, True)
    assert rows["transfer"]["repeated_any_24h"]
    assert rows["transfer"]["repeated_topic_24h"]
    assert not rows["by-number"]["repeated_topic_30d"], "no topic equals none"
    assert rows["by-number"]["repeated_any_24h"]


def test_a_window_is_mature_from_the_moment_it_has_passed(spark: Any) -> None:
    rows = built(spark, [call("a", 0), call("b", 1 / 3600)], until=START + timedelta(hours=24))
    assert (rows["a"]["is_mature_24h"], rows["b"]["is_mature_24h"]) == (True, False)
    assert not rows["a"]["is_mature_72h"]


def test_calls_at_the_same_moment_are_ordered_by_their_id(spark: Any) -> None:
    rows = built(spark, [call("b", 0), call("a", 0)])
    assert rows["b"]["previous_call_id"] == "a"
    assert rows["b"]["hours_since_previous"] == 0.0


def test_the_last_days_with_the_history_are_the_same_as_everything_at_once(spark: Any) -> None:
    dice = random.Random(7)
    calls = [
        call(
            f"k{i:03}",
            round(dice.uniform(0, 24 * 50), 3),
            customer_id=dice.choice(["C1", "C2", "C3", None]),
            caller_token=dice.choice(["T1", None]),
            topic=dice.choice(["balance", "fraud", None]),
            transferred=dice.random() < 0.3,
            outcome=dice.choice(["answered", "abandoned"]),
        )
        for i in range(150)
    ]
    whole = built(spark, calls)
    assert {name: _readable(row) for name, row in whole.items()} == _by_hand(calls)
    split = (START + timedelta(days=20)).date()
    names = [column.split()[0] for column in CALLS.split(", ")]
    old = [tuple(each[name] for name in names) for each in calls if each["event_date"] < split]
    history = caller_history.build(linked(spark.createDataFrame(old, CALLS), None, 15, 7), split)
    of_all = [tuple(each[name] for name in names) for each in calls]
    again = caller_history.build(linked(spark.createDataFrame(of_all, CALLS), None, 15, 7), split)
    assert sorted(again.collect()) == sorted(history.collect()), "who calls again has called before"
    assert {row["call_id"] for row in history.collect()} == _last_before(split, calls)
    later = built(spark, [each for each in calls if each["event_date"] >= split], history)
    assert later == {name: row for name, row in whole.items() if row["event_date"] >= split}


def _readable(row: Any) -> tuple[Any, ...]:
    flags = tuple(row[f"repeated_{which}_{window}"] for which in ("any", "topic") for window in WINDOWS)
    return (
        row["role"],
        row["chain_id"],
        row["position_in_chain"],
        row["previous_call_id"],
        row["is_retry"],
        *flags,
    )


def _last_before(day: date, calls: list[dict[str, Any]]) -> set[str]:
    """The last call before the day of each caller who has a key."""
    last = {}
    for each in sorted(calls, key=lambda each: (each["started_at"], each["call_id"])):
        if each["event_date"] < day and (each["customer_id"] or each["caller_token"]):
            last[each["customer_id"] or each["caller_token"]] = each["call_id"]
    return set(last.values())


def _by_hand(calls: list[dict[str, Any]]) -> dict[str, tuple[Any, ...]]:
    """The definition, caller by caller and call by call."""
    by_caller: dict[str, list[dict[str, Any]]] = {}
    for each in calls:
        key = each["customer_id"] or (each["caller_token"] and f"n{each['caller_token']}") or f"x{each['call_id']}"
        by_caller.setdefault(key, []).append(each)
    found = {}
    for own in by_caller.values():
        own.sort(key=lambda each: (each["started_at"], each["call_id"]))
        chain, position, transfers = "", 0, []
        for i, each in enumerate(own):
            before = own[i - 1] if i else None
            gap = each["started_at"] - before["started_at"] if before else None
            hands_on = (
                before and before["transferred"] and each["started_at"] - before["ended_at"] < timedelta(minutes=15)
            )
            transfers.append(bool(hands_on))
            chain, position = (each["call_id"], 1) if gap is None or gap > timedelta(days=7) else (chain, position + 1)
            role = "transfer" if hands_on else "first" if position == 1 else "repeat"
            retry = bool(position > 1 and before and before["outcome"] == "abandoned")
            found[each["call_id"]] = [role, chain, position, before and before["call_id"], retry]
        for i, each in enumerate(own):
            later = [
                (o["started_at"] - each["started_at"], o["topic"])
                for j, o in enumerate(own)
                if j > i and not transfers[j]
            ]
            for topics in (None, each["topic"]):
                wanted = [gap for gap, topic in later if topics is None or topic == topics]
                counts = not (topics is None and len(found[each["call_id"]]) > 5)
                found[each["call_id"]] += [
                    counts and bool(wanted) and min(wanted) <= timedelta(hours=hours) for hours in WINDOWS.values()
                ]
    return {name: tuple(values) for name, values in found.items()}
