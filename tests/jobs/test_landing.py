"""The door: every row of a file is landed or set aside with a reason; nothing else happens to it."""

import gzip
import io
import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import functions as F

from jobs.bronze.conversion import convert
from jobs.errors import DataError
from jobs.lake import Lake
from jobs.landed import DOOR_CONF
from jobs.rights.aside import Aside
from jobs.rights.person import find
from jobs.rights.stored import StoredTables
from jobs.tables import FEEDS, Table
from jobs.tables.card_business import CUSTOMERS
from jobs.tables.contract import Column
from tests.conftest import World

DAY = "2026-01-05"
HEADER = "call_id,customer_id,caller_number,direction,started_at,ended_at,outcome,topic,csat"


def call(call_id: str, **other: str) -> str:
    values = {
        "call_id": call_id,
        "customer_id": "C1",
        "caller_number": "13800138000",
        "direction": "inbound",
        "started_at": "2026-01-05 10:00:00",
        "ended_at": "2026-01-05 10:05:00",
        "outcome": "answered",
        "topic": "balance",
        "csat": "5",
        **other,
    }
    return ",".join(values[name] for name in HEADER.split(","))


def calls(*rows: str, header: str = HEADER) -> str:
    return "\n".join([header, *rows]) + "\n"


def account(batches: list) -> list[tuple]:
    return [(str(b.ds), b.rows_in, b.rows_landed, b.rows_quarantined) for b in batches]


def test_each_kind_of_bad_row_is_set_aside_with_its_reason_and_no_other(world: World) -> None:
    world.drop(
        "calls",
        DAY,
        calls(
            call("good"),
            call("", topic="no id"),
            call("no-outcome", outcome=""),
            call("unknown", outcome="eaten"),
            call("csat", csat="9"),
            call("cast", started_at="yesterday"),
            call("ended", ended_at="2026-01-05 09:00:00"),
            call("future", started_at="2026-01-07 00:00:00", ended_at="2026-01-07 00:01:00"),
            call("old", started_at="1970-01-01 00:00:00"),
            "few,C1",
            call("many") + ",more",
            call("last-moment", started_at="2026-01-06 23:59:59", ended_at="2026-01-07 00:01:00"),
        ),
    )
    assert account(world.land("calls", DAY)) == [(DAY, 12, 2, 10)]
    assert [row[0] for row in world.rows("bronze.calls", "call_id")] == ["good", "last-moment"]
    found = world.rows("quarantine.calls", '"column"', "line", "reason", order="line")
    assert [row[:2] for row in found] == [
        ("call_id", 3),
        ("outcome", 4),
        ("outcome", 5),
        ("csat", 6),
        ("started_at", 7),
        ("ended_at", 8),
        ("started_at", 9),
        ("started_at", 10),
        (None, 11),
        (None, 12),
    ]
    raw = dict(world.rows("vault.quarantine_raw", "line", "raw"))
    assert raw[11] == "few,C1"
    assert raw[5] == call("unknown", outcome="eaten")


def test_values_come_through_typed_and_times_without_a_zone_are_of_the_feeds_zone(world: World) -> None:
    world.configure(feeds={"calls": {"time_zone": "Asia/Shanghai"}})
    rows = [
        call("plain"),
        call("zulu", started_at="2026-01-05T02:00:00Z", ended_at="2026-01-05T02:05:00.250Z"),
        call("offset", started_at="2026-01-05T10:00:00+08:00", ended_at="20260105T100500+0800", csat=" "),
    ]
    world.drop("calls", DAY, calls(*rows))
    world.land("calls", DAY)
    at = datetime(2026, 1, 5, 2, tzinfo=UTC)
    found = world.rows("bronze.calls", "call_id", "started_at", "csat")
    assert [(name, when.astimezone(UTC), csat) for name, when, csat in found] == [
        ("offset", at, None),
        ("plain", at, 5),
        ("zulu", at, 5),
    ]


def test_a_header_in_another_order_and_with_more_columns_lands(world: World) -> None:
    names = HEADER.split(",")
    values = dict(zip(names, call("turned").split(","), strict=True))
    turned = [*reversed(names), "more"]
    world.drop("calls", DAY, calls(call("straight")), name="a.csv")
    world.drop(
        "calls",
        DAY,
        calls(",".join([*(values[n] for n in reversed(names)), "x"]), header=",".join(turned)),
        name="b.csv",
    )
    assert account(world.land("calls", DAY)) == [(DAY, 1, 1, 0), (DAY, 1, 1, 0)]
    assert world.rows("bronze.calls", "call_id", "topic") == [("straight", "balance"), ("turned", "balance")]


def test_a_byte_order_mark_blank_lines_and_quoted_separators_are_no_data(world: World) -> None:
    content = "\ufeff" + calls(call("a", topic='"said ""hi"", left"'), "", call("b")).replace("\n", "\r\n")
    world.drop("calls", DAY, content, name="calls.csv.gz")
    assert account(world.land("calls", DAY)) == [(DAY, 2, 2, 0)]
    assert world.rows("bronze.calls", "call_id", "topic") == [("a", 'said "hi", left'), ("b", "balance")]


