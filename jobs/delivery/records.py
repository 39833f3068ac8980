"""What has been delivered, and where: the rows of ops.deliveries."""

from dataclasses import dataclass
from datetime import UTC, date, datetime

from jobs.table_logs import TableLogs, literal
from jobs.tables import TABLES

DELIVERIES = TABLES["ops.deliveries"]
FOLDER = "folder"


@dataclass(frozen=True)
class Parcel:
    """What one day's delivery consists of."""

    list_on: date
    files: int
    rows: int
    manifest_sha256: str


def is_frozen(logs: TableLogs, list_on: date) -> bool:
    """Whether the lists of that day were delivered, so that neither they nor their rows change any more."""
    return bool(logs.records(DELIVERIES, ("list_on", "=", list_on), ("destination", "=", FOLDER)))


def delivered(logs: TableLogs, destination: str) -> dict[date, Parcel]:
    """What a destination has, by the day of the lists."""
    rows = logs.records(DELIVERIES, ("destination", "=", destination))
    return {row["list_on"]: Parcel(row["list_on"], row["files"], row["rows"], row["manifest_sha256"]) for row in rows}


def note(logs: TableLogs, destination: str, parcel: Parcel) -> None:
    """Writes down that a destination has it."""
    row = {**vars(parcel), "destination": destination, "delivered_at": datetime.now(UTC)}
    where = f"list_on = DATE'{parcel.list_on}' AND destination = {literal(destination)}"
    logs.record(DELIVERIES, [row], where)
