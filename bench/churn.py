"""What it costs to score a million customers in a night.

`python -m bench.churn [--customers 1000000]` makes a lake with 250 days of card use of 20,000 customers, of whom some
fall silent, trains on it, and copies what is known of their use on the last date until there are so many customers.
Then it measures the warnings and the scores of that many, and of a tenth of them, after one night that does not count.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path

from pyspark.sql import DataFrame

from bench.steps import timed
from bench.worlds import LAST, append, environment
from jobs import runner, training
from jobs.lake import Lake
from jobs.session import ensure_server, stop_server
from jobs.settings import Settings, read_settings
from jobs.tables import TABLES

DAYS = 250
LEARNT_FROM = 20_000
MADE = ("features.customer_measures", "features.customer_activity")
SCORED = ("gold.consumption_warnings", "gold.churn_scores")
ACTIVITY = TABLES["features.customer_activity"]


def main() -> int:
    """Measures and prints; writes .local/bench-churn.json."""
    parser = argparse.ArgumentParser(prog="python -m bench.churn", description=__doc__)
    parser.add_argument("--customers", type=int, default=1_000_000, help="customers to score")
    parsed = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="echolake-bench-") as folder:
        os.environ.update(environment(Path(folder)))
        settings = read_settings()
        ensure_server(settings)
        try:
            figures = _measured(settings, parsed.customers)
        finally:
            stop_server(settings)
    Path(".local/bench-churn.json").write_text(json.dumps(figures, indent=1))
    return 0


def _measured(settings: Settings, customers: int) -> dict[str, float]:
    lake = runner.open_lake(settings)
    append(lake, "silver.transactions", _bought(lake))
    timed(settings, MADE, LAST)
    began = time.monotonic()
    attempt = training.train(lake, "churn", LAST, settings, print)
    trained = time.monotonic() - began
    print(*attempt.lines, sep="\n", flush=True)
    if not attempt.is_promoted:
        raise AssertionError("expected a model to score with")
    timed(settings, SCORED, LAST)
    few = _scored(lake, settings, customers // 10, LAST + timedelta(days=1))
    many = _scored(lake, settings, customers, LAST + timedelta(days=2))
    print(f"\n{customers:,} customers scored and warned of: {many:.1f} s")
    print(f"ten times as many customers take {many / few:.1f} times as long")
    print(f"a training on {LEARNT_FROM:,} customers: {trained:.0f} s")
    return {"score_seconds": many, "growth_of_ten_times": many / few, "train_seconds": trained}


def _bought(lake: Lake) -> DataFrame:
    """Purchases on days of each customer's own share; a sixth of the customers have fallen silent by the end."""
    dice = "pmod(xxhash64(id, n), 1000)"
    days = lake.spark.range(LEARNT_FROM).selectExpr("id", f"explode(sequence(0, {DAYS - 1})) AS n")
    bought = days.where(
        f"{dice} < 30 + pmod(xxhash64(id), 400) "
        f"AND (pmod(xxhash64(id, 'silent'), 6) > 0 OR n < 60 + pmod(xxhash64(id, 'from'), {DAYS - 60}))"
    )
    rows = bought.selectExpr(
        "concat(id, '-', n) AS transaction_id", "concat('C', id) AS customer_id", "'purchase' AS kind",
        f"cast({dice} / 3 + 1 AS decimal(18,2)) AS amount", "'CNY' AS currency",
        f"concat('category ', {dice} % 12) AS merchant_category",
        f"date_add(DATE'{LAST - timedelta(days=DAYS - 1)}', n) AS event_date",
    )  # fmt: skip
    return rows.selectExpr("*", "timestamp(event_date) AS posted_at", "event_date AS known_on", "event_date AS ds")


def _scored(lake: Lake, settings: Settings, customers: int, day: date) -> float:
    """Seconds to warn of and to score so many customers, whose use is that of those learnt from."""
    known = lake.read(ACTIVITY).where(f"as_of = DATE'{LAST}'")
    times = customers // known.count() + 1
    many = known.selectExpr("*", f"explode(sequence(1, {times})) AS _copy").limit(customers)
    changed = {"as_of": f"DATE'{day}'", "customer_id": "concat(customer_id, '-', _copy)"}
    lake.append(ACTIVITY, many.selectExpr(*(f"{changed.get(name, name)} AS {name}" for name in ACTIVITY.column_names)))
    return timed(settings, SCORED, day)


if __name__ == "__main__":
    sys.exit(main())
