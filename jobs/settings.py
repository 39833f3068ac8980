"""The configuration as frozen, typed objects; an unknown key is an error."""

import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import Field, ValidationError, field_validator

from jobs import storage
from jobs.alerting_settings import Alerts
from jobs.database_settings import Database
from jobs.delivery_settings import Delivery
from jobs.errors import DataError
from jobs.number_settings import (
    CallerIdentities,
    CallerProfiles,
    Churn,
    ConsumptionWarnings,
    CustomerIdentities,
    CustomerTimeline,
    RepeatAdvice,
    RepeatCalls,
    ServiceKpis,
)
from jobs.outreach_settings import Law, Outreach
from jobs.sections import Section, TimeZone
from jobs.source_settings import Source
from jobs.tables import FEEDS, TABLES, Feed, Kind, Table

DROPPED_LAYERS = ("bronze", "quarantine", "features")
ROOT = Path(__file__).resolve().parents[1]


class Spark(Section):
    """Which Spark: `local` (this checkout starts a server), `classic` (under spark-submit) or sc://host:port.

    `connection` is the Airflow connection that says where `classic` submits to; without one, spark.master does.
    """

    remote: str = Field("local", pattern="^(local|classic|sc://.+)$")
    connection: str | None = None
    conf: dict[str, Any] = Field(default_factory=dict)


class _Configuration(Section):
    time_zone: TimeZone
    default_country: str = Field(pattern="^[A-Z]{2}$")
    retention_days: dict[str, Annotated[int, Field(ge=1)] | None]
    vacuum_hours: int = Field(ge=0)
    repeat_calls: RepeatCalls
    caller_profiles: CallerProfiles
    service_kpis: ServiceKpis
    customer_identities: CustomerIdentities
    caller_identities: CallerIdentities
    customer_timeline: CustomerTimeline
    churn: Churn
    consumption_warnings: ConsumptionWarnings
    repeat_advice: RepeatAdvice
    outreach: Outreach
    law: Law
    deadline_minutes: int
    alerts: Alerts = Alerts()
    delivery: Delivery = Delivery()
    connections: dict[str, Database] = Field(default_factory=dict)
    feeds: dict[str, Source]
    spark: Spark

    @field_validator("retention_days")
    @classmethod
    def _may_be_dropped(cls, value: dict[str, int | None]) -> dict[str, int | None]:
        stamped = [table.name for table in TABLES.values() if table.kind is Kind.AS_OF]
        unknown = sorted(set(value) - {*DROPPED_LAYERS, *stamped})
        if unknown:
            known = ", ".join([*DROPPED_LAYERS, *stamped])
            raise ValueError(f"rows of {', '.join(unknown)} are not dropped by their age; of these they are: {known}")
        return value

    @field_validator("feeds")
    @classmethod
    def _feeds_exist(cls, value: dict[str, Source]) -> dict[str, Source]:
        for name, source in value.items():
            feed = next((feed for feed in FEEDS if feed.name == name), None)
            if feed is None:
                raise ValueError(f"no feed is called {name}; feeds are {', '.join(f.name for f in FEEDS)}")
            names = [column.name for column in feed.columns]
            unknown = sorted(set(source.columns) - set(names))
            if unknown:
                raise ValueError(f"feed {name} has no column {', '.join(unknown)}; its columns are {', '.join(names)}")
            if source.delivery == "snapshot" and feed.ends is None:
                raise ValueError(f"feed {name} has no column that ends a row, so it cannot be a snapshot")
        return value


