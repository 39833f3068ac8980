"""Feeds from a real MariaDB, by the code that reads MySQL: types as text, batches, reruns, and what has trouble."""

import json
from collections.abc import Callable
from datetime import date
from threading import Timer
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import pytest

from chaos.postgres import PASSWORD, READER
from jobs import databases, dialects
from jobs.database_settings import Jdbc
from jobs.errors import DataError, SourceUnavailableError
from jobs.jdbc import _of_date
from tests.conftest import World
from tests.databases.mariadb import MariaDb
from tests.databases.test_landing import DAY, LIMIT, NEXT, account, landed

pytestmark = pytest.mark.spark
TABLE = """CREATE TABLE spent (id bigint PRIMARY KEY, customer varchar(40), at timestamp(6) NULL, amount decimal(20,4),
    currency char(3) DEFAULT 'CNY', kind varchar(20) DEFAULT 'purchase', updated_at timestamp(6) NULL,
    local_at datetime(6) NULL, extra json) ENGINE=InnoDB"""
QUERY = """SELECT id AS transaction_id, customer AS customer_id, at AS posted_at, amount, currency, kind, updated_at
    FROM spent"""
Feed = Callable[..., None]


@pytest.fixture
def feed(world: World, mariadb: MariaDb, monkeypatch: pytest.MonkeyPatch) -> Feed:
    """Sets the source of transactions; the password comes by the environment."""
    monkeypatch.setenv("BANK_PASSWORD", PASSWORD)
    connection = {
        "url": f"jdbc:mariadb://127.0.0.1:{mariadb.port}/bank", "user": READER, "password_env": "BANK_PASSWORD",
    }  # fmt: skip

    def configure(
        query: str = QUERY,
        connections: dict[str, Any] | None = None,
        login: dict[str, Any] | None = None,
        columns: dict[str, str] | None = None,
        optional: bool = False,
        **jdbc: Any,
    ) -> None:
        source = {
            "jdbc": {"connection": "bank", "query": query, **jdbc}, "optional": optional, "columns": columns or {},
            "quarantine": LIMIT,
        }  # fmt: skip
        given = {"bank": {**connection, **(login or {})}} if connections is None else connections
        world.configure(time_zone="Asia/Shanghai", connections=given, feeds={"transactions": source})

    mariadb.execute(TABLE, database="bank")
    return configure


def spend(mariadb: MariaDb, *rows: tuple[Any, ...]) -> None:
    """Rows of id, customer, at, amount, updated_at; times at +08:00."""
    values = ", ".join("(" + ", ".join("NULL" if v is None else f"'{v}'" for v in row) + ")" for row in rows)
    mariadb.execute(f"INSERT INTO spent (id, customer, at, amount, updated_at) VALUES {values}", database="bank")


def test_the_rows_whose_watermark_lies_in_the_date_are_its_batch(world: World, mariadb: MariaDb, feed: Feed) -> None:
    feed(watermark="Updated_At", overlap_hours=0)
    at = "2026-01-05 10:00:00"
    spend(
        mariadb,
        (1, "C1", at, "12.50", "2026-01-04 23:59:59.999"),
        (2, "C1", at, "12.50", "2026-01-05 00:00:00"),
        (3, "C2", at, "9999999999999.99", "2026-01-05 23:59:59.999999"),
        (4, "C2", at, "-1", "2026-01-06 00:00:00"),
        (5, "C3", None, "0.10", "2026-01-05 12:00:00"),
    )
    assert account(world, DAY) == [(DAY, "jdbc:bank/transactions", 3, 2, 1)]
    assert [(row[1], str(row[2])) for row in landed(world)] == [("2", "12.50"), ("3", "9999999999999.99")]
    [(posted,)] = world.rows("bronze.transactions", "DISTINCT CAST(posted_at AS VARCHAR)")
    assert posted.startswith("2026-01-05 02:00:00"), "a TIMESTAMP is an instant, whatever the server's zone"


