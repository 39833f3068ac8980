"""Which customers are one person and who shares a telephone, as it was known from date to date."""

from datetime import date
from typing import Any

import pytest
from pydantic import ValidationError

from jobs.gold.customers import customer_identities
from jobs.number_settings import CustomerIdentities

pytestmark = pytest.mark.spark
VERSIONS = "customer_id string, id_number_token string, phone_token string, known_on date, superseded_on date"


def day(number: int) -> date:
    return date(2026, 1, number)


def built(spark: Any, *versions: tuple, same: Any = (), apart: Any = (), most_customers: int = 20) -> list[tuple]:
    frame = spark.createDataFrame(list(versions), VERSIONS)
    made = customer_identities.build(frame, most_customers, same, apart)
    columns = (
        "customer_id", "valid_from", "valid_to", "person_id", "customers_of_person", "person_reason",
        "phone_group_id", "customers_of_phone",
    )  # fmt: skip
    return sorted(map(tuple, made.select(*columns).collect()))


def persons(rows: list[tuple]) -> list[tuple]:
    """The rows without the telephones."""
    return [row[:6] for row in rows]


def alone(customer: str, since: date, until: date | None = None) -> tuple:
    return (customer, since, until, customer, 1, "alone")


def test_customers_with_one_id_number_are_one_person_and_keep_the_id_of_the_one_known_first(spark: Any) -> None:
    found = built(spark, ("B", "i", None, day(1), None), ("A", "i", None, day(2), None), ("C", "j", None, day(1), None))
    assert found == [
        ("A", day(2), None, "B", 2, "id_number", None, None),
        ("B", day(1), day(2), "B", 1, "alone", None, None),
        ("B", day(2), None, "B", 2, "id_number", None, None),
        ("C", day(1), None, "C", 1, "alone", None, None),
    ]


def test_of_two_known_on_the_same_date_the_lesser_id_is_kept(spark: Any) -> None:
    found = built(spark, ("B", "i", None, day(1), None), ("A", "i", None, day(1), None))
    assert persons(found) == [
        ("A", day(1), None, "A", 2, "id_number"),
        ("B", day(1), None, "A", 2, "id_number"),
    ]


def test_missing_id_numbers_and_telephones_never_match(spark: Any) -> None:
    found = built(spark, ("A", None, None, day(1), None), ("B", None, None, day(1), None))
    assert persons(found) == [alone("A", day(1)), alone("B", day(1))]
    assert {row[6:] for row in found} == {(None, None)}


def test_a_telephone_links_and_never_merges(spark: Any) -> None:
    assert built(spark, ("A", "i", "t", day(1), None), ("B", "j", "t", day(3), None)) == [
        ("A", day(1), day(3), "A", 1, "alone", None, None),
        ("A", day(3), None, "A", 1, "alone", "A", 2),
        ("B", day(3), None, "B", 1, "alone", "A", 2),
    ]


def test_a_corrected_id_number_splits_and_whoever_leaves_the_first_has_the_former_id_again(spark: Any) -> None:
    found = built(
        spark,
        ("A", "i", None, day(1), day(5)),
        ("A", "j", None, day(5), None),
        ("B", "i", None, day(2), None),
        ("C", "i", None, day(3), None),
    )
    assert persons(found) == [
        ("A", day(1), day(2), "A", 1, "alone"),
        ("A", day(2), day(3), "A", 2, "id_number"),
        ("A", day(3), day(5), "A", 3, "id_number"),
        ("A", day(5), None, "A", 1, "alone"),
        ("B", day(2), day(3), "A", 2, "id_number"),
        ("B", day(3), day(5), "A", 3, "id_number"),
        ("B", day(5), None, "B", 2, "id_number"),
        ("C", day(3), day(5), "A", 3, "id_number"),
        ("C", day(5), None, "B", 2, "id_number"),
    ]


def test_a_telephone_that_changes_leaves_the_person_and_the_other_way_round(spark: Any) -> None:
    found = built(
        spark,
        ("A", "i", "t", day(1), day(4)),
        ("A", "i", "u", day(4), None),
        ("B", "i", "v", day(1), None),
        ("C", "j", "t", day(1), None),
    )
    assert [row for row in found if row[0] == "A"] == [
        ("A", day(1), day(4), "A", 2, "id_number", "A", 2),
        ("A", day(4), None, "A", 2, "id_number", None, None),
    ]


def test_whoever_is_filed_under_another_follows_that_ones_id_number(spark: Any) -> None:
    versions = [
        ("A", "i", None, day(2), day(4)),
        ("A", "k", None, day(4), None),
        ("B", "j", None, day(1), None),
        ("C", "k", None, day(3), None),
        ("D", "j", None, day(1), None),
    ]
    assert persons(built(spark, *versions, same=[["A", "B"]])) == [
        ("A", day(2), day(4), "B", 2, "decided"),
        ("A", day(4), None, "B", 3, "id_number"),
        ("B", day(1), day(2), "B", 1, "alone"),
        ("B", day(2), day(4), "B", 2, "decided"),
        ("B", day(4), None, "B", 3, "decided"),
        ("C", day(3), day(4), "C", 1, "alone"),
        ("C", day(4), None, "B", 3, "id_number"),
        ("D", day(1), None, "D", 1, "alone"),
    ]


def test_an_id_number_that_two_hold_who_are_not_the_same_proves_nothing(spark: Any) -> None:
    versions = [(customer, "i", None, day(1), None) for customer in "ABCD"]
    assert persons(built(spark, *versions, apart=[["A", "B"]], same=[["A", "D"]])) == [
        ("A", day(1), None, "A", 2, "decided"),
        alone("B", day(1)),
        alone("C", day(1)),
        ("D", day(1), None, "A", 2, "decided"),
    ]


def test_a_number_that_too_many_hold_is_a_placeholder(spark: Any) -> None:
    versions = [(customer, "i", "t", day(1), None) for customer in "ABC"]
    found = built(spark, *versions, most_customers=2, same=[["A", "B"]])
    assert found == [
        ("A", day(1), None, "A", 2, "decided", None, None),
        ("B", day(1), None, "A", 2, "decided", None, None),
        ("C", day(1), None, "C", 1, "alone", None, None),
    ]


@pytest.mark.parametrize(
    ("same", "apart", "wrong"),
    [
        ([["A", "B"], ["C", "B"]], [], "under two others"),
        ([["A", "B"], ["B", "A"]], [], "under itself"),
        ([["A", "B"], ["B", "C"]], [["A", "C"]], "one person by same"),
    ],
)
def test_decisions_that_contradict_each_other_are_refused(same: Any, apart: Any, wrong: str) -> None:
    with pytest.raises(ValidationError, match=wrong):
        CustomerIdentities(most_customers=20, same=same, apart=apart)
