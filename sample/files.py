"""The drops as files: the same rows give the same bytes."""

import csv
import gzip
import io
import json
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from sample.feeds import DROPS, Drop, Row

SHANGHAI = timezone(timedelta(hours=8))
MONEY = pa.decimal128(18, 2)
INSTANT = pa.timestamp("us", tz="UTC")
PLAIN = pa.timestamp("us")  # without a zone, as most planning systems export
TYPES = {
    "statements": {
        "closed_on": pa.date32(),
        "due_on": pa.date32(),
        "amount_due": MONEY,
        "minimum_due": MONEY,
        "balance": MONEY,
        "paid_on": pa.date32(),
        "updated_at": INSTANT,
    },
    "shifts": {
        "planned_start_at": PLAIN,
        "planned_end_at": PLAIN,
        "logged_in_at": PLAIN,
        "logged_out_at": PLAIN,
    },
}


def write(path: Path, feed: str, rows: list[Row]) -> None:
    """Write one file in the form of its feed; the folder is made."""
    drop = DROPS[feed]
    path.parent.mkdir(parents=True, exist_ok=True)
    kind = drop.ending.removesuffix(".gz")
    content = {"csv": _csv, "json": _json, "jsonl": _json, "parquet": _parquet}[kind](feed, drop, rows)
    # Without the time of writing, or no two runs would be alike.
    path.write_bytes(gzip.compress(content, mtime=0) if drop.ending.endswith(".gz") else content)


def _csv(feed: str, drop: Drop, rows: Iterable[Row]) -> bytes:
    out = io.StringIO()
    lines = csv.writer(out, lineterminator="\n")
    lines.writerow(drop.columns)
    for row in rows:
        fields = [_in_csv(_written(drop, row.get(column))) for column in drop.columns]
        more = row.get("more_fields", 0)
        lines.writerow(fields[:more] if more < 0 else fields + ["surplus"] * more)
    return out.getvalue().encode()


def _in_csv(value: object) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _json(feed: str, drop: Drop, rows: Iterable[Row]) -> bytes:
    lines = [
        json.dumps({column: _written(drop, row.get(column)) for column in drop.columns}, ensure_ascii=False)
        for row in rows
    ]
    return "".join(f"{line}\n" for line in lines).encode()


def _parquet(feed: str, drop: Drop, rows: list[Row]) -> bytes:
    types = TYPES[feed]
    schema = pa.schema([(column, types.get(column, pa.string())) for column in drop.columns])
    columns = [
        pa.array(
            [_in_parquet(row.get(column), schema.field(column).type) for row in rows],
            schema.field(column).type,
        )
        for column in drop.columns
    ]
    out = io.BytesIO()
    pq.write_table(pa.Table.from_arrays(columns, schema=schema), out)
    return out.getvalue()


def _in_parquet(value: object, kind: pa.DataType) -> object:
    return value.replace(tzinfo=None) if isinstance(value, datetime) and kind == PLAIN else value


def _written(drop: Drop, value: object) -> object:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, datetime):
        return _moment(drop.times, value)
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value


def _moment(style: str, at: datetime) -> str:
    if style == "plain":
        return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
    precision = "milliseconds" if at.microsecond else "seconds"
    if style == "shanghai":
        return at.astimezone(SHANGHAI).isoformat(timespec=precision)
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec=precision) + "Z"
