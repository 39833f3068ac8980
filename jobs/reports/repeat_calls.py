"""The report on repeat calls: what its page shows, read from gold as of a date."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import duckdb
import numpy as np
from markupsafe import Markup

from jobs.reports import figures
from jobs.reports.queries import connected, rows, view
from jobs.settings import Settings
from jobs.table_logs import TableLogs
from jobs.tables import TABLES
from jobs.tables.reports import REPEAT_CALLS

DAYS = 91
"""Thirteen weeks."""
HEAT_TOPICS, SHOWN_CAUSES, SHOWN_TRAITS = 12, 8, 5
HOURS = [f"{hour:02}" for hour in range(24)]
CHAIN_LENGTHS = ("2", "3", "4", "5", "6 to 10", "11 to 20", "more")
BANDS = {"high": "a person calls", "mid": "a text message", "low": "self-service, or mended inside"}
DATED = {"gold.repeat_call_risk": "scored_on"}
CHANGES = TABLES["ops.repeat_cluster_changes"]


def content(logs: TableLogs, day: date, settings: Settings) -> dict[str, Any] | None:
    """What the page's template takes; None where no caller of the date is known."""
    with connected() as db:
        for name in REPEAT_CALLS.inputs:
            _open(db, logs, name, day)
        db.register("all_repeat_cluster_changes", logs.dataset(CHANGES))
        if not rows(db, "SELECT 1 FROM repeat_call_clusters LIMIT 1"):
            return None
        bands, kinds = _bands(db), _kinds(db)
        zone = settings.time_zone
        return {
            "headline": _headline(db),
            "title": f"Repeat calls, {day}",
            "bands": bands,
            "band_figure": _band_figure(bands),
            "kinds": kinds,
            "fit": _fit(db),
            "map": _map(kinds),
            "heat_map": _heat_map(db, zone),
            "chains": _chains(db),
            "causes": {name: _causes(db, name) for name in ("topic", "queue", "team", "cluster")},
            "sequences": _sequences(db),
            "channels": _channels(db),
            "trend": _trend(db),
            "advice": _advice(db),
            "risk": _risk(db),
            "currency": settings.configuration.repeat_advice.currency,
            "zone": zone,
        }


def _open(db: duckdb.DuckDBPyConnection, logs: TableLogs, name: str, day: date) -> None:
    """Makes a table's rows of the date a view by its short name; of calls, those of thirteen weeks."""
    table = TABLES[name]
    if name == "gold.repeat_calls":
        db.register("all_repeat_calls", logs.dataset(table))
        where = f"event_date > DATE '{day - timedelta(days=DAYS)}' AND event_date <= DATE '{day}'"
        columns = "event_date, started_at, topic, role, position_in_chain, chain_id, hours_since_previous, "
        columns += "repeated_any_7d, is_mature_7d"
        db.execute(f"CREATE TABLE repeat_calls AS SELECT {columns} FROM all_repeat_calls WHERE {where}")
        return
    view(db, logs, table, f"{DATED.get(name, 'as_of')} = DATE '{day}'")


