"""Repeat calls alone, at a size at which all tables would take hours: next to DuckDB and Polars, and a night's update.

`python -m bench.history [--calls 100000] [--days 100]` makes a lake with so many days of so many calls each. Echolake,
DuckDB and Polars make repeat calls of all of them from the same Parquet and must say the same of every call. Then two
nights bring another day's calls each, of which the second counts. Spark's driver has 2 GiB instead of conf's 4, as much
as this work needs: a heap fills what it is given.
"""

import argparse
import json
import os
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import yaml

from bench import engines
from bench.repeats import bring
from bench.steps import timed
from bench.worlds import LAST, environment
from jobs import ops, runner
from jobs.session import stop_server
from jobs.settings import Settings, read_settings

NIGHTS = 2


def main() -> int:
    """Measures and prints; writes .local/bench-history.json."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.history", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--calls", type=int, default=100_000, help="calls a day")
    parser.add_argument("--days", type=int, default=100, help="length of the history")
    parser.add_argument("--driver-memory", default="2g", help="of Spark (default %(default)s)")
    parser.add_argument(
        "--without-polars", action="store_true", help="which holds all in memory, 0.5 GiB a million calls"
    )
    parsed = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="echolake-bench-") as folder:
        conf = Path(folder, "conf.yaml")
        conf.write_text(yaml.safe_dump({"spark": {"conf": {"spark.driver.memory": parsed.driver_memory}}}))
        os.environ.update(environment(Path(folder)) | {"ECHOLAKE_CONF": str(conf)})
        settings = read_settings()
        try:
            _come(settings, parsed.calls, parsed.days)
            # What made the history has warmed its server; the work begins on one that is as new as a night's.
            stop_server(settings)
            rivals = ("duckdb",) if parsed.without_polars else engines.RIVALS
            compared = engines.whole_history(Path(folder), LAST, rivals)
            of_a_night = _nights(settings, parsed.calls)
        finally:
            stop_server(settings)
    figures = engines.tell(compared, of_a_night)
    Path(".local/bench-history.json").write_text(json.dumps(figures, indent=1))
    return 0


def _come(settings: Settings, calls: int, days: int, after: int = 0) -> None:
    """The calls of so many days lie in silver, of which the last passed the gate."""
    lake, last = runner.open_lake(settings), LAST + timedelta(days=after)
    bring(lake, calls, last - timedelta(days=days - 1), last)
    ops.write_nights(lake, [last], "bench", passed_gate_at=datetime.now(UTC))


def _nights(settings: Settings, calls: int) -> float:
    """Seconds of the last of a few nights, on a server that is up."""
    seconds = 0.0
    for number in range(1, NIGHTS + 1):
        _come(settings, calls, 1, after=number)
        print(f"night {LAST + timedelta(days=number)}", flush=True)
        seconds = timed(settings, [engines.STEP], LAST + timedelta(days=number))
    return seconds


if __name__ == "__main__":
    sys.exit(main())
