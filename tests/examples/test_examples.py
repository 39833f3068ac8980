"""conf/examples on the real files of ../shared/data: the rows are those that another reader finds."""

import csv
import gzip
import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml
from deltalake import DeltaTable

from jobs.business_dates import dates_between
from tests.conftest import REPO, SHARED_DATA, World

CDR = SHARED_DATA / "formats/cdr_samples"
JSON = SHARED_DATA / "formats/ccaas_json_samples"
BANK = SHARED_DATA / "anonymous_bank"
SHOP = SHARED_DATA / "online_retail"

pytestmark = [
    pytest.mark.spark,
    pytest.mark.real_data,
    pytest.mark.skipif(not SHARED_DATA.exists(), reason="../shared/data, which is never committed, is not here"),
]


class Example:
    """What one configuration of conf/examples makes of the files in a landing folder of its own."""

    def __init__(self, world: World, landing: Path) -> None:
        self.world = world
        self.landing = landing
        self.days: tuple[date, date] | None = None

    def land(self, name: str, feed: str, first: str, last: str, landing: Path | None = None) -> tuple[int, int, int]:
        """Lands a range of dates; returns rows in, landed and quarantined."""
        self.world.landing = landing or self.landing
        self.world.configure(**yaml.safe_load((REPO / f"conf/examples/{name}.yaml").read_text()))
        start, end = self.days = date.fromisoformat(first), date.fromisoformat(last)
        batches = self.world.land(feed, *map(str, dates_between(start, end)))
        return (
            sum(batch.rows_in for batch in batches),
            sum(batch.rows_landed for batch in batches),
            sum(batch.rows_quarantined for batch in batches),
        )

    def copy(self, file: Path, name: str) -> None:
        """A file of the samples in the landing folder; packed when the name ends in .gz."""
        content = file.read_bytes()
        (self.landing / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)

    def calls(self, *columns: str) -> list[tuple[Any, ...]]:
        """Columns of the calls of the range, times as UTC text, ordered by the columns."""
        assert self.days
        first, last = self.days
        rows = self.world.rows("bronze.calls", *map(_as_text, columns), "ds")
        return [row[:-1] for row in rows if first <= row[-1] <= last]

    def call(self, call_id: str, *columns: str) -> dict[str, Any]:
        """Columns of one call, which is the same as often as it came."""
        (values,) = {row[1:] for row in self.calls("call_id", *columns) if row[0] == call_id}
        return dict(zip(columns, values, strict=True))

    def numbers(self) -> dict[str | None, str | None]:
        """The number in clear behind each caller token."""
        return {None: None, **dict(self.world.rows("vault.calls", "token", "value"))}


@pytest.fixture
def example(module_world: World, tmp_path: Path) -> Example:
    """One lake serves all examples: their dates are all different."""
    return Example(module_world, tmp_path)


@pytest.fixture
def raw() -> Iterator[duckdb.DuckDBPyConnection]:
    """A reader of raw files that is not Spark."""
    with duckdb.connect() as db:
        db.execute("SET TimeZone = 'UTC'")
        yield db


def _as_text(column: str) -> str:
    return f"strftime({column}, '%Y-%m-%d %H:%M:%S')" if column.endswith("_at") else column


def _lines(file: Path) -> list[list[str]]:
    with file.open(newline="", encoding="utf-8") as stream:
        return list(csv.reader(stream))


