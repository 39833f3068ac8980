"""Figures that are rolled on from the date before are those that are read anew."""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from pyspark.sql import functions as F

from jobs import measured
from jobs.features import aggregates, customer_measures, rows
from jobs.settings import read_settings
from jobs.tables import TABLES
from jobs.tables.tags import Measure
from tests.frames import frame

pytestmark = pytest.mark.spark
CALLS = TABLES["silver.calls"]
DAYS = 10
MEASURES = (
    Measure("calls_10d", "", CALLS.name, "count", "bigint", days=DAYS),
    Measure("csat_10d", "", CALLS.name, "last", "int", of="csat", days=DAYS),
    Measure("last_fee_on_10d", "", CALLS.name, "latest", "date", where="topic = 'fee'", days=DAYS),
    Measure("call_dates_10d", "", CALLS.name, "dates", "array<date>", days=DAYS),
)
DAY = date(2026, 1, 31)
Call = dict[str, Any]
Change = tuple[str, Call]


def call(customer: str, on: date, csat: int | None = None, topic: str = "card", known_on: date | None = None) -> Call:
    at = datetime.combine(on, time(12), UTC)
    told = {"call_id": f"{customer} {on}", "customer_id": customer, "started_at": at, "csat": csat, "topic": topic}
    return told | {"event_date": on, "known_on": known_on or on}


def in_order(found: Any) -> list[Any]:
    return [row.asDict() for row in found.orderBy("customer_id").collect()]


@pytest.fixture
def figures(spark: Any) -> Callable[..., tuple[Any, Any]]:
    """The figures of a day of calls, rolled on from those of an earlier day by the changes since, and read anew."""

    def work(
        was: date,
        stood: Sequence[Call],
        changes: Sequence[Change],
        now: Sequence[Call],
        measures: Sequence[Measure] = MEASURES,
    ) -> tuple[Any, Any]:
        def anew(calls: Sequence[Call], day: date) -> Any:
            known = rows.known(frame(spark, CALLS.name, calls), day).where(rows.in_window(DAYS, day))
            counted = rows.of_customers(known, "started_at", day, "UTC")
            return aggregates.aggregated(rows.weighed(counted, measures, day), measures)

        before = customer_measures.build({CALLS.name: anew(stood, was)}, measures, was)
        tables = {CALLS.name: frame(spark, CALLS.name, now), measured.MEASURES.name: before}
        kinds = spark.createDataFrame([(n, kind) for n, (kind, _) in enumerate(changes)], "n int, _change_type string")
        changed = [row | {"call_id": str(n)} for n, (_, row) in enumerate(changes)]
        feed = frame(spark, CALLS.name, changed).join(kinds, F.expr("call_id = cast(n AS string)")).drop("n")
        lake: Any = SimpleNamespace(read=lambda table: tables[table.name], changes=lambda *given: feed.where(given[-1]))
        rolled = measured._rolled(lake, CALLS, measures, DAY, read_settings(), (was, 1), 2)
        assert rolled is not None
        return in_order(rolled), in_order(anew(now, DAY))

    return work


@pytest.mark.parametrize("gap", [1, 3])
def test_a_late_event_of_a_day_that_leaves_the_window_is_in_no_figure(
    figures: Callable[..., tuple[Any, Any]], gap: int
) -> None:
    was = DAY - timedelta(days=gap)
    leaving = [was - timedelta(days=DAYS - 1 - n) for n in range(gap)]
    stood = [call("C1", was)]
    late = [call(customer, on, 5, "fee", known_on=DAY) for customer in ("C1", "C2") for on in leaving]
    rolled, anew = figures(was, stood, [("insert", each) for each in late], stood + late)
    assert rolled == anew
    assert [(row["customer_id"], row["call_dates_10d"]) for row in rolled] == [("C1", [was])]


def test_a_last_event_that_comes_and_is_mended_between_two_dates_counts_as_mended(
    figures: Callable[..., tuple[Any, Any]],
) -> None:
    was = DAY - timedelta(days=1)
    stood = [call("C1", was - timedelta(days=2))]
    came = [call(customer, was, 5, "fee", known_on=DAY) for customer in ("C1", "C2")]
    mended = [each | {"csat": 2, "topic": "card"} for each in came]
    changes = [
        (kind, row)
        for first, second in zip(came, mended, strict=True)
        for kind, row in (("insert", first), ("update_preimage", first), ("update_postimage", second))
    ]
    # Whoever lost a day with an event is looked up for that alone.
    without_dates = [each for each in MEASURES if each.aggregate != "dates"]
    rolled, anew = figures(was, stood, changes, stood + mended, without_dates)
    assert rolled == anew
    assert [(row["csat_10d"], row["last_fee_on_10d"]) for row in rolled] == [(2, None), (2, None)]