def _headline(db: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    (calls,) = rows(
        db,
        """
        SELECT count(*) AS calls, count(*) FILTER (role = 'repeat') AS repeat_calls,
               count(*) FILTER (repeated_any_7d AND is_mature_7d AND role <> 'transfer')
               / nullif(count(*) FILTER (is_mature_7d AND role <> 'transfer'), 0) AS repeat_rate
        FROM repeat_calls
        """,
    )
    (callers,) = rows(db, "SELECT count(*) AS callers, count(customer_id) AS customers FROM repeat_call_clusters")
    (cost,) = rows(
        db,
        """
        SELECT sum(repeat_minutes) AS minutes, sum(minutes_of_a_point) AS minutes_of_a_point,
               sum(amount_of_a_point) AS amount_of_a_point
        FROM repeat_call_causes WHERE dimension = 'topic'
        """,
    )
    return calls | callers | cost


def _bands(db: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    found = rows(
        db,
        """
        SELECT coalesce(frequency_band, 'not identified') AS band, count(*) AS callers, sum(calls_90d) AS calls,
               sum(repeat_calls_90d) AS repeat_calls, avg(calls_90d) AS calls_each
        FROM repeat_call_clusters GROUP BY 1
        """,
    )
    order = [*BANDS, "not identified"]
    shown = sorted(found, key=lambda row: order.index(row["band"]))
    return [row | {"instead": BANDS.get(row["band"], "mended inside: nobody knows whom to reach")} for row in shown]


def _band_figure(bands: Sequence[dict[str, Any]]) -> Markup:
    return Markup(
        figures.bars([b["band"] for b in bands], [float(b["repeat_calls"]) for b in bands], "Repeat calls by band")
    )


def _kinds(db: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    found = rows(db, "SELECT * EXCLUDE as_of FROM repeat_cluster_profiles ORDER BY repeat_calls DESC, cluster_id")
    for kind in found:
        told = [each for each in kind["features"] if each["lift"] is not None]
        kind["traits"] = sorted(told, key=lambda each: -each["lift"])[:SHOWN_TRAITS]
    return found


def _fit(db: duckdb.DuckDBPyConnection) -> dict[str, Any] | None:
    """The fit behind the kinds of the date: when, and how sure they are."""
    found = rows(
        db,
        """
        SELECT as_of, silhouette, stability, count(*) FILTER (change = 'born') AS born,
               count(*) FILTER (change = 'kept') AS kept, count(*) FILTER (change = 'ended') AS ended
        FROM all_repeat_cluster_changes
        WHERE model_version = (SELECT max(model_version) FROM repeat_call_clusters) GROUP BY ALL
        """,
    )
    return found[0] if found else None


def _map(kinds: Sequence[dict[str, Any]]) -> Markup:
    """The kinds in the plane in which they differ most: principal components of the logarithms of their lifts."""
    # Of what is not known of a kind nobody can say that it is not as all are.
    known = [[1.0 if each["lift"] is None else each["lift"] for each in kind["features"]] for kind in kinds]
    lifts = np.log(np.maximum(known, 0.05))
    centred = lifts - lifts.mean(axis=0)
    if len(kinds) < 3:
        places = [(float(place), 0.0) for place in range(len(kinds))]
    else:
        left, strength, _ = np.linalg.svd(centred, full_matrices=False)
        plane = left[:, :2] * strength[:2]
        # A component's sign is arbitrary: its largest entry points to the right, or up.
        plane *= np.sign(plane[np.abs(plane).argmax(axis=0), range(2)])
        places = [(float(x), float(y)) for x, y in plane]
    names = [str(kind["cluster_id"]) for kind in kinds]
    return Markup(figures.bubbles(names, places, [float(kind["callers"]) for kind in kinds], "Map of the kinds"))


def _heat_map(db: duckdb.DuckDBPyConnection, zone: str) -> Markup | None:
    found = rows(
        db,
        f"""
        SELECT topic, hour(timezone('{zone}', started_at)) AS hour, count(*) AS calls
        FROM repeat_calls WHERE role = 'repeat' AND topic IS NOT NULL GROUP BY ALL
        """,
    )
    by_topic: dict[str, list[float]] = {}
    for row in found:
        by_topic.setdefault(row["topic"], [0.0] * 24)[row["hour"]] += row["calls"]
    topics = sorted(by_topic, key=lambda topic: (-sum(by_topic[topic]), topic))[:HEAT_TOPICS]
    if not topics:
        return None
    return Markup(
        figures.heat_map(topics, HOURS, [by_topic[topic] for topic in topics], "Repeat calls by topic and hour")
    )


def _chains(db: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    lengths = rows(
        db,
        """
        SELECT CASE WHEN calls <= 5 THEN CAST(calls AS VARCHAR) WHEN calls <= 10 THEN '6 to 10'
                    WHEN calls <= 20 THEN '11 to 20' ELSE 'more' END AS length, count(*) AS chains
        FROM (SELECT chain_id, max(position_in_chain) AS calls FROM repeat_calls GROUP BY 1) WHERE calls > 1 GROUP BY 1
        """,
    )
    chains = {row["length"]: float(row["chains"]) for row in lengths}
    (gaps,) = rows(
        db,
        """
        SELECT median(hours_since_previous) AS median_hours,
               avg(CAST(hours_since_previous <= 24 AS INT)) AS within_a_day
        FROM repeat_calls WHERE role = 'repeat'
        """,
    )
    figure = figures.bars(CHAIN_LENGTHS, [chains.get(length, 0.0) for length in CHAIN_LENGTHS], "Chains by calls")
    return gaps | {"figure": Markup(figure)}


def _causes(db: duckdb.DuckDBPyConnection, dimension: str) -> list[dict[str, Any]]:
    return rows(
        db,
        f"""
        SELECT coalesce(group_name, 'none given') AS group_name, calls, repeat_rate, expected_rate, excess_repeats,
               repeat_minutes, amount_of_a_point, advice
        FROM repeat_call_causes WHERE dimension = '{dimension}'
        ORDER BY excess_repeats DESC, group_name LIMIT {SHOWN_CAUSES}
        """,
    )


def _sequences(db: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    return rows(
        db,
        """
        SELECT coalesce(s.first_topic, 'none given') AS first_topic, coalesce(s.next_topic, 'none given') AS next_topic,
               sum(s.calls) AS calls
        FROM (SELECT unnest(top_sequences) AS s FROM repeat_call_causes WHERE dimension = 'topic')
        GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2 LIMIT 10
        """,
    )


def _channels(db: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    return rows(
        db,
        """
        SELECT topic, channel, contacts, resolved_share, resolved_low, resolved_high,
               max(resolved_share) FILTER (channel = 'call') OVER (PARTITION BY topic) AS by_call
        FROM topic_channels QUALIFY is_best ORDER BY topic, channel
        """,
    )


def _trend(db: duckdb.DuckDBPyConnection) -> Markup | None:
    found = rows(
        db,
        """
        SELECT date_trunc('week', event_date) AS week,
               count(*) FILTER (repeated_any_7d AND is_mature_7d) / nullif(count(*) FILTER (is_mature_7d), 0) AS rate
        FROM repeat_calls WHERE role <> 'transfer' GROUP BY 1 ORDER BY 1
        """,
    )
    if not any(row["rate"] is not None for row in found):
        return None
    weeks = [f"{row['week']:%d %b}" for row in found]
    return Markup(figures.line(weeks, [row["rate"] for row in found], "Share of calls that are followed within 7 days"))


def _advice(db: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    return rows(
        db,
        """
        SELECT coalesce(campaign, 'none') AS campaign, coalesce(channel, 'none') AS channel, action, owner,
               count(*) AS callers, count(*) FILTER (next_call_expected_at < as_of + INTERVAL 3 DAY) AS soon
        FROM repeat_call_advice GROUP BY ALL ORDER BY callers DESC, 1, 2
        """,
    )


def _risk(db: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    return rows(
        db,
        """
        SELECT decile, count(*) AS calls, avg(probability) AS probability, any_value(model_version) AS model_version
        FROM repeat_call_risk GROUP BY 1 ORDER BY 1
        """,
    )