@pytest.mark.parametrize(("column", "overlap"), [("local_at", 1), ("updated_at", 1), ("date(local_at)", 3)])
def test_a_watermark_may_be_an_instant_a_time_of_the_source_or_a_date(
    world: World, mariadb: MariaDb, feed: Feed, column: str, overlap: int
) -> None:
    """Late updates come again with the date of their change, by each kind of watermark."""
    query = QUERY.replace("updated_at", f"{column} AS changed -- of cards\n")
    for n, moment in enumerate(
        ("2026-01-04 23:30:00", "2026-01-05 00:00:00", "2026-01-05 23:59:59.5", "2026-01-06 00:00:00")
    ):
        spend(mariadb, (n, "C1", "2026-01-04 10:00:00", n, moment))
        mariadb.execute(f"UPDATE spent SET local_at = '{moment}' WHERE id = {n}", database="bank")
    feed(query=query, watermark="changed", overlap_hours=0)
    assert [row[2:] for row in account(world, DAY)] == [(2, 2, 0)]
    feed(query=query, watermark="changed", overlap_hours=overlap)
    of_overlap = (3, 3, 0)
    assert [row[2:] for row in account(world, DAY)] == [of_overlap]
    both = [row[2:] for row in account(world, DAY, NEXT)]
    assert both == [of_overlap, (2, 2, 0) if overlap == 1 else (3, 3, 0)]
    at_once = landed(world)
    for day in (DAY, NEXT):
        account(world, day)
        assert landed(world) == at_once


def test_a_time_of_the_source_is_told_by_its_own_zone(world: World, mariadb: MariaDb, feed: Feed) -> None:
    """The hour that a change of the clock brings twice, and the dates of another zone than the business's."""
    query = QUERY.replace("updated_at", "local_at AS changed")
    feed(query=query, watermark="changed", overlap_hours=0)
    source = {
        "jdbc": {"connection": "bank", "query": query, "watermark": "changed", "overlap_hours": 0},
        "time_zone": "America/New_York",
    }  # fmt: skip
    connection = {"url": f"jdbc:mysql://127.0.0.1:{mariadb.port}/bank", "user": READER, "password_env": "BANK_PASSWORD"}
    world.configure(time_zone="Asia/Shanghai", connections={"bank": connection}, feeds={"transactions": source})
    # 2026-01-05 of Shanghai begins at 11:00 of the day before in New York.
    for n, moment in enumerate(
        ("2026-01-04 10:59:59", "2026-01-04 11:00:00", "2026-01-05 10:59:59", "2026-01-05 11:00:00")
    ):
        spend(mariadb, (n, "C1", "2026-01-04 10:00:00", n, None))
        mariadb.execute(f"UPDATE spent SET local_at = '{moment}' WHERE id = {n}", database="bank")
    assert account(world, DAY)[0][2:] == (2, 2, 0)
    assert [row[1] for row in landed(world)] == ["1", "2"]


def test_a_query_may_ask_for_its_date_itself_and_a_snapshot_for_none(
    world: World, mariadb: MariaDb, feed: Feed
) -> None:
    spend(mariadb, *((n, "C1", f"2026-01-0{5 + n % 2} 10:00:00", n, None) for n in range(10)))
    feed(query=QUERY + " WHERE date(convert_tz(at, '+00:00', '+08:00')) = '{ds}'")
    assert [row[2:] for row in account(world, DAY, NEXT)] == [(5, 5, 0)] * 2
    feed(query=QUERY + " WHERE at >= left('{begins_at}', 19) AND at < left('{ends_at}', 19)")
    assert [row[2:] for row in account(world, DAY, NEXT)] == [(5, 5, 0)] * 2
    feed()
    assert [row[2:] for row in account(world, "2026-01-07")] == [(10, 10, 0)]


def test_the_instants_that_a_query_asks_for_are_written_as_mysql_takes_them() -> None:
    asked = _of_date("at >= '{begins_at}' AND at < '{ends_at}'", date(2026, 1, 5), ZoneInfo("Asia/Shanghai"))
    assert asked == "at >= '2026-01-04 16:00:00+00:00' AND at < '2026-01-05 16:00:00+00:00'"


