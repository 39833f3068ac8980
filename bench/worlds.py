"""Worlds to measure on: folders with landing, lake and key, and batches of a chosen size, made by DuckDB."""

import os
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.business_dates import dates_between
from jobs.lake import Lake
from jobs.tables import TABLES

LAST = date(2026, 6, 30)


@dataclass(frozen=True)
class Size:
    """Rows of a day, and customers in all."""

    calls: int
    transactions: int
    customers: int


def environment(world: Path) -> dict[str, str]:
    """The variables under which a folder is landing, lake, delivery and model store."""
    return {
        **os.environ,
        "ECHOLAKE_LANDING": str(world / "landing"),
        "ECHOLAKE_LAKE": str(world / "lake"),
        "ECHOLAKE_DELIVERY": str(world / "delivery"),
        "ECHOLAKE_PII_KEY_FILE": str(world / "pseudonym.key"),
        "MLFLOW_TRACKING_URI": f"sqlite:///{world}/mlflow/mlflow.db",
    }


def drop(landing: Path, first: date, last: date, rows: int) -> None:
    """Files of calls and transactions for each day from first to last, as CSV, of few customers."""
    for n, day in enumerate(dates_between(first, last)):
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


def generate(landing: Path, first: date, last: date, size: Size) -> None:
    """Batches of calls, transactions, customers and cards for each day from first to last, as Parquet.

    All customers and cards come on the first, later one in a thousand is changed. A tenth of the
    customers make half of the calls; nine of ten calls say who calls. The same days hold the same rows every time.
    """
    with duckdb.connect() as db:
        db.execute("SET TimeZone = 'UTC'; SET preserve_insertion_order = false")
        for day in dates_between(first, last):
            changed = "true" if day == first else f"hash(n, '{day}') % 1000 = 0"
            for feed, sql in _of_day(day, size, changed).items():
                folder = landing / f"{feed}/ds={day}"
                folder.mkdir(parents=True, exist_ok=True)
                db.execute(f"COPY ({sql}) TO '{folder}/rows.parquet' (FORMAT parquet)")


def _of_day(day: date, size: Size, changed: str) -> dict[str, str]:
    def dice(sides: int, salt: str) -> str:
        return f"CAST(hash(n, '{day} {salt}') % {sides} AS BIGINT)"

    few = max(size.customers // 10, 1)
    who = f"IF({dice(2, 'often')} = 0, {dice(few, 'few')}, {dice(size.customers, 'any')})"
    # Calls come by day, payments around the clock.
    started = f"TIMESTAMP '{day} 06:00:00' + INTERVAL 1 SECOND * {dice(57_600, 'at')}"
    posted = f"TIMESTAMP '{day}' + INTERVAL 1 SECOND * {dice(86_400, 'at')}"
    return {
        "calls": f"""
            WITH spoken AS (
                SELECT n, {who} AS who, {started} AS started_at, {dice(100, "outcome")} AS luck,
                       {dice(600, "talk")} AS talk
                FROM range({size.calls}) t(n))
            SELECT 'K{day}-' || n AS call_id, IF({dice(10, "known")} = 0, NULL, 'C' || who) AS customer_id,
                   '138' || lpad(CAST(who AS VARCHAR), 8, '0') AS caller_number, 'inbound' AS direction,
                   'queue ' || {dice(6, "queue")} AS queue, 'A' || {dice(1000, "agent")} AS agent_id, started_at,
                   started_at AS queued_at,
                   IF(luck < 88, started_at + INTERVAL 1 SECOND * (luck + 5), NULL) AS answered_at,
                   started_at + INTERVAL 1 SECOND * (95 + talk) AS ended_at, {dice(60, "wrap")} AS wrap_seconds,
                   IF(luck < 88, 'answered', 'abandoned') AS outcome, 'topic ' || {dice(12, "topic")} AS topic,
                   luck < 60 AS resolved, {dice(5, "csat")} + 1 AS csat, luck IN (3, 33) AS transferred
            FROM spoken""",
        "transactions": f"""
            SELECT 'T{day}-' || n AS transaction_id, 'C' || {dice(size.customers, "who")} AS customer_id,
                   'D' || {dice(size.customers, "who")} AS card_id, {posted} AS posted_at,
                   CAST({dice(100_000, "amount")} / 100 + 1 AS DECIMAL(18, 2)) AS amount, 'CNY' AS currency,
                   IF({dice(50, "kind")} = 0, 'refund', 'purchase') AS kind, 'posted' AS status,
                   'M' || {dice(5000, "shop")} AS merchant_id, 'category ' || {dice(20, "shop")} AS merchant_category,
                   'CN' AS merchant_country, IF({dice(3, "way")} = 0, 'online', 'pos') AS channel
            FROM range({size.transactions}) t(n)""",
        "customers": f"""
            SELECT 'C' || n AS customer_id, 'Name ' || n AS name, '138' || lpad(CAST(n AS VARCHAR), 8, '0') AS phone,
                   IF(n % 2 = 0, 'f', 'm') AS gender, DATE '1960-01-01' + CAST(n % 15000 AS INTEGER) AS birth_date,
                   'city ' || n % 50 AS city, 'CN' AS country, n % 7 + 1 AS star_level, DATE '2020-01-01' AS opened_on,
                   true AS marketing_consent, true AS call_consent, true AS sms_consent,
                   TIMESTAMP '{day} 01:00:00' AS updated_at
            FROM range({size.customers}) t(n) WHERE {changed}""",
        "cards": f"""
            SELECT 'D' || n AS card_id, 'C' || n AS customer_id, 'card ' || n % 4 AS product,
                   DATE '2020-01-01' AS opened_on, CAST(20000 + n % 9 * 5000 AS DECIMAL(18, 2)) AS credit_limit,
                   'active' AS status, TIMESTAMP '{day} 01:00:00' AS updated_at
            FROM range({size.customers}) t(n) WHERE {changed}""",
    }


def append(lake: Lake, name: str, rows: DataFrame) -> None:
    """Rows of a table that name only some of its columns."""
    table = TABLES[name]
    given = {column: F.col(column) for column in rows.columns} | {"row_hash": F.lit(0).cast("bigint")}
    absent = F.lit(None)
    lake.append(table, rows.select(*(given.get(c.name, absent).cast(c.type).alias(c.name) for c in table.columns)))
