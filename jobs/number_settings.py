"""The numbers that facts and models stand on: thresholds, windows, and what is advised (docs/definitions.md)."""

from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from jobs.decisions import filed_under
from jobs.sections import Section

Pair = Annotated[list[str], Field(min_length=2, max_length=2)]


class RepeatCalls(Section):
    """Numbers of gold.repeat_calls."""

    transfer_minutes: int
    chain_gap_days: int
    late_days: int


class CallerProfiles(Section):
    """Numbers of features.caller_profiles: the bands of callers."""

    top_share: float = Field(gt=0, lt=1)
    high_calls: int = Field(ge=1)
    mid_calls: int = Field(ge=1)


class ServiceKpis(Section):
    """Numbers of gold.service_kpis."""

    target_wait_seconds: int


class CustomerIdentities(Section):
    """Numbers of gold.customer_identities, and what people decided (docs/definitions.md)."""

    most_customers: int = Field(ge=2)
    same: list[Pair] = Field(default_factory=list)
    apart: list[Pair] = Field(default_factory=list)

    @model_validator(mode="after")
    def _decisions_agree(self) -> Self:
        filed = filed_under(self.same)
        for one, other in self.apart:
            if filed.get(one, one) == filed.get(other, other):
                raise ValueError(f"{one} and {other} are apart, and one person by same")
        return self


class CallerIdentities(Section):
    """Numbers of gold.caller_identities."""

    only_owner: float = Field(gt=0, le=1)
    changed_hands: float = Field(gt=0, le=1)


class CustomerTimeline(Section):
    """Numbers of gold.customer_timeline."""

    attempt_minutes: int = Field(ge=0)
    journey_minutes: int = Field(ge=0, le=720)
    failed_events: str


class Churn(Section):
    """Numbers of the churn model (docs/definitions.md)."""

    active_days: int = Field(ge=1, le=180)
    horizon_days: int = Field(ge=1)
    cuts: int = Field(ge=1)
    cut_days: int = Field(ge=1)
    most_customers: int = Field(ge=1)
    amount: float = Field(gt=0)
    effect: float = Field(gt=0, le=1)
    cost: float = Field(ge=0)
    saving_campaigns: list[str]


class ConsumptionWarnings(Section):
    """Numbers of gold.consumption_warnings."""

    chance: float = Field(gt=0, lt=1)
    drop_sigmas: float = Field(gt=0)
    spike_sigmas: float = Field(gt=0)


class CallerAdvice(Section):
    """What callers of a band, with a main topic, for whom a condition holds, should get instead of another call."""

    id: str
    band: list[Literal["high", "mid", "low"]] = Field(default_factory=list)
    topics: Literal["self_service"] | list[str] | None = None
    where: str | None = None
    channel: Literal["call", "sms", "self_service"] | None = None
    campaign: str | None = None
    action: str
    owner: str


class KindAdvice(Section):
    """What to do for kinds of callers of whom a figure is so many times that of all, and so large."""

    feature: str
    lift: float = Field(ge=1)
    mean: float = Field(ge=0)
    advice: str


class CauseAdvice(Section):
    """What to do inside about groups of gold.repeat_call_causes for which a condition holds."""

    where: str
    advice: str


class RepeatAdvice(Section):
    """conf/repeat_advice.yaml."""

    self_service_topics: list[str]
    self_service_channels: list[str] = Field(min_length=1)
    lead_hours: int = Field(ge=0)
    minute_amount: float = Field(ge=0)
    currency: str = Field(pattern="^[A-Z]{3}$")
    callers: list[CallerAdvice] = Field(min_length=1)
    messages: dict[str, str]
    kinds: list[KindAdvice]
    causes: list[CauseAdvice]

    @field_validator("messages")
    @classmethod
    def _any_topic_has_a_message(cls, value: dict[str, str]) -> dict[str, str]:
        if "other" not in value:
            raise ValueError("messages need `other`, for topics without one of their own")
        return value
