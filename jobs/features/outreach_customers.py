"""What campaigns and their rules look at: occasions to reach out to a customer, and all that forbids it."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from jobs.business_dates import end_of
from jobs.columns import MICROSECONDS_A_MINUTE, business_date
from jobs.features.contact_ledger import REACHED, SHADOW, is_contact, is_spoken_to, ledger, within
from jobs.features.rows import as_known, barred, by_hand, known
from jobs.tables.outreach import BARRED_CHANNEL, BARRING, CONNECTED, NUMBERED

REACH_DAYS = 90
"""How far back calls and results are read."""
RECENT_DAYS = 7
"""How long a call that was given up, or a ticket that was closed, is an occasion."""
NO_COUNTS = "map<string,bigint>"
NO_TEXTS = "array<string>"


def build(
    customers_versions: DataFrame,
    tickets_versions: DataFrame,
    statements_versions: DataFrame,
    calls: DataFrame,
    contact_results: DataFrame,
    dialled_calls: DataFrame,
    do_not_call: DataFrame,
    call_candidates: DataFrame,
    as_of: date,
    end_at: datetime,
    time_zone: str,
    season_began: date,
    results_on: Collection[date],
    returned: Sequence[tuple[date, str]],
    caps: Mapping[str, Any],
) -> DataFrame:
    """One row per customer open at the end of `as_of`, which is `end_at`: the list's day begins there.

    Frames whole, as silver holds them; `call_candidates` of lists before. `season_began`: first day of the list's
    season. `results_on`: dates whose results have landed; `returned`: days and campaigns of lists that
    came back filled in.
    """
    # A day more: a window of so many times 24 hours may begin an hour before midnight where the clock went forward.
    since = as_of - timedelta(days=max(REACH_DAYS, caps["refused_days"], caps["reentry_days"]) + 1)
    in_reach = F.col("event_date") > F.lit(as_of - timedelta(days=REACH_DAYS))
    lists = call_candidates.where(F.col("list_on") <= F.lit(as_of))
    results = known(contact_results, as_of)
    recent_results = results.where(F.col("event_date") > F.lit(since))
    inbound = known(calls, as_of).where("direction = 'inbound' AND customer_id IS NOT NULL").where(in_reach)
    answered = inbound.where("outcome = 'answered'").select("customer_id", F.col("started_at").alias("at"))
    dialled = by_hand(dialled_calls, as_of).where(F.col("event_date") > F.lit(since))
    rows = ledger(recent_results, dialled, lists, results_on, returned).where(F.col("at") < F.lit(end_at))
    called = rows.where((F.col("channel") == "call") & is_spoken_to())
    talks = answered.unionByName(called.select("customer_id", "at"))
    spoken = talks.withColumn("event_date", business_date("at", time_zone)).where(in_reach)
    people = _people(customers_versions, as_of)
    facts = [
        _contacts(rows, end_at, caps),
        _campaign_attempts(rows, end_at),
        _held_out(lists, season_began),
        _barred(do_not_call, customers_versions, as_of, end_at),
        _tickets(as_known(tickets_versions, as_of), as_of, time_zone),
        _statements(as_known(statements_versions, as_of), as_of),
        _spoken(inbound, spoken, as_of, time_zone),
        _promised(results.where(in_reach), spoken, end_of(as_of + timedelta(days=1), time_zone)),
    ]
    told = people
    for fact in facts:
        told = told.join(fact, "customer_id", "left")
    numbers = customers_versions.where(F.col("known_on") <= F.lit(as_of))
    told = told.join(_number_attempts(rows, numbers, end_at, time_zone), "phone_token", "left")
    # What was said after midnight and came with the batch of the date binds already.
    said = contact_results.where(F.col("known_on") <= F.lit(as_of))
    told = told.join(_barred_numbers(said, numbers), "phone_token", "left")
    asked_not_to = said.where("result = 'do_not_call'").select("customer_id").distinct()
    told = told.join(asked_not_to.withColumn("is_person_barred", F.lit(True)), "customer_id", "left")
    given_up = "given_up_at IS NOT NULL AND (spoken_at IS NULL OR spoken_at < given_up_at)"
    none = {
        **{name: F.lit(0) for name in (
            "contacts_1d", "contacts_7d", "contacts_30d", "call_attempts_1d", "connected_calls_1d", "open_complaints",
            "open_requests",
        )},
        **{name: F.from_json(F.lit("{}"), NO_COUNTS) for name in ("campaign_attempts_7d", "number_attempts_7d")},
        **{name: F.array().cast(NO_TEXTS) for name in (
            "barred_channels", "refused_campaigns", "reached_campaigns", "held_out",
        )},
        **{name: F.lit(False) for name in ("is_person_barred", "is_number_barred")},
    }  # fmt: skip
    return told.withColumns(
        {
            **{name: F.coalesce(name, value) for name, value in none.items()},
            "as_of": F.lit(as_of),
            "given_up_topic": F.when(F.expr(given_up), F.col("given_up_topic")),
            "given_up_at": F.when(F.expr(given_up), F.col("given_up_at")),
            "days_since_spoken": F.datediff(F.lit(as_of), business_date("spoken_at", time_zone)),
        }
    )


def _people(customers_versions: DataFrame, as_of: date) -> DataFrame:
    is_open = F.col("closed_on").isNull() | (F.col("closed_on") > F.lit(as_of))
    return as_known(customers_versions, as_of).where(is_open).select(
        "customer_id", "phone_token", "country", "region", "time_zone", "star_level", "marketing_consent",
        "call_consent", "sms_consent", "profiling_objection", "vulnerable", "legal_hold",
    )  # fmt: skip


def _contacts(rows: DataFrame, end_at: datetime, caps: Mapping[str, Any]) -> DataFrame:
    def contacts(days: int) -> Column:
        return F.count_if(is_contact() & within(days, end_at)).alias(f"contacts_{days}d")

    def campaigns(condition: Column) -> Column:
        return F.array_sort(F.collect_set(F.when(condition, F.col("campaign"))))

    by_call = (F.col("channel") == "call") & within(1, end_at)
    waits = F.coalesce(
        *(F.when(F.col("result") == result, minutes) for result, minutes in caps["wait_minutes"].items())
    )
    released = F.timestamp_micros(F.unix_micros("at") + waits.cast("bigint") * MICROSECONDS_A_MINUTE)
    return rows.groupBy("customer_id").agg(
        contacts(1),
        contacts(7),
        contacts(30),
        F.count_if(by_call & (F.col("result") != SHADOW)).alias("call_attempts_1d"),
        F.count_if(by_call & F.col("result").isin(*CONNECTED)).alias("connected_calls_1d"),
        campaigns((F.col("result") == "refused") & within(caps["refused_days"], end_at)).alias("refused_campaigns"),
        campaigns(F.col("result").isin(*REACHED) & within(caps["reentry_days"], end_at)).alias("reached_campaigns"),
        F.max(F.when(released > F.lit(end_at), released)).alias("released_at"),
    )


def _campaign_attempts(rows: DataFrame, end_at: datetime) -> DataFrame:
    counted = rows.where(F.col("campaign").isNotNull() & within(7, end_at)).groupBy("customer_id", "campaign").count()
    return _as_map(counted, "customer_id", "campaign_attempts_7d")


def _number_attempts(rows: DataFrame, customers_versions: DataFrame, end_at: datetime, time_zone: str) -> DataFrame:
    dialled = rows.where(F.col("campaign").isNotNull() & F.col("channel").isin(*NUMBERED) & within(7, end_at))
    dialled = dialled.select("customer_id", "campaign", business_date("at", time_zone).alias("_on"))
    counted = _with_numbers(dialled, customers_versions).groupBy("phone_token", "campaign").count()
    return _as_map(counted, "phone_token", "number_attempts_7d")


def _as_map(counted: DataFrame, key: str, name: str) -> DataFrame:
    entries = F.array_sort(F.collect_list(F.struct("campaign", "count")))
    return counted.groupBy(key).agg(F.map_from_entries(entries).alias(name))


def _held_out(lists: DataFrame, season_began: date) -> DataFrame:
    of_season = lists.where((F.col("decision") == "holdout") & (F.col("list_on") >= F.lit(season_began)))
    return of_season.groupBy("customer_id").agg(F.array_sort(F.collect_set("campaign")).alias("held_out"))


def _barred(do_not_call: DataFrame, customers_versions: DataFrame, as_of: date, end_at: datetime) -> DataFrame:
    """Entries known by the date; one that begins later bars as well."""
    arrived = do_not_call.where(F.col("known_on") <= F.lit(as_of))
    stands = arrived.where(F.col("expires_at").isNull() | (F.col("expires_at") > F.lit(end_at)))
    versions = as_known(customers_versions, as_of).withColumn("_is_known", F.lit(True))
    return barred(stands, versions).groupBy("customer_id").agg(
        F.array_sort(F.collect_set(F.expr(BARRED_CHANNEL))).alias("barred_channels")
    )  # fmt: skip


def _barred_numbers(results: DataFrame, customers_versions: DataFrame) -> DataFrame:
    """Numbers at which somebody else answered, or asked never to be called."""
    said = results.where(F.col("result").isin(*BARRING)).select("customer_id", F.col("event_date").alias("_on"))
    numbers = _with_numbers(said, customers_versions).select("phone_token").distinct()
    return numbers.withColumn("is_number_barred", F.lit(True))


def _with_numbers(rows: DataFrame, customers_versions: DataFrame) -> DataFrame:
    """The rows with the number that the customer had `_on` the day, also one since closed; without those who had none.

    A day dials what the batch of the day before knew; before a customer's first batch, what that one knew.
    """
    of_customer = Window.partitionBy("customer_id")
    versions = customers_versions.select("customer_id", "phone_token", "known_on", "superseded_on")
    theirs = rows.join(versions, "customer_id").withColumn("_first", F.min("known_on").over(of_customer))
    had = "(known_on < _on OR known_on = _first) AND (superseded_on IS NULL OR superseded_on >= _on)"
    return theirs.where(f"{had} AND phone_token IS NOT NULL")


def _tickets(tickets: DataFrame, as_of: date, time_zone: str) -> DataFrame:
    opened, closed = (business_date(name, time_zone) for name in ("opened_at", "closed_at"))
    rows = tickets.withColumns({"_opened_on": opened, "_closed_on": closed})
    is_open = F.col("_closed_on").isNull() | (F.col("_closed_on") > F.lit(as_of))
    is_complaint = F.col("category") == "complaint"
    first = F.struct("_opened_on", "ticket_id", "topic")
    complaint, request = (F.min(F.when(is_open & which, first)) for which in (is_complaint, ~is_complaint))
    lately = ~is_open & (F.col("_closed_on") > F.lit(as_of - timedelta(days=RECENT_DAYS)))
    last_closed = F.max(F.when(lately, F.struct("_closed_on", "ticket_id", "topic")))
    rows = rows.where(F.col("_opened_on") <= F.lit(as_of))
    told = rows.groupBy("customer_id").agg(
        F.count_if(is_open & is_complaint).alias("open_complaints"),
        F.count_if(is_open & ~is_complaint).alias("open_requests"),
        complaint.alias("_complaint"),
        request.alias("_request"),
        last_closed.alias("_closed"),
    )
    return told.select(
        "customer_id",
        "open_complaints",
        "open_requests",
        F.col("_complaint.topic").alias("complaint_topic"),
        F.col("_complaint._opened_on").alias("complaint_opened_on"),
        F.col("_request.topic").alias("request_topic"),
        F.col("_request._opened_on").alias("request_opened_on"),
        F.col("_closed._closed_on").alias("settled_on"),
        F.col("_closed.topic").alias("settled_topic"),
    )


def _statements(statements: DataFrame, as_of: date) -> DataFrame:
    due = statements.where((F.col("due_on") > F.lit(as_of)) & (F.col("closed_on") <= F.lit(as_of)))
    unpaid = due.where(F.col("paid_on").isNull() | (F.col("paid_on") > F.lit(as_of))).where("amount_due > 0")
    by_date = unpaid.groupBy("customer_id", "due_on").agg(F.sum("amount_due").alias("amount_due"))
    first = by_date.groupBy("customer_id").agg(F.min(F.struct("due_on", "amount_due")).alias("_first"))
    return first.select("customer_id", "_first.amount_due", "_first.due_on")


def _spoken(inbound: DataFrame, spoken: DataFrame, as_of: date, time_zone: str) -> DataFrame:
    """When somebody last spoke with the customer, at which hour they mostly do, and the last call that was given up."""
    by_hour = spoken.groupBy("customer_id", F.hour(F.from_utc_timestamp("at", time_zone)).alias("_hour")).agg(
        F.count("*").alias("_times"), F.max("at").alias("_last")
    )
    of_customer = by_hour.groupBy("customer_id").agg(
        F.max("_last").alias("spoken_at"),
        F.max(F.struct("_times", (-F.col("_hour")).alias("_early"))).alias("_usual"),
    )
    lately = inbound.where(
        (F.col("outcome") == "abandoned") & (F.col("event_date") > F.lit(as_of - timedelta(RECENT_DAYS)))
    )
    given_up = lately.groupBy("customer_id").agg(F.max(F.struct("started_at", "call_id", "topic")).alias("_given_up"))
    return of_customer.join(given_up, "customer_id", "full").select(
        "customer_id",
        "spoken_at",
        (-F.col("_usual._early")).alias("answer_hour"),
        F.col("_given_up.started_at").alias("given_up_at"),
        F.col("_given_up.topic").alias("given_up_topic"),
    )


def _promised(results: DataFrame, spoken: DataFrame, list_ends_at: datetime) -> DataFrame:
    """Calls that were promised for a time before the list's day ends, after which nobody spoke to the customer."""
    promised = results.where("result = 'callback' AND callback_at IS NOT NULL").select(
        "customer_id", "attempted_at", "callback_at"
    )
    wanted = promised.where(F.col("callback_at") < F.lit(list_ends_at))
    since = spoken.groupBy("customer_id").agg(F.max("at").alias("_last"))
    owed = wanted.join(since, "customer_id", "left").where("_last IS NULL OR _last <= attempted_at")
    return owed.groupBy("customer_id").agg(F.max("callback_at").alias("callback_at"))