def test_asterisk_cdr_csv_tells_each_call_by_one_of_its_legs(example: Example) -> None:
    legs = _lines(CDR / "asterisk_Master_mineevburyat.csv")
    example.copy(CDR / "asterisk_Master_mineevburyat.csv", "asterisk_Master_mineevburyat.csv.1.gz")
    landed = example.land("asterisk_cdr_csv", "calls", "2024-01-27", "2024-01-28")

    assert landed == (len(legs), len(legs), 0) == (84, 84, 0)
    outcome_of = dict(example.calls("call_id", "outcome"))
    assert set(outcome_of) == {f"{leg[16]}-{leg[20]}" for leg in legs}
    told: defaultdict[str, list[str]] = defaultdict(list)
    spoken: Counter[str] = Counter()
    for leg in legs:
        outcome = outcome_of[f"{leg[16]}-{leg[20]}"]
        told[leg[19]] += [outcome] if outcome != "failed" else []
        spoken[leg[19]] += leg[14] == "ANSWERED" and leg[6] != "" and int(leg[13]) > 0
    busy = {leg[19] for leg in legs if leg[14] == "BUSY"}
    assert {call for call, outcomes in told.items() if not outcomes} == busy
    assert all(outcomes.count("answered") == spoken[call] for call, outcomes in told.items())
    assert all(len(outcomes) == 1 for call, outcomes in told.items() if call not in busy)

    columns = ("call_id", "started_at", "answered_at", "ended_at", "agent_id", "outcome", "transferred")
    rang = ("2024-01-28 02:04:06", None, "2024-01-28 02:04:12", None, "failed", True)
    assert [row for row in example.calls(*columns) if row[0].startswith("1706407446.5")] == [
        ("1706407446.50-40", *rang),
        ("1706407446.50-47", *rang),
        ("1706407446.50-48", *rang),
        ("1706407446.50-50", *["2024-01-28 02:04:12"] * 2, "2024-01-28 02:04:29", "301", "answered", False),
        ("1706407446.52-42", *rang),
    ]
    foreign = example.call("1706415046.98-79", "caller_token", "phone_country", "direction", "queue")
    assert {**foreign, "caller_token": example.numbers()[foreign["caller_token"]]} == {
        "caller_token": "+79246516548",
        "phone_country": "RU",
        "direction": "inbound",
        "queue": "211553",
    }
    assert example.call("1706404398.48-39", "outcome", "answered_at") == {
        "outcome": "ivr",
        "answered_at": None,
    }


def test_asterisk_cdr_custom_lands_with_times_of_its_zone(example: Example) -> None:
    legs = _lines(CDR / "asterisk_Master_KelySaina.csv")
    landed = example.land("asterisk_cdr_custom", "calls", "2023-07-26", "2023-07-26", CDR)

    assert landed == (len(legs), len(legs), 0) == (14, 14, 0)
    expected = {f"{leg[16]}-{leg[18]}": {"ANSWERED": "answered", "NO ANSWER": "abandoned"}[leg[13]] for leg in legs}
    assert dict(example.calls("call_id", "outcome")) == expected
    assert example.call(
        "1690325492.2-2", "started_at", "answered_at", "ended_at", "agent_id", "caller_token", "ds"
    ) == {
        "started_at": "2023-07-25 22:51:32",
        "answered_at": "2023-07-25 22:51:50",
        "ended_at": "2023-07-25 22:52:04",
        "agent_id": "client2",
        "caller_token": None,
        "ds": date(2023, 7, 26),
    }
    assert example.call("1690325531.5-4", "answered_at", "agent_id") == {
        "answered_at": None,
        "agent_id": None,
    }


def test_freeswitch_lands_each_record_under_the_uuid_of_its_call(example: Example) -> None:
    records = _lines(CDR / "freeswitch_Master_Kxing.csv")
    landed = example.land("freeswitch", "calls", "2020-02-10", "2020-02-11", CDR)

    assert landed == (len(records), len(records), 0) == (10, 10, 0)
    assert Counter(call_id for (call_id,) in example.calls("call_id")) == Counter(r[10] for r in records)
    columns = ("direction", "outcome", "agent_id", "started_at", "answered_at", "ended_at")
    # Written three times, once with another cause: all the same to us.
    assert example.call("7adced1a-4c7c-11ea-b08c-2bfc2a06d67d", *columns) == {
        "direction": "outbound",
        "outcome": "answered",
        "agent_id": "1004",
        "started_at": "2020-02-11 03:13:00",
        "answered_at": "2020-02-11 03:13:11",
        "ended_at": "2020-02-11 03:13:31",
    }
    assert example.call("f1542038-4c15-11ea-97ca-9dd79410affb", *columns) == {
        "direction": "inbound",
        "outcome": "failed",
        "agent_id": None,
        "started_at": "2020-02-10 14:41:00",
        "answered_at": None,
        "ended_at": "2020-02-10 14:41:02",
    }


