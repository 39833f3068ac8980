"""What a night of tags costs, how that grows with the history behind it, and how fast one portrait is read.

`python -m bench.tags [--customers 100000] [--days 90 360] [--rounds 2]` makes a lake for each length of history: silver
with a card transaction a customer and day and a call a day of every tenth customer, and what was said of the customers
on its last date. Then the same next nights on each, in turn: features.customer_measures, features.customer_tag_values,
gold.customer_tags, gold.customer_portraits.
"""

import argparse
import contextlib
import io
import json
import os
import statistics
import sys
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path

from bench.steps import timed
from bench.worlds import LAST, append, environment
from jobs import measured, prompt, runner
from jobs.lake import Lake
from jobs.session import ensure_server, stop_server
from jobs.settings import Settings, read_settings

STEPS = ("features.customer_measures", "features.customer_tag_values", "gold.customer_tags", "gold.customer_portraits")
OWN_PAST = 6
"""Days of history that are brought a batch each, so that the log looks as nights leave it."""


def main() -> int:
    """Measures and prints; writes .local/bench-tags.json."""
    parser = argparse.ArgumentParser(prog="python -m bench.tags", description=__doc__)
    parser.add_argument("--customers", type=int, default=100_000)
    parser.add_argument("--days", type=int, nargs=2, default=(90, 360), metavar="N", help="lengths of history")
    parser.add_argument("--rounds", type=int, default=2, help="nights that count, after one that does not")
    parsed = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="echolake-bench-") as folder:
        figures = _measured(Path(folder), parsed)
    Path(".local/bench-tags.json").write_text(json.dumps(figures, indent=1))
    return 0


def _measured(folder: Path, parsed: argparse.Namespace) -> dict[str, float]:
    seconds: dict[int, list[float]] = {days: [] for days in parsed.days}
    lakes = {}
    os.environ.update(environment(folder))
    settings = read_settings()
    # A lake has a server of its own by default; here all share one, so that both are equally warm.
    (folder / "conf.yaml").write_text(f"spark: {{remote: '{ensure_server(settings)}'}}")
    os.environ["ECHOLAKE_CONF"] = str(folder / "conf.yaml")
    try:
        for days in parsed.days:
            os.environ.update(environment(folder / str(days)))
            lakes[days] = read_settings()
            took = _history(lakes[days], parsed.customers, days)
            print(f"{days} days of {parsed.customers:,} customers: said of from nothing in {took:.0f} s", flush=True)
        for number in range(1, parsed.rounds + 2):
            for days, of_lake in lakes.items():
                took = _night(of_lake, parsed.customers, LAST + timedelta(days=number))
                print(f"night {number} after {days} days: {took:.1f} s", flush=True)
                seconds[days] += [took] if number > 1 else []
        anew = _night_anew(lakes[parsed.days[0]], LAST + timedelta(days=parsed.rounds + 1))
    finally:
        stop_server(settings)
    portrait = _one_portrait(lakes[parsed.days[0]], parsed.customers)
    return _told(parsed, seconds, anew, portrait)


def _told(
    parsed: argparse.Namespace, seconds: dict[int, list[float]], anew: float, portrait: float
) -> dict[str, float]:
    short, long = (statistics.median(seconds[days]) for days in parsed.days)
    print(f"\nthe tags of a night of {parsed.customers:,} customers after {parsed.days[1]} days: {long:.1f} s")
    print(f"growth from {parsed.days[0]} to {parsed.days[1]} days of history: {long / short:.2f}")
    print(f"measures read anew / rolled on, after {parsed.days[0]} days: {anew:.2f}")
    print(f"one portrait among {parsed.customers:,} by the SQL prompt's reader, warm: {portrait:.3f} s")
    return {"tag_night_seconds": long, "growth": long / short, "anew_to_rolled": anew, "portrait_seconds": portrait}


