"""The gate between bronze and silver: all feeds have landed, and no batch lost too many rows to quarantine."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

from jobs import __version__, ops
from jobs.delivery.taken import is_taken
from jobs.errors import DataError
from jobs.ops import LISTED, Outcomes
from jobs.settings import Settings
from jobs.table_logs import TableLogs
from jobs.tables import FEEDS


def hold_gate(days: Sequence[date], outcomes: Outcomes, run_id: str, settings: Settings) -> dict[str, Any]:
    """Writes the batches of these dates down, and that the dates passed; returns the gate's outcome.

    Raises:
        DataError: a feed is missing, or a batch exceeds both its share and its number of rows.
    """
    landed = {outcome["table"] for outcome in outcomes if outcome}
    absent = [feed.name for feed in FEEDS if f"bronze.{feed.name}" not in landed]
    if absent:
        raise DataError(
            f"gate {days[-1]}: feeds did not land",
            expected="a landed batch of every feed",
            found=f"none of {', '.join(absent)}",
            todo="mend those feeds and run the same night again; silver and gold stand as they were",
        )
    lake = TableLogs(settings.lake, {"run_id": run_id, "code_version": __version__})
    batches = ops.write_batches(lake, days, outcomes)
    refused = _beyond_limits(batches, settings)
    broken = [line for lines in refused.values() for line in lines]
    if broken:
        # Also where it had passed before: what lies in bronze now counts for no other night.
        dated = [day for day in days if day in refused]
        if dated:
            ops.write_nights(lake, dated, run_id, passed_gate_at=None)
        raise DataError(
            f"gate {days[-1]}: {broken[0]}",
            expected="in each batch at most the share or the number of quarantined rows that conf allows",
            found="; ".join(broken[:LISTED]),
            todo="look at quarantine.<feed> for the reasons, mend file or mapping, and run the same night again",
        )
    ops.write_nights(lake, days, run_id, passed_gate_at=datetime.now(UTC))
    return {
        "table": "gate",
        "state": "done",
        "rows": sum(batch["rows_in"] for batch in batches),
        "seconds": 0.0,
    }


def _beyond_limits(batches: Sequence[dict[str, Any]], settings: Settings) -> dict[Any, list[str]]:
    """By batch, its date or of undated rows their file: in words what it has too much of."""
    broken: dict[Any, list[str]] = {}
    for feed in FEEDS:
        limit = settings.source(feed).quarantine
        by_batch: dict[Any, tuple[int, int]] = {}
        for batch in (batch for batch in batches if batch["feed"] == feed.name and not is_taken(batch["file"])):
            # Rows that do not say their date are held against their whole file.
            group = batch["ds"] or batch["file"]
            rows, bad = by_batch.get(group, (0, 0))
            whole = batch["rows_of_file"] if batch["ds"] is None else batch["rows_in"]
            # Rows of erased persons say nothing of the file, and rows that people typed nothing of the source.
            by_batch[group] = (rows + whole, bad + batch["rows_quarantined"] - batch["rows_erased"])
        for group, (rows, bad) in by_batch.items():
            if bad > limit.rows and bad > limit.share * rows:
                allowed = f"allowed {limit.rows} or {limit.share * 100:g}%"
                line = f"{feed.name} {group}: {bad:,} of {rows:,} rows quarantined, {allowed}"
                broken.setdefault(group, []).append(line)
    return broken