def test_elastix_keeps_equal_rows_apart_and_numbers_out_of_ids(example: Example) -> None:
    rows = _lines(CDR / "elastix_call_center.csv")[1:]
    example.copy(CDR / "elastix_call_center.csv", "elastix_call_center.csv.gz")
    landed = example.land("elastix", "calls", "2014-01-01", "2014-01-31")

    assert landed == (len(rows), len(rows), 0) == (349, 349, 0)
    calls = example.calls("call_id", "caller_token", "started_at", "outcome")
    assert len({call_id for call_id, *_ in calls}) == len(rows)
    assert not any(phone in call_id for call_id, *_ in calls for _, phone, _ in rows)
    number = example.numbers()
    outcomes = {"Success": "answered", "Abandoned": "abandoned"}
    assert Counter((started_at, number[token], outcome) for _, token, started_at, outcome in calls) == Counter(
        (f"{day[6:]}-{day[3:5]}-{day[:2]} 00:00:00", f"+233{phone}", outcomes[status]) for day, phone, status in rows
    )


def test_genesys_analytics_makes_a_row_of_each_conversation_of_a_page(example: Example) -> None:
    file = JSON / "genesys_conversations_details_query_response.json"
    (conversation,) = json.loads(file.read_text())["conversations"]
    example.copy(file, "genesys_conversations_details_query_1.json.gz")
    made_up = {"conversations": [_genesys("served", agent="a7"), _genesys("lost"), _genesys("chat", media="chat")]}
    (example.landing / "genesys_conversations_details_query_2.json").write_text(json.dumps(made_up))

    assert example.land("genesys_analytics", "calls", "2020-01-01", "2020-01-02") == (3, 3, 0)
    columns = (
        "outcome",
        "direction",
        "queue",
        "agent_id",
        "started_at",
        "queued_at",
        "answered_at",
        "ended_at",
    )
    sample = example.call(conversation["conversationId"], *columns, "caller_token")
    assert sample == {
        "outcome": "ivr",
        "direction": conversation["originatingDirection"],
        "queue": conversation["participants"][0]["sessions"][0]["segments"][1]["queueId"],
        "agent_id": None,
        "started_at": "2020-01-01 00:00:00",
        "queued_at": None,
        "answered_at": None,
        "ended_at": "2020-01-01 00:00:00",
        "caller_token": None,
    }
    served = example.call("served", *columns, "caller_token")
    assert {**served, "caller_token": example.numbers()[served["caller_token"]]} == {
        "outcome": "answered",
        "direction": "inbound",
        "queue": "q1",
        "agent_id": "a7",
        "started_at": "2020-01-02 10:00:00",
        "queued_at": "2020-01-02 10:00:10",
        "answered_at": "2020-01-02 10:00:30",
        "ended_at": "2020-01-02 10:05:00",
        "caller_token": "+37061234567",
    }
    assert example.call("lost", "outcome", "answered_at") == {"outcome": "abandoned", "answered_at": None}


def _genesys(name: str, agent: str | None = None, media: str = "voice") -> dict[str, Any]:
    def participant(purpose: str, start: str, **more: str) -> dict[str, Any]:
        segment = {"segmentStart": f"2020-01-02T{start}.00Z", "segmentType": "interact", "queueId": "q1"}
        session = {"ani": "tel:+37061234567", "dnis": "tel:+3705", "mediaType": media, "segments": [segment]}
        return {"purpose": purpose, "sessions": [session], **more}

    participants = [participant("customer", "10:00:00"), participant("acd", "10:00:10")]
    if agent:
        participants.append(participant("agent", "10:00:30", userId=agent))
    return {
        "conversationId": name,
        "conversationStart": "2020-01-02T10:00:00.00Z",
        "conversationEnd": "2020-01-02T10:05:00.00Z",
        "originatingDirection": "inbound",
        "participants": participants,
    }