def _history(settings: Settings, customers: int, days: int) -> float:
    lake = runner.open_lake(settings)
    first = LAST - timedelta(days=days - 1)
    people = lake.spark.range(customers).selectExpr(
        "concat('C', lpad(id, 8, '0')) AS customer_id", "cast(1 + id % 7 AS int) AS star_level",
        "date_sub(DATE'1990-01-01', cast(id % 9000 AS int)) AS birth_date", "DATE'2020-01-01' AS opened_on",
        "concat('t', id) AS phone_token", "if(id % 3 = 0, 'Hunan', 'Hubei') AS region", "id % 2 = 0 AS call_consent",
        f"TIMESTAMP'{first}' AS updated_at", f"DATE'{first}' AS known_on",
    )  # fmt: skip
    append(lake, "silver.customers_versions", people)
    _bring(lake, customers, first, LAST - timedelta(days=OWN_PAST))
    for n in range(OWN_PAST - 1, -1, -1):
        _bring(lake, customers, LAST - timedelta(days=n), LAST - timedelta(days=n))
    return timed(settings, STEPS, LAST)


def _bring(lake: Lake, customers: int, first: date, last: date) -> None:
    days = f"explode(sequence(DATE'{first}', DATE'{last}')) AS event_date"
    spread = "pmod(xxhash64(id, event_date), 1000)"
    base = lake.spark.range(customers).selectExpr("id", "concat('C', lpad(id, 8, '0')) AS customer_id", days)
    spent = base.selectExpr(
        "concat(event_date, '-', id) AS transaction_id", "customer_id", "event_date", "event_date AS known_on",
        f"timestampadd(SECOND, {spread} * 80, cast(event_date AS timestamp)) AS posted_at",
        f"cast({spread} / 3 + 1 AS decimal(18,2)) AS amount", "'CNY' AS currency", "'purchase' AS kind",
        f"concat('category ', {spread} % 12) AS merchant_category",
        f"if({spread} < 900, 'Hunan', 'Hubei') AS merchant_region",
        "'CN' AS merchant_country", f"if({spread} < 400, 'online', 'pos') AS channel", "event_date AS ds",
    )  # fmt: skip
    append(lake, "silver.transactions", spent)
    rang = base.where("pmod(xxhash64(id, event_date, 1), 10) = 0").selectExpr(
        "concat(event_date, '-', id) AS call_id", "customer_id", "'inbound' AS direction", "event_date",
        f"timestampadd(SECOND, {spread} * 80, cast(event_date AS timestamp)) AS started_at",
        f"timestampadd(SECOND, {spread} * 80 + 300, cast(event_date AS timestamp)) AS ended_at",
        "'answered' AS outcome", f"concat('topic ', {spread} % 9) AS topic", "'cards' AS queue",
        "event_date AS known_on", "event_date AS ds",
    )  # fmt: skip
    append(lake, "silver.calls", rang)


def _night(settings: Settings, customers: int, day: date) -> float:
    _bring(runner.open_lake(settings), customers, day, day)
    return timed(settings, STEPS, day)


def _night_anew(settings: Settings, day: date) -> float:
    """How much longer the measures of the date take when nothing of the date before is used."""
    seconds = []
    rolled_from = measured.ROLLED_FROM_ROWS
    for limit in (rolled_from, sys.maxsize):
        measured.ROLLED_FROM_ROWS = limit
        began = time.monotonic()
        runner.run(STEPS[0], [day], "bench", settings)
        seconds.append(time.monotonic() - began)
    measured.ROLLED_FROM_ROWS = rolled_from
    return seconds[1] / seconds[0]


def _one_portrait(settings: Settings, customers: int) -> float:
    """Median seconds of the SQL prompt for one customer, after one that does not count."""
    lake = prompt._Lake(settings.lake)
    seconds = []
    for n in range(6):
        shown = io.StringIO()
        wanted = f"C{n * customers // 7:08}"
        began = time.monotonic()
        with contextlib.redirect_stdout(shown):
            lake.answer(f"SELECT customer_id, * FROM gold.customer_portraits WHERE customer_id = '{wanted}'")
        seconds.append(time.monotonic() - began)
        if wanted not in shown.getvalue():
            raise AssertionError(f"no portrait of {wanted}")
    return statistics.median(seconds[1:])


if __name__ == "__main__":
    sys.exit(main())
