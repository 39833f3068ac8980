"""From how many rows on compiled queries pay: a first night over so many calls, interpreted against compiled.

`python -m bench.plans [--rows 1000 30000 100000 300000]` makes a lake of its own for each, each on a Spark server of
its own, and prints the seconds of either way and their ratio.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

from bench.worlds import LAST, drop, environment


def main() -> int:
    """Measures and prints."""
    parser = argparse.ArgumentParser(prog="python -m bench.plans", description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=(1_000, 30_000, 100_000, 300_000), help="calls of a day")
    for rows in parser.parse_args().rows:
        interpreted, compiled = (_seconds(rows, compiled_from) for compiled_from in (sys.maxsize, 0))
        print(
            f"{rows:>9,} calls: interpreted {interpreted:6.1f} s, compiled {compiled:6.1f} s, "
            f"ratio {interpreted / compiled:.2f}",
            flush=True,
        )
    return 0


def _seconds(rows: int, compiled_from: int) -> float:
    from jobs import lake, ranges

    lake.COMPILED_FROM_ROWS = compiled_from
    with tempfile.TemporaryDirectory(prefix="echolake-bench-") as folder:
        os.environ.update(environment(Path(folder)))
        drop(Path(folder, "landing"), LAST, LAST, rows)
        began = time.monotonic()
        ranges.load(LAST, LAST, "bench", say=lambda _: None)
        return time.monotonic() - began


if __name__ == "__main__":
    sys.exit(main())