def test_genesys_conversation_lands_while_it_goes_on_and_when_it_is_over(example: Example) -> None:
    file = JSON / "genesys_conversation_get_response.json"
    conversation = json.loads(file.read_text())
    (customer,) = conversation["participants"]
    example.copy(file, "genesys_conversation_get_1.json")
    agent = {
        "purpose": "agent",
        "connectedTime": "2023-06-28T11:01:00.000Z",
        "userId": "a7",
        "queueName": "cards",
    }
    over = {"id": "over", "startTime": "2023-06-28T11:00:00.000Z", "endTime": "2023-06-28T11:09:00.000Z"}
    calls = [{"direction": "outbound"}]
    (example.landing / "genesys_conversation_get_2.json").write_text(
        json.dumps({**over, "participants": [{**customer, "calls": calls, "queueName": None}, agent]})
    )

    assert example.land("genesys_conversation", "calls", "2023-06-28", "2023-06-28") == (2, 2, 0)
    columns = (
        "customer_id",
        "topic",
        "queue",
        "direction",
        "outcome",
        "started_at",
        "answered_at",
        "ended_at",
    )
    assert example.call(conversation["id"], *columns) == {
        "customer_id": customer["attributes"]["memberId"],
        "topic": customer["attributes"]["Final Main Intent"],
        "queue": customer["queueName"],
        "direction": "inbound",
        "outcome": "ivr",
        "started_at": "2023-06-28 10:59:48",
        "answered_at": None,
        "ended_at": "2023-06-28 10:59:48",
    }
    assert example.call("over", *columns, "agent_id") == {
        "customer_id": "123456789",
        "topic": "finalmainintent",
        "queue": "cards",
        "direction": "outbound",
        "outcome": "answered",
        "started_at": "2023-06-28 11:00:00",
        "answered_at": "2023-06-28 11:01:00",
        "ended_at": "2023-06-28 11:09:00",
        "agent_id": "a7",
    }


def test_amazon_connect_lands_contacts_with_and_without_an_agent(example: Example) -> None:
    file = JSON / "amazon_connect_ctr_masked.json"
    contact = json.loads(file.read_text())
    example.copy(file, "amazon_connect_ctr_1.json")
    lost = {**contact, "ContactId": "lost", "Agent": None, "Recording": None}
    menu = {**lost, "ContactId": "menu", "Queue": None}
    chat = {**menu, "ContactId": "chat", "Channel": "CHAT"}
    (example.landing / "amazon_connect_ctr_2.json").write_text(json.dumps([lost, menu, chat]))

    assert example.land("amazon_connect", "calls", "2022-04-08", "2022-04-08") == (3, 3, 0)
    columns = (
        "outcome",
        "direction",
        "queue",
        "agent_id",
        "hold_seconds",
        "wrap_seconds",
        "recording_uri",
        "transferred",
    )
    times = ("started_at", "queued_at", "answered_at", "ended_at")
    served = example.call(contact["ContactId"], *columns, *times, "caller_token")
    assert {**served, "caller_token": example.numbers()[served["caller_token"]]} == {
        "outcome": "answered",
        "direction": "inbound",
        "queue": contact["Queue"]["Name"],
        "agent_id": contact["Agent"]["Username"],
        "hold_seconds": contact["Agent"]["CustomerHoldDuration"],
        "wrap_seconds": contact["Agent"]["AfterContactWorkDuration"],
        "recording_uri": contact["Recording"]["Location"],
        "transferred": False,
        "started_at": "2022-04-08 14:59:38",
        "queued_at": "2022-04-08 15:00:42",
        "answered_at": "2022-04-08 15:00:49",
        "ended_at": "2022-04-08 15:01:22",
        "caller_token": contact["CustomerEndpoint"]["Address"],
    }
    assert example.call("lost", "outcome", "agent_id", "answered_at", "queue") == {
        "outcome": "abandoned",
        "agent_id": None,
        "answered_at": None,
        "queue": "BasicQueue",
    }
    assert example.call("menu", "outcome", "queue") == {"outcome": "ivr", "queue": None}


