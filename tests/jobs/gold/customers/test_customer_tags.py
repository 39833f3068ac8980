"""A period ends and begins where a tag's value, its rule's version or its being partial changed, and nowhere else."""

from datetime import date
from typing import Any

import pytest

from jobs.gold.customers import customer_tags

pytestmark = pytest.mark.spark
BEFORE, DAY = date(2026, 1, 30), date(2026, 1, 31)
WIDE = "as_of date, customer_id string, rule_versions map<string,int>, partial_tags array<string>"


def wide(spark: Any, rows: list[Any], tags: str) -> Any:
    return spark.createDataFrame(rows, f"{WIDE}, {', '.join(f'{tag} string' for tag in tags.split())}")


def changes(now: Any, before: Any, *tags: str) -> list[Any]:
    return sorted(map(tuple, customer_tags.build(now, before, tags).collect()), key=str)


def test_only_cells_that_changed_are_told(spark: Any) -> None:
    rules = {"vip": 1, "calls": 1}
    before = wide(spark, [(BEFORE, "C1", rules, [], "no", "1"), (BEFORE, "C2", rules, [], None, "1")], "vip calls")
    now = wide(
        spark,
        [(DAY, "C1", rules, [], "no", None), (DAY, "C2", rules, [], "yes", "1"), (DAY, "C3", rules, [], None, "0")],
        "vip calls",
    )
    assert changes(now, before, "vip", "calls") == [
        ("C1", "calls", "1", None, False, 1),
        ("C2", "vip", None, "yes", False, 1),
        ("C3", "calls", None, "0", False, 1),
    ]


def test_another_rule_and_a_window_that_is_full_begin_new_periods_of_the_same_value(spark: Any) -> None:
    before = wide(spark, [(BEFORE, "C1", {"vip": 1, "calls": 1}, ["calls"], "no", "1")], "vip calls")
    now = wide(spark, [(DAY, "C1", {"vip": 2, "calls": 1}, [], "no", "1")], "vip calls")
    assert changes(now, before, "vip", "calls") == [
        ("C1", "calls", "1", "1", False, 1),
        ("C1", "vip", "no", "no", False, 2),
    ]


def test_a_customer_or_a_tag_that_is_no_more_ends(spark: Any) -> None:
    before = wide(
        spark, [(BEFORE, "C1", {"vip": 1}, [], "no", "x"), (BEFORE, "C2", {"vip": 1}, [], "yes", None)], "vip old"
    )
    now = wide(spark, [(DAY, "C1", {"vip": 1}, [], "no")], "vip")
    assert changes(now, before, "vip") == [
        ("C1", "old", "x", None, None, None),
        ("C2", "vip", "yes", None, None, None),
    ]


def test_periods_read_wide_are_what_they_were_made_from(spark: Any) -> None:
    now = wide(spark, [(DAY, "C1", {"vip": 2, "calls": 1}, ["calls"], "no", "1")], "vip calls")
    empty = now.where("false")
    began = customer_tags.periods(customer_tags.build(now, empty, ("vip", "calls")), DAY)
    again = customer_tags.wide(began, ["vip", "calls"])
    assert changes(now, again, "vip", "calls") == []
