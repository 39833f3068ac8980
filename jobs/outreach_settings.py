"""conf/campaigns.yaml and conf/jurisdictions.yaml as frozen, typed objects."""

import re
from datetime import date, time
from itertools import chain
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from jobs.effects_settings import Outcome
from jobs.sections import Section, existing_zone

Hours = Annotated[list[time], Field(min_length=2, max_length=2)]
"""From and until, local time."""


class Caps(Section):
    """How often and how soon a customer may be contacted."""

    contacts_1d: int = Field(ge=1)
    contacts_7d: int = Field(ge=1)
    contacts_30d: int = Field(ge=1)
    campaign_attempts_7d: int = Field(ge=1)
    number_attempts_7d: int = Field(ge=1)
    wait_minutes: dict[Literal["busy", "no_answer", "voicemail"], int]
    refused_days: int = Field(ge=1)
    reentry_days: int = Field(ge=1)
    do_not_call_age_days: int = Field(ge=1)


class Capacity(Section):
    """Agent minutes for outbound calls in an hour of the business day."""

    share_of_shifts: float = Field(gt=0, le=1)
    minutes_an_hour: float = Field(ge=0)
    minutes_a_call: float = Field(gt=0)
    explore_share: float = Field(ge=0, lt=1)


class Script(Section):
    """What to say; of several scripts each customer has one by a hash."""

    id: str
    hint: str


class Campaign(Section):
    """Whom to reach for what, on which channel, and what it is worth (docs/adding_a_campaign.md)."""

    name: str = Field(pattern="^[a-z][a-z0-9_]*$")
    goal: str
    kind: Literal["marketing", "service", "duty"]
    channel: Literal["call", "sms", "push", "wechat", "email"]
    audience: str
    score: str = "1.0"
    value: str | float
    effect: float = Field(gt=0)
    effect_sd: float = Field(gt=0)
    cost: float = Field(ge=0)
    outcome: Outcome
    outcome_days: int = Field(ge=1)
    minutes: float | None = Field(None, gt=0)
    why: str
    scripts: list[Script] = Field(min_length=1)
    quota: int | None = Field(None, ge=0)
    floor: float = 0.0
    purpose: Literal["general", "collections"] = "general"
    halted: bool = False
    owner: str


class Jurisdiction(Section):
    """A law: where it holds, for what, and what it allows."""

    name: str
    country: str = Field(pattern="^[A-Z]{2}$")
    regions: list[str] = Field(default_factory=list)
    purpose: Literal["general", "collections"] | None = None
    hours: Hours | None = None
    attempts_1d: int | None = Field(None, ge=1)
    connected_1d: int | None = Field(None, ge=1)
    abandoned_share: float | None = Field(None, gt=0, lt=1)


class Law(Section):
    """conf/jurisdictions.yaml: the rows that match hold together, so that the strictest wins."""

    hours: Hours
    holidays: dict[str, list[date]]
    time_zones: dict[str, list[str]]
    jurisdictions: list[Jurisdiction]

    @field_validator("time_zones")
    @classmethod
    def _zones_exist(cls, value: dict[str, list[str]]) -> dict[str, list[str]]:
        for zone in chain.from_iterable(value.values()):
            existing_zone(zone)
        return value


class Outreach(Section):
    """conf/campaigns.yaml."""

    holdout_share: float = Field(gt=0, lt=1)
    caps: Caps
    capacity: Capacity
    campaigns: list[Campaign]

    @field_validator("campaigns", mode="before")
    @classmethod
    def _named_once(cls, value: Any) -> Any:
        """A mapping by name, so that a deployment can lay its own over one of ours."""
        if isinstance(value, dict):
            return [{"name": name, **campaign} for name, campaign in value.items() if campaign is not None]
        return value

    @model_validator(mode="after")
    def _templates_have_names(self) -> Self:
        for campaign in self.campaigns:
            for template in (campaign.why, *(script.hint for script in campaign.scripts)):
                for found in re.findall(r"\{([^}]*)\}", template):
                    if not re.fullmatch(r"[a-z][a-z0-9_]*", found):
                        raise ValueError(f"campaign {campaign.name}: {{{found}}} is no column name")
        return self