def test_anonymous_bank_lands_every_row_of_its_months(example: Example, raw: duckdb.DuckDBPyConnection) -> None:
    lines = 0
    for month in MONTHS:
        header, *rows = gzip.decompress((BANK / f"{month}.txt.gz").read_bytes()).splitlines(keepends=True)
        kept = rows if month in WHOLE_MONTHS else [row for row in rows if _call_id(row) in BANK_TIMES]
        lines += len(kept)
        content = b"".join([header, *kept])
        # One of the files is not packed: both are found.
        name = f"{month}.txt" if month == "april" else f"{month}.txt.gz"
        (example.landing / name).write_bytes(content if month == "april" else gzip.compress(content))
    landed = example.land("anonymous_bank", "calls", "1999-01-01", "1999-04-30")

    assert landed == (lines, lines, 0)
    assert lines > 63_000
    raw.execute("CREATE TABLE expected AS " + BANK_CALLS, {"files": str(example.landing / "*.txt*")})
    assert _differing(raw, example, "bronze/calls") == ([], [])
    assert raw.execute("SELECT count(DISTINCT call_id) FROM landed").fetchall() == [(lines,)]
    clocks = raw.execute(
        """SELECT call_id, list_transform([started_at, queued_at, answered_at, ended_at],
            lambda instant: strftime(instant, '%d %X')) FROM landed WHERE call_id IN $ids""",
        {"ids": list(BANK_TIMES)},
    )
    assert dict(clocks.fetchall()) == BANK_TIMES


def _call_id(row: bytes) -> str:
    line, number, _, _, _, day, *_ = row.decode().split("\t")
    return f"{line}-{number}-{day}"


def _differing(
    raw: duckdb.DuckDBPyConnection, example: Example, table: str
) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    """Some rows that are expected and did not land, and some that landed and are not expected."""
    assert example.days
    stored = DeltaTable(example.world.lake / table).to_pyarrow_table()
    raw.register("stored", stored)
    first, last = example.days
    raw.execute(f"CREATE VIEW landed AS FROM stored WHERE ds BETWEEN DATE '{first}' AND DATE '{last}'")
    names = ", ".join(row[0] for row in raw.execute("DESCRIBE expected").fetchall())
    query = f"FROM (SELECT {names} FROM {{}} EXCEPT ALL SELECT {names} FROM {{}}) ORDER BY ALL LIMIT 5"
    missing = raw.execute(query.format("expected", "landed")).fetchall()
    return missing, raw.execute(query.format("landed", "expected")).fetchall()


MONTHS = ("january", "february", "march", "april")
# Name all four to see 135,780 rows land; it takes twice the time.
WHOLE_MONTHS = ("january", "april")
# Began, was queued, was answered and ended, in UTC.
BANK_TIMES = {
    # The queue was entered at midnight of Israel, and the service ended after it.
    "AA0102-31056-990215": ["15 21:59:54", "15 22:00:00", "15 22:00:26", "15 22:01:33"],
    # The service ended at midnight itself, 0:00:00.
    "AA0201-36998-990316": ["16 21:50:17", None, "16 21:50:26", "16 22:00:00"],
    # The clock of the menu was a minute ahead; it is summer time since 2 April.
    "AA0101-38795-990419": ["19 07:33:26", "19 07:32:32", "19 07:34:23", "19 07:46:15"],
    # An agent without times of a service, and one whose service began eight hours before the call.
    "AA0214-17612-990419": ["19 10:16:02", "19 10:16:07", None, "19 10:16:17"],
    "AA0111-2958-990429": ["29 15:06:57", None, None, "29 15:09:59"],
}

