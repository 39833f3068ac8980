"""What a night costs when little comes in, and how that grows with the history behind it: ratios of one run.

`python -m bench.growth [--days 120 480] [--calls 100] [--rounds 3]` builds a lake for each length of history (a load in
one pass) and runs the same next nights on each, in turn, as `make nightly` does: through Airflow, each on a Spark
server of its own.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

from bench.worlds import LAST, drop, environment


def main() -> int:
    """Measures and prints; writes .local/bench-growth.json."""
    parser = argparse.ArgumentParser(prog="python -m bench.growth", description=__doc__)
    parser.add_argument("--days", type=int, nargs=2, default=(120, 480), metavar="N", help="lengths of history")
    parser.add_argument("--calls", type=int, default=100, help="calls and transactions a day")
    parser.add_argument("--rounds", type=int, default=3, help="nights that count, after one that does not")
    parsed = parser.parse_args()
    seconds: dict[int, list[float]] = {days: [] for days in parsed.days}
    with tempfile.TemporaryDirectory(prefix="echolake-bench-") as folder:
        for days in parsed.days:
            world, first = Path(folder, str(days)), LAST - timedelta(days=days)
            drop(world / "landing", first, LAST, parsed.calls)
            drop(world / "landing", LAST + timedelta(days=1), LAST + timedelta(days=parsed.rounds + 1), 2)
            took = _timed(world, "load", "--from", str(first), "--to", str(LAST))
            print(f"history of {days} days: loaded in {took:.0f} s", flush=True)
        for number in range(1, parsed.rounds + 2):
            for days in parsed.days:
                day = LAST + timedelta(days=number)
                took = _timed(Path(folder, str(days)), "nightly", "--date", str(day))
                print(f"night {day} after {days} days: {took:.1f} s", flush=True)
                # The first night pays for what every later one finds ready.
                seconds[days] += [took] if number > 1 else []
    short, long = (statistics.median(seconds[days]) for days in parsed.days)
    memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    figures = {
        "empty_night_seconds": long,
        "growth": long / short,
        "history_days": list(parsed.days),
        "largest_process_mib": memory,
    }
    print(f"\nempty night (two calls, two transactions) after {parsed.days[1]} days: {long:.1f} s")
    print(f"growth from {parsed.days[0]} to {parsed.days[1]} days of history: {long / short:.2f}")
    print(f"memory of the largest process, the Spark server: {memory:,.0f} MiB")
    Path(".local/bench-growth.json").write_text(json.dumps(figures, indent=1))
    return 0


def _timed(world: Path, *command: str) -> float:
    """Seconds that a command of `python -m jobs` takes as a whole."""
    began = time.monotonic()
    subprocess.run(
        [sys.executable, "-m", "jobs", *command], env=environment(world), stdout=subprocess.DEVNULL, check=True
    )
    return time.monotonic() - began


if __name__ == "__main__":
    sys.exit(main())
