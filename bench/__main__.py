"""What Echolake costs at a chosen size, next to DuckDB and Polars doing the same: every figure a ratio of one run.

`python -m bench [--calls 250] [--transactions 1000] [--customers 1000] [--days 5 20] [--nights 1] [--airflow]` makes
worlds with so many rows a day, each with a history of its own length, loads each, and runs the same nights of all
tables on all of them. Then repeat calls of the longest history are made anew by Echolake, DuckDB and Polars from the
same Parquet. It prints tables, and leaves .local/bench.json and .local/bench.svg.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from bench import engines
from bench.memory import Peak
from bench.worlds import LAST, Size, environment, generate
from jobs.reports.figures import bars
from jobs.settings import read_settings
from jobs.table_logs import TableLogs
from jobs.tables import TABLES

SHOWN_TABLES = 15
SHOWN_LINES = 20


def main() -> int:
    """Measures, prints, and writes the figures and their chart."""
    parser = argparse.ArgumentParser(
        prog="python -m bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--calls", type=int, default=250, help="calls a day")
    parser.add_argument("--transactions", type=int, default=1_000, help="transactions a day")
    parser.add_argument("--customers", type=int, default=1_000, help="customers, each with a card")
    parser.add_argument("--days", type=int, nargs="+", default=(5, 20), metavar="N", help="lengths of history")
    parser.add_argument("--nights", type=int, default=1, help="nights on each; the last counts")
    parser.add_argument("--airflow", action="store_true", help="nights as `make nightly` runs them, not in one process")
    parser.add_argument("--folder", type=Path, help="where the worlds are made and stay (default: made and deleted)")
    parsed = parser.parse_args()
    folder = parsed.folder or Path(tempfile.mkdtemp(prefix="echolake-bench-"))
    folder.mkdir(parents=True, exist_ok=True)
    size = Size(parsed.calls, parsed.transactions, parsed.customers)
    try:
        figures = _measured(folder, size, sorted(parsed.days), parsed.nights, parsed.airflow)
    finally:
        if parsed.folder is None:
            shutil.rmtree(folder, ignore_errors=True)
    Path(".local").mkdir(exist_ok=True)
    Path(".local/bench.json").write_text(json.dumps(figures, indent=1, default=str))
    names, seconds = zip(*((each["engine"], each["seconds"]) for each in figures["repeat_calls"]), strict=True)
    Path(".local/bench.svg").write_text(bars(names, seconds, "Repeat calls of the whole history, seconds"))
    print("\nfigures in .local/bench.json, chart in .local/bench.svg")
    return 0


def _measured(folder: Path, size: Size, lengths: Sequence[int], nights: int, by_airflow: bool) -> dict[str, Any]:
    loads: list[dict[str, Any]] = []
    last: list[dict[str, Any]] = []
    for days in lengths:
        world, first = folder / f"{days}-days", LAST - timedelta(days=days - 1)
        if not (world / "landing").exists():
            generate(world / "landing", first, LAST + timedelta(days=nights), size)
        took, peak = _ran(world, "load", "--from", str(first), "--to", str(LAST))
        rows = days * (size.calls + size.transactions)
        loads.append({"days": days, "rows": rows, "seconds": took, "rows_a_second": rows / took, "peak_mib": peak})
        print(f"history of {days} days, {rows:,} rows: loaded in {took:,.0f} s", flush=True)
    for number in range(1, nights + 1):
        last = []
        day = LAST + timedelta(days=number)
        night = ("nightly", "--date", str(day)) if by_airflow else ("backfill", "--from", str(day), "--to", str(day))
        for days in lengths:
            took, peak = _ran(folder / f"{days}-days", *night)
            print(f"night {day} after {days} days: {took:,.1f} s", flush=True)
            last.append({"days": days, "seconds": took, "peak_mib": peak})
    longest = folder / f"{lengths[-1]}-days"
    os.environ.update(environment(longest))
    day = LAST + timedelta(days=nights)
    steps = _steps(day)
    compared = engines.whole_history(longest, day)
    figures = {
        "size": asdict(size),
        "loads": loads,
        "nights": last,
        "by_airflow": by_airflow,
        "growth": last[-1]["seconds"] / last[0]["seconds"] if len(lengths) > 1 else None,
        "steps": steps,
        **engines.tell(compared, steps[engines.STEP]["seconds"]),
    }
    _print(figures)
    return figures


def _print(figures: dict[str, Any]) -> None:
    print(f"\nthe night, after {figures['nights'][-1]['days']} days, table by table")
    ordered = sorted(figures["steps"].items(), key=lambda step: -step[1]["seconds"])
    for name, step in ordered[:SHOWN_TABLES]:
        print(f"{name:<36}{step['rows']:>12,} rows{step['seconds']:>8.1f} s")
    rest = sum(step["seconds"] for _, step in ordered[SHOWN_TABLES:])
    print(f"{f'{len(ordered[SHOWN_TABLES:])} more':<36}{'':>17}{rest:>8.1f} s")
    for night in figures["nights"]:
        print(f"night after {night['days']} days: {night['seconds']:,.1f} s, peak {night['peak_mib']:,.0f} MiB")
    if figures["growth"] is not None:
        print(f"growth: {figures['growth']:.2f}")
    for load in figures["loads"]:
        print(
            f"load of {load['days']} days: {load['rows_a_second']:,.0f} rows a second, "
            f"peak {load['peak_mib']:,.0f} MiB, {load['seconds']:,.0f} s"
        )


def _ran(world: Path, *command: str) -> tuple[float, float]:
    """Seconds and peak memory (MiB) of a command of `python -m jobs` as a whole."""
    env = environment(world)
    os.environ.update(env)
    world.mkdir(parents=True, exist_ok=True)
    with (world / "bench.log").open("ab") as log, Peak(read_settings()) as peak:
        began = time.monotonic()
        done = subprocess.run([sys.executable, "-m", "jobs", *command], env=env, stdout=log, stderr=log, check=False)
        seconds = time.monotonic() - began
    if done.returncode:
        # The log lies in a folder that goes.
        print("\n".join((world / "bench.log").read_text(errors="replace").splitlines()[-SHOWN_LINES:]), flush=True)
        raise SystemExit(f"`python -m jobs {' '.join(command)}` ended with {done.returncode}; its last lines are above")
    return seconds, peak.mib


def _steps(day: date) -> dict[str, dict[str, Any]]:
    """Rows and seconds of each table of the night, as it wrote them down."""
    runs = TableLogs(read_settings().lake).records(TABLES["ops.runs"], ("ds", "=", day))
    return {run["table"]: {"rows": run["rows"] or 0, "seconds": run["seconds"] or 0.0} for run in runs}


if __name__ == "__main__":
    sys.exit(main())
