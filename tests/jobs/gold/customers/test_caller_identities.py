"""Whose number it is, from date to date: one owner, another owner, several, nobody."""

from datetime import date
from typing import Any

import pytest

from jobs.gold.customers import caller_identities

pytestmark = pytest.mark.spark
VERSIONS = "customer_id string, phone_token string, known_on date, superseded_on date"


def day(number: int) -> date:
    return date(2026, 1, number)


def built(spark: Any, *versions: tuple) -> list[tuple]:
    made = caller_identities.build(spark.createDataFrame(list(versions), VERSIONS), 0.95, 0.8)
    columns = ("caller_token", "valid_from", "valid_to", "customer_id", "customers", "confidence", "reason")
    return sorted(map(tuple, made.select(*columns).collect()))


def test_a_number_is_its_only_owners_whatever_else_changes_of_them(spark: Any) -> None:
    versions = [("C1", "t", day(1), day(3)), ("C1", "t", day(3), None), ("C2", None, day(1), None)]
    assert built(spark, *versions) == [("t", day(1), None, "C1", 1, 0.95, "only_owner")]


def test_a_number_that_two_share_is_nobodys_from_the_date_on_which_the_second_came(spark: Any) -> None:
    assert built(spark, ("C1", "t", day(1), None), ("C2", "t", day(4), day(6))) == [
        ("t", day(1), day(4), "C1", 1, 0.95, "only_owner"),
        ("t", day(4), day(6), None, 2, None, "shared"),
        ("t", day(6), None, "C1", 1, 0.8, "changed_hands"),
    ]


def test_two_who_came_on_the_same_date_are_never_told_apart(spark: Any) -> None:
    assert built(spark, ("C1", "t", day(1), None), ("C2", "t", day(1), None)) == [
        ("t", day(1), None, None, 2, None, "shared")
    ]


def test_a_number_given_up_is_nobodys_until_another_takes_it(spark: Any) -> None:
    versions = [("C1", "t", day(1), day(3)), ("C1", "u", day(3), None), ("C2", "t", day(5), None)]
    assert built(spark, *versions) == [
        ("t", day(1), day(3), "C1", 1, 0.95, "only_owner"),
        ("t", day(5), None, "C2", 1, 0.8, "changed_hands"),
        ("u", day(3), None, "C1", 1, 0.95, "only_owner"),
    ]