def test_rows_that_are_not_utf8_are_set_aside(world: World) -> None:
    world.drop("calls", DAY, calls(call("good", topic="café")).encode() + call("bad", topic="café").encode("latin-1"))
    assert account(world.land("calls", DAY)) == [(DAY, 2, 1, 1)]
    assert world.rows("quarantine.calls", "reason") == [("not UTF-8",)]
    # As a text that any reader takes, with a letter for each byte.
    assert world.rows("vault.quarantine_raw", "raw") == [(call("bad", topic="café"),)]
    world.drop("customers", DAY, b"customer_id,name,updated_at\nC1,Andr\xe9,2026-01-05 09:00:00\n")
    world.land("customers", DAY)
    tables = StoredTables(str(world.lake))
    aside = Aside(tables, find(tables, "C1"), set(), "CN")
    assert [len(rows) for rows in aside.rows(CUSTOMERS)] == [1, 1]


def test_a_row_that_is_broken_anew_but_looks_alike_is_kept_as_it_came_last(world: World) -> None:
    for row in ("C1,2026-01-01,x", "C2,2026-02-02,y"):
        world.drop("calls", DAY, calls(row))
        world.land("calls", DAY)
        assert world.rows("vault.quarantine_raw", "raw") == [(row,)]
    before = world.everything()
    assert account(world.land("calls", DAY)) == [(DAY, 1, 0, 1)]
    assert world.everything() == before


def test_a_row_that_does_not_say_whether_it_is_ours_counts_once_however_many_dates_its_file_brings(
    world: World,
) -> None:
    source = {"path": "calls.csv", "where": "topic <> 'TEST'"}
    world.configure(feeds={"calls": source})
    (world.landing / "calls.csv").write_text(calls(call("ours"), call("neither", topic="")))
    days = [DAY, "2026-01-06", "2026-01-07"]
    for dates in (days, days[1:]):
        assert [each for each in account(world.land("calls", *dates)) if each[0] == "None"] == [("None", 1, 0, 1)]
        assert len(world.rows("quarantine.calls", "reason")) == 1


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        (
            "calls.csv.gz",
            gzip.compress(calls(*(call(f"c{i}") for i in range(3000))).encode())[:-400],
            "calls.csv.gz",
        ),
        ("calls.csv", calls(call("a")).replace(",", ";"), "separated by ';'"),
        ("calls.csv", call("a") + "\n", "header"),
        ("calls.csv", "", "empty"),
        ("calls.parquet", b"PAR1 but not really", "calls.parquet"),
        ("calls.xlsx", b"PK", "unknown format"),
    ],
)
def test_an_unreadable_file_is_an_error_that_names_it_and_the_batch_stays(
    world: World, name: str, content: str | bytes, says: str
) -> None:
    good = world.drop("calls", DAY, calls(call("before")))
    world.land("calls", DAY)
    good.unlink()
    world.drop("calls", DAY, content, name=name)
    with pytest.raises(DataError, match="calls") as error:
        world.land("calls", DAY)
    assert says in str(error.value)
    assert name in str(error.value)
    assert "Traceback" not in str(error.value)
    assert world.rows("bronze.calls", "call_id") == [("before",)]


def test_a_mandatory_feed_without_a_file_is_an_error_and_an_optional_one_an_empty_batch(world: World) -> None:
    with pytest.raises(DataError, match="no file"):
        world.land("calls", DAY)
    assert account(world.land("tickets", DAY)) == [(DAY, 0, 0, 0)]


def test_a_batch_that_is_landed_again_replaces_itself_and_its_quarantine(world: World) -> None:
    world.drop("calls", DAY, calls(call("a"), call("b", outcome="eaten")))
    world.land("calls", DAY)
    version = _version(world, "bronze/calls")
    assert account(world.land("calls", DAY)) == [(DAY, 2, 1, 1)]
    assert _version(world, "bronze/calls") == version, "the same batch commits nothing"
    world.drop("calls", DAY, calls(call("a"), call("b")))
    assert account(world.land("calls", DAY)) == [(DAY, 2, 2, 0)]
    assert world.rows("quarantine.calls", "reason") == []
    assert world.rows("vault.quarantine_raw", "raw") == []