def test_a_row_that_was_updated_since_stays_in_the_batch_that_read_it(
    world: World, mariadb: MariaDb, feed: Feed
) -> None:
    feed(watermark="updated_at", overlap_hours=0)
    for id_ in (1, 2):
        spend(mariadb, (id_, "C1", "2026-01-05 10:00:00", 1, "2026-01-05 10:00:00"))
    account(world, DAY)
    mariadb.execute("UPDATE spent SET amount = 7, updated_at = '2026-01-06 09:00:00' WHERE id = 1", database="bank")
    assert account(world, NEXT)[0][2:] == (1, 1, 0)
    before = landed(world)
    assert account(world, DAY)[0][2:] == (2, 2, 0)
    assert landed(world) == before
    assert [(str(ds), id_, int(amount)) for ds, id_, amount in before] == [(DAY, "1", 1), (DAY, "2", 1), (NEXT, "1", 7)]


def test_every_type_comes_as_its_text_whatever_the_session(world: World, mariadb: MariaDb, feed: Feed) -> None:
    mariadb.execute(
        """CREATE TABLE types (id int, tiny tinyint(1), bits bit(3), small smallint unsigned, exact decimal(30,10), wide double,
        y year, d date, t time(3), dt datetime(3), ts timestamp(3) NULL, who varchar(20), kept enum('a', 'b'), several
        set('x', 'y'), bytes varbinary(8), large blob, doc json, latin varchar(20) CHARACTER SET latin1)""",
        """INSERT INTO types VALUES (1, 1, b'101', 65535, '-12345678901234567890.0123456789', 0.1, 2026, '2026-01-05',
        '-12:34:56.7', '2026-01-05 10:00:00.123', '2026-01-05 10:00:00.123', '李🙂`"\\'', 'b', 'x,y', x'00ff', x'0001',
        '{"who": "李🙂"}', 'Zoë')""",
        "INSERT INTO types (id, d, dt, ts) VALUES (2, 0, 0, 0)",
        database="bank",
    )
    names = "tiny bits small exact wide y d t dt ts who kept several bytes large doc latin".split()
    pairs = ", ".join(f"'{name}', {name}" for name in names)
    columns = {
        "transaction_id": "id", "customer_id": "'C1'", "posted_at": "'2026-01-05 10:00:00'", "amount": "1", "currency": "'CNY'",
        "kind": "'purchase'", "merchant_id": f"to_json(named_struct({pairs}))",
    }  # fmt: skip
    feed(query="SELECT * FROM types", columns=columns)
    assert account(world, DAY)[0][2:] == (2, 2, 0)
    told = world.rows("bronze.transactions", "merchant_id", order="transaction_id")
    first, second = (json.loads(each) for (each,) in told)
    assert first == {
        "tiny": "1", "bits": "5", "small": "65535", "exact": "-12345678901234567890.0123456789", "wide": "0.1", "y": "2026",
        "d": "2026-01-05", "t": "-12:34:56.700", "dt": "2026-01-05 10:00:00.123000", "ts": "2026-01-05T02:00:00.123000Z",
        "who": "李🙂`\"'", "kept": "b", "several": "x,y", "bytes": "00ff", "large": "0001", "doc": '{"who": "李🙂"}', "latin": "Zoë",
    }  # fmt: skip
    assert second == {}, "dates of zeros say that there is none"


def test_one_and_zero_are_true_and_false(world: World, mariadb: MariaDb, feed: Feed) -> None:
    mariadb.execute(
        "CREATE TABLE heard (id int, done tinyint(1), at timestamp NULL)",
        "INSERT INTO heard VALUES (1, 1, '2026-01-05 10:00:00'), (2, 0, '2026-01-05 10:00:00'), (3, 7, '2026-01-05 10:00:00')",
        database="bank",
    )
    feed()
    connection = {"url": f"jdbc:mysql://127.0.0.1:{mariadb.port}/bank", "user": READER, "password_env": "BANK_PASSWORD"}
    query = "SELECT id AS interaction_id, 'app' AS channel, at AS started_at, done AS resolved FROM heard"
    source = {"jdbc": {"connection": "bank", "query": query}, "quarantine": LIMIT}
    world.configure(time_zone="Asia/Shanghai", connections={"bank": connection}, feeds={"interactions": source})
    assert [(b.rows_in, b.rows_landed, b.rows_quarantined) for b in world.land("interactions", DAY)] == [(3, 2, 1)]
    assert world.rows("bronze.interactions", "interaction_id", "resolved") == [("1", True), ("2", False)]
    assert world.rows("quarantine.interactions", '"column"', "reason") == [("resolved", "'9' is no boolean")]


