"""The morning page of outreach: the lists of the day after a date, who is spared and why, and what lists changed."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
from markupsafe import Markup

from jobs.gold.outreach import hours
from jobs.gold.outreach.hours import Shift
from jobs.reports import figures
from jobs.reports.queries import connected, rows, view
from jobs.settings import Settings
from jobs.table_logs import TableLogs
from jobs.tables import TABLES

WEEKS = 13
"""Of effects and of how lists went."""
REASONS = {
    "campaign_halted": "campaign halted",
    "no_consent": "no consent",
    "do_not_call": "do not call",
    "protected": "protected",
    "capped_all_channels": "contacted enough",
    "capped_campaign": "enough of the campaign",
    "too_soon": "too soon after the last try",
    "no_callable_hour": "no hour to call",
    "below_floor": "worth too little",
    "duplicate": "on another list",
    "over_quota": "quota is full",
    "over_capacity": "no agent minutes left",
    "holdout": "held out",
}
"""Reasons in the order of their rules, in words."""


def content(logs: TableLogs, day: date, settings: Settings) -> dict[str, Any] | None:
    """What the page's template takes; None where there are no candidates for the day after."""
    list_on = day + timedelta(days=1)
    with connected() as db:
        for name, where in {
            "gold.call_candidates": f"list_on = DATE '{list_on}'",
            "gold.call_lists": f"list_on = DATE '{list_on}'",
            "gold.contact_effects": f"week > DATE '{day - timedelta(weeks=2 * WEEKS)}' AND final_on <= DATE '{day}'",
            "gold.script_effects": f"week > DATE '{day - timedelta(weeks=2 * WEEKS)}' AND final_on <= DATE '{day}'",
            "gold.list_quality": f"list_on > DATE '{day - timedelta(weeks=WEEKS)}' AND list_on <= DATE '{day}'",
            "silver.shifts": hours.may_overlap(list_on),
        }.items():
            view(db, logs, TABLES[name], where)
        campaigns = _campaigns(db)
        if not campaigns:
            return None
        spared = _spared(db)
        totals = {name: sum(row[name] for row in campaigns) for name in ("candidates", "listed", "holdout")}
        return {
            "title": f"Call lists for {list_on}",
            "totals": totals,
            "campaigns": campaigns,
            "goals": {each.name: each.goal for each in settings.configuration.outreach.campaigns},
            "waterfall": _waterfall(totals["candidates"], spared),
            "reasons": REASONS,
            "hours": _hours(db, list_on, settings),
            "effects": _effects(db),
            "scripts": _scripts(db),
            "quality": _quality(db),
            "zone": settings.time_zone,
        }


def _campaigns(db: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    return rows(
        db,
        """
        SELECT campaign, any_value(channel) AS channel, any_value(kind) AS kind, count(*) AS candidates,
               count(*) FILTER (decision = 'listed') AS listed, count(*) FILTER (decision = 'holdout') AS holdout,
               count(*) FILTER (reason = 'explore') AS explored,
               sum(expected_value) FILTER (decision = 'listed') AS expected_value,
               mode(reason) FILTER (decision = 'suppressed') AS main_reason
        FROM call_candidates GROUP BY campaign ORDER BY listed DESC, campaign
        """,
    )


def _spared(db: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """Candidates who are not listed, by reason, in the order of the rules."""
    found = rows(
        db, "SELECT reason, count(*) AS candidates FROM call_candidates WHERE decision <> 'listed' GROUP BY reason"
    )
    order = list(REASONS)
    return sorted(found, key=lambda row: order.index(row["reason"]) if row["reason"] in order else len(order))


def _waterfall(candidates: int, spared: Sequence[dict[str, Any]]) -> Markup:
    less = [(REASONS.get(row["reason"], row["reason"]), row["candidates"]) for row in spared]
    title = "From candidates to contacts, by the reason for which the others are not listed"
    return Markup(figures.waterfall(("candidates", candidates), less, "on the lists", title))


def _hours(db: duckdb.DuckDBPyConnection, list_on: date, settings: Settings) -> list[dict[str, Any]]:
    """Calls of each hour, with the agent minutes that they need and that there are."""
    needs = {each.name: each.minutes for each in settings.configuration.outreach.campaigns}
    usual = settings.configuration.outreach.capacity.minutes_a_call
    called = rows(
        db,
        "SELECT slot_start_at, campaign, count(*) AS calls FROM call_lists WHERE channel = 'call' GROUP BY ALL",
    )
    planned = rows(db, "SELECT planned_start_at, planned_end_at, leave_type IS NOT NULL AS is_leave FROM shifts")
    shifts = [Shift(row["planned_start_at"], row["planned_end_at"], row["is_leave"]) for row in planned]
    begins = hours.hours_of(list_on, settings.time_zone)
    free = hours.minutes_of(begins, shifts, settings.configuration.outreach.capacity)
    made = []
    for begin, minutes in zip(begins, free, strict=True):
        of_hour = [row for row in called if row["slot_start_at"] == begin]
        made.append(
            {
                "hour": _local(begin, settings),
                "calls": sum(row["calls"] for row in of_hour),
                "used": sum(row["calls"] * (needs.get(row["campaign"]) or usual) for row in of_hour),
                "minutes": minutes,
            }
        )
    return [row for row in made if row["minutes"] or row["calls"]]


def _local(instant: datetime, settings: Settings) -> str:
    return f"{instant.astimezone(ZoneInfo(settings.time_zone)):%H:%M}"


def _effects(db: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    return rows(
        db,
        """
        SELECT campaign, week, listed, held_out, incremental_effect, effect_low, effect_high, is_claim, sentence
        FROM contact_effects ORDER BY campaign, week DESC
        """,
    )


def _scripts(db: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    return rows(
        db,
        """
        SELECT campaign, week, script_id, listed, rate, others_rate, is_claim,
               difference, difference_low, difference_high
        FROM script_effects ORDER BY campaign, week DESC, script_id
        """,
    )


def _quality(db: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    return rows(
        db,
        """
        SELECT campaign, sum(listed) AS listed, sum(contacted) / nullif(sum(listed), 0) AS contacted_rate,
               sum(reached) / nullif(sum(contacted), 0) AS reached_rate,
               sum(converted) / nullif(sum(reached), 0) AS converted_rate
        FROM list_quality WHERE dimension = 'script' GROUP BY campaign ORDER BY campaign
        """,
    )