BANK_CALLS = """
WITH clocks AS (
    SELECT *, strptime("date", '%y%m%d') AS day,
        list_transform([vru_entry, q_start, ser_start, vru_exit, q_exit, ser_exit],
            lambda clock: epoch(CAST(lpad(clock, 8, '0') AS TIME))::INT) AS seconds
    FROM read_csv($files, delim='\t', header=true, all_varchar=true, quote='')
), instants AS (
    -- A clock more than half a day before the entry is one of the next day.
    SELECT *, list_transform(seconds, lambda second: timezone('Asia/Jerusalem', day
        + to_seconds(second + CASE WHEN seconds[1] - second > 43200 THEN 86400 ELSE 0 END))) AS instant,
        q_time::INT > 0 AS was_queued, ser_time::INT > 0 AS was_served,
        ser_start = '0:00:00' AND NOT was_served AS has_no_service_times
    FROM clocks
)
SELECT "vru+line" || '-' || call_id || '-' || "date" AS call_id,
    CASE WHEN customer_id <> '0' THEN customer_id END AS customer_id,
    'inbound' AS direction, trim("type") AS queue, trim("type") AS topic,
    CASE WHEN server <> 'NO_SERVER' THEN server END AS agent_id,
    instant[1] AS started_at,
    CASE WHEN was_queued THEN instant[2] END AS queued_at,
    CASE WHEN outcome = 'AGENT' AND instant[3] >= instant[1] AND NOT has_no_service_times
        THEN instant[3] END AS answered_at,
    greatest(instant[4], CASE WHEN was_queued THEN instant[5] END,
        CASE WHEN was_served THEN instant[6] END) AS ended_at,
    map {'AGENT': 'answered', 'HANG': 'abandoned', 'PHANTOM': 'failed'}[outcome] AS outcome,
    day::DATE AS ds
FROM instants
"""


def test_online_retail_lands_every_line_of_a_customer_to_the_cent(
    example: Example, raw: duckdb.DuckDBPyConnection
) -> None:
    # A few of its 141 files: each is a partition, and all of them take a minute.
    for file in SHOP.glob("2010-12-0*"):
        (example.landing / file.name).symlink_to(file)
    header = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"
    line = "C1,22,MUG,-2,2011-06-01 00:30:00,1.125,17850.0,United Kingdom\n"
    nobody = "2,22,MUG,1,2011-06-01 09:00:00,1.25,,United Kingdom\n"
    (example.landing / "2011-06-01.csv").write_text(header + line + line + nobody)
    # Brought again a day later: nothing new, whether a range is loaded at once or night by night.
    (example.landing / "2011-06-02.csv").write_text(header + line)
    raw.execute("CREATE TABLE expected AS " + SHOP_LINES, {"files": str(example.landing / "*.csv*")})
    landed = example.land("online_retail", "transactions", "2010-12-01", "2011-06-02")

    assert landed == (LINES + 3, LINES + 3, 0)
    assert _differing(raw, example, "bronze/transactions") == ([], [])
    # One id a line: silver, which keeps one row an id, loses none.
    in_winter = "FROM landed WHERE ds <= DATE '2010-12-31'"
    numbers = raw.execute(f"SELECT count(DISTINCT transaction_id), sum(amount)::VARCHAR {in_winter}").fetchall()
    assert numbers == [(LINES, AMOUNT)]
    in_summer = "FROM landed WHERE ds > DATE '2010-12-31' ORDER BY ALL"
    lines = raw.execute(
        f"SELECT transaction_id, ds::VARCHAR, posted_at::VARCHAR, amount::VARCHAR {in_summer}"
    ).fetchall()
    summer = ("2011-05-31 23:30:00+00", "-2.25")
    assert lines == [
        ("C1-22--2-1.125-1", "2011-06-01", *summer),
        ("C1-22--2-1.125-1", "2011-06-02", *summer),
        ("C1-22--2-1.125-2", "2011-06-01", *summer),
    ]


LINES, AMOUNT = 14_803, "304623.35"

SHOP_LINES = """
SELECT CAST(CustomerID::DOUBLE AS INT)::VARCHAR AS customer_id,
    timezone('Europe/London', InvoiceDate::TIMESTAMP) AS posted_at,
    CAST(round(Quantity::DECIMAL(18, 0) * UnitPrice::DECIMAL(12, 4), 2) AS DECIMAL(18, 2)) AS amount,
    CASE WHEN InvoiceNo[1] = 'C' THEN 'refund' ELSE 'purchase' END AS kind,
    StockCode AS merchant_category, parse_filename(filename) AS source_file
FROM read_csv($files, header=true, all_varchar=true, filename=true) WHERE CustomerID IS NOT NULL
"""
