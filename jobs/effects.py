"""How a night tells what lists came to: the effect of each campaign, how contacts went, and what is learnt of both."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from math import isfinite
from typing import Any

import numpy as np
from pyspark.sql import DataFrame

from jobs import stamped
from jobs.gold.outreach import contact_effects, list_quality, script_effects
from jobs.lake import Expect, Lake, Warn
from jobs.settings import Settings
from jobs.tables import TABLES, Table
from jobs.tables.effects import LATE_DAYS
from models import effects

CANDIDATES = TABLES["gold.call_candidates"]
EFFECTS = TABLES["gold.contact_effects"]
SCRIPTS = TABLES["gold.script_effects"]
QUALITY = TABLES["gold.list_quality"]
EVER = date(1990, 1, 1)
"""Before the first event that lands."""
WEEK = timedelta(days=7)
LEARNT_FROM = timedelta(days=365)
"""Customers and campaigns change; what was so longer ago says little of the next contact."""

Campaigns = Sequence[Mapping[str, Any]]


def update_effects(lake: Lake, day: date, settings: Settings, expect: Expect, warn: Warn) -> int:
    """Says of each campaign and week what it changed, as far as outcome days have passed; returns the rows written."""
    return _update_arms(lake, EFFECTS, contact_effects.build, campaigns_of(settings), day, settings, expect, warn)


def update_scripts(lake: Lake, day: date, settings: Settings, expect: Expect, warn: Warn) -> int:
    """Says of each script of campaigns with several how it did; returns the rows written."""
    several = [each for each in campaigns_of(settings) if len(each["scripts"]) > 1]
    return _update_arms(lake, SCRIPTS, script_effects.build, several, day, settings, expect, warn)


def update_quality(lake: Lake, day: date, settings: Settings, expect: Expect, warn: Warn) -> int:
    """Says how the lists of the last days went; returns the rows written."""
    stood = _stood(lake, QUALITY, day, warn)
    if stood is None:
        return 0
    since = stood - timedelta(days=LATE_DAYS - 1) if stood > EVER else EVER
    first = _first_list(lake, since, day)
    if first is None:
        return _unchanged(lake, QUALITY, stood, day)
    frames = stamped.frames(lake, QUALITY.inputs)
    made = list_quality.build(**frames, as_of=day, first=first, time_zone=settings.time_zone)
    return stamped.replace_from(lake, QUALITY, made, "list_on", since, day, expect)


def rewind(lake: Lake, first: date, last: date) -> None:
    """Says of these tables that they stand as of the date before `first`, so that the nights of these dates make anew
    what was not final by then.

    Only where nights of later dates do not stand on it, and where there is more to make anew than the newest date,
    which a night makes anew itself.
    """
    for table in (EFFECTS, SCRIPTS, QUALITY):
        noted = lake.noted(table, stamped.AS_OF)
        if noted is not None and first < date.fromisoformat(noted) <= last:
            lake.remember(table, **{stamped.AS_OF: str(first - timedelta(days=1))})


def learnt(lake: Lake, day: date, campaigns: Campaigns) -> dict[str, float]:
    """The effect to reckon with for each campaign as of a date, relative to the probability by which it chooses.

    What conf expects (`effect`, `effect_sd`) and what the weeks of a year showed that stood for good before the date,
    each by its precision; conf alone while both arms together are too small for a claim.
    """
    # Lists come before effects in a night: what a night finds must be the same when it is run again.
    weeks = lake.records(EFFECTS, ("final_on", "<", day), ("week", ">=", day - LEARNT_FROM))
    return {
        each["name"]: _believed(each, [week for week in weeks if week["campaign"] == each["name"]])
        for each in campaigns
    }


def campaigns_of(settings: Settings) -> Campaigns:
    """The campaigns of conf/campaigns.yaml, as plain values."""
    return [each.model_dump() for each in settings.configuration.outreach.campaigns]


def _update_arms(
    lake: Lake,
    table: Table,
    build: Callable[..., DataFrame],
    campaigns: Campaigns,
    day: date,
    settings: Settings,
    expect: Expect,
    warn: Warn,
) -> int:
    """Makes a table of weeks anew but for those that stood for good, which stay as conf had it then."""
    stood = _stood(lake, table, day, warn)
    if stood is None or not campaigns:
        return 0
    longest = timedelta(days=max(each["outcome_days"] for each in campaigns))
    since = season_start(stood - longest - timedelta(days=LATE_DAYS) - WEEK) if stood > EVER else EVER
    listed_on = _first_list(lake, since, day)
    if listed_on is None:
        return _unchanged(lake, table, stood, day)
    # No event of before counts, and until a first week is told of that would be all of them.
    first = max(since, listed_on - timedelta(days=listed_on.weekday()))
    frames = stamped.frames(lake, table.inputs)
    made = build(**frames, as_of=day, first=first, time_zone=settings.time_zone, campaigns=campaigns)
    final = lake.read(table).where(f"week >= DATE'{since}' AND final_on <= DATE'{stood}'")
    anew = made.join(final.select("campaign", "week"), ["campaign", "week"], "left_anti")
    rows = final.unionByName(anew.select(*table.column_names))
    return stamped.replace_from(lake, table, rows, "week", since, day, expect)


def _believed(campaign: Mapping[str, Any], weeks: Sequence[Mapping[str, Any]]) -> float:
    counts = [np.array([week[name] for week in weeks], dtype=float) for name in contact_effects.COUNTS]
    listed_successes, listed, held_out_successes, held_out = (each.sum() for each in counts)
    enough = effects.suffices(listed_successes, listed) & effects.suffices(held_out_successes, held_out)
    prior: float = campaign["effect"]
    if not enough:
        return prior
    difference, error = effects.pooled(*counts)
    # A contact is worth probability x value x effect: the effect is relative to what that probability tells. A
    # campaign that chooses without one is measured by how often the outcome comes by itself.
    scores = np.array([week["mean_score"] for week in weeks], dtype=float)
    by_score = float(np.average(scores, weights=counts[1] + counts[3]))
    usual = by_score if isfinite(by_score) else float(held_out_successes / held_out)
    if not isfinite(difference) or not usual:
        return prior
    return effects.shrunk(prior, campaign["effect_sd"], difference / usual, error / usual)[0]


def _stood(lake: Lake, table: Table, day: date, warn: Warn) -> date | None:
    """The date before this one as of which the table stood, `EVER` where there is none; None where it stands as of a
    later one."""
    noted = lake.noted(table, stamped.AS_OF)
    made_on = EVER if noted is None else date.fromisoformat(noted)
    if made_on > day:
        warn(f"{table.name} stands as of {made_on} and only moves forward; make backfill from {day} on rebuilds it")
        return None
    # The same night again makes anew what became final in it.
    return min(made_on, day - timedelta(days=1))


def _unchanged(lake: Lake, table: Table, stood: date, day: date) -> int:
    """Leaves the table as it is, where no list is near; returns the rows written, which are none."""
    if stood > EVER:
        stamped.stands_as_of(lake, table, day)
    return 0


def season_start(day: date) -> date:
    """The first day of the calendar quarter."""
    return day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1)


def _first_list(lake: Lake, first: date, day: date) -> date | None:
    """The first date of these of which there are candidates; the queries to come are prepared for all of them."""
    days = [each for each in lake.dates(CANDIDATES, "list_on") if first <= each <= day]
    lake.prepare(lake.rows(CANDIDATES, days))
    return min(days, default=None)
