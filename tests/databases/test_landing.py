"""Feeds from a real PostgreSQL: what a batch is, what a rerun keeps, and what happens when the database has trouble."""

import json
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from threading import Thread, Timer
from typing import Any
from urllib.parse import quote

import psycopg
import pytest

from chaos.postgres import PASSWORD, READER, Postgres
from jobs import databases, dialects, loading, ranges, runner, upkeep
from jobs.database_settings import Jdbc
from jobs.errors import DataError, SourceUnavailableError
from jobs.settings import read_settings
from jobs.source_settings import Source
from jobs.tables import nightly
from tests.conftest import World

pytestmark = pytest.mark.spark
DAY, NEXT = "2026-01-05", "2026-01-06"
TABLE = """CREATE TABLE spent (id bigint PRIMARY KEY, customer text, at timestamptz, amount numeric, currency text DEFAULT
    'CNY', kind text DEFAULT 'purchase', updated_at timestamptz, local_at timestamp, extra jsonb)"""
QUERY = """SELECT id AS transaction_id, customer AS customer_id, at AS posted_at, amount, currency, kind, updated_at
    FROM spent"""
LIMIT = {"share": 1.0, "rows": 1_000_000}
Feed = Callable[..., None]


@pytest.fixture
def feed(world: World, postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> Feed:
    """Sets the source of transactions; the password comes by the environment."""
    monkeypatch.setenv("BANK_PASSWORD", PASSWORD)
    connection = {
        "url": f"jdbc:postgresql://127.0.0.1:{postgres.port}/bank", "user": READER, "password_env": "BANK_PASSWORD",
    }  # fmt: skip

    def configure(
        query: str = QUERY,
        connections: dict[str, Any] | None = None,
        optional: bool = False,
        name: str = "transactions",
        where: str | None = None,
        **jdbc: Any,
    ) -> None:
        source = {"jdbc": {"connection": "bank", "query": query, **jdbc}, "optional": optional, "where": where}
        given = {"bank": connection} if connections is None else connections
        world.configure(time_zone="Asia/Shanghai", connections=given, feeds={name: source})

    postgres.execute(TABLE, database="bank")
    return configure


def spend(postgres: Postgres, *rows: tuple[Any, ...]) -> None:
    values = ", ".join("(" + ", ".join("NULL" if v is None else f"'{v}'" for v in row) + ")" for row in rows)
    postgres.execute(f"INSERT INTO spent (id, customer, at, amount, updated_at) VALUES {values}", database="bank")


def account(world: World, *days: str) -> list[tuple[Any, ...]]:
    return [
        (str(b.ds), b.file, b.rows_in, b.rows_landed, b.rows_quarantined) for b in world.land("transactions", *days)
    ]


def landed(world: World) -> list[tuple[Any, ...]]:
    return world.rows("bronze.transactions", "ds", "transaction_id", "amount", order="ds, transaction_id")


def test_the_rows_whose_watermark_lies_in_the_date_are_its_batch(world: World, postgres: Postgres, feed: Feed) -> None:
    feed(watermark="updated_at", overlap_hours=0)
    at = "2026-01-05 10:00:00+08"
    spend(
        postgres,
        (1, "C1", at, "12.50", "2026-01-04 23:59:59.999+08"),
        (2, "C1", at, "12.50", "2026-01-05 00:00:00+08"),
        (3, "C2", at, "99999999.99", "2026-01-05 23:59:59.999999+08"),
        (4, "C2", at, "-1", "2026-01-06 00:00:00+08"),
        (5, "C3", "2026-01-05 02:00:00+00", "0.10", "2026-01-05 12:00:00+00"),
    )
    assert account(world, DAY) == [(DAY, "jdbc:bank/transactions", 3, 3, 0)]
    assert [(row[1], str(row[2])) for row in landed(world)] == [("2", "12.50"), ("3", "99999999.99"), ("5", "0.10")]
    [(posted,)] = world.rows("bronze.transactions", "DISTINCT CAST(posted_at AS VARCHAR)")
    assert posted.startswith("2026-01-05 02:00:00")


def test_a_watermark_may_be_a_date_of_the_business_and_names_are_the_same_in_any_case(
    world: World, postgres: Postgres, feed: Feed
) -> None:
    query = QUERY.replace("updated_at", "updated_at::date AS booked_on") + " -- of cards"
    feed(query=query, watermark="Booked_On", overlap_hours=0)
    rows = [(n, "C1", "2026-01-05 10:00:00+08", 1, f"2026-01-0{4 + n} 12:00:00+08") for n in range(3)]
    spend(postgres, *rows)
    assert account(world, DAY)[0][2:] == (1, 1, 0)
    assert [row[2:] for row in account(world, DAY, NEXT)] == [(1, 1, 0)] * 2
    feed(query=query, watermark="Booked_On", overlap_hours=3)
    assert [row[2:] for row in account(world, DAY, NEXT)] == [(2, 2, 0)] * 2


def test_a_watermark_that_is_a_date_is_found_however_the_database_writes_dates(
    world: World, postgres: Postgres, feed: Feed
) -> None:
    postgres.execute("ALTER DATABASE bank SET DateStyle = 'German'", database="bank")
    try:
        feed(query=QUERY.replace("updated_at", "updated_at::date AS booked_on"), watermark="booked_on")
        spend(postgres, (1, "C1", "2026-01-05 10:00:00+08", 1, "2026-01-05 12:00:00+08"))
        assert account(world, DAY)[0][2:] == (1, 1, 0)
    finally:
        postgres.execute("ALTER DATABASE bank RESET DateStyle", database="bank")


def test_a_row_that_came_late_is_in_the_overlap_of_the_next_batch(world: World, postgres: Postgres, feed: Feed) -> None:
    feed(watermark="updated_at", overlap_hours=1, optional=True)
    spend(postgres, (1, "C1", "2026-01-05 23:00:00+08", 1, "2026-01-05 23:10:00+08"))
    assert account(world, NEXT)[0][2:] == (1, 1, 0)
    assert str(landed(world)[0][0]) == NEXT


def test_a_row_that_was_updated_since_stays_in_the_batch_that_read_it(
    world: World, postgres: Postgres, feed: Feed
) -> None:
    feed(watermark="updated_at", overlap_hours=0)
    for id_ in (1, 2):
        spend(postgres, (id_, "C1", "2026-01-05 10:00:00+08", 1, "2026-01-05 10:00:00+08"))
    account(world, DAY)
    postgres.execute("UPDATE spent SET amount = 7, updated_at = '2026-01-06 09:00:00+08' WHERE id = 1", database="bank")
    assert account(world, NEXT)[0][2:] == (1, 1, 0)
    before = landed(world)
    assert account(world, DAY)[0][2:] == (2, 2, 0)
    assert landed(world) == before
    assert [(str(ds), id_, int(amount)) for ds, id_, amount in before] == [(DAY, "1", 1), (DAY, "2", 1), (NEXT, "1", 7)]


def test_a_history_loads_in_one_pass_as_nights_do(world: World, postgres: Postgres, feed: Feed) -> None:
    spend(
        postgres,
        *(
            (n, f"C{n % 7}", f"2026-01-0{5 + n % 3} 10:00:00+08", n, f"2026-01-0{5 + n % 3} 1{n % 10}:00:00+08")
            for n in range(60)
        ),
    )
    days = [DAY, NEXT, "2026-01-07"]
    feed(watermark="updated_at", overlap_hours=8)
    account(world, *days)
    with_overlap = landed(world)
    for day in days:
        account(world, day)
        assert landed(world) == with_overlap
    assert len(with_overlap) > 60
    feed(query=QUERY + " WHERE false AND '{ds}' = ''", optional=True)
    account(world, *days)
    feed(watermark="updated_at", overlap_hours=0)
    assert [row[2:] for row in account(world, *days)] == [(20, 20, 0)] * 3
    at_once = landed(world)
    asked = QUERY + " WHERE updated_at >= '{begins_at}' AND updated_at < '{ends_at}'"
    feed(query=asked)
    for day in days:
        assert account(world, day)[0][2:] == (20, 20, 0)
    assert landed(world) == at_once
    feed(query=QUERY + " WHERE (updated_at AT TIME ZONE 'Asia/Shanghai')::date = '{ds}'")
    assert [row[2:] for row in account(world, *days)] == [(20, 20, 0)] * 3
    assert landed(world) == at_once


def test_a_load_that_its_gate_refused_reads_the_mended_database(
    world: World, postgres: Postgres, feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = [table for table in nightly() if table.layer == "bronze" or table.name == "silver.transactions"]
    monkeypatch.setattr(ranges, "nightly", lambda: few)
    monkeypatch.setattr(loading, "DATABASE_DAYS", 1)
    for day in (DAY, NEXT):
        world.drop("calls", day, "call_id,direction,started_at,ended_at,outcome\n")
    nobodys = [(n, None, f"{DAY} 10:00:00+08", n, f"{DAY} 11:00:00+08") for n in range(11)]
    spend(postgres, *nobodys, (11, "C1", f"{NEXT} 10:00:00+08", 1, f"{NEXT} 11:00:00+08"))
    feed(watermark="updated_at", overlap_hours=0)

    def load() -> None:
        ranges.load(date.fromisoformat(DAY), date.fromisoformat(NEXT), "load", lambda _: None)

    with pytest.raises(DataError, match="11 of 11 rows quarantined"):
        load()
    postgres.execute("UPDATE spent SET customer = 'C2' WHERE customer IS NULL", database="bank")
    load()
    spent = world.rows("silver.transactions", "customer_id", "ds", "count(*) OVER (PARTITION BY ds)")
    assert sorted(set(spent)) == [("C1", date(2026, 1, 6), 1), ("C2", date(2026, 1, 5), 11)]


def test_several_connections_see_one_moment(world: World, postgres: Postgres, feed: Feed) -> None:
    """While rows move from one stretch to another, each is read once."""
    postgres.execute("ALTER TABLE spent ADD COLUMN number int", database="bank")
    query = QUERY.replace("updated_at", "updated_at, number")
    feed(query=query, watermark="updated_at", overlap_hours=0, partition_column="number", partitions=8)
    rows = [(n, "C1", "2026-01-05 10:00:00+08", 1, "2026-01-05 10:00:00+08") for n in range(400)]
    spend(postgres, *rows)
    postgres.execute("UPDATE spent SET number = id", database="bank")
    going = True

    def move() -> None:
        step = 0
        while going:
            step += 1
            sign = 1 if step % 2 else -1
            postgres.execute(f"UPDATE spent SET number = number + {sign * 10_000} WHERE id % 2 = 0", database="bank")

    sessions = "SELECT sessions FROM pg_stat_database WHERE datname = 'bank'"
    [(before,)] = postgres.execute(sessions)
    account(world, DAY)
    [(after,)] = postgres.execute(sessions)
    assert after - before >= 8, "a connection for each stretch"
    mover = Thread(target=move)
    mover.start()
    try:
        for _ in range(4):
            assert account(world, DAY)[0][2:4] == (400, 400)
    finally:
        going = False
        mover.join()


def test_every_type_comes_as_its_text_whatever_the_session(world: World, postgres: Postgres, feed: Feed) -> None:
    postgres.execute("ALTER TABLE spent ALTER amount TYPE text", database="bank")
    feed(
        query="""SELECT id, customer, local_at AS posted_at, amount, extra, true AS yes, '\\xff00'::bytea AS raw,
            ARRAY[DATE '2026-01-05'] AS several, DATE '2026-01-05' AS dated, currency, kind, updated_at FROM spent""",
        watermark="updated_at",
    )
    world_feed = json.loads(json.dumps({"transaction_id": "id", "customer_id": "extra:who"}))
    source = {
        "jdbc": {
            "connection": "bank", "watermark": "updated_at",
            "query": "SELECT id, local_at AS posted_at, amount, extra, currency, kind, updated_at, '\\xff'::bytea AS merchant_id,"
            " DATE '2026-01-05' AS merchant_city, true AS merchant_region, ARRAY[DATE '2026-01-05'] AS merchant_category FROM spent",
        },
        "columns": {**world_feed, "customer_id": "get_json_object(extra, '$.who')"},
        "quarantine": LIMIT,
    }  # fmt: skip
    connection = {
        "url": f"jdbc:postgresql://127.0.0.1:{postgres.port}/bank", "user": READER, "password_env": "BANK_PASSWORD",
    }  # fmt: skip
    world.configure(time_zone="Asia/Shanghai", connections={"bank": connection}, feeds={"transactions": source})
    postgres.execute(
        """INSERT INTO spent (id, local_at, amount, extra, updated_at) VALUES
            (1, '2026-01-05 10:00:00', '12.5', '{"who": "C1"}', '2026-01-05 10:00:00+08'),
            (2, '2026-01-05 10:00:00', 'much', '{"who": "C1"}', '2026-01-05 10:00:00+08')""",
        database="bank",
    )
    assert account(world, DAY) == [(DAY, "jdbc:bank/transactions", 2, 1, 1)]
    columns = ("CAST(posted_at AS VARCHAR)", "merchant_id", "merchant_city", "merchant_region", "merchant_category")
    [row] = world.rows("bronze.transactions", *columns)
    assert row[0].startswith("2026-01-05 02:00:00"), "a time without a zone is one of the source's"
    assert row[1:] == ("ff", "2026-01-05", "true", "{2026-01-05}")
    [(column, reason)] = world.rows("quarantine.transactions", '"column"', "reason")
    assert (column, reason) == ("amount", "'xxxx' is no decimal(18,2)")


def test_rows_without_a_watermark_are_set_aside_and_not_forgotten(world: World, postgres: Postgres, feed: Feed) -> None:
    feed(watermark="updated_at")
    spend(
        postgres,
        (1, "C1", "2026-01-05 10:00:00+08", 1, None),
        (2, "C1", "2026-01-05 10:00:00+08", 1, "2026-01-05 10:00+08"),
    )
    assert sorted(account(world, DAY)) == [
        (DAY, "jdbc:bank/transactions", 1, 1, 0), ("None", "jdbc:bank/transactions", 1, 0, 1),
    ]  # fmt: skip


def test_a_row_that_is_broken_by_now_takes_the_place_of_what_it_was(
    world: World, postgres: Postgres, feed: Feed
) -> None:
    feed(watermark="updated_at")
    spend(
        postgres,
        (1, "C1", "2026-01-05 10:00:00+08", 1, "2026-01-05 10:00+08"),
        (2, "C1", "2026-01-05 10:00:00+08", 1, "2026-01-05 10:00+08"),
    )
    assert account(world, DAY) == [(DAY, "jdbc:bank/transactions", 2, 2, 0)]
    postgres.execute("UPDATE spent SET kind = 'nonsense' WHERE id = 1", database="bank")
    assert account(world, DAY) == [(DAY, "jdbc:bank/transactions", 2, 1, 1)]
    assert [row[1] for row in landed(world)] == ["2"]


def test_a_mended_where_takes_back_what_is_not_ours_and_leaves_what_has_moved_on(
    world: World, postgres: Postgres, feed: Feed
) -> None:
    feed(watermark="updated_at", where="customer_id <> 'C3'")
    spend(
        postgres,
        *((n, f"C{n}", "2026-01-05 10:00:00+08", 1, "2026-01-05 10:00+08") for n in (1, 2, 3, 4)),
    )
    assert account(world, DAY) == [(DAY, "jdbc:bank/transactions", 3, 3, 0)]
    postgres.execute("UPDATE spent SET updated_at = '2026-01-08 10:00+08' WHERE id = 4", database="bank")
    feed(watermark="updated_at", where="customer_id NOT IN ('C2', 'C3')")
    assert account(world, DAY) == [(DAY, "jdbc:bank/transactions", 2, 2, 0)]
    assert [row[1] for row in landed(world)] == ["1", "4"]


def test_an_empty_date_is_an_empty_batch_of_an_optional_feed_alone(
    world: World, postgres: Postgres, feed: Feed
) -> None:
    feed(watermark="updated_at", optional=True)
    assert account(world, DAY) == [(DAY, "jdbc:bank/transactions", 0, 0, 0)]
    feed(watermark="updated_at")
    with pytest.raises(SourceUnavailableError, match=f"transactions {DAY}: no row"):
        account(world, DAY)
    # A standby that lags has the day before, with what overlaps, and not yet the one that is asked for.
    spend(postgres, (1, "C1", "2026-01-05 10:00:00+08", 1, "2026-01-05 23:30:00+08"))
    for days in ([DAY, NEXT], [NEXT]):
        with pytest.raises(SourceUnavailableError, match=f"transactions {NEXT}: no row"):
            account(world, *days)
    assert account(world, DAY)[0][2:] == (1, 1, 0)
    # What was read once may have moved on since.
    postgres.execute("UPDATE spent SET updated_at = '2026-01-09 00:00:00+08'", database="bank")
    assert account(world, DAY)[0][2:] == (1, 1, 0)


def test_a_query_without_a_date_tells_of_the_latest_alone(world: World, postgres: Postgres, feed: Feed) -> None:
    feed()
    spend(postgres, (1, "C1", "2026-01-05 10:00:00+08", 1, None))
    world.land_and_record("transactions", DAY)
    spend(postgres, (2, "C1", "2026-01-06 10:00:00+08", 1, None))
    file = "jdbc:bank/transactions"
    assert account(world, DAY, NEXT, "2026-01-07") == [
        (DAY, file, 1, 1, 0), (NEXT, None, 0, 0, 0), ("2026-01-07", file, 2, 2, 0),
    ]  # fmt: skip
    assert [f"{DAY} to {NEXT}: left as it stands" in line for line in world.warnings] == [True]
    before = landed(world)
    assert [(str(ds), id_) for ds, id_, _ in before] == [(DAY, "1"), ("2026-01-07", "1"), ("2026-01-07", "2")]
    spend(postgres, (3, "C1", "2026-01-07 10:00:00+08", 1, None))
    assert account(world, DAY) == [(DAY, file, 1, 1, 0)]
    assert landed(world) == before


@pytest.mark.parametrize("watermark", ["updated_at", "updated_on"])
def test_the_first_batch_of_what_lives_on_brings_all_that_was_there(
    world: World, postgres: Postgres, feed: Feed, watermark: str
) -> None:
    feed()
    changed = ["2019-03-01", "2026-01-05", "2026-01-06", "2026-01-07"]
    spend(postgres, *((n, f"C{n}", f"{day} 10:00+08", 1, f"{day} 12:00+08") for n, day in enumerate(changed)))
    query = "SELECT customer AS customer_id, updated_at, (updated_at + interval '8 h')::date AS updated_on FROM spent"
    feed(query=query, name="customers", watermark=watermark, overlap_hours=0)

    def people() -> list[tuple[str, str]]:
        rows = world.rows("bronze.customers", "CAST(ds AS VARCHAR)", "customer_id", order="ds, customer_id")
        return [(ds, id_) for ds, id_ in rows]

    told = [(DAY, "C0"), (DAY, "C1"), (NEXT, "C2")]
    assert [batch.rows_landed for batch in world.land("customers", DAY, NEXT)] == [2, 1]
    assert people() == told
    world.land("customers", "2026-01-07")
    told = [*told, ("2026-01-07", "C3")]
    assert people() == told
    for day in (DAY, NEXT, "2026-01-07"):
        world.land("customers", day)
        assert people() == told


def test_who_has_not_changed_is_not_closed_for_being_absent() -> None:
    whole = {"connection": "bank", "query": "SELECT * FROM customers"}
    assert Source.model_validate({"jdbc": whole, "delivery": "snapshot"}).delivery == "snapshot"
    with pytest.raises(ValueError, match="a watermark brings what has changed"):
        Source.model_validate({"jdbc": {**whole, "watermark": "updated_at"}, "delivery": "snapshot"})


def test_an_airflow_connection_is_found_by_its_name(
    world: World, postgres: Postgres, feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed(connections={}, watermark="updated_at")
    spend(postgres, (1, "C1", "2026-01-05 10:00:00+08", 1, "2026-01-05 10:00:00+08"))
    where = f"127.0.0.1:{postgres.port}/bank"
    as_json = {
        "conn_type": "postgres", "host": "127.0.0.1", "port": postgres.port, "schema": "bank", "login": READER,
        "password": PASSWORD,
    }  # fmt: skip
    for given in (f"postgres://{READER}:{quote(PASSWORD, safe='')}@{where}?sslmode=prefer", json.dumps(as_json)):
        monkeypatch.setenv("AIRFLOW_CONN_BANK", given)
        assert account(world, DAY)[0][2:] == (1, 1, 0)


def test_an_airflow_connection_keeps_its_tls_whatever_else_its_extra_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    safe = {"sslmode": "verify-full", "sslrootcert": "/etc/ssl/bank.pem"}
    extra = json.dumps({**safe, "keepalives_idle": 30, "iam": False})
    as_json = {"conn_type": "postgres", "host": "db", "schema": "bank", "extra": extra}
    # As Airflow writes the URI of an extra with values that are no texts.
    for given in (f"postgres://db/bank?__extra__={quote(extra)}", json.dumps(as_json)):
        monkeypatch.setenv("AIRFLOW_CONN_BANK", given)
        assert databases.address_of("bank", read_settings()).parameters.items() >= safe.items()
    monkeypatch.setenv("AIRFLOW_CONN_BANK", "postgres://db/bank?__extra__=verify-full")
    with pytest.raises(DataError, match="no JSON object"):
        databases.address_of("bank", read_settings())


@pytest.mark.parametrize(
    "given",
    [
        "postgresql://echolake:se/cret@db/bank", "oracle://echolake:se-cret@db/bank", "postgresql://echolake:se-cret@db",
        '{"conn_type": "postgres", "host": "db", "schema": "bank", "port": "x", "password": "se-cret"}', "{se-cret",
        "postgresql://echolake:se-cret@db/bank%3FsocketFactory=evil.Factory", "postgresql://u:se-cret@db%2Fx%3Fa=b/bank",
        '{"conn_type": "postgres", "host": "db/x?socketFactory=evil", "schema": "bank", "password": "se-cret"}',
        '{"conn_type": "postgres", "host": "db", "schema": "bank?loggerFile=/lake/x", "password": "se-cret"}',
    ],
)  # fmt: skip
def test_a_connection_that_cannot_be_one_is_said_without_its_password(
    world: World, feed: Feed, monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    feed(connections={}, watermark="updated_at")
    monkeypatch.setenv("AIRFLOW_CONN_BANK", given)
    with pytest.raises(DataError, match="connection bank") as error:
        account(world, DAY)
    assert "cret" not in str(error.value)
    assert error.value.__cause__ is None
    monkeypatch.delenv("AIRFLOW_CONN_BANK")
    with pytest.raises(DataError, match="or an Airflow connection of that id"):
        account(world, DAY)


def test_tls_is_asked_for_and_the_server_is_known_by_its_certificate(
    world: World, postgres: Postgres, feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    postgres.execute("DROP TABLE IF EXISTS spent", TABLE, database="secret")
    connection = {
        "url": f"jdbc:postgresql://127.0.0.1:{postgres.port}/secret", "user": READER, "password_env": "BANK_PASSWORD",
    }  # fmt: skip
    safe = {"sslmode": "verify-full", "sslrootcert": str(postgres.certificate)}
    feed(connections={"bank": {**connection, "parameters": safe}}, watermark="updated_at", optional=True)
    assert account(world, DAY)[0][2] == 0
    for parameters in ({"sslmode": "disable"}, {"sslmode": "verify-full", "sslrootcert": "/nowhere.crt"}):
        feed(connections={"bank": {**connection, "parameters": parameters}}, watermark="updated_at")
        with pytest.raises(SourceUnavailableError):
            account(world, DAY)


def test_a_key_of_the_reader_is_one_that_both_drivers_can_read(postgres: Postgres, tmp_path: Path) -> None:
    certificate, pem, der = (str(tmp_path / name) for name in ("reader.crt", "reader.key", "reader.pk8"))
    made = ["req", "-new", "-x509", "-nodes", "-subj", "/CN=reader", "-out", certificate, "-keyout", pem]
    turned = ["pkcs8", "-topk8", "-nocrypt", "-in", pem, "-outform", "DER", "-out", der]
    for arguments in (made, turned):
        subprocess.run(["openssl", *arguments], check=True, stderr=subprocess.DEVNULL)
    Path(der).chmod(0o600)
    address = databases.Address("bank", "postgresql", "127.0.0.1", postgres.port, "secret", READER, PASSWORD)
    parameters = {"sslmode": "require", "sslcert": certificate}
    jdbc = Jdbc(connection="bank", query="SELECT 1")
    with dialects.opened(replace(address, parameters={**parameters, "sslkey": der}), jdbc, "UTC") as snapshot:
        assert snapshot.holds("SELECT 1")
    of_pem = replace(address, parameters={**parameters, "sslkey": pem})
    with pytest.raises(DataError, match="-outform DER"), dialects.opened(of_pem, jdbc, "UTC"):
        pass


def test_a_database_that_is_down_is_said_and_the_batch_stands(world: World, postgres: Postgres, feed: Feed) -> None:
    feed(watermark="updated_at", connect_seconds=2)
    spend(postgres, (1, "C1", "2026-01-05 10:00:00+08", 1, "2026-01-05 10:00:00+08"))
    account(world, DAY)
    before = landed(world)
    postgres.stop()
    try:
        with pytest.raises(SourceUnavailableError, match="the database bank does not answer") as told:
            account(world, DAY)
    finally:
        postgres.start()
    assert PASSWORD not in str(told.value)
    assert landed(world) == before


def test_a_database_that_dies_or_stalls_while_it_is_read_leaves_the_batch(
    world: World, postgres: Postgres, feed: Feed
) -> None:
    feed(watermark="updated_at", overlap_hours=0)
    spend(postgres, (1, "C1", "2026-01-05 10:00:00+08", 1, "2026-01-05 10:00:00+08"))
    account(world, DAY)
    before = landed(world)
    slow = QUERY.replace("amount,", "amount + 0 * length(pg_sleep(0.4)::text) AS amount,")
    spend(postgres, *((n, "C1", "2026-01-05 10:00:00+08", 1, f"2026-01-05 1{n % 10}:00:00+08") for n in range(2, 22)))
    feed(query=slow, watermark="updated_at", overlap_hours=0, statement_seconds=1)
    with pytest.raises(SourceUnavailableError, match="database"):
        account(world, DAY)
    feed(query=slow, watermark="updated_at", overlap_hours=0)
    Timer(2.5, postgres.stop).start()
    try:
        with pytest.raises(SourceUnavailableError, match="database"):
            account(world, DAY)
    finally:
        postgres.start()
    assert landed(world) == before


def test_a_connection_that_is_cut_off_after_the_rows_were_read_fails_no_batch(postgres: Postgres) -> None:
    address = databases.Address("bank", "postgresql", "127.0.0.1", postgres.port, "bank", READER, PASSWORD)
    with dialects.opened(address, Jdbc(connection="bank", query="SELECT 1"), "UTC") as snapshot:
        assert snapshot.holds("SELECT 1")
        ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'echolake'"
        assert postgres.execute(ended) == [(True,)]


def test_a_reader_that_pauses_is_not_cut_off_and_what_a_function_raises_is_not_told(postgres: Postgres) -> None:
    postgres.execute("ALTER DATABASE bank SET idle_in_transaction_session_timeout = '200ms'", database="bank")
    postgres.execute(
        "CREATE FUNCTION rate(who text) RETURNS text LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'no rate for %', who; END $$",
        database="bank",
    )
    address = databases.Address("bank", "postgresql", "127.0.0.1", postgres.port, "bank", READER, PASSWORD)
    try:
        with dialects.opened(address, Jdbc(connection="bank", query="SELECT 1"), "UTC") as snapshot:
            _, options = snapshot.for_spark()
            target = f"host=127.0.0.1 port={postgres.port} dbname=bank user={READER}"
            with psycopg.connect(target, password=PASSWORD) as connection:
                connection.execute(options["sessionInitStatement"].encode())
                time.sleep(0.6)
                assert connection.execute("SELECT 1").fetchone() == (1,)
            with pytest.raises(dialects.QueryError, match="RaiseException") as told:
                snapshot.holds("SELECT rate('Anna Lee')")
    finally:
        postgres.execute("ALTER DATABASE bank RESET idle_in_transaction_session_timeout", database="bank")
    assert "Anna" not in str(told.value)


def test_a_batch_that_bronze_has_dropped_for_its_age_is_not_read_again_from_what_has_moved_on(
    world: World, postgres: Postgres, feed: Feed
) -> None:
    old = "2024-11-01"
    feed(watermark="updated_at", overlap_hours=0)
    spend(postgres, *((n, "C1", f"{old} 10:00:00+08", 1, f"{old} 10:00:00+08") for n in (1, 2)))
    spend(postgres, (3, "C1", f"{DAY} 10:00:00+08", 1, f"{DAY} 10:00:00+08"))
    for day in (old, DAY):
        account(world, day)
        world.make("silver.transactions", day)
    upkeep.keep_up(runner.open_lake(read_settings()), date.fromisoformat(DAY), read_settings(), lambda _: None)
    assert [str(row[0]) for row in landed(world)] == [DAY]
    postgres.execute("UPDATE spent SET amount = 7, updated_at = '2026-02-01 09:00:00+08' WHERE id = 1", database="bank")
    with pytest.raises(DataError, match="moved rows on to later dates"):
        account(world, old)
    world.make("silver.transactions", old)
    assert world.rows("silver.transactions", "transaction_id") == [("1",), ("2",), ("3",)]


@pytest.mark.parametrize(
    ("change", "jdbc", "told"),
    [
        ("ALTER TABLE spent DROP COLUMN amount", {}, 'column "amount" does not exist'),
        ("DROP TABLE spent", {}, 'relation "spent" does not exist'),
        (f"REVOKE pg_read_all_data FROM {READER}", {}, "permission denied for table spent"),
        ("SELECT 1", {"watermark": "changed_at"}, "the query has no column changed_at"),
        (
            "INSERT INTO spent (id, customer, updated_at) VALUES (9, '138 0013 8000 x', '2026-01-05 10:00+08')",
            {"query": QUERY.replace("amount,", "customer::bigint AS amount,")},
            "a value of which it says InvalidTextRepresentation|while rows were read",
        ),
        ("SELECT 1", {"query": QUERY.replace("amount,", "amount, 1 AS _batch,")}, "a name of our own"),
        ("SELECT 1", {"partition_column": "number"}, "the query has no column number"),
        ("SELECT 1", {"partition_column": "kind"}, "rows cannot be parted by kind"),
        (
            "SELECT 1",
            {"query": "SELECT 1 AS updated_at, 2 AS updated_at"},
            "is there twice|specified more than once|ambiguous",
        ),
    ],
)
def test_a_query_that_no_longer_suits_is_said(
    world: World, postgres: Postgres, feed: Feed, change: str, jdbc: dict[str, Any], told: str
) -> None:
    feed(**{"watermark": "updated_at", **jdbc})
    postgres.execute(change, database="bank")
    try:
        with pytest.raises(DataError, match=told) as error:
            account(world, DAY)
    finally:
        postgres.execute(f"GRANT pg_read_all_data TO {READER}")
    assert not isinstance(error.value, SourceUnavailableError)
    assert "138" not in str(error.value)


def test_a_column_that_the_feed_needs_and_the_query_lacks_is_said(world: World, feed: Feed) -> None:
    feed(query=QUERY.replace("amount, ", ""), watermark="updated_at")
    with pytest.raises(DataError, match="amount"):
        account(world, DAY)


def test_what_the_planner_guesses_is_not_in_the_account(world: World, postgres: Postgres, feed: Feed) -> None:
    feed(watermark="updated_at")
    at = f"{DAY} 10:00:00+08"
    spend(postgres, *((number, "C1", at, 1, at) for number in range(50)))
    (first,) = world.land("transactions", DAY)
    postgres.execute("ANALYZE spent", database="bank")
    (again,) = world.land("transactions", DAY)
    assert replace(again, file_modified_at=first.file_modified_at) == first
    assert first.file_bytes is None


def test_the_source_is_never_written(world: World, postgres: Postgres, feed: Feed) -> None:
    postgres.execute(
        "CREATE FUNCTION eat() RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS "
        "$$ BEGIN DELETE FROM spent; RETURN 'C1'; END $$",
        database="bank",
    )
    spend(postgres, (1, "C1", "2026-01-05 10:00:00+08", 1, "2026-01-05 10:00:00+08"))
    feed(query=QUERY.replace("customer AS", "eat() AS"), watermark="updated_at")
    with pytest.raises(DataError, match="read-only transaction"):
        account(world, DAY)
    assert postgres.execute("SELECT count(*) FROM spent", database="bank") == [(1,)]


def test_neither_password_nor_rows_are_in_the_server_s_log(
    world: World, postgres: Postgres, feed: Feed, server_log: Any
) -> None:
    feed(watermark="updated_at")
    spend(postgres, (1, "C-secret-1", "2026-01-05 10:00:00+08", 1, "2026-01-05 10:00:00+08"))
    account(world, DAY)
    log = server_log.read_text(errors="replace")
    assert PASSWORD not in log
    assert "C-secret-1" not in log


def test_a_batch_of_a_date_is_the_same_as_from_a_file(world: World, postgres: Postgres, feed: Feed) -> None:
    feed(watermark="updated_at")
    spend(postgres, (1, "C1", "2026-01-05 10:00:00+08", "12.5", "2026-01-05 10:00:00+08"))
    account(world, DAY)
    columns = ("transaction_id", "customer_id", "posted_at", "amount", "currency", "kind", "row_hash")
    from_database = world.rows("bronze.transactions", *columns)
    world.configure(time_zone="Asia/Shanghai", feeds={})
    header = "transaction_id,customer_id,posted_at,amount,currency,kind\n"
    world.drop("transactions", DAY, header + "1,C1,2026-01-05 10:00:00,12.50,CNY,purchase\n")
    account(world, DAY)
    assert world.rows("bronze.transactions", *columns) == from_database
    assert world.rows("bronze.transactions", "ds") == [(date(2026, 1, 5),)]


def test_a_process_that_is_no_task_of_airflow_is_given_the_connections_that_it_alone_knows(
    feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(databases, "_of_airflow", lambda name: f"postgresql://of-airflow/{name}")
    feed(watermark="updated_at")
    assert databases.known_to_airflow(read_settings()) == {}, "conf knows where bank is"
    feed(connections={}, watermark="updated_at")
    assert databases.known_to_airflow(read_settings()) == {"AIRFLOW_CONN_BANK": "postgresql://of-airflow/bank"}
    monkeypatch.setenv("AIRFLOW_CONN_BANK", "postgresql://of-the-environment/bank")
    assert databases.known_to_airflow(read_settings()) == {}
