"""What counts for a measure as of a date, and what does not."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from pyspark.sql import functions as F

from jobs.features import aggregates, customer_measures, customer_tag_values, rows
from jobs.tables import TABLES
from jobs.tables.effects import RIGHT_PARTY
from jobs.tables.outreach import BARRED_CHANNEL, RESULTS
from jobs.tables.tags import CATALOGUE, Measure
from tests.frames import frame

pytestmark = pytest.mark.spark
AS_OF = date(2026, 1, 31)

CALLS = "customer_id string, event_date date, known_on date, started_at timestamp, topic string, wait int"
COUNT = Measure("calls_7d", "", "silver.calls", "count", "bigint", days=7)
ABOUT_FEES = Measure("fee_calls_7d", "", "silver.calls", "count", "bigint", where="topic = 'fee'", days=7)
WAIT = Measure("wait_30d", "", "silver.calls", "sum", "bigint", of="wait", days=30)
TOPICS = Measure("topics_30d", "", "silver.calls", "items", "map<string,bigint>", of="topic", days=30)
LAST = Measure("last_topic_30d", "", "silver.calls", "last", "string", of="topic", days=30)
LATEST = Measure("last_on_30d", "", "silver.calls", "latest", "date", days=30)
MEASURES = (COUNT, ABOUT_FEES, WAIT, TOPICS, LAST, LATEST)


def call(customer: str | None, day: int, topic: str | None, wait: int | None, known: int | None = None) -> Any:
    on = date(2026, 1, day) if day > 0 else date(2025, 12, 31 + day)
    return (customer, on, date(2026, 1, known) if known else on, datetime(on.year, on.month, on.day, 12), topic, wait)


def told(spark: Any, calls: list[Any], zone: str = "UTC") -> dict[str, dict[str, Any]]:
    known = rows.known(spark.createDataFrame(calls, CALLS), AS_OF).where(rows.in_window(30, AS_OF))
    weighed = rows.weighed(rows.of_customers(known, "started_at", AS_OF, zone), MEASURES, AS_OF)
    found = aggregates.aggregated(weighed, MEASURES).collect()
    return {row["customer_id"]: row.asDict(recursive=True) for row in found}


def figures(spark: Any, table: str, given: list[dict[str, Any]], names: tuple[str, ...], day: date) -> list[Any]:
    """Measures of conf/tags over versions of a feed, as of a date."""
    feed = TABLES[table].feed
    assert feed is not None
    measures = [CATALOGUE.measures[name] for name in names]
    known = rows.known_versions(frame(spark, table, given), feed, day, "UTC")
    weighed = rows.weighed(rows.of_customers(known, feed.event, day, "UTC"), measures, day)
    return aggregates.aggregated(weighed, measures).collect()


def over_spending(spark: Any, name: str, *spent: dict[str, Any]) -> dict[str, Any]:
    """A measure of conf/tags over transactions of the date, by customer."""
    measure = CATALOGUE.measures[name]
    at = {"posted_at": datetime(2026, 1, 31, 12, tzinfo=UTC), "event_date": AS_OF, "known_on": AS_OF}
    counted = rows.of_customers(
        frame(spark, "silver.transactions", [at | row for row in spent]), "posted_at", AS_OF, "UTC"
    )
    found = aggregates.aggregated(rows.weighed(counted, [measure], AS_OF), [measure]).collect()
    return {row["customer_id"]: row[name] for row in found}


def test_a_window_holds_its_date_and_the_days_before_it(spark: Any) -> None:
    found = told(spark, [call("C1", 25, "fee", 3), call("C1", 24, "fee", 4), call("C1", 1, "card", 5)])
    assert found["C1"]["calls_7d"] == 1
    assert found["C1"]["wait_30d"] == 7, "the first of January lies before the 30 days"


def test_what_arrived_after_the_date_or_lies_after_it_is_not_known(spark: Any) -> None:
    late = (*call("C1", 30, "fee", 3)[:2], date(2026, 2, 1), *call("C1", 30, "fee", 3)[3:])
    ahead = ("C1", date(2026, 2, 1), date(2026, 1, 31), datetime(2026, 2, 1, 1), "fee", 1)
    assert told(spark, [late, ahead, call("C1", 31, "card", 2)])["C1"]["topics_30d"] == {"card": 1}


def test_nulls_are_no_item_no_value_and_no_customer(spark: Any) -> None:
    found = told(spark, [call("C1", 31, None, None), call(None, 31, "fee", 3)])
    assert list(found) == ["C1"]
    assert found["C1"] == {
        "customer_id": "C1",
        "calls_7d": 1,
        "fee_calls_7d": 0,
        "wait_30d": 0,
        "topics_30d": {},
        "last_topic_30d": None,
        "last_topic_30d_at": None,
        "last_on_30d": AS_OF,
    }


def test_of_two_last_events_at_one_time_the_greater_value_counts(spark: Any) -> None:
    found = told(spark, [call("C1", 31, "fee", 1), call("C1", 31, "card", 1), call("C1", 30, "zebra", 1)])
    assert found["C1"]["last_topic_30d"] == "fee"
    assert found["C1"]["topics_30d"] == {"card": 1, "fee": 1, "zebra": 1}


def test_versions_count_as_they_were_known_and_within_a_window_all_of_them(spark: Any) -> None:
    feed = TABLES["silver.customers_versions"].feed
    assert feed is not None
    city = Measure("city", "", "silver.customers_versions", "value", "string", of="city")
    cities = Measure(
        "cities_365d", "", "silver.customers_versions", "distinct", "bigint", of="city", days=365, reads="within"
    )
    versions = spark.createDataFrame(
        [
            ("C1", "Leeds", datetime(2024, 1, 1), date(2024, 1, 1), date(2024, 6, 1)),
            ("C1", "Paris", datetime(2024, 6, 1), date(2024, 6, 1), date(2026, 1, 20)),
            ("C1", "Rome", datetime(2026, 1, 20), date(2026, 1, 20), date(2026, 2, 1)),
            ("C1", "Oslo", datetime(2026, 2, 1), date(2026, 2, 1), None),
        ],
        "customer_id string, city string, updated_at timestamp, known_on date, superseded_on date",
    )
    known = rows.of_customers(rows.known_versions(versions, feed, AS_OF, "UTC"), "updated_at", AS_OF, "UTC")
    found = aggregates.aggregated(rows.weighed(known, (city, cities), AS_OF), (city, cities))
    assert [tuple(row) for row in found.collect()] == [("C1", "Rome", 2)]


def test_of_several_statements_of_a_card_the_last_alone_tells_how_far_the_limits_are_used(spark: Any) -> None:
    names = ("statements_31d", "last_statement_balance_31d_amount")
    first, second = date(2026, 2, 15), date(2026, 3, 15)

    def statement(customer: str, card: str, on: date, balance: int | None, **more: Any) -> dict[str, Any]:
        known = {"customer_id": customer, "card_id": card, "closed_on": on, "known_on": on}
        return known | {"balance": None if balance is None else Decimal(balance)} | more

    statements = [
        statement("one", "a", first, 5000), statement("one", "a", second, 3000),
        statement("two", "a", first, 5000), statement("two", "a", second, 3000), statement("two", "b", first, 200),
        statement("late", "a", first, 5000), statement("late", "a", second, 3000, known_on=date(2026, 3, 17)),
        statement("mended", "a", second, 9000, superseded_on=date(2026, 3, 16)),
        statement("mended", "a", second, 400, known_on=date(2026, 3, 16)),
        statement("unknown", "a", first, 5000), statement("unknown", "a", second, None),
    ]  # fmt: skip

    def told_on(day: date) -> dict[str, tuple[Any, ...]]:
        found = figures(spark, "silver.statements_versions", statements, names, day)
        return {row["customer_id"]: tuple(row[name] for name in names) for row in found}

    assert told_on(date(2026, 3, 16)) == {
        "one": (2, 3000), "two": (3, 3200), "late": (1, 5000), "mended": (1, 400), "unknown": (2, 0),
    }  # fmt: skip
    assert told_on(date(2026, 3, 17))["late"] == (2, 3000)
    assert told_on(date(2026, 3, 18)) == {
        "one": (1, 3000), "two": (1, 3000), "late": (1, 3000), "mended": (1, 400), "unknown": (1, 0),
    }, "the statements of February have left"  # fmt: skip
    assert told_on(date(2026, 2, 15))["two"] == (2, 5200)


def test_a_do_not_call_entry_binds_all_who_share_the_number(spark: Any) -> None:
    entries = spark.createDataFrame(
        [("C1", None, "sms"), (None, "t3", None), ("C9", None, "call")],
        "customer_id string, phone_token string, channel string",
    )
    customers = spark.createDataFrame(
        [("C1", "t1", True), ("C2", "t1", True), ("C3", "t3", True), ("C4", "t3", False), ("C5", None, True)],
        "customer_id string, phone_token string, _is_known boolean",
    )
    bound = rows.barred(entries, customers).select("customer_id", "channel").distinct()
    assert sorted(map(tuple, bound.collect()), key=str) == [
        ("C1", "sms"),
        ("C2", "sms"),
        ("C3", None),
        ("C9", "call"),
    ]


def test_the_tag_reads_a_do_not_call_entry_as_the_lists_do(spark: Any) -> None:
    midnight = datetime(2026, 2, 1, tzinfo=UTC)
    measure = CATALOGUE.measures["barred_channels"]
    assert measure.of == BARRED_CHANNEL
    entries = [
        {"customer_id": customer, "channel": channel, "added_at": datetime(2026, 1, 5, tzinfo=UTC), "expires_at": expires}
        for customer, channel, expires in [
            ("fax", "fax line 2", None), ("text", " SMS ", None), ("text", "sms", None), ("none", None, None),
            ("over", "call", midnight), ("not yet", "call", midnight + timedelta(seconds=1)),
        ]
    ]  # fmt: skip
    counted = rows.of_customers(frame(spark, "silver.do_not_call", entries), "added_at", AS_OF, "UTC")
    barred = aggregates.aggregated(rows.weighed(counted, [measure], AS_OF), [measure])
    rule = CATALOGUE.tags["do_not_call"].rule_on(AS_OF)
    told = customer_tag_values.build(barred.withColumn("as_of", F.lit(AS_OF)), {"do_not_call": rule})
    assert {row["customer_id"]: row["do_not_call"] for row in told.collect()} == {
        "fax": "all", "text": "sms", "none": "all", "over": "no", "not yet": "call",
    }  # fmt: skip


def test_a_call_is_answered_whatever_the_customer_said_and_not_by_others_or_a_machine(spark: Any) -> None:
    measure = CATALOGUE.measures["answered_attempts_90d"]
    assert f"result IN {RIGHT_PARTY}" in str(measure.where)
    attempts = [
        {"customer_id": result, "result": result.split()[0], "channel": "sms" if "sms" in result else "call",
         "answered_by": "machine" if "machine" in result else None, "event_date": AS_OF, "known_on": AS_OF,
         "attempted_at": datetime(2026, 1, 31, 12, tzinfo=UTC)}
        for result in (*RESULTS, "reached by machine", "reached by sms")
    ]  # fmt: skip
    counted = rows.of_customers(frame(spark, "silver.contact_results", attempts), "attempted_at", AS_OF, "UTC")
    found = aggregates.aggregated(rows.weighed(counted, [measure], AS_OF), [measure]).collect()
    assert {row["customer_id"] for row in found if row[measure.name]} == {
        "reached", "converted", "refused", "callback", "do_not_call",
    }  # fmt: skip


def test_a_posted_fee_is_its_amount_and_another_row_has_the_fee_within_it(spark: Any) -> None:
    assert over_spending(
        spark, "fees_365d_amount",
        {"customer_id": "fee", "kind": "fee", "amount": Decimal(20), "fee_amount": Decimal(0)},
        {"customer_id": "told twice", "kind": "fee", "amount": Decimal(20), "fee_amount": Decimal(20)},
        {"customer_id": "plain", "kind": "fee", "amount": Decimal(20)},
        {"customer_id": "within", "kind": "purchase", "amount": Decimal(20), "fee_amount": Decimal(3)},
        {"customer_id": "none", "kind": "purchase", "amount": Decimal(20)},
    ) == {"fee": 20, "told twice": 20, "plain": 20, "within": 3, "none": 0}  # fmt: skip


def test_a_country_of_merchants_is_one_however_it_is_written(spark: Any) -> None:
    spent = [
        {"customer_id": "C1", "kind": "purchase", "merchant_country": country}
        for country in ("CN", "cn", " CN ", "TH", " ", None)
    ]
    assert over_spending(spark, "spend_countries_90d", *spent) == {"C1": {"CN": 3, "TH": 1}}


def test_who_has_no_row_in_a_table_has_zero_there_and_a_table_without_a_batch_says_nothing(spark: Any) -> None:
    tickets = Measure("open_tickets", "", "silver.tickets_versions", "count", "bigint")
    stars = Measure("stars", "", "silver.customers_versions", "value", "int", of="star_level")
    calls = spark.createDataFrame([("C1", 2)], "customer_id string, calls_7d bigint")
    people = spark.createDataFrame([("C2", 5)], "customer_id string, stars int")
    figures = {"silver.calls": calls, "silver.customers_versions": people}
    made = customer_measures.build(figures, (COUNT, tickets, stars), AS_OF).orderBy("customer_id")
    assert [tuple(row) for row in made.collect()] == [(AS_OF, "C1", 2, None, None), (AS_OF, "C2", 0, None, 5)]
