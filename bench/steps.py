"""Steps of a night by the clock."""

import time
from collections.abc import Sequence
from datetime import date

from jobs import runner
from jobs.settings import Settings


def timed(settings: Settings, steps: Sequence[str], day: date) -> float:
    """Makes these tables of a date, each told with its rows and seconds; returns the seconds of all."""
    began = time.monotonic()
    for step in steps:
        at = time.monotonic()
        rows = runner.run(step, [day], "bench", settings).rows
        print(f"  {step}: {rows:,} rows, {time.monotonic() - at:.1f} s", flush=True)
    return time.monotonic() - began
