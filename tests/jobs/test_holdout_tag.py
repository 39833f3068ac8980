"""The tag that names the campaigns which hold a customer out: what nights before decided, in the season, and hidden."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from jobs import runner
from jobs.settings import read_settings
from jobs.tables import TABLES
from tests.conftest import World
from tests.frames import frame

pytestmark = pytest.mark.spark
BEFORE, SPRING, NEXT = date(2026, 3, 31), date(2026, 4, 1), date(2026, 4, 2)
MEASURES, VALUES, TAGS = "features.customer_measures", "features.customer_tag_values", "gold.customer_tags"
STEPS = (MEASURES, VALUES, TAGS, "gold.customer_portraits")
DECIDED = [
    (BEFORE, "A", "save", "holdout"),
    (SPRING, "A", "save", "holdout"),
    (SPRING, "B", "save", "listed"),
    (SPRING, "C", "save", "suppressed"),
    (NEXT, "A", "care", "holdout"),
    (NEXT, "A", "save", "suppressed"),
    (NEXT, "B", "care", "holdout"),
]


@pytest.fixture(scope="module")
def nights(module_world: World) -> World:
    """Three nights, all of whose lists have been made, also those of the day after the last."""
    lake = runner.open_lake(read_settings())
    first = date(2026, 3, 1)
    at = datetime(2026, 3, 1, tzinfo=UTC)
    people = [{"customer_id": each, "updated_at": at, "known_on": first, "row_hash": 0} for each in "ABC"]
    lake.append(TABLES["silver.customers_versions"], frame(lake.spark, "silver.customers_versions", people))
    module_world.make(MEASURES, "2026-03-30")
    rows: list[dict[str, Any]] = [
        {"list_on": day, "customer_id": customer, "campaign": campaign, "kind": "service", "channel": "call",
         "decision": decision}
        for day, customer, campaign, decision in DECIDED
    ]  # fmt: skip
    lake.append(TABLES["gold.call_candidates"], frame(lake.spark, "gold.call_candidates", rows))
    for day in (BEFORE, SPRING, NEXT):
        for step in STEPS:
            module_world.make(step, str(day))
    return module_world


def test_it_names_the_campaigns_of_the_season_up_to_the_date(nights: World) -> None:
    told = nights.rows(VALUES, "as_of", "customer_id", "holdout_campaigns")
    assert [row for row in told if row[1] in "AB"] == [
        (BEFORE, "A", "save"),
        (BEFORE, "B", None),
        (SPRING, "A", "save"),
        (SPRING, "B", None),
        (NEXT, "A", "care, save"),
        (NEXT, "B", "care"),
    ]
    assert {row[2] for row in told if row[1] == "C"} == {None}
    periods = nights.rows(TAGS, "customer_id", "value", "valid_from", "valid_to", "tag")
    assert [row[:4] for row in periods if row[4] == "holdout_campaigns"] == [
        ("A", "care, save", NEXT, None),
        ("A", "save", BEFORE, NEXT),
        ("B", "care", NEXT, None),
    ]


def test_before_the_first_list_nobody_knows(nights: World) -> None:
    told = dict(nights.rows(MEASURES, "as_of", "any_value(held_out_campaigns) OVER (PARTITION BY as_of)"))
    assert (told[date(2026, 3, 30)], told[SPRING] is None) == (None, False)


def test_the_same_nights_again_say_the_same_and_no_portrait_shows_it(nights: World) -> None:
    assert [nights.make(step, str(day)) for day in (BEFORE, SPRING) for step in STEPS[:2]] == [0] * 4
    assert [nights.make(step, str(NEXT)) for step in STEPS] == [0] * 4
    shown = nights.rows("gold.customer_portraits")
    assert len(shown) == 3
    assert not any("save" in str(value) for row in shown for value in row)