@pytest.mark.parametrize("watermark", ["updated_at", "local_at"])
def test_a_mandatory_feed_whose_date_has_no_row_but_of_the_overlap_fails(
    world: World, mariadb: MariaDb, feed: Feed, watermark: str
) -> None:
    feed(query=QUERY.replace("updated_at", "updated_at, local_at"), watermark=watermark)
    spend(mariadb, (1, "C1", "2026-01-05 10:00:00", 1, "2026-01-05 23:30:00"))
    mariadb.execute("UPDATE spent SET local_at = '2026-01-05 23:30:00'", database="bank")
    with pytest.raises(SourceUnavailableError, match=f"transactions {NEXT}: no row"):
        account(world, NEXT)
    assert account(world, DAY)[0][2:] == (1, 1, 0)


def test_rows_without_a_watermark_are_set_aside_and_not_forgotten(world: World, mariadb: MariaDb, feed: Feed) -> None:
    feed(watermark="updated_at")
    spend(
        mariadb, (1, "C1", "2026-01-05 10:00:00", 1, None), (2, "C1", "2026-01-05 10:00:00", 1, "2026-01-05 10:00:00")
    )
    spend(mariadb, (3, "C1", "2026-01-05 10:00:00", 1, "0000-00-00 00:00:00"))
    assert sorted(account(world, DAY)) == [
        (DAY, "jdbc:bank/transactions", 1, 1, 0), ("None", "jdbc:bank/transactions", 2, 0, 2),
    ]  # fmt: skip


