"""How a night tells of repeat callers: profiles, kinds that are fitted anew each week, advice, causes, risk."""

from datetime import date, timedelta
from typing import Any

from pyspark.sql import DataFrame

from jobs import stamped
from jobs.business_dates import end_of
from jobs.features import answered_calls, caller_profiles
from jobs.gold.repeats import (
    repeat_call_advice,
    repeat_call_causes,
    repeat_call_clusters,
    repeat_cluster_profiles,
    topic_channels,
)
from jobs.lake import Expect, Lake, Warn
from jobs.settings import Settings
from jobs.tables import TABLES

CALLS = TABLES["silver.calls"]
PROFILES = TABLES["features.caller_profiles"]
CLUSTERS = TABLES["gold.repeat_call_clusters"]
KINDS = TABLES["gold.repeat_cluster_profiles"]
ADVICE = TABLES["gold.repeat_call_advice"]
CAUSES = TABLES["gold.repeat_call_causes"]
CHANNELS = TABLES["gold.topic_channels"]
ANSWERED = TABLES["features.answered_calls"]


def update_profiles(lake: Lake, day: date, settings: Settings, expect: Expect, warn: Warn) -> int:
    """Says of every caller with a repeat call what was known at the end of the date; returns the rows written."""
    if not _has_calls(lake, day, caller_profiles.DAYS):
        return stamped.nothing(lake, PROFILES, day)
    made = caller_profiles.build(
        **stamped.frames(lake, PROFILES.inputs),
        as_of=day,
        time_zone=settings.time_zone,
        **_chains(settings),
        **settings.numbers_of(PROFILES),
    )
    return stamped.replace_date(lake, PROFILES, made, day, expect)


def update_clusters(lake: Lake, day: date, settings: Settings, expect: Expect, warn: Warn) -> int:
    """Assigns every repeat caller to a kind; kinds are fitted anew each week. Returns the rows written."""
    profiles = stamped.of_date(lake, PROFILES, day)
    lake.prepare(lake.rows(PROFILES, [day]))
    if not lake.rows(PROFILES, [day]):
        return stamped.nothing(lake, CLUSTERS, day)
    # Models take a second to import, which tables without one need not pay.
    from jobs import kinds

    made = repeat_call_clusters.build(profiles, kinds.of_date(lake, profiles, day, settings, warn))
    return stamped.replace_date(lake, CLUSTERS, made, day, expect)


def update_kinds(lake: Lake, day: date, settings: Settings, expect: Expect, warn: Warn) -> int:
    """Describes each kind against all repeat callers; returns the rows written."""
    if not lake.rows(PROFILES, [day]):
        return stamped.nothing(lake, KINDS, day)
    from models import repeat_callers

    lake.prepare(lake.rows(PROFILES, [day]))
    shares = {name: f"try_divide({part}, {whole})" for name, (part, whole) in repeat_callers.SHARES.items()}
    described = {name: name for name in repeat_callers.COUNTS} | shares
    made = repeat_cluster_profiles.build(
        **stamped.frames_of_date(lake, KINDS.inputs, day),
        described=described,
        topic_prefix=repeat_callers.TOPIC,
        kinds=[each.model_dump() for each in settings.configuration.repeat_advice.kinds],
    )
    return stamped.replace_date(lake, KINDS, made, day, expect)


def update_advice(lake: Lake, day: date, settings: Settings, expect: Expect, warn: Warn) -> int:
    """Says what each customer who calls again should get instead; returns the rows written."""
    if not lake.rows(PROFILES, [day]):
        return stamped.nothing(lake, ADVICE, day)
    lake.prepare(lake.rows(PROFILES, [day]))
    rules = settings.configuration.repeat_advice
    made = repeat_call_advice.build(
        **stamped.frames_of_date(lake, ADVICE.inputs, day),
        end_at=end_of(day, settings.time_zone),
        callers=[each.model_dump() for each in rules.callers],
        messages=rules.messages,
        self_service_topics=rules.self_service_topics,
        self_service_channels=rules.self_service_channels,
        lead_hours=rules.lead_hours,
    )
    return stamped.replace_date(lake, ADVICE, made, day, expect)


def update_causes(lake: Lake, day: date, settings: Settings, expect: Expect, warn: Warn) -> int:
    """Says which topics, queues, teams and kinds leave most repeats behind; returns the rows written."""
    if not _has_calls(lake, day, repeat_call_causes.DAYS):
        return stamped.nothing(lake, CAUSES, day)
    rules = settings.configuration.repeat_advice
    made = repeat_call_causes.build(
        calls=lake.read(CALLS),
        agents_versions=lake.read(TABLES["silver.agents_versions"]),
        repeat_call_clusters=stamped.of_date(lake, CLUSTERS, day),
        as_of=day,
        end_at=end_of(day, settings.time_zone),
        causes=[each.model_dump() for each in rules.causes],
        minute_amount=rules.minute_amount,
        **_chains(settings),
    )
    return stamped.replace_date(lake, CAUSES, made, day, expect)


def update_channels(lake: Lake, day: date, settings: Settings, expect: Expect, warn: Warn) -> int:
    """Says on which channel which topic is settled best; returns the rows written."""
    if not _has_calls(lake, day, topic_channels.DAYS):
        return stamped.nothing(lake, CHANNELS, day)
    frames = stamped.frames(lake, CHANNELS.inputs)
    made = topic_channels.build(**frames, as_of=day, end_at=end_of(day, settings.time_zone), **_chains(settings))
    return stamped.replace_date(lake, CHANNELS, made, day, expect)


def update_answered(lake: Lake, day: date, settings: Settings, expect: Expect, warn: Warn) -> int:
    """Says what is known of each call of the date that an agent answered; returns the rows written."""
    if not lake.rows(CALLS, [day]):
        return stamped.nothing(lake, ANSWERED, day)
    lake.prepare(_calls_in(lake, day, answered_calls.REACH_DAYS))
    made = of_answered(lake, day, day, settings)
    return stamped.replace_date(lake, ANSWERED, made, day, expect)


def update_risk(lake: Lake, day: date, settings: Settings, expect: Expect, warn: Warn) -> int:
    """Says of each answered call of the date how likely the caller calls again; returns the rows written."""
    # Models take a second to import, which tables without one need not pay.
    from jobs import risk

    return risk.update(lake, day, settings, expect, warn)


def of_answered(lake: Lake, first: date, day: date, settings: Settings) -> DataFrame:
    """features.answered_calls of a range of dates as known at the end of the last, with what came of each call."""
    return answered_calls.build(
        lake.read(CALLS), first=first, as_of=day, time_zone=settings.time_zone, **_chains(settings)
    )


def _chains(settings: Settings) -> dict[str, Any]:
    numbers = settings.configuration.repeat_calls
    return {"transfer_minutes": numbers.transfer_minutes, "chain_gap_days": numbers.chain_gap_days}


def _has_calls(lake: Lake, day: date, days: int) -> bool:
    """Whether there are calls to look at; the queries to come are prepared for them."""
    rows = _calls_in(lake, day, days)
    lake.prepare(rows)
    return rows > 0


def _calls_in(lake: Lake, day: date, days: int) -> int:
    return lake.rows(CALLS, [day - timedelta(days=n) for n in range(days)])