def test_a_batch_that_is_mended_after_a_kill_between_its_two_quarantines_leaves_no_row_in_clear(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(lake: Lake, table: Table, *given: Any, **more: Any) -> None:
        if table.name == "quarantine.calls":
            raise KeyboardInterrupt
        put(lake, table, *given, **more)

    put = Lake.put
    world.drop("calls", DAY, calls(call("a"), call("b", outcome="eaten")))
    with monkeypatch.context() as patch:
        patch.setattr(Lake, "put", killed)
        with pytest.raises(KeyboardInterrupt):
            world.land("calls", DAY)
    assert world.rows("vault.quarantine_raw", "raw") == [(call("b", outcome="eaten"),)]
    world.drop("calls", DAY, calls(call("a"), call("b")))
    world.land("calls", DAY)
    assert world.rows("vault.quarantine_raw", "raw") == []


def test_a_do_not_call_entry_that_names_nothing_but_an_unreadable_number_is_set_aside_with_its_shape(
    world: World,
) -> None:
    unreadable = [",13800138000 / 13900139000", ",8.61380013800E+12", ",abc"]
    rows = [*unreadable, "C1,abc", ",13800138000", ","]
    entries = "customer_id,phone,added_at\n" + "".join(f"{row},2026-01-05 09:00:00\n" for row in rows)
    world.drop("do_not_call", DAY, entries)
    assert account(world.land("do_not_call", DAY)) == [(DAY, 6, 2, 4)]
    landed = world.rows("bronze.do_not_call", "customer_id", "phone_token IS NULL", order="ALL NULLS FIRST")
    assert landed == [(None, False), ("C1", True)]
    assert world.rows("quarantine.do_not_call", "line", '"column"', "reason") == [
        (2, "phone", "'99999999999 / 99999999999' is no number"),
        (3, "phone", "'9.99999999999X+99' is no number"),
        (4, "phone", "'xxx' is no number"),
        (7, "customer_id", "all of customer_id, phone are null"),
    ]
    raw = world.rows("vault.quarantine_raw", "line", "raw")
    assert raw[:3] == [(line, f"{row},2026-01-05 09:00:00") for line, row in enumerate(unreadable, 2)]
    assert [value for (value,) in world.rows("vault.do_not_call", "value")] == ["+8613800138000"]
    shown = "".join(row for (row,) in world.rows("quarantine.do_not_call", '"row"'))
    assert not any(number in shown for number in ("13800138000", "8.6138", "abc"))
    before = world.everything()
    assert account(world.land("do_not_call", DAY)) == [(DAY, 6, 2, 4)]
    assert world.everything() == before


def test_json_lines_land_and_nested_or_malformed_ones_are_set_aside(world: World) -> None:
    base = {
        "interaction_id": "i1",
        "channel": "app",
        "started_at": "2026-01-05T10:00:00Z",
        "topic": "balance",
    }
    lines = [
        json.dumps(base),
        json.dumps({**base, "interaction_id": "i2", "topic": None, "unknown": 1}),
        '{"interaction_id": "i3", ',
        json.dumps({**base, "interaction_id": "i4", "resolved": {"by": "bot"}}),
    ]
    world.drop("interactions", DAY, "\n".join(lines), name="interactions.jsonl")
    assert account(world.land("interactions", DAY)) == [(DAY, 4, 2, 2)]
    assert world.rows("quarantine.interactions", "line", '"column"', order="1") == [
        (3, None),
        (4, "resolved"),
    ]


def test_an_object_beside_texts_of_the_same_name_is_set_aside_as_one_alone_is(world: World) -> None:
    """Its text would land as it stands, with whatever is in it about a person."""
    base = {"interaction_id": "i1", "channel": "app", "started_at": "2026-01-05T10:00:00Z", "topic": "[a] {b}"}
    who = {"name": "Zhang San", "phone": "13800138000"}
    lines = [base, *({**base, "interaction_id": f"i{n}", "topic": topic} for n, topic in ((2, who), (3, [who])))]
    world.drop("interactions", DAY, "\n".join(map(json.dumps, lines)), name="interactions.jsonl")
    assert account(world.land("interactions", DAY)) == [(DAY, 3, 1, 2)]
    found = world.rows("quarantine.interactions", "line", '"column"', "reason", '"row"', order="1")
    assert [row[:2] for row in found] == [(2, "topic"), (3, "topic")]
    assert not [row for row in found if "Zhang" in str(row) or "138" in str(row)]


def test_what_follows_the_first_json_value_of_a_line_is_not_lost_the_line_is_set_aside(world: World) -> None:
    def made(call_id: str, **other: object) -> str:
        return json.dumps({**dict(zip(HEADER.split(","), call(call_id).split(","), strict=True)), **other})

    good = [made("a"), made("b", extra={"of": [{"x": "}{"}]}) + " \t", made("c", extra=float("nan"))]
    bad = [
        made("d") + made("e"),
        made("f") + ", " + made("g"),
        made("h") + " garbage",
        made("i") + "}",
        made("j") + "]",
        made("k") + "," + made("l") + "]",
        f"[{made('m')}]",
    ]
    world.drop("calls", DAY, "\n".join([*good, *bad]), name="calls.jsonl")
    assert account(world.land("calls", DAY)) == [(DAY, 10, 3, 7)]
    assert world.rows("bronze.calls", "call_id") == [("a",), ("b",), ("c",)]
    assert world.rows("quarantine.calls", "DISTINCT reason") == [("malformed JSON",)]
    assert {raw for (raw,) in world.rows("vault.quarantine_raw", "raw")} == set(bad)


def test_what_follows_a_json_document_is_not_lost_the_document_is_set_aside(world: World) -> None:
    world.configure(feeds={"calls": {"format": "json_document"}})
    one = json.dumps(dict(zip(HEADER.split(","), call("a").split(","), strict=True)), indent=1)
    files: dict[str, str | bytes] = {
        "array.json": f"\ufeff[{one}, {one}]\n",
        "garbage.json": f"[{one}] garbage",
        "lines.json": one + "\n" + one,
        "object.json": one,
        "utf-16.json": one.encode("utf-16"),
        "blank.json": " \n",
        "broken.json": '{"call_id": ',
    }
    for name, content in files.items():
        world.drop("calls", DAY, content, name=name)
    found = {batch.file.split("/")[-1]: batch for batch in world.land("calls", DAY)}
    assert {name: (batch.rows_landed, batch.rows_quarantined) for name, batch in found.items()} == {
        "array.json": (2, 0),
        "garbage.json": (0, 1),
        "lines.json": (0, 1),
        "object.json": (1, 0),
        "utf-16.json": (1, 0),
        "blank.json": (0, 0),
        "broken.json": (0, 1),
    }
    raws = {raw for (raw,) in world.rows("vault.quarantine_raw", "raw")}
    assert raws == {files["garbage.json"], files["lines.json"], files["broken.json"]}


def test_json_keys_may_be_any_text_and_their_spellings_are_one_column(world: World) -> None:
    world.configure(
        feeds={"calls": {"columns": {"customer_id": "customerId", "topic": "party.`customer-id`", "queue": "`a b`"}}}
    )

    def made(call_id: str, **other: object) -> str:
        return json.dumps({**dict(zip(HEADER.split(","), call(call_id).split(","), strict=True)), **other})

    lines = [
        made("a", customerId="C1", party={"customer-id": "x", "a b": 1, "c`d": {":": "'"}}),
        made("b", customerID="C2", party={}),
        made("c", customerId=None, customerID={"of": "C3"}, **{"a b": "q"}),
    ]
    world.drop("calls", DAY, "\n".join(lines), name="calls.jsonl")
    assert account(world.land("calls", DAY)) == [(DAY, 3, 3, 0)]
    assert world.rows("bronze.calls", "call_id", "customer_id", "topic", "queue") == [
        ("a", "C1", "x", None),
        ("b", "C2", None, None),
        ("c", '{"of":"C3"}', None, "q"),
    ]


@pytest.mark.parametrize("format_", ["json", "json_document"])
def test_a_json_key_that_an_object_has_twice_is_an_error_that_names_feed_and_file(world: World, format_: str) -> None:
    world.configure(feeds={"calls": {"format": format_}})
    world.drop("calls", DAY, '{"call_id": "a", "call_id": "b"}', name="twice.json")
    with pytest.raises(DataError, match=r"calls: .*twice\.json cannot be read") as raised:
        world.land("calls", DAY)
    assert "call_id" in raised.value.found


@pytest.mark.parametrize("name", ["calls.csv", "calls.jsonl", "calls.json"])
def test_files_of_another_encoding_land(world: World, name: str) -> None:
    format_ = {"format": "json_document"} if name == "calls.json" else {}
    world.configure(feeds={"calls": {"options": {"encoding": "GBK"}, **format_}})
    row = call("a", topic="余额")
    json_ = json.dumps(dict(zip(HEADER.split(","), row.split(","), strict=True)), ensure_ascii=False)
    world.drop("calls", DAY, (calls(row) if name == "calls.csv" else json_).encode("gbk"), name=name)
    assert account(world.land("calls", DAY)) == [(DAY, 1, 1, 0)]
    assert world.rows("bronze.calls", "topic") == [("余额",)]


@pytest.mark.parametrize("name", ["calls.csv", "calls.jsonl"])
def test_lines_whose_end_is_not_one_byte_are_refused_with_what_to_do(world: World, name: str) -> None:
    world.configure(feeds={"calls": {"options": {"encoding": "UTF-16LE"}}})
    world.drop("calls", DAY, calls(call("a")).encode("utf-16-le"), name=name)
    with pytest.raises(DataError, match="UTF-16LE") as raised:
        world.land("calls", DAY)
    assert "iconv" in raised.value.todo


@pytest.mark.parametrize("days", [[DAY], [DAY, "2026-01-06"]])
def test_a_file_that_a_pattern_finds_twice_lands_once(world: World, days: list[str]) -> None:
    world.configure(feeds={"calls": {"path": "calls/ds={ds}/**/*", "optional": True}})
    world.drop("calls", DAY, calls(call("a")), name="site/of/calls.csv")
    batches = world.land("calls", *days)
    assert [each[1:] for each in account(batches) if each[0] == DAY] == [(1, 1, 0)]
    assert world.rows("bronze.calls", "call_id") == [("a",)]


@pytest.mark.parametrize("zone", [None, "Asia/Shanghai", "UTC"])
def test_parquet_lands_as_pandas_writes_it(world: World, zone: str | None) -> None:
    """Times in nanoseconds; those without a zone are the feed's."""
    at = pd.to_datetime(["2026-01-05 10:00:00.123456789", None, "1969-12-31 23:59:59.999999999"]).tz_localize(zone)
    rows = pd.DataFrame(
        {
            "ticket_id": ["a", "b", "c"], "customer_id": "C1", "category": "fault", "opened_at": at[0],
            "updated_at": at[0], "closed_at": at,
        }
    )  # fmt: skip
    sink = io.BytesIO()
    rows.to_parquet(sink)
    world.configure(feeds={"tickets": {"time_zone": "Europe/Berlin"}})
    world.drop("tickets", DAY, sink.getvalue(), name="tickets.parquet")
    assert account(world.land("tickets", DAY)) == [(DAY, 3, 3, 0)]
    hour = {None: 9, "Asia/Shanghai": 2, "UTC": 10}[zone]
    [opened] = {row[0] for row in world.rows("bronze.tickets", "CAST(opened_at AS VARCHAR)")}
    assert opened == f"2026-01-05 {hour:02}:00:00.123456+00"
    closed = dict(world.rows("bronze.tickets", "ticket_id", "CAST(closed_at AS VARCHAR)"))
    assert (closed["a"], closed["b"], closed["c"][-12:]) == (opened, None, "59.999999+00")


def test_parquet_lands_with_its_own_types(world: World) -> None:
    table = pa.table(
        {
            "card_id": ["K1", None],
            "customer_id": ["C1", "C2"],
            "closed_on": [date(2026, 1, 4)] * 2,
            "amount_due": pa.array([Decimal("10.50"), None], pa.decimal128(9, 2)),
            "updated_at": [datetime(2026, 1, 5, 1)] * 2,
        }
    )
    sink = io.BytesIO()
    pq.write_table(table, sink)
    world.drop("statements", DAY, sink.getvalue(), name="s.parquet")
    assert account(world.land("statements", DAY)) == [(DAY, 2, 1, 1)]
    assert world.rows("bronze.statements", "card_id", "amount_due", "closed_on") == [
        ("K1", Decimal("10.50"), date(2026, 1, 4))
    ]


@pytest.mark.parametrize("mapping", [{}, {"closed_on": "closed_on"}])
@pytest.mark.parametrize("nothing", [None, float("nan"), pd.NaT])
def test_a_date_that_is_null_throughout_lands_whatever_type_parquet_has_for_it(
    world: World, nothing: object, mapping: dict[str, str]
) -> None:
    rows = pd.DataFrame({"customer_id": ["C1", "C2"], "closed_on": nothing, "updated_at": "2026-01-05 10:00:00"})
    sink, empty = io.BytesIO(), io.BytesIO()
    rows.to_parquet(sink)
    rows[:0].astype({"closed_on": object}).to_parquet(empty)
    if mapping:
        world.configure(feeds={"customers": {"columns": mapping}})
    world.drop("customers", DAY, sink.getvalue(), name="c.parquet")
    world.drop("customers", DAY, empty.getvalue(), name="empty.parquet")
    assert account(world.land("customers", DAY)) == [(DAY, 2, 2, 0), (DAY, 0, 0, 0)]
    assert world.rows("bronze.customers", "closed_on") == [(None,), (None,)]


def test_values_of_types_that_have_no_cast_land_by_their_text_or_are_set_aside(world: World) -> None:
    rows = pa.table(
        {
            "customer_id": ["C1", "C2"],
            "opened_on": pa.array([20260104, 20261304]),
            "updated_at": ["2026-01-05 10:00:00"] * 2,
        }
    )
    sink = io.BytesIO()
    pq.write_table(rows, sink)
    world.drop("customers", DAY, sink.getvalue(), name="c.parquet")
    assert account(world.land("customers", DAY)) == [(DAY, 2, 1, 1)]
    assert world.rows("bronze.customers", "opened_on") == [(date(2026, 1, 4),)]
    assert world.rows("quarantine.customers", '"column"', "reason") == [("opened_on", "'99999999' is no date")]


def test_every_type_of_a_source_has_a_way_into_every_type_of_a_feed(spark: Any) -> None:
    """Analysis alone: a query must not stop for want of a cast."""
    given = {
        "void": "NULL", "boolean": "true", "tinyint": "1Y", "smallint": "1S", "int": "1", "bigint": "1L",
        "float": "1.5F", "double": "1.5D", "decimal": "1.5BD", "string": "'a'", "binary": "X'61'",
        "date": "DATE'2026-01-05'", "timestamp": "now()", "timestamp_ntz": "TIMESTAMP_NTZ'2026-01-05 10:00:00'",
        "day interval": "INTERVAL '1' DAY", "month interval": "INTERVAL '1' MONTH", "time": "TIME'10:00:00'",
    }  # fmt: skip
    for key, value in DOOR_CONF.items():
        spark.conf.set(key, value)
    rows = spark.sql(f"SELECT {', '.join(f'{value} AS `{name}`' for name, value in given.items())}")
    wanted = sorted({column.type for feed in FEEDS for column in feed.columns})
    for type_ in wanted:
        column = Column("wanted", type_, "")
        made = [convert(column, F.col(f"`{name}`"), kind, False, False).value for name, kind in rows.dtypes]
        assert set(dict(rows.select(*made).dtypes).values()) == {type_}


def test_parquet_lands_with_times_of_96_bits(world: World) -> None:
    """Spark's own default, and Hive's."""
    at = datetime(2026, 1, 5, 10, tzinfo=UTC)
    rows = pa.table({"customer_id": ["C1"], "updated_at": pa.array([at], pa.timestamp("us", "UTC"))})
    sink = io.BytesIO()
    pq.write_table(rows, sink, use_deprecated_int96_timestamps=True)
    world.drop("customers", DAY, sink.getvalue(), name="c.parquet")
    assert account(world.land("customers", DAY)) == [(DAY, 1, 1, 0)]
    assert world.rows("bronze.customers", "CAST(updated_at AS VARCHAR)") == [("2026-01-05 10:00:00+00",)]


def test_a_mapping_gives_null_where_it_fails_and_a_row_without_a_date_counts_once_for_its_file(
    world: World,
) -> None:
    world.configure(
        feeds={
            "calls": {
                "path": "month-{mm}.txt*",
                "format": "csv",
                "options": {"sep": "|", "header": True},
                "ds": "to_date(day, 'yyMMdd')",
                "where": "kind <> 'TEST'",
                "columns": {
                    "call_id": "concat_ws('-', `line+no`, day)",
                    "direction": "'inbound'",
                    "started_at": "to_timestamp(concat(day, ' ', at), 'yyMMdd H:mm:ss')",
                    "ended_at": "to_timestamp(concat(day, ' ', at), 'yyMMdd H:mm:ss') + make_interval(0,0,0,0,0,0,cast(secs AS int))",
                    "outcome": "'answered'",
                    "csat": "cast(score AS int)",
                },
            }
        }
    )
    (world.landing / "month-01.txt").write_text(
        "line+no|day|kind|at|secs|score\n"
        "1|990105|X|0:00:31|5|bad\n2|990106|X|9:00:00|5|4\n3|990105|TEST|9:00:00|5|4\n4|9901xx|X|9:00:00|5|4\n5|990105||9:00:00|5|4\n"
    )
    assert account(world.land("calls", "1999-01-05")) == [("1999-01-05", 1, 1, 0), ("None", 2, 0, 2)]
    assert account(world.land("calls", "1999-01-06")) == [("1999-01-06", 1, 1, 0), ("None", 2, 0, 2)]
    assert world.rows("bronze.calls", "call_id", "csat") == [("1-990105", None), ("2-990106", 4)]
    assert world.rows("quarantine.calls", "ds", "line", order="2") == [(None, 5), (None, 6)]


@pytest.mark.parametrize("path", ["{month_name}.txt*", "in/*/{yy}-{mm}[.!]???", "{yyyy}/{mm}", "ROOT/{ds}*"])
def test_a_row_in_a_file_that_its_own_date_does_not_read_is_set_aside_once_whatever_range_lands(
    world: World, path: str
) -> None:
    names = {
        "{month_name}.txt*": ("january.txt.csv", "february.txt.csv"),
        "in/*/{yy}-{mm}[.!]???": ("in/a/26-01.csv", "in/b/26-02.csv"),
        "{yyyy}/{mm}": ("2026/01/x.csv", "2026/02/y.csv"),
        "ROOT/{ds}*": ("2026-01-31.csv", "2026-02-03.csv"),
    }[path]
    path = path.replace("ROOT", str(world.landing))
    world.configure(feeds={"calls": {"path": path, "ds": "cast(started_at AS date)"}})
    late, feb = "2026-01-31", "2026-02-03"
    rows = [
        call(name, started_at=f"{day} 09:00:00", ended_at=f"{day} 09:01:00")
        for name, day in (("punctual", late), ("late", late), ("of february", feb))
    ]
    for name, content in zip(names, (calls(rows[0]), calls(*rows[1:])), strict=True):
        (world.landing / name).parent.mkdir(parents=True, exist_ok=True)
        (world.landing / name).write_text(content)
    both = ([late, feb], [("2026-01-31", 1, 1, 0), ("2026-02-03", 1, 1, 0), ("None", 1, 0, 1)])
    for days, expected in (([late], both[1][:1]), ([feb], both[1][1:]), both, ([feb], both[1][1:])):
        assert account(world.land("calls", *days)) == expected
    assert world.rows("bronze.calls", "call_id", "ds") == [
        ("of february", date(2026, 2, 3)),
        ("punctual", date(2026, 1, 31)),
    ]
    assert world.rows("quarantine.calls", "ds", "line", "reason") == [
        (None, 2, f"`ds` is {late}, whose batch is not read from this file")
    ]


def test_a_history_lands_in_one_pass_whether_or_not_lists_came_back_by_the_inbox(world: World) -> None:
    days = [DAY, "2026-01-06"]
    for day in days:
        at = {"started_at": f"{day} 10:00:00", "ended_at": f"{day} 10:05:00"}
        world.drop("calls", day, calls(call(day, **at)))
    assert account(world.land("calls", *days)) == [(day, 1, 1, 0) for day in days]

    result = {"attempt_id": "a", "customer_id": "C1", "attempted_at": f"{DAY}T10:00:00Z", "channel": "sms"}
    taken = world.root / f"delivery/inbox/taken/ds={DAY}/list.jsonl"
    taken.parent.mkdir(parents=True)
    named = {"list_on": DAY, "campaign": "care", "verdict": "taken", "problem": "", "row": 2}
    taken.write_text(json.dumps({**result, **named, "result": "opened"}) + "\n")
    assert sorted(account(world.land("contact_results", *days))) == [
        ("2026-01-05", 0, 0, 0), ("2026-01-05", 1, 1, 0), ("2026-01-06", 0, 0, 0),
    ]  # fmt: skip


def test_a_month_file_that_changed_after_some_of_its_dates_landed_is_said(world: World) -> None:
    world.configure(feeds={"calls": {"path": "month-{mm}.csv", "ds": "cast(started_at AS date)"}})
    file = world.landing / "month-01.csv"
    file.write_text(calls(call("a"), call("b", started_at="2026-01-06 09:00:00", ended_at="2026-01-06 09:01:00")))
    world.land_and_record("calls", DAY)
    file.write_text(file.read_text() + call("c") + "\n")
    batches = world.land("calls", "2026-01-06")
    assert account(batches) == [("2026-01-06", 1, 1, 0)]
    assert [warning.partition(";")[0] for warning in world.warnings] == [
        f"calls: month-01.csv changed after 1 dates had landed from it: {DAY} had 1 rows, the file now holds 2"
    ]


@pytest.mark.parametrize(
    ("mapping", "said"),
    [
        ({"call_id": "id_of_call"}, "id_of_call"),
        ({"topic": "max(topic)"}, "group by"),
        ({"csat": "array(1)"}, "array"),
        ({"topic": "upper(topic"}, "syntax error"),
    ],
    ids=["a column that the file lacks", "an aggregate", "another type", "a syntax error"],
)
def test_a_mapping_that_does_not_suit_the_file_is_a_clear_error(
    world: World, mapping: dict, said: str, capfd: pytest.CaptureFixture[str]
) -> None:
    world.configure(feeds={"calls": {"columns": mapping}})
    world.drop("calls", DAY, calls(call("a")))
    with pytest.raises(DataError) as raised:
        world.land("calls", DAY)
    assert f"mapping of {next(iter(mapping))}" in raised.value.headline
    assert said in raised.value.found.lower()
    assert capfd.readouterr().err == ""


def test_json_that_lacks_the_date_of_its_batch_is_set_aside(world: World) -> None:
    world.configure(feeds={"calls": {"path": "{ds}.json", "ds": "to_date(day)", "where": "kind <> 'TEST'"}})
    (world.landing / f"{DAY}.json").write_text('{"call_id": "a"}\n')
    assert account(world.land("calls", DAY)) == [(DAY, 0, 0, 0), ("None", 1, 0, 1)]


@pytest.mark.parametrize(
    ("name", "content", "options"),
    [
        ("a.csv", "", {"options": {"header": False}, "columns": {"call_id": "_c0"}}),
        ("a.json", "", {"columns": {"call_id": "id"}}),
        ("a.json", "", {"format": "json_document", "rows": "calls", "columns": {"call_id": "id"}}),
        ("a.json", '{"calls": []}', {"format": "json_document", "rows": "calls", "columns": {"call_id": "id"}}),
    ],
    ids=["CSV without a header", "JSON lines", "a JSON document", "no element"],
)
def test_a_file_without_rows_is_an_empty_batch(world: World, name: str, content: str, options: dict) -> None:
    world.configure(feeds={"calls": options})
    world.drop("calls", DAY, content, name)
    assert account(world.land("calls", DAY)) == [(DAY, 0, 0, 0)]


def test_a_value_on_which_a_mapping_fails_is_null_and_the_batch_goes_on(world: World) -> None:
    world.configure(feeds={"calls": {"columns": {"topic": "URL_DECODE(topic)", "csat": "to_number(csat, '99')"}}})
    world.drop("calls", DAY, calls(call("a", topic="a%20b", csat="4"), call("b", topic="%zq", csat="n/a")))
    world.land("calls", DAY)
    assert world.rows("bronze.calls", "call_id", "topic", "csat") == [("a", "a b", 4), ("b", None, None)]


def test_a_value_that_stops_the_mapping_is_an_error_that_does_not_show_it(world: World) -> None:
    world.configure(feeds={"calls": {"columns": {"topic": "timestamp_millis(cast(topic AS bigint))"}}})
    world.drop("calls", DAY, calls(call("a"), call("b", topic="92233720368547758")))
    with pytest.raises(DataError, match="a value stops the mapping") as raised:
        world.land("calls", DAY)
    assert "92233720368547758" not in str(raised.value)
    assert "try_" in raised.value.todo


@pytest.mark.parametrize(
    ("options", "content"),
    [
        ({"Sep": "||"}, calls(call("a")).replace(",", "||")),
        ({"delimiter": r"\t"}, calls(call("a")).replace(",", "\t")),
        ({"comment": "#"}, "# made by hand\n" + calls("# and this", call("a"))),
    ],
    ids=["two characters", "an escape", "comments"],
)
def test_options_are_the_spark_readers_own(world: World, options: dict, content: str) -> None:
    world.configure(feeds={"calls": {"options": options}})
    world.drop("calls", DAY, content)
    assert account(world.land("calls", DAY)) == [(DAY, 1, 1, 0)]


def test_a_landing_root_with_dots_is_the_folder_it_means(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.drop("calls", DAY, calls(call("a")))
    monkeypatch.setenv("ECHOLAKE_LANDING", f"{world.root}/lake/../landing")
    assert account(world.land("calls", DAY)) == [(DAY, 1, 1, 0)]


@pytest.mark.parametrize(
    ("written", "instant"),
    [
        ("2026-01-05T10:00Z", "2026-01-05 10:00:00"), ("2026-01-05 10:00+08:00", "2026-01-05 02:00:00"),
        ("20260105T1000", "2026-01-05 10:00:00"), ("20260105T1000+0800", "2026-01-05 02:00:00"),
        ("20260105T100000.5z", "2026-01-05 10:00:00.5"), ("20260105", "2026-01-05 00:00:00"),
        ("2026-01-05 10:00", "2026-01-05 10:00:00"), ("\u3000 2026-01-05 10:00:00\t", "2026-01-05 10:00:00"),
        ("2026-01-05 10:00:00 UTC", "2026-01-05 10:00:00"), ('"2026-01-05T10:00:00,250+08"', "2026-01-05 02:00:00.25"),
        ("2026-13-05 10:00", None), ("20261305", None), ("2026-01-05T10", None), ("10:00", None),
    ],
)  # fmt: skip
def test_times_are_read_in_each_spelling_of_iso_8601(world: World, written: str, instant: str | None) -> None:
    world.drop("calls", DAY, calls(call("a", started_at=written, ended_at="2026-01-05 23:00:00")))
    assert account(world.land("calls", DAY)) == [(DAY, 1, 1, 0) if instant else (DAY, 1, 0, 1)]
    found = world.rows("bronze.calls", "CAST(started_at AS VARCHAR)")
    assert found == ([(f"{instant}+00",)] if instant else [])


def test_a_row_of_which_a_quote_is_left_open_is_part_of_one(world: World) -> None:
    header = "call_id,turn,speaker,started_ms,ended_ms,text"
    rows = [
        '1,1,agent,0,9,"He said ""yes"""', '1,2,agent,0,9,"""quoted"""', '1,3,agent,0,9,5" more', '1,4,"agent",0,9,"a, b"',
        '1,8,"agent",0,9,"card, "',
        '1,5,agent,0,9,"cut', '1,6,agent,0,9,"he said ""no', "1,7,agent,0,9,whole",
    ]  # fmt: skip
    world.drop("transcripts", DAY, "\n".join([header, *rows]))
    world.land("transcripts", DAY)
    assert [row[0] for row in world.rows("bronze.transcripts", "turn", order="1")] == [1, 2, 3, 4, 7, 8]
    reasons = world.rows("quarantine.transcripts", "line", "reason", order="1")
    assert [(line, reason[:29]) for line, reason in reasons] == [
        (7, "a quote that is not closed on"), (8, "a quote that is not closed on"),
    ]  # fmt: skip


def test_blank_is_null_whatever_the_space(world: World) -> None:
    rows = [call("a", topic="\u00a0"), call("b", topic="\t"), call("\u3000"), call("d", csat=" \u3000")]
    world.drop("calls", DAY, calls(*rows))
    assert account(world.land("calls", DAY)) == [(DAY, 4, 3, 1)]
    assert world.rows("bronze.calls", "call_id", "topic", "csat", order="1") == [
        ("a", None, 5), ("b", None, 5), ("d", "balance", None),
    ]  # fmt: skip


def test_identifiers_that_became_fractions_for_want_of_others_are_whole(world: World) -> None:
    """As pandas makes of a column of whole numbers some of which are missing."""
    names = HEADER.split(",")
    columns: dict[str, list] = {name: [value] * 2 for name, value in zip(names, call("x").split(","), strict=True)}
    columns |= {"call_id": ["a", "b"], "customer_id": [10001.0, None], "caller_number": [13800138000.0, None]}
    data = io.BytesIO()
    pq.write_table(pa.table(columns), data)
    world.drop("calls", DAY, data.getvalue(), "a.parquet")
    world.drop("calls", DAY, calls(call("c", customer_id="10001", caller_number="13800138000")), "c.csv")
    assert [batch.rows_landed for batch in world.land("calls", DAY)] == [2, 1]
    [a, _, c] = world.rows("bronze.calls", "customer_id", "caller_token", "call_id", order="call_id")
    assert a[:2] == c[:2] == ("10001", c[1])
    assert c[1] is not None


def test_numbers_of_a_typed_source_are_not_cut(world: World) -> None:
    columns: dict[str, list] = {
        name: [value] * 3 for name, value in zip(HEADER.split(","), call("x").split(","), strict=True)
    }
    columns |= {"call_id": ["whole", "half", "none"], "csat": [4.0, 4.5, None]}
    data = io.BytesIO()
    pq.write_table(pa.table(columns), data)
    world.drop("calls", DAY, data.getvalue(), "a.parquet")
    assert account(world.land("calls", DAY)) == [(DAY, 3, 2, 1)]
    assert world.rows("bronze.calls", "call_id", "csat") == [("none", None), ("whole", 4)]


def test_documents_of_nested_json_land_one_row_an_element(world: World) -> None:
    world.configure(
        feeds={
            "calls": {
                "path": "{ds}*.json",
                "format": "json_document",
                "rows": "conversations",
                "columns": {
                    "call_id": "id",
                    "direction": "'inbound'",
                    "caller_number": "participants[0].ani",
                    "started_at": "startTime",
                    "ended_at": "endTime",
                    "outcome": "'answered'",
                    "topic": "participants[0].attributes.topic",
                },
            }
        }
    )
    conversation = {
        "startTime": "2026-01-05T10:00:00Z",
        "endTime": "2026-01-05T10:01:00Z",
        "participants": [{"ani": "tel:+14155552671"}],
    }
    document = {"conversations": [{"id": "g1", **conversation}, {"id": "g2", **conversation}]}
    (world.landing / f"{DAY}-1.json").write_text(json.dumps(document, indent=1))
    (world.landing / f"{DAY}-2.json").write_text("{ broken")
    batches = world.land("calls", DAY)
    assert sum(b.rows_landed for b in batches) == 2
    assert sum(b.rows_quarantined for b in batches) == 1
    assert world.rows("bronze.calls", "call_id", "phone_country", "phone_area", "topic") == [
        ("g1", "US", "415", None),
        ("g2", "US", "415", None),
    ]


def _version(world: World, table: str) -> int:
    from deltalake import DeltaTable

    return DeltaTable(world.lake / table).version()
