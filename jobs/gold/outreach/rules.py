"""The rules that drop a candidate, in their order: the first that holds is the reason."""

from collections.abc import Mapping
from typing import Any

from pyspark.sql import Column
from pyspark.sql import functions as F

from jobs.tables.outreach import ALL_CHANNELS, NUMBERED

DUTY, MARKETING = "duty", "marketing"
CONSENT = {"call": "call_consent", "sms": "sms_consent"}
HOUR_SECONDS = 3600
MOST_HOURS = 25


def reason(
    campaign: Mapping[str, Any], caps: Mapping[str, Any], abandoned_share: float | None, is_do_not_call_stale: bool
) -> Column:
    """The code of the first rule that drops a row of the audience from a campaign; null where none does.

    Beside the columns of features.outreach_customers a row has what the law allows (call_candidates.ALLOWED) and
    `free_hours`. `abandoned_share`: of the campaign's dialled calls, null where none was answered.
    """
    rules = {
        "campaign_halted": _is_halted(campaign, abandoned_share),
        "no_consent": _has_no_consent(campaign),
        "do_not_call": _is_barred(campaign) | F.lit(is_do_not_call_stale),
        "protected": _is_protected(campaign),
        "capped_all_channels": _is_capped(campaign, caps),
        "capped_campaign": _is_capped_in_campaign(campaign, caps),
        "too_soon": (F.col("hours") != 0) & (F.col("free_hours") == 0),
        # Whoever has no number cannot be called at any hour.
        "no_callable_hour": (F.col("hours") == 0) | _has_no_number(campaign),
    }
    return F.coalesce(*(F.when(rule, F.lit(code)) for code, rule in rules.items()))


def free_hours(begins_at: Column) -> Column:
    """The allowed hours that begin once the last results release the customer; `begins_at`: of the first hour."""
    seconds = F.col("released_at").cast("double") - begins_at.cast("double")
    passed = F.ceil(F.coalesce(seconds, F.lit(0.0)) / HOUR_SECONDS)
    shift = F.least(F.greatest(passed, F.lit(0)), F.lit(MOST_HOURS)).cast("int")
    return F.col("hours").bitwiseAND(F.call_function("shiftleft", F.lit(-1).cast("bigint"), shift))


def _is_halted(campaign: Mapping[str, Any], abandoned_share: float | None) -> Column:
    is_dialled = campaign["channel"] == "call" and abandoned_share is not None
    beyond = F.lit(abandoned_share) > F.col("most_abandoned_share") if is_dialled else F.lit(False)
    return F.lit(campaign["halted"]) | F.coalesce(beyond, F.lit(False))


def _has_no_consent(campaign: Mapping[str, Any]) -> Column:
    """Silence refuses marketing; of the rest only a no refuses."""
    channel = CONSENT.get(campaign["channel"])
    if campaign["kind"] != MARKETING:
        return F.lit(False) if channel is None else F.coalesce(~F.col(channel), F.lit(False))
    asked = ["marketing_consent", *([channel] if channel else [])]
    refuses = F.coalesce("profiling_objection", F.lit(False))
    for name in asked:
        refuses = refuses | ~F.coalesce(name, F.lit(False))
    return refuses


def _is_barred(campaign: Mapping[str, Any]) -> Column:
    """Entries for this channel or for all, and what was said when the customer or the number was tried."""
    named = F.arrays_overlap("barred_channels", F.array(F.lit(campaign["channel"]), F.lit(ALL_CHANNELS)))
    is_number_barred = F.col("is_number_barred") if campaign["channel"] in NUMBERED else F.lit(False)
    return named | F.col("is_person_barred") | is_number_barred


def _is_protected(campaign: Mapping[str, Any]) -> Column:
    held = F.coalesce("legal_hold", F.lit(False)) | F.coalesce("vulnerable", F.lit(False))
    return held if campaign["kind"] == DUTY else held | (F.col("open_complaints") > 0)


def _is_capped(campaign: Mapping[str, Any], caps: Mapping[str, Any]) -> Column:
    capped = F.lit(False)
    for days in (1, 7, 30):
        capped = capped | (F.col(f"contacts_{days}d") >= caps[f"contacts_{days}d"])
    if campaign["channel"] == "call":
        capped = capped | F.coalesce(F.col("call_attempts_1d") >= F.col("most_attempts_1d"), F.lit(False))
        capped = capped | F.coalesce(F.col("connected_calls_1d") >= F.col("most_connected_1d"), F.lit(False))
    return capped


def _is_capped_in_campaign(campaign: Mapping[str, Any], caps: Mapping[str, Any]) -> Column:
    def attempts(of: str) -> Column:
        return F.coalesce(F.try_element_at(of, F.lit(campaign["name"])), F.lit(0))

    capped = attempts("campaign_attempts_7d") >= caps["campaign_attempts_7d"]
    if campaign["channel"] in NUMBERED:
        capped = capped | (attempts("number_attempts_7d") >= caps["number_attempts_7d"])
    for past in ("refused_campaigns", "reached_campaigns"):
        capped = capped | F.array_contains(past, campaign["name"])
    return capped


def _has_no_number(campaign: Mapping[str, Any]) -> Column:
    return F.col("phone_token").isNull() if campaign["channel"] in NUMBERED else F.lit(False)
