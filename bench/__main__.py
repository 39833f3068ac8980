"""What a night costs when little comes in, and how that grows with the history behind it: ratios of one run.

`python -m bench [--days 120 480] [--calls 100] [--rounds 3]` builds a lake for each length of history (a load in one
pass) and runs the same next nights on each, in turn, each night on a Spark server of its own.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path

LAST = date(2026, 6, 30)


def main() -> int:
    """Measures and prints; writes .local/bench.json."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--days", type=int, nargs=2, default=(120, 480), metavar="N", help="lengths of history")
    parser.add_argument("--calls", type=int, default=100, help="calls and transactions a day")
    parser.add_argument("--rounds", type=int, default=3, help="nights that count, after one that does not")
    parsed = parser.parse_args()
    seconds: dict[int, list[float]] = {days: [] for days in parsed.days}
    with tempfile.TemporaryDirectory(prefix="echolake-bench-") as folder:
        for days in parsed.days:
            began = time.monotonic()
            _use(Path(folder, str(days)))
            _drop(Path(folder, str(days), "landing"), LAST - timedelta(days=days), LAST, parsed.calls)
            _drop(Path(folder, str(days), "landing"), LAST, LAST + timedelta(days=parsed.rounds + 1), 2)
            _night(lambda night, first=LAST - timedelta(days=days): night.load(first, LAST, "bench", say=_quiet))
            print(f"history of {days} days: loaded in {time.monotonic() - began:.0f} s", flush=True)
        for number in range(1, parsed.rounds + 2):
            for days in parsed.days:
                _use(Path(folder, str(days)))
                day = LAST + timedelta(days=number)
                began = time.monotonic()
                _night(lambda night, day=day: night.backfill(day, day, "bench", say=_quiet))
                took = time.monotonic() - began
                print(f"night {day} after {days} days, server started and stopped: {took:.1f} s", flush=True)
                # The first night pays for what every later one finds ready.
                seconds[days] += [took] if number > 1 else []
    short, long = (statistics.median(seconds[days]) for days in parsed.days)
    figures = {"empty_night_seconds": long, "growth": long / short, "history_days": list(parsed.days)}
    print(f"\nempty night (two calls, two transactions) after {parsed.days[1]} days: {long:.1f} s")
    print(f"growth from {parsed.days[0]} to {parsed.days[1]} days of history: {long / short:.2f}")
    Path(".local/bench.json").write_text(json.dumps(figures, indent=1))
    return 0


def _night(work: object) -> None:
    from jobs import night

    work(night)  # type: ignore[operator]


def _use(folder: Path) -> None:
    os.environ["ECHOLAKE_LANDING"] = str(folder / "landing")
    os.environ["ECHOLAKE_LAKE"] = str(folder / "lake")
    os.environ["ECHOLAKE_PII_KEY_FILE"] = str(folder / "pseudonym.key")


def _drop(landing: Path, first: date, last: date, rows: int) -> None:
    """Files of calls and transactions for each day from first to before last."""
    for n in range((last - first).days + 1):
        day = first + timedelta(days=n)
        calls = [
            f"{day}-{i},C{(i * 7 + n) % 997},inbound,{day} {8 + i % 12:02}:{i % 60:02}:00,{day} 23:00:00,answered,fee"
            for i in range(rows)
        ]
        spent = [f"{day}-{i},C{i % 997},{day} 12:00:00,{i + 1}.50,CNY,purchase" for i in range(rows)]
        _write(landing / f"calls/ds={day}", "call_id,customer_id,direction,started_at,ended_at,outcome,topic", calls)
        _write(landing / f"transactions/ds={day}", "transaction_id,customer_id,posted_at,amount,currency,kind", spent)


def _write(folder: Path, header: str, rows: list[str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "rows.csv").write_text("\n".join([header, *rows, ""]))


def _quiet(_: str) -> None:
    """A bench prints its own lines."""


if __name__ == "__main__":
    sys.exit(main())
