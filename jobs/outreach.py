"""How a night decides whom to reach on the day after: what is known of customers, candidates, lists."""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs import customers, effects, stamped
from jobs.accounts import files_that_came
from jobs.delivery import records
from jobs.delivery.taken import is_taken
from jobs.features import outreach_customers
from jobs.features.rows import known
from jobs.gold.outreach import call_candidates, call_lists, hours
from jobs.gold.outreach.hours import Place, Shift
from jobs.lake import Expect, Lake, Warn
from jobs.settings import Settings
from jobs.table_logs import TableLogs
from jobs.tables import TABLES
from jobs.tables.outreach import CONNECTED
from models.effects import ofcom_abandoned_rate

CUSTOMERS = TABLES["features.outreach_customers"]
CANDIDATES = TABLES["gold.call_candidates"]
LISTS = TABLES["gold.call_lists"]
AUDIENCE = [name for name in LISTS.inputs if name != CANDIDATES.name]
"""What audiences may name, as of a date."""
IDENTITIES = TABLES["gold.customer_identities"]
RESULTS = TABLES["silver.contact_results"]
SHIFTS = TABLES["silver.shifts"]
RETURNED = TABLES["ops.returned_lists"]
CAPPED_DAYS = 31
"""No cap looks at lists of longer ago."""
ABANDONED_DAYS = 30
"""Over which the share of calls that we gave up is taken, for each campaign."""
MOST_NAMED = 10
"""Of countries that nobody knows, in a warning."""


def update_customers(lake: Lake, day: date, settings: Settings, expect: Expect, warn: Warn) -> int:
    """Says what campaigns and their rules look at, of every open customer; returns the rows written."""
    if not lake.rows(TABLES["silver.customers_versions"]):
        return stamped.nothing(lake, CUSTOMERS, day)
    lake.prepare(lake.rows(TABLES["silver.customers_versions"]))
    list_on = day + timedelta(days=1)
    made = outreach_customers.build(
        **stamped.frames(lake, (*CUSTOMERS.inputs, *CUSTOMERS.reads_back)),
        as_of=day,
        end_at=_begin_of(list_on, settings),
        time_zone=settings.time_zone,
        season_began=effects.season_start(list_on),
        results_on=_landed_on(lake, "contact_results", day),
        returned=returned(lake, day),
        caps=settings.configuration.outreach.caps.model_dump(),
    )
    return stamped.replace_date(lake, CUSTOMERS, made, day, expect)


def update_candidates(lake: Lake, day: date, settings: Settings, expect: Expect, warn: Warn) -> int:
    """Decides who is listed, held out or spared on the day after, unless the lists were delivered; returns the rows."""
    list_on = day + timedelta(days=1)
    if records.is_frozen(lake, list_on):
        return 0
    if not lake.rows(CUSTOMERS, [day]):
        return stamped.nothing(lake, CANDIDATES, list_on)
    lake.prepare(lake.rows(CUSTOMERS, [day]))
    outreach, law = settings.configuration.outreach, settings.configuration.law
    entries_until = max(_landed_on(lake, "do_not_call", day), default=None)
    is_stale = entries_until is None or (day - entries_until).days > outreach.caps.do_not_call_age_days
    if is_stale:
        warn(
            f"nobody is listed for {list_on}: the last do-not-call file is "
            + ("not there" if entries_until is None else f"of {entries_until}, more than "
               f"{outreach.caps.do_not_call_age_days} days old")
        )  # fmt: skip
    places = _places(stamped.of_date(lake, CUSTOMERS, day))
    if lost := hours.unknown_countries(places, settings.configuration.default_country, law):
        warn(
            f"no hour on {list_on} for customers in {_named(lost)} without a time zone: nobody knows the time there; "
            "the customers feed should bring country as ISO 3166 alpha-2, or time_zone"
        )
    if unwritten := hours.without_holidays(places, list_on, settings.configuration.default_country, law):
        warn(
            f"no holiday of {list_on.year} is known of {_named(unwritten)}, so each of its days is a working day: "
            "write them into law.holidays (conf/jurisdictions.yaml)"
        )
    begins = hours.hours_of(list_on, settings.time_zone)
    campaigns = effects.campaigns_of(settings)
    made = call_candidates.build(
        **stamped.frames_of_date(lake, AUDIENCE, day),
        customer_identities=lake.read(IDENTITIES),
        list_on=list_on,
        standing=customers.standing(lake, day),
        campaigns=campaigns,
        caps=outreach.caps.model_dump(),
        holdout_share=outreach.holdout_share,
        capacity=outreach.capacity.model_dump(),
        hours=begins,
        minutes=hours.minutes_of(begins, _shifts(lake, list_on), outreach.capacity),
        places=hours.told(places, list_on, settings.time_zone, settings.configuration.default_country, law),
        abandoned=_abandoned(known(lake.read(RESULTS), day), day),
        effects=effects.learnt(lake, day, campaigns),
        is_do_not_call_stale=is_stale,
        time_zone=settings.time_zone,
    )
    return stamped.replace_date(lake, CANDIDATES, made, list_on, expect)