@dataclass(frozen=True)
class Settings:
    """All that is configured, with the roots from the environment."""

    configuration: _Configuration
    landing: str
    lake: str
    delivery: str
    key_file: Path
    local: Path

    @property
    def time_zone(self) -> str:
        """IANA name of the business time zone."""
        return self.configuration.time_zone

    def numbers_of(self, table: Table) -> dict[str, Any]:
        """The numbers that conf gives a table's `build`, by argument."""
        section: Section | None = getattr(self.configuration, table.short_name, None)
        return section.model_dump() if section else {}

    def keeps(self, table: Table) -> int | None:
        """The days for which the weekly maintenance keeps a table's rows; None: for good."""
        days = self.configuration.retention_days
        layer = "quarantine" if table.name == "vault.quarantine_raw" else table.layer
        return days.get(table.name, days.get(layer))

    def source(self, feed: Feed) -> Source:
        """The source of a feed, with what its declaration gives by default filled in."""
        source = self.configuration.feeds.get(feed.name, Source())
        return source.model_copy(
            update={
                "path": source.path or (None if source.jdbc else f"{feed.name}/ds={{ds}}/*"),
                "time_zone": source.time_zone or self.time_zone,
                "optional": feed.optional if source.optional is None else source.optional,
            }
        )


def read_settings() -> Settings:
    """The settings of this process's environment.

    Raises:
        DataError: a file is missing or not YAML, a key unknown, a value out of its range.
    """
    names = ("ECHOLAKE_ENV", "ECHOLAKE_CONF", "ECHOLAKE_LANDING", "ECHOLAKE_LAKE", "ECHOLAKE_DELIVERY")
    values = tuple(os.environ.get(name) or None for name in (*names, "ECHOLAKE_PII_KEY_FILE"))
    return _read(*values)


@lru_cache(maxsize=4)
def _read(
    env: str | None,
    conf: str | None,
    landing: str | None,
    lake: str | None,
    delivery: str | None,
    key: str | None,
) -> Settings:
    local = ROOT / ".local"
    files = [ROOT / "conf/base.yaml", ROOT / f"conf/{env or 'local'}.yaml"]
    if conf:
        files.append(Path(conf) if Path(conf).exists() else ROOT / conf)
    merged: dict[str, Any] = {
        "spark": {"conf": _yaml(ROOT / "conf/spark.yaml")},
        "repeat_advice": _yaml(ROOT / "conf/repeat_advice.yaml"),
        "outreach": _yaml(ROOT / "conf/campaigns.yaml"),
        "law": _yaml(ROOT / "conf/jurisdictions.yaml"),
    }
    for file in files:
        merged = _over(merged, _yaml(file))
    try:
        configuration = _Configuration.model_validate(merged)
    except ValidationError as error:
        first = error.errors()[0]
        said = "no such key" if first["type"] == "extra_forbidden" else first["msg"]
        raise DataError(
            "configuration",
            expected="keys that conf/*.yaml or docs/adding_a_feed.md name, each with a value of its type",
            found=f"{'.'.join(map(str, first['loc']))}: {said}",
            todo=f"mend that key in conf/ or in the file of ECHOLAKE_CONF; wrong keys in all: {error.error_count()}",
        ) from None
    return Settings(
        configuration=configuration,
        landing=_rooted(landing, local / "landing"),
        lake=_rooted(lake, local / "lake"),
        delivery=_rooted(delivery, local / "delivery"),
        key_file=Path(key).absolute() if key else local / "secrets/pseudonym.key",
        local=local,
    )


def _rooted(value: str | None, default: Path) -> str:
    if value is None:
        return str(default)
    value = storage.opened(value)
    if "://" in value:
        return value
    # Without following links, as Spark does: names of files are told from what Spark reports.
    return os.path.abspath(value)  # noqa: PTH100


def _yaml(file: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
    except (OSError, yaml.YAMLError) as error:
        raise DataError(
            f"configuration {file}",
            expected="a readable YAML file",
            found=str(error).replace("\n", " "),
            todo="mend the file, or ECHOLAKE_ENV and ECHOLAKE_CONF, which name it",
        ) from None
    if not isinstance(content, dict):
        raise DataError(
            f"configuration {file}",
            expected="a mapping of keys to values",
            found=type(content).__name__,
            todo="start from conf/base.yaml",
        )
    return content


def _over(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    both = {
        key: _over(below[key], above[key])
        for key in below.keys() & above.keys()
        if isinstance(below[key], dict) and isinstance(above[key], dict)
    }
    return {**below, **above, **both}
