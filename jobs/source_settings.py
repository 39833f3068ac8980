"""The configuration of a feed's source: where it is, what of it is ours, and how its columns become the feed's."""

from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from jobs import storage
from jobs.database_settings import Jdbc
from jobs.sections import Section, TimeZone

Format = Literal["csv", "json", "json_document", "parquet"]


class QuarantineLimit(Section):
    """The night stops when a batch exceeds both."""

    share: float = Field(0.02, ge=0, le=1)
    rows: int = Field(10, ge=0)


class Source(Section):
    """Where a feed comes from and how its columns are made (docs/adding_a_feed.md)."""

    path: str | None = None
    jdbc: Jdbc | None = None
    format: Format | None = None
    options: dict[str, Any] = Field(default_factory=dict)
    rows: str | None = None
    ds: str | None = None
    where: str | None = None
    time_zone: TimeZone | None = None
    redelivery_days: int = Field(45, ge=0)
    delivery: Literal["changes", "snapshot"] = "changes"
    optional: bool | None = None
    quarantine: QuarantineLimit = QuarantineLimit()
    columns: dict[str, str] = Field(default_factory=dict)

    @field_validator("path")
    @classmethod
    def _placeholders_exist(cls, value: str | None) -> str | None:
        known = ("ds", "yyyy", "yy", "mm", "dd", "month_name")
        try:
            (value or "").format(**dict.fromkeys(known, ""))
        except (KeyError, ValueError, IndexError):
            listed = " ".join(f"{{{name}}}" for name in known)
            raise ValueError(f"the placeholders of a path are {listed}; found {value}") from None
        return storage.opened(value) if value else value

    @model_validator(mode="after")
    def _comes_one_way(self) -> Self:
        told = [name for name in ("path", "format", "options", "rows", "ds") if getattr(self, name)]
        if self.jdbc is not None and told:
            raise ValueError(f"a feed from a database has no {', '.join(told)}; its watermark or query tells the date")
        if self.jdbc is not None and self.jdbc.watermark and self.delivery == "snapshot":
            raise ValueError(
                "a watermark brings what has changed, and whoever else is absent from a snapshot is closed"
            )
        return self

    @field_validator("ds", "where", mode="before")
    @classmethod
    def _scalar_is_text(cls, value: object) -> object:
        return value if value is None or isinstance(value, str) else str(value).lower()