def update_lists(lake: Lake, day: date, settings: Settings, expect: Expect, warn: Warn) -> int:
    """Writes the lists of the day after with why and what to say; returns the rows written."""
    list_on = day + timedelta(days=1)
    if records.is_frozen(lake, list_on):
        return 0
    if not lake.rows(CANDIDATES, [list_on]):
        return stamped.nothing(lake, LISTS, list_on)
    lake.prepare(lake.rows(CUSTOMERS, [day]))
    made = call_lists.build(
        stamped.of_date(lake, CANDIDATES, list_on),
        **stamped.frames_of_date(lake, AUDIENCE, day),
        standing=customers.standing(lake, day),
        campaigns=effects.campaigns_of(settings),
        time_zone=settings.time_zone,
    )
    return stamped.replace_date(lake, LISTS, made, list_on, expect)


def returned(logs: TableLogs, day: date) -> list[tuple[date, str]]:
    """Day and campaign of each list that had come back filled in by the end of a date, of those that caps look at.

    A file with a refused row brings nothing back: what the row says has not landed.
    """
    came = logs.records(RETURNED, ("ds", "<=", day), ("ds", ">", day - timedelta(days=CAPPED_DAYS)))
    return sorted({(row["list_on"], row["campaign"]) for row in came if row["list_on"] and not row["rows_refused"]})


def _begin_of(day: date, settings: Settings) -> datetime:
    return datetime.combine(day, time(), ZoneInfo(settings.time_zone))


def _landed_on(lake: Lake, feed: str, day: date) -> set[date]:
    """The dates up to this one of which a file of the feed came, also an empty one."""
    return {ds for ds, file in files_that_came(lake, feed)[feed] if ds <= day and not is_taken(file)}


def _places(people: DataFrame) -> list[Place]:
    return [Place(*row) for row in people.select("country", "region", "time_zone").distinct().collect()]


def _named(countries: Sequence[str]) -> str:
    more = len(countries) - MOST_NAMED
    return ", ".join(countries[:MOST_NAMED]) + (f" or {more} more" if more > 0 else "")


def _shifts(lake: Lake, list_on: date) -> list[Shift]:
    """The shifts that may lie in a day, as known the night before."""
    if not lake.exists(SHIFTS):
        return []
    planned = lake.read(SHIFTS).where(hours.may_overlap(list_on))
    rows = planned.selectExpr(
        "unix_micros(planned_start_at) AS s", "unix_micros(planned_end_at) AS e", "leave_type IS NOT NULL AS is_leave"
    ).collect()
    return [Shift(_instant(row["s"]), _instant(row["e"]), row["is_leave"]) for row in rows]


def _instant(micros: int) -> datetime:
    return datetime.fromtimestamp(micros / 1e6, ZoneInfo("UTC"))


def _abandoned(results: DataFrame, day: date) -> dict[str, float]:
    """The share of dialled calls that we gave up when somebody had answered, by campaign (docs/definitions.md)."""
    since = day - timedelta(days=ABANDONED_DAYS)
    dialled = results.where(F.col("event_date") > F.lit(since)).where("channel = 'call' AND campaign IS NOT NULL")
    is_dropped = F.col("result") == "dropped"
    # Not every source says who answered; where it does not, the result tells.
    is_machine = F.coalesce(F.col("answered_by") == "machine", F.col("result") == "voicemail")
    counted = dialled.groupBy("campaign").agg(
        # Whoever dropped a call because a machine answered has given up nobody.
        F.count_if(is_dropped & ~is_machine).alias("drops"),
        F.count_if(F.col("result").isin(*CONNECTED) & ~is_dropped & ~is_machine).alias("live"),
        F.count_if(is_machine & ~is_dropped).alias("machine"),
    )
    return {
        row["campaign"]: ofcom_abandoned_rate(row["drops"], row["live"], row["machine"])[1] for row in counted.collect()
    }
