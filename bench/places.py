"""The same sample week loaded in four places, and whether the same lake comes out: `python -m bench.places`.

The places: a server that Echolake starts (local), a Connect server on a standalone cluster (connect), spark-submit to
that cluster (submit), and a lake on S3 (s3). The lakes are read by delta-rs and DuckDB, and compared row by row.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import yaml
from deltalake import DeltaTable

import sample
from bench import servers
from jobs import storage
from jobs.settings import ROOT, read_settings
from jobs.tables import TABLES, Table

FIRST, LAST = date(2026, 1, 6), date(2026, 1, 12)
"""Long enough for the kinds of repeat callers to be fitted and told."""

PLACES = ("local", "connect", "submit", "s3")
OPERATIONAL = {"loaded_at", "file_modified_at", "row_hash"}
"""Columns that say how a row came, which differ from night to night."""

COMPARED = ("bronze", "quarantine", "silver", "features", "gold")
ON_CLUSTER = {
    "spark.executor.memory": "1g",
    "spark.executor.cores": 1,
    "spark.authenticate": True,
    "spark.network.crypto.enabled": True,
    "spark.io.encryption.enabled": True,
}

Rows = dict[str, list[tuple[Any, ...]]]


def main() -> int:
    """Loads the week in each place and compares; returns 0 where all lakes are the same."""
    parser = argparse.ArgumentParser(prog="python -m bench.places", description=__doc__)
    parser.add_argument("places", nargs="*", metavar="PLACE", help=f"two or more of {', '.join(PLACES)} (default: all)")
    parsed = parser.parse_args()
    if unknown := set(parsed.places) - set(PLACES):
        parser.error(f"no place is called {', '.join(sorted(unknown))}; places are {', '.join(PLACES)}")
    if len(set(parsed.places)) == 1:
        parser.error("one place alone is compared with nothing; name another, or none for all")
    if "s3" in (parsed.places or PLACES) and not servers.has_s3():
        parser.error("s3 needs a server of S3; make s3 fetches one")
    with tempfile.TemporaryDirectory(prefix="echolake-places-") as name:
        folder = Path(name)
        sample.write(folder / "landing", FIRST, LAST)
        lakes: dict[str, Rows] = {}
        chosen = parsed.places or PLACES
        for place in chosen:
            with at(place, folder) as environment:
                began = time.monotonic()
                run(environment, "load", "--from", str(FIRST), "--to", str(LAST))
                lakes[place] = read(environment)
                _say(place, lakes[place], time.monotonic() - began)
    first, *others = chosen
    differing = [line for place in others for line in differences(lakes[first], lakes[place], f"{first}, {place}")]
    sys.stdout.write("\n".join(differing or ["every table is the same to the row in all places"]) + "\n")
    return 1 if differing else 0


@contextmanager
def at(place: str, folder: Path) -> Iterator[dict[str, str]]:
    """The environment of a night in that place, whose servers run meanwhile; all places share landing and key."""
    home = folder / place
    home.mkdir()
    environment = {
        **os.environ,
        "ECHOLAKE_CONF": str(home / "conf.yaml"),
        "ECHOLAKE_LANDING": str(folder / "landing"),
        "ECHOLAKE_LAKE": str(home / "lake"),
        "ECHOLAKE_DELIVERY": str(home / "delivery"),
        "ECHOLAKE_PII_KEY_FILE": str(folder / "pseudonym.key"),
        "MLFLOW_TRACKING_URI": f"sqlite:///{home}/mlflow/mlflow.db",
    }
    with ExitStack() as started:
        spark: dict[str, Any] = {"remote": "local"}
        if place in ("connect", "submit"):
            master, secret = started.enter_context(servers.spark_cluster(home / "cluster"))
            environment["_SPARK_AUTH_SECRET"] = secret
            spark = {"remote": "classic", "conf": {"spark.master": master, **ON_CLUSTER}}
        if place == "connect":
            _configure(home, spark)
            with acting_as(environment):
                address, token = started.enter_context(servers.connect_server(read_settings(), home / "connect"))
            spark = {"remote": address}
            environment["SPARK_CONNECT_AUTHENTICATE_TOKEN"] = token
        if place == "s3":
            server = started.enter_context(servers.s3(home / "s3"))
            environment |= {**server.environment, "ECHOLAKE_LAKE": f"s3a://{server.bucket}/lake"}
        _configure(home, spark)
        yield environment


def run(environment: dict[str, str], *arguments: str) -> None:
    """A command of `python -m jobs` in a place, to its end."""
    subprocess.run([sys.executable, "-m", "jobs", *arguments], env=environment, cwd=ROOT, check=True)


def read(environment: dict[str, str], tables: Sequence[str] = ()) -> Rows:
    """The business columns of the tables of a lake (default: all that hold any), as delta-rs and DuckDB read them."""
    with acting_as(environment), duckdb.connect() as db:
        db.execute("SET TimeZone = 'UTC'")
        root = storage.opened(environment["ECHOLAKE_LAKE"])
        found: Rows = {}
        for table in TABLES.values():
            path = f"{root}/{table.layer}/{table.short_name}"
            is_wanted = table.name in tables if tables else table.layer in COMPARED
            if not is_wanted or not DeltaTable.is_deltatable(path):
                continue
            db.register("rows_of_table", DeltaTable(path).to_pyarrow_dataset())
            columns = ", ".join(f'"{column}"' for column in _columns(table))
            found[table.name] = db.execute(f"SELECT {columns} FROM rows_of_table ORDER BY ALL").fetchall()
        return found


def differences(one: Rows, other: Rows, between: str) -> list[str]:
    """A line for each table that is not the same in both lakes."""
    lines = []
    for name in sorted({*one, *other}):
        left, right = one.get(name), other.get(name)
        if left == right:
            continue
        if left is None or right is None:
            lines.append(f"{between}: {name} is in one of them alone")
            continue
        apart = [(a, b) for a, b in zip(left, right, strict=False) if a != b]
        columns = _columns(TABLES[name])
        where = dict.fromkeys(c for a, b in apart for c, x, y in zip(columns, a, b, strict=False) if x != y)
        same = f"{len(left) - len(apart)} of them the same; apart in {', '.join(where)}"
        lines.append(f"{between}: {name} has {len(left)} and {len(right)} rows, {same}")
    return lines


def _columns(table: Table) -> list[str]:
    return [column.name for column in table.columns if column.name not in OPERATIONAL]


def _configure(home: Path, spark: dict[str, Any]) -> None:
    (home / "conf.yaml").write_text(yaml.safe_dump({"spark": spark}))


@contextmanager
def acting_as(environment: dict[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(environment)
    read_settings.__globals__["_read"].cache_clear()
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _say(place: str, lake: Rows, seconds: float) -> None:
    rows = sum(len(each) for each in lake.values())
    sys.stdout.write(f"{place}: {len(lake)} tables, {rows:,} rows, {seconds:.0f} s\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
