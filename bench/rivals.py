"""The same work in DuckDB and in Polars: gold.repeat_calls of a whole history, from the Parquet of silver.calls.

`python -m bench.rivals duckdb|polars CALLS OUT` prints seconds and peak memory as JSON. Each is a process of its own,
so that its memory is its own.
"""

import argparse
import json
import sys
import time
from pathlib import Path

from jobs.tables.gold import WINDOWS

SQL = """
WITH inbound AS (
    SELECT *, coalesce('c:' || customer_id, 'n:' || caller_token, 'x:' || call_id) AS caller_key
    FROM read_parquet({files}, hive_partitioning = true) WHERE direction = 'inbound'
), before AS (
    SELECT *, lag(call_id) OVER of_caller AS previous_call_id, lag(started_at) OVER of_caller AS previous_at,
           lag(outcome) OVER of_caller AS previous_outcome,
           coalesce(lag(transferred) OVER of_caller
                    AND started_at - lag(ended_at) OVER of_caller < INTERVAL 15 MINUTE, false) AS is_transfer
    FROM inbound WINDOW of_caller AS (PARTITION BY caller_key ORDER BY started_at, call_id)
), around AS (
    SELECT *, IF(is_transfer, NULL, started_at) AS contact_at,
           sum(CAST(previous_at IS NULL OR started_at - previous_at > INTERVAL 7 DAY AS INTEGER))
               OVER (PARTITION BY caller_key ORDER BY started_at, call_id ROWS UNBOUNDED PRECEDING) AS chain
    FROM before
), followed AS (
    SELECT *, min(contact_at) OVER (PARTITION BY caller_key ORDER BY started_at, call_id {later}) AS any_at,
           min(contact_at) OVER (PARTITION BY caller_key, topic ORDER BY started_at, call_id {later}) AS topic_at,
           first_value(call_id) OVER of_chain AS chain_id, row_number() OVER of_chain AS position_in_chain
    FROM around WINDOW of_chain AS (PARTITION BY caller_key, chain ORDER BY started_at, call_id)
)
SELECT call_id, customer_id, caller_key, queue, topic, agent_id, outcome, started_at, event_date, chain_id,
       position_in_chain, previous_call_id, epoch(started_at - previous_at) / 3600 AS hours_since_previous,
       CASE WHEN is_transfer THEN 'transfer' WHEN position_in_chain = 1 THEN 'first' ELSE 'repeat' END AS role,
       position_in_chain > 1 AND previous_outcome IS NOT DISTINCT FROM 'abandoned' AS is_retry, {flags}
FROM followed
"""


def by_duckdb(calls: str, out: str) -> None:
    """Written as Parquet by date, as Echolake does."""
    import duckdb

    flags = [
        f"coalesce({at}_at - started_at <= INTERVAL {hours} HOUR, false) AS repeated_{at}_{window}"
        for at in ("any", "topic")
        for window, hours in WINDOWS.items()
    ]
    flags = [flag.replace("coalesce(topic_at", "topic IS NOT NULL AND coalesce(topic_at") for flag in flags]
    later = "ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING"
    sql = SQL.format(files=_files(calls), later=later, flags=", ".join(flags))
    with duckdb.connect() as db:
        db.execute("SET TimeZone = 'UTC'; SET preserve_insertion_order = false")
        db.execute(f"COPY ({sql}) TO '{out}' (FORMAT parquet, PARTITION_BY (event_date))")


def by_polars(calls: str, out: str) -> None:
    """Collected, then written as Parquet by date."""
    import polars as pl

    minutes, days = pl.duration(minutes=15), pl.duration(days=7)
    read = pl.scan_parquet(_files(calls), hive_partitioning=True).filter(direction="inbound")
    names = ("customer_id", "queue", "topic", "agent_id", "outcome", "started_at", "event_date")
    keyed = read.with_columns(
        caller_key=pl.coalesce("c:" + pl.col("customer_id"), "n:" + pl.col("caller_token"), "x:" + pl.col("call_id"))
    ).sort("caller_key", "started_at", "call_id")
    before = keyed.with_columns(
        pl.col(name).shift(1).over("caller_key").alias(f"previous_{name}")
        for name in ("call_id", "started_at", "ended_at", "outcome", "transferred")
    )
    gap = pl.col("started_at") - pl.col("previous_started_at")
    handed_on = pl.col("previous_transferred") & (pl.col("started_at") - pl.col("previous_ended_at") < minutes)
    marked = before.with_columns(
        is_transfer=handed_on.fill_null(value=False), chain=(gap > days).fill_null(value=True).cum_sum()
    )
    contact_at = pl.when(~pl.col("is_transfer")).then("started_at")
    followed = marked.with_columns(
        any_at=contact_at.shift(-1).backward_fill().over("caller_key"),
        topic_at=contact_at.shift(-1).backward_fill().over("caller_key", "topic"),
        chain_id=pl.col("call_id").first().over("chain"),
        position_in_chain=pl.int_range(1, pl.len() + 1).over("chain"),
    )
    position = pl.col("position_in_chain")
    role = pl.when("is_transfer").then(pl.lit("transfer")).when(position == 1).then(pl.lit("first"))
    flags = {
        f"repeated_{at}_{window}": (pl.col(f"{at}_at") - pl.col("started_at") <= pl.duration(hours=hours)).fill_null(
            value=False
        )
        for at in ("any", "topic")
        for window, hours in WINDOWS.items()
    }
    on_topic = {name: pl.col("topic").is_not_null() & flag for name, flag in flags.items() if "_topic_" in name}
    made = followed.select(
        "call_id", "caller_key", *names, "chain_id", "position_in_chain", "previous_call_id",
        hours_since_previous=gap.dt.total_microseconds() / 3.6e9,
        role=role.otherwise(pl.lit("repeat")),
        is_retry=(position > 1) & pl.col("previous_outcome").eq_missing(pl.lit("abandoned")),
        **(flags | on_topic),
    )  # fmt: skip
    made.collect().write_parquet(out, partition_by="event_date")


def _files(table: str) -> list[str]:
    """The files of the latest version, which are not all that lie in the folder."""
    from deltalake import DeltaTable

    return list(DeltaTable(table).file_uris())


def main() -> int:
    """Runs one of them."""
    parser = argparse.ArgumentParser(prog="python -m bench.rivals", description=__doc__)
    parser.add_argument("engine", choices=["duckdb", "polars"])
    parser.add_argument("calls", help="folder of silver.calls")
    parser.add_argument("out", help="folder that is made")
    parsed = parser.parse_args()
    Path(parsed.out).parent.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    {"duckdb": by_duckdb, "polars": by_polars}[parsed.engine](parsed.calls, parsed.out)
    seconds = time.monotonic() - began
    # Of this program alone: what getrusage tells began before it, with the process that started it.
    held = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:"))
    peak = int(held.split()[1]) / 1024
    sys.stdout.write(json.dumps({"seconds": seconds, "peak_mib": peak}) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
