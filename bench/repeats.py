"""What a night of repeat callers costs, and how that grows with the history behind it.

`python -m bench.repeats [--calls 10000] [--callers 1000000]` makes a lake with 97 days of so many calls a day and
measures the tables of repeat callers for two nights, of which the second counts; then that one again with four times
the history behind it. Then it assigns so many callers to kinds: their profiles are made up, the fit is not counted.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path

from bench.steps import timed
from bench.worlds import LAST, append, environment
from jobs import runner
from jobs.lake import Lake
from jobs.session import ensure_server, stop_server
from jobs.settings import Settings, read_settings
from jobs.tables import TABLES
from jobs.tables.repeats import REPEAT_FEATURES, REPEATS

DAYS = 97
STEPS = [*(table.name for table in REPEAT_FEATURES), *(table.name for table in REPEATS)]
ASSIGNING = "gold.repeat_call_clusters"


def main() -> int:
    """Measures and prints; writes .local/bench-repeats.json."""
    parser = argparse.ArgumentParser(prog="python -m bench.repeats", description=__doc__)
    parser.add_argument("--calls", type=int, default=10_000, help="calls a day")
    parser.add_argument("--callers", type=int, default=1_000_000, help="callers to assign")
    parsed = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="echolake-bench-") as folder:
        os.environ.update(environment(Path(folder)))
        settings = read_settings()
        ensure_server(settings)
        try:
            figures = _measured(settings, parsed.calls, parsed.callers)
        finally:
            stop_server(settings)
    Path(".local/bench-repeats.json").write_text(json.dumps(figures, indent=1))
    return 0


def _measured(settings: Settings, calls: int, callers: int) -> dict[str, float]:
    lake = runner.open_lake(settings)
    bring(lake, calls, LAST - timedelta(days=DAYS - 1), LAST)
    for day in (LAST - timedelta(days=1), LAST):
        print(f"night {day}, {DAYS} days of {calls:,} calls", flush=True)
        short = timed(settings, STEPS, day)
    bring(lake, calls, LAST - timedelta(days=4 * DAYS - 1), LAST - timedelta(days=DAYS))
    for name in STEPS:
        stamp = TABLES[name].partition
        lake.delete(TABLES[name], f"{stamp} = DATE'{LAST}'")
    print(f"the same night, {4 * DAYS} days", flush=True)
    long = timed(settings, STEPS, LAST)
    assigned = _assigned(lake, settings, callers)
    print(f"\nthe tables of repeat callers, {calls:,} calls a day: {short:.1f} s a night")
    print(f"growth with four times the history: {long / short:.2f}")
    print(f"{callers:,} callers assigned to kinds: {assigned:.1f} s")
    return {"night_seconds": short, "growth": long / short, "assign_seconds": assigned}


def bring(lake: Lake, calls: int, first: date, last: date) -> None:
    """Calls of thirty times as many customers, a tenth of whom call for half of the time."""
    dice = "pmod(xxhash64(id, event_date), 1000)"
    few, many = (f"pmod(xxhash64(event_date, id, {n}), {calls * n})" for n in (3, 30))
    often = f"if({dice} < 500, {few}, {many})"
    spoken = lake.spark.range(calls).selectExpr("id", f"explode(sequence(DATE'{first}', DATE'{last}')) AS event_date")
    rows = spoken.selectExpr(
        "concat(event_date, '-', id) AS call_id", f"concat('C', {often}) AS customer_id", "'inbound' AS direction",
        f"timestampadd(SECOND, {dice} * 80, cast(event_date AS timestamp)) AS started_at", "event_date",
        f"concat('topic ', {dice} % 9) AS topic", f"concat('queue ', {dice} % 4) AS queue",
        f"concat('A', {dice} % 200) AS agent_id", f"if({dice} % 10 = 0, 'abandoned', 'answered') AS outcome",
        "event_date AS known_on", "event_date AS ds",
    ).selectExpr(
        "*", "started_at + INTERVAL 5 MINUTES AS ended_at",
        "if(outcome = 'answered', started_at + INTERVAL 20 SECONDS, NULL) AS answered_at",
    )  # fmt: skip
    append(lake, "silver.calls", rows)


def _assigned(lake: Lake, settings: Settings, callers: int) -> float:
    """Seconds to assign so many callers, with the kinds of the night before."""
    day = LAST + timedelta(days=1)
    table = TABLES["features.caller_profiles"]
    kept = lake.read(table).where(f"as_of = DATE'{LAST}'")
    times = callers // kept.count() + 1
    many = kept.selectExpr("*", f"explode(sequence(1, {times})) AS _copy").limit(callers)
    changed = {"as_of": f"DATE'{day}'", "caller_key": "concat(caller_key, '-', _copy)"}
    lake.append(table, many.selectExpr(*(f"{changed.get(name, name)} AS {name}" for name in table.column_names)))
    began = time.monotonic()
    rows = runner.run(ASSIGNING, [day], "bench", settings).rows
    if rows != callers:
        raise AssertionError(f"expected {callers} callers, found {rows}")
    return time.monotonic() - began


if __name__ == "__main__":
    sys.exit(main())