def test_an_airflow_connection_is_found_by_its_name(
    world: World, mariadb: MariaDb, feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed(connections={}, watermark="updated_at")
    spend(mariadb, (1, "C1", "2026-01-05 10:00:00", 1, "2026-01-05 10:00:00"))
    as_json = {
        "conn_type": "mysql", "host": "127.0.0.1", "port": mariadb.port, "schema": "bank", "login": READER,
        "password": PASSWORD, "extra": {"charset": "latin1"},
    }  # fmt: skip
    for given in (f"mysql://{READER}:{quote(PASSWORD, safe='')}@127.0.0.1:{mariadb.port}/bank", json.dumps(as_json)):
        monkeypatch.setenv("AIRFLOW_CONN_BANK", given)
        assert account(world, DAY)[0][2:] == (1, 1, 0)


def test_tls_is_asked_for_and_the_server_is_known_by_its_certificate(
    world: World, mariadb: MariaDb, feed: Feed
) -> None:
    safe = {"sslmode": "verify-full", "sslrootcert": str(mariadb.certificate)}
    for parameters in (safe, {**safe, "sslmode": "verify-ca"}, {"sslmode": "require"}):
        feed(login={"user": "encrypted", "parameters": parameters}, optional=True, watermark="updated_at")
        assert account(world, DAY)[0][2] == 0
    for parameters in ({"sslmode": "disable"}, {"sslmode": "verify-full"}, {**safe, "sslrootcert": "/nowhere.crt"}):
        feed(login={"user": "encrypted", "parameters": parameters}, watermark="updated_at")
        with pytest.raises(SourceUnavailableError):
            account(world, DAY)
    for parameters in ({"sslmode": "prefer"}, {**safe, "sslcert": "c", "sslkey": "k"}):
        feed(login={"user": "encrypted", "parameters": parameters}, watermark="updated_at")
        with pytest.raises(DataError, match="sslmode is one of disable"):
            account(world, DAY)


def test_a_server_elsewhere_is_reached_by_tls_unless_conf_says_otherwise() -> None:
    from jobs.databases import Address
    from jobs.mysql import _ssl_mode

    modes = {
        host: _ssl_mode(Address("bank", "mysql", host, 3306, "b", "u", None))
        for host in ("127.0.0.1", "db.bank.example")
    }
    assert modes == {"127.0.0.1": None, "db.bank.example": "verify-full"}


def test_a_reader_that_pauses_is_not_cut_off(mariadb: MariaDb) -> None:
    address = databases.Address("bank", "mysql", "127.0.0.1", mariadb.port, "bank", READER, PASSWORD)
    with dialects.opened(address, Jdbc(connection="bank", query="SELECT 1", statement_seconds=900), "UTC") as snapshot:
        _, options = snapshot.for_spark()
    assert mariadb.execute(f"SET {options['sessionVariables']}", "SELECT @@net_write_timeout") == [(900,)]


def test_of_mysql_a_statement_that_takes_too_long_may_be_asked_again_and_no_text_is_told(mariadb: MariaDb) -> None:
    address = databases.Address("bank", "mysql", "127.0.0.1", mariadb.port, "bank", READER, PASSWORD)
    with dialects.opened(address, Jdbc(connection="bank", query="SELECT 1"), "UTC") as snapshot:
        said = (
            "java.sql.SQLException: (conn=7) Query execution was interrupted, maximum statement execution time exceeded"
        )
        told = snapshot.said_by_driver(said)
        other = snapshot.said_by_driver("java.sql.SQLException: (conn=7) no rate for Anna Lee")
    assert told is not None
    assert told.is_passing
    assert other is not None
    assert not other.is_passing
    assert "Anna" not in str(other)


def test_a_database_that_is_down_is_said_and_the_batch_stands(world: World, mariadb: MariaDb, feed: Feed) -> None:
    feed(watermark="updated_at", connect_seconds=2)
    spend(mariadb, (1, "C1", "2026-01-05 10:00:00", 1, "2026-01-05 10:00:00"))
    account(world, DAY)
    before = landed(world)
    mariadb.stop()
    try:
        with pytest.raises(SourceUnavailableError, match="the database bank does not answer") as told:
            account(world, DAY)
    finally:
        mariadb.start()
    assert PASSWORD not in str(told.value)
    assert landed(world) == before


def test_a_database_that_dies_or_stalls_while_it_is_read_leaves_the_batch(
    world: World, mariadb: MariaDb, feed: Feed
) -> None:
    feed(watermark="updated_at", overlap_hours=0)
    spend(mariadb, (1, "C1", "2026-01-05 10:00:00", 1, "2026-01-05 10:00:00"))
    account(world, DAY)
    before = landed(world)
    slow = QUERY.replace("amount,", "amount + sleep(0.4) AS amount,")
    spend(mariadb, *((n, "C1", "2026-01-05 10:00:00", 1, f"2026-01-05 1{n % 10}:00:00") for n in range(2, 22)))
    feed(query=slow, watermark="updated_at", overlap_hours=0, statement_seconds=1)
    with pytest.raises(SourceUnavailableError, match="database"):
        account(world, DAY)
    feed(query=slow, watermark="updated_at", overlap_hours=0)
    Timer(2.5, mariadb.stop).start()
    try:
        with pytest.raises(SourceUnavailableError, match="database"):
            account(world, DAY)
    finally:
        mariadb.start()
    assert landed(world) == before


@pytest.mark.parametrize(
    ("change", "jdbc", "told"),
    [
        ("ALTER TABLE spent DROP COLUMN amount", {}, "Unknown column 'amount'"),
        ("DROP TABLE spent", {}, "Table 'bank.spent' doesn't exist"),
        ("SELECT 1", {"query": QUERY.replace("spent", "mysql.user")}, "command denied"),
        ("SELECT 1", {"watermark": "changed_at"}, "the query has no column changed_at"),
        ("SELECT 1", {"watermark": "amount"}, "the watermark amount is a number"),
        ("SELECT 1", {"query": QUERY.replace("amount,", "amount, 1 AS _batch,")}, "a name of our own"),
        ("SELECT 1", {"partition_column": "transaction_id"}, "rows cannot be parted by transaction_id"),
        ("SELECT 1", {"query": "SELECT 1 AS updated_at, 2 AS updated_at"}, "Duplicate column name"),
        (
            "CREATE FUNCTION said(t varchar(40)) RETURNS int DETERMINISTIC BEGIN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = t; RETURN 1; END",
            {"query": QUERY.replace("amount,", "said(concat('Anna ', customer)) AS amount,")},
            "while rows were read|error 1644",
        ),
    ],
)  # fmt: skip
def test_a_query_that_no_longer_suits_is_said(
    world: World, mariadb: MariaDb, feed: Feed, change: str, jdbc: dict[str, Any], told: str
) -> None:
    feed(**{"watermark": "updated_at", **jdbc})
    spend(mariadb, (1, "138 0013 8000", "2026-01-05 10:00:00", 1, "2026-01-05 10:00:00"))
    mariadb.execute(change, database="bank")
    with pytest.raises(DataError, match=told) as error:
        account(world, DAY)
    assert not isinstance(error.value, SourceUnavailableError)
    assert "Anna" not in str(error.value)
    assert "138" not in str(error.value)


def test_a_type_that_changed_is_cast_as_before_or_set_aside(world: World, mariadb: MariaDb, feed: Feed) -> None:
    feed(watermark="updated_at")
    mariadb.execute("ALTER TABLE spent MODIFY amount varchar(40), MODIFY at varchar(40)", database="bank")
    spend(
        mariadb,
        (1, "C1", "2026-01-05 10:00:00", "12.5", "2026-01-05 10:00:00"),
        (2, "C1", "2026-01-05 10:00:00", "much", "2026-01-05 10:00:00"),
    )
    assert account(world, DAY)[0][2:] == (2, 1, 1)
    assert world.rows("quarantine.transactions", '"column"', "reason") == [("amount", "'xxxx' is no decimal(18,2)")]


def test_the_source_is_never_written(world: World, mariadb: MariaDb, feed: Feed) -> None:
    spend(mariadb, (1, "C1", "2026-01-05 10:00:00", 1, "2026-01-05 10:00:00"))
    mariadb.execute(
        "CREATE FUNCTION eat() RETURNS varchar(9) MODIFIES SQL DATA BEGIN DELETE FROM spent WHERE id = 0; RETURN 'C1'; END",
        "CREATE TABLE other (id int) ENGINE=InnoDB",
        "CREATE FUNCTION note() RETURNS varchar(9) MODIFIES SQL DATA BEGIN INSERT INTO other VALUES (1); RETURN 'C1'; END",
        database="bank",
    )
    for function in ("eat", "note"):
        feed(query=QUERY.replace("customer AS", f"{function}() AS"), watermark="updated_at")
        with pytest.raises(DataError, match="READ ONLY transaction"):
            account(world, DAY)
    counts = "SELECT (SELECT count(*) FROM spent), (SELECT count(*) FROM other)"
    assert mariadb.execute(counts, database="bank") == [(1, 0)]


def test_all_rows_are_of_one_moment(world: World, mariadb: MariaDb, feed: Feed) -> None:
    """A row that is moved while the batch is read is in it once."""
    feed(
        query=QUERY.replace("amount,", "amount + sleep(0.02) AS amount,"),
        watermark="updated_at",
        overlap_hours=0,
        fetch_rows=5,
    )
    spend(mariadb, *((n, "C1", "2026-01-05 10:00:00", 1, "2026-01-05 10:00:00") for n in range(100)))
    move = Timer(1.0, lambda: mariadb.execute("UPDATE spent SET id = id + 1000 WHERE id < 50", database="bank"))
    move.start()
    assert account(world, DAY)[0][2:] == (100, 100, 0)
    move.join()
    ids = [int(row[1]) for row in landed(world)]
    assert sorted(id_ % 1000 for id_ in ids) == list(range(100))


def test_neither_password_nor_rows_are_in_the_server_s_log(
    world: World, mariadb: MariaDb, feed: Feed, server_log: Any
) -> None:
    feed(watermark="updated_at")
    spend(mariadb, (1, "C-secret-1", "2026-01-05 10:00:00", 1, "2026-01-05 10:00:00"))
    account(world, DAY)
    log = server_log.read_text(errors="replace")
    assert PASSWORD not in log
    assert "C-secret-1" not in log
    assert world.rows("bronze.transactions", "ds") == [(date(2026, 1, 5),)]
