"""Echolake's repeat calls against DuckDB and Polars over the same Parquet, in one run, and whether all say the same."""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
from deltalake import DeltaTable

from bench.memory import Peak
from jobs import runner
from jobs.session import ensure_server, stop_server
from jobs.settings import read_settings

TOLD = (
    "call_id, caller_key, chain_id, CAST(position_in_chain AS BIGINT), previous_call_id, role, is_retry, "
    "CAST(round(hours_since_previous * 3600) AS BIGINT), "
    + ", ".join(f"repeated_{which}_{window}" for which in ("any", "topic") for window in ("24h", "72h", "7d", "30d"))
)  # fmt: skip
RIVALS = ("duckdb", "polars")
STEP, ALONG = "gold.repeat_calls", "silver.caller_history"


@dataclass(frozen=True)
class Took:
    """What making repeat calls of a whole history took."""

    engine: str
    rows: int
    seconds: float
    peak_mib: float


def whole_history(world: Path, day: date, rivals: Sequence[str] = RIVALS) -> list[Took]:
    """Repeat calls of all calls of the lake made anew: by Echolake and its rivals, of which DuckDB is one.

    Raises:
        AssertionError: two of them do not say the same of every call.
    """
    settings = read_settings()
    calls, gold = f"{settings.lake}/silver/calls", Path(settings.lake, "gold/repeat_calls")
    made = [_echolake(day, gold)]
    for engine in rivals:
        out = world / f"by-{engine}"
        shutil.rmtree(out, ignore_errors=True)
        ran = subprocess.run(
            [sys.executable, "-m", "bench.rivals", engine, calls, str(out)],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        figures = json.loads(ran.stdout)
        _demand_the_same(gold, out, engine)
        made.append(Took(engine, made[0].rows, figures["seconds"], figures["peak_mib"]))
        shutil.rmtree(out)
    return made


def tell(compared: list[Took], of_a_night: float) -> dict[str, Any]:
    """Prints them next to DuckDB, with the seconds of a night's update; returns all as figures."""
    of_duckdb = next(took for took in compared if took.engine == "duckdb")
    print(f"\nrepeat calls of the whole history, {of_duckdb.rows:,} calls, from the same Parquet, written as Parquet")
    print(f"{'':<24}{'seconds':>10}{'peak MiB':>10}{'to DuckDB':>11}{'memory':>8}")
    for took in compared:
        ratio, memory = took.seconds / of_duckdb.seconds, took.peak_mib / of_duckdb.peak_mib
        print(f"{took.engine:<24}{took.seconds:>10.1f}{took.peak_mib:>10,.0f}{ratio:>11.2f}{memory:>8.2f}")
    ratio = of_a_night / of_duckdb.seconds
    print(f"{'echolake, of a night':<24}{of_a_night:>10.1f}{'':>10}{ratio:>11.2f}")
    return {
        "repeat_calls": [asdict(took) for took in compared],
        "nightly_update_seconds": of_a_night,
        "nightly_update_to_duckdb": ratio,
    }


def _echolake(day: date, gold: Path) -> Took:
    """On a server that is up, as in a night, but has made nothing yet."""
    settings = read_settings()
    for name in (STEP, ALONG):
        shutil.rmtree(Path(settings.lake, *name.split(".")), ignore_errors=True)
    ensure_server(settings)
    try:
        with Peak(settings) as peak:
            began = time.monotonic()
            rows = runner.run(STEP, [day], "bench", settings).rows
            seconds = time.monotonic() - began
    finally:
        stop_server(settings)
    if not gold.exists() or not rows:
        raise AssertionError(f"expected {STEP} to be made, found no row")
    return Took("echolake", rows, seconds, peak.mib)


def _demand_the_same(gold: Path, out: Path, engine: str) -> None:
    with duckdb.connect() as db:
        prints = [
            db.execute(f"SELECT count(*), sum(hash({TOLD})::HUGEINT) FROM read_parquet({files})").fetchone()
            for files in (DeltaTable(str(gold)).file_uris(), f"'{out}/*/*.parquet'")
        ]
    if prints[0] != prints[1]:
        raise AssertionError(f"expected Echolake and {engine} to say the same of every call, found {prints}")
