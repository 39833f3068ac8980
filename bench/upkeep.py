"""What the weekly upkeep leaves of many nights: how many files, and whether the last night is as fast as the first.

`python -m bench.upkeep [--nights 300] [--calls 100] [--tables NAME ...]` makes these tables night after night, each
seventh with the upkeep after it, and compares the nights after the first week with the last ones. Files are counted
per date, since a table that is parted by dates has one more with every night.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from bench.worlds import LAST, Size, environment, generate
from jobs import ops, runner, upkeep
from jobs.session import ensure_server, stop_server
from jobs.settings import Settings, read_settings
from jobs.tables import TABLES

MADE = (
    "bronze.customers",
    "bronze.calls",
    "silver.customers_versions",
    "silver.calls",
    "gold.repeat_calls",
    "features.answered_calls",
    "gold.service_kpis",
)
"""Of each kind that grows from night to night."""
WEEK, COMPARED = 7, 10


def main() -> int:
    """Measures and prints; writes .local/bench-upkeep.json."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.upkeep", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--nights", type=int, default=300)
    parser.add_argument("--calls", type=int, default=100, help="a day")
    parser.add_argument("--tables", nargs="+", default=MADE, choices=TABLES, metavar="NAME")
    parsed = parser.parse_args()
    first = LAST - timedelta(days=parsed.nights - 1)
    days = [first + timedelta(days=n) for n in range(parsed.nights)]
    with tempfile.TemporaryDirectory(prefix="echolake-bench-") as folder:
        generate(Path(folder, "landing"), first, LAST, Size(parsed.calls, 0, 10 * parsed.calls))
        os.environ.update(environment(Path(folder)))
        settings = read_settings()
        ensure_server(settings)
        try:
            seconds = [_night(day, number, parsed.tables, settings) for number, day in enumerate(days, 1)]
            _told(seconds, _files(parsed.tables, settings), parsed.nights)
        finally:
            stop_server(settings)
    return 0


def _night(day: date, number: int, tables: list[str], settings: Settings) -> float:
    """Seconds of a night's tables, without the upkeep."""
    lake = runner.open_lake(settings)
    ops.write_nights(lake, [day], "bench", passed_gate_at=datetime.now(UTC))
    began = time.monotonic()
    for table in tables:
        runner.run(table, [day], "bench", settings)
    took = time.monotonic() - began
    if number % WEEK == 0:
        began = time.monotonic()
        done = upkeep.keep_up(lake, day, settings, lambda _: None)
        print(f"{day}: night {took:.1f} s, upkeep {time.monotonic() - began:.1f} s, {upkeep.summary(done)}", flush=True)
    return took


def _files(tables: list[str], settings: Settings) -> dict[str, int]:
    lake = runner.open_lake(settings)
    return {name: lake.files(TABLES[name]).count for name in tables}


def _told(seconds: list[float], files: dict[str, int], nights: int) -> None:
    # The server is warm after a week.
    first, last = (statistics.median(part) for part in (seconds[WEEK : WEEK + COMPARED], seconds[-COMPARED:]))
    for name, count in files.items():
        print(f"{name:<36}{count:>8,} files, {count / nights:.2f} a date")
    print(f"night after a week {first:.2f} s, after {nights} nights {last:.2f} s: {last / first:.2f}")
    figures = {"nights": nights, "files": files, "last_to_first": last / first, "seconds": seconds}
    Path(".local/bench-upkeep.json").write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    sys.exit(main())
