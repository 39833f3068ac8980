"""What a night writes down: the batches that came, what was made of them, which dates are complete, and its summary."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from jobs import __version__
from jobs.business_dates import dates_between
from jobs.errors import one_line
from jobs.lake import in_dates
from jobs.table_logs import TableLogs, literal
from jobs.tables import FEEDS, TABLES

Outcomes = Sequence[dict[str, Any]]
"""What making a table came to (jobs.runner.Outcome), for each table."""

LISTED = 5
"""How many examples a line names."""


def write_batches(logs: TableLogs, days: Sequence[date], outcomes: Outcomes) -> list[dict[str, Any]]:
    """Writes the account of the batches of these dates in place of what stood; returns its rows."""
    table = TABLES["ops.batches"]
    batches = [batch for outcome in outcomes if outcome for batch in outcome.get("batches", [])]
    feeds = sorted({batch["feed"] for batch in batches})
    if not feeds:
        return []
    parsed = [
        {
            **batch,
            "ds": _parsed(batch["ds"], date),
            "file_modified_at": _parsed(batch["file_modified_at"], datetime),
        }
        for batch in batches
    ]
    files = ", ".join(literal(batch["file"]) for batch in parsed if batch["file"])
    undated = f" OR (ds IS NULL AND file IN ({files}))" if files else ""
    listed = ", ".join(literal(feed) for feed in feeds)
    logs.record(table, parsed, f"feed IN ({listed}) AND (({in_dates('ds', days)}){undated})")
    return parsed


def write_runs(logs: TableLogs, day: date, made: Outcomes, failures: Outcomes, run_id: str) -> None:
    """Writes what was made and what failed, in place of what the same run wrote for this date."""
    common = {"run_id": run_id, "ds": day, "code_version": __version__, "finished_at": datetime.now(UTC)}
    records = [
        {
            **common,
            **{key: outcome[key] for key in ("table", "state", "rows", "seconds")},
            "message": "; ".join(outcome["warnings"]) or None,
        }
        for outcome in made
    ]
    records += [
        {**common, "table": failure["task"], "state": "failed", "message": failure["reason"]} for failure in failures
    ]
    runs = TABLES["ops.runs"]
    logs.record(runs, records, f"run_id = {literal(run_id)} AND ds = DATE'{day}'")


def write_nights(logs: TableLogs, days: Sequence[date], run_id: str, **values: Any) -> None:
    """Sets columns of ops.nights for these dates; what is not named stays."""
    table = TABLES["ops.nights"]
    stood = {row["ds"]: row for row in logs.records(table, ("ds", "in", days))}
    rows = [{**stood.get(day, {}), "ds": day, "run_id": run_id, **values} for day in days]
    logs.record(table, rows, in_dates("ds", days))


def reopen_nights(logs: TableLogs, days: Sequence[date]) -> None:
    """Says of the nights of these dates that they are not complete, until they have been made again."""
    table = TABLES["ops.nights"]
    rows = [{**row, "completed_at": None} for row in logs.records(table, ("ds", "in", days))]
    if rows:
        logs.record(table, rows, in_dates("ds", [row["ds"] for row in rows]))


def summary(logs: TableLogs, days: Sequence[date], made: Outcomes, failures: Outcomes) -> str:
    """The night in a few lines: rows in and out, tables made, warnings, failures, dates that are not complete."""
    batches = [batch for outcome in made for batch in outcome["batches"]]
    total = {key: sum(batch[key] for batch in batches) for key in ("rows_in", "rows_landed", "rows_quarantined")}
    span = f"{days[0]}" if len(days) == 1 else f"{days[0]} to {days[-1]}"
    state = "FAILED" if failures else "complete"
    seconds = sum(outcome["seconds"] for outcome in made)
    lines = [
        (
            f"night {span}: {state}; {total['rows_in']:,} rows in = {total['rows_landed']:,} landed "
            f"+ {total['rows_quarantined']:,} quarantined; {seconds:.0f} s in tables"
        )
    ]
    lines += [f"  FAILED {failure['task']}: {one_line(failure['reason'])}" for failure in failures]
    for feed in FEEDS:
        of_feed = [batch for batch in batches if batch["feed"] == feed.name]
        set_aside = sum(batch["rows_quarantined"] for batch in of_feed)
        if set_aside:
            lines.append(f"  {feed.name}: {set_aside:,} rows in quarantine.{feed.name}")
    changed = [outcome for outcome in made if outcome["rows"]]
    lines += [
        f"  {outcome['table']:<28} {outcome['rows']:>10,} rows {outcome['seconds']:>7.1f} s" for outcome in changed
    ]
    # A page that was written has no rows.
    same = sum(outcome["state"] == "unchanged" for outcome in made)
    lines += [f"  {same} tables unchanged"] if same else []
    lines += [f"  warning: {one_line(warning)}" for outcome in made for warning in outcome["warnings"]]
    skipped = _skipped(logs, days[0])
    if skipped:
        named = ", ".join(str(day) for day in skipped[:LISTED]) + (" ..." if len(skipped) > LISTED else "")
        lines.append(f"  earlier nights not complete: {named} ({len(skipped)}); run them with make backfill")
    return "\n".join(lines)


def _skipped(logs: TableLogs, day: date) -> list[date]:
    """Dates before this one, since the first night, of which no night is complete."""
    nights = logs.records(TABLES["ops.nights"], ("ds", "<", day))
    if not nights:
        return []
    complete = {row["ds"] for row in nights if row["completed_at"] is not None}
    known = dates_between(min(row["ds"] for row in nights), day - timedelta(days=1))
    return [each for each in known if each not in complete]


def _parsed(value: Any, type_: type[date]) -> Any:
    # What went through XCom came back as text.
    return type_.fromisoformat(value) if isinstance(value, str) else value
