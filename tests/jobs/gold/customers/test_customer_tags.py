"""A period ends and begins where a tag's value, its rule's version or its being partial changed, and nowhere else."""

from datetime import date
from typing import Any

import pytest

from jobs.gold.customers import customer_tags
from jobs.tables.tags import Standing

pytestmark = pytest.mark.spark
BEFORE, DAY = date(2026, 1, 30), date(2026, 1, 31)
FULL, PARTIAL = Standing(1, False), Standing(1, True)


def wide(spark: Any, rows: list[Any], tags: str) -> Any:
    return spark.createDataFrame(
        rows, f"as_of date, customer_id string, {', '.join(f'{t} string' for t in tags.split())}"
    )


def changes(now: Any, before: Any, standing: dict[str, Standing], standing_before: dict[str, Standing]) -> list[Any]:
    return sorted(map(tuple, customer_tags.build(now, before, standing, standing_before).collect()), key=str)


def test_only_cells_that_changed_are_told(spark: Any) -> None:
    standing = {"vip": FULL, "calls": FULL}
    before = wide(spark, [(BEFORE, "C1", "no", "1"), (BEFORE, "C2", None, "1")], "vip calls")
    now = wide(spark, [(DAY, "C1", "no", None), (DAY, "C2", "yes", "1"), (DAY, "C3", None, "0")], "vip calls")
    assert changes(now, before, standing, standing) == [
        ("C1", "calls", "1", None, False, 1),
        ("C2", "vip", None, "yes", False, 1),
        ("C3", "calls", None, "0", False, 1),
    ]


def test_another_rule_and_a_window_that_is_full_begin_new_periods_of_the_same_value(spark: Any) -> None:
    before = wide(spark, [(BEFORE, "C1", "no", "1"), (BEFORE, "C2", None, None)], "vip calls")
    now = wide(spark, [(DAY, "C1", "no", "1"), (DAY, "C2", None, None)], "vip calls")
    found = changes(now, before, {"vip": Standing(2, False), "calls": FULL}, {"vip": FULL, "calls": PARTIAL})
    assert found == [("C1", "calls", "1", "1", False, 1), ("C1", "vip", "no", "no", False, 2)]


def test_a_customer_or_a_tag_that_is_no_more_ends(spark: Any) -> None:
    before = wide(spark, [(BEFORE, "C1", "no", "x"), (BEFORE, "C2", "yes", None)], "vip old")
    now = wide(spark, [(DAY, "C1", "no")], "vip")
    assert changes(now, before, {"vip": FULL}, {"vip": FULL, "old": FULL}) == [
        ("C1", "old", "x", None, None, None),
        ("C2", "vip", "yes", None, False, 1),
    ]


def test_periods_read_wide_are_what_they_were_made_from(spark: Any) -> None:
    standing = {"vip": Standing(2, False), "calls": PARTIAL}
    now = wide(spark, [(DAY, "C1", "no", "1")], "vip calls")
    began = customer_tags.periods(customer_tags.build(now, now.where("false"), standing, {}), DAY)
    assert changes(now, customer_tags.wide(began, ["vip", "calls"]), standing, standing) == []
