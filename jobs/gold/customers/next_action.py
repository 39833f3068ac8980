"""What to do next for a customer: what a list has planned, else what repeat callers get instead of another call."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.gold.outreach import rules
from jobs.gold.outreach.assignment import BELOW_FLOOR, HOLDOUT, OVER_CAPACITY, OVER_QUOTA
from jobs.gold.outreach.draws import is_drawn, season_of

CHANNELS = {
    "call": "call",
    "sms": "text message",
    "push": "push message in the app",
    "wechat": "WeChat message",
    "email": "e-mail",
}
LEFT_OUT = (BELOW_FLOOR, OVER_QUOTA, OVER_CAPACITY)
"""Reasons for which a list had no place, though nothing forbids to reach the customer."""
UNTOLD = 2
"""So many times those who are held out get no advice: with none, it is as likely as not that the customer is not."""


def next_actions(
    call_candidates: DataFrame,
    call_lists: DataFrame,
    repeat_call_advice: DataFrame,
    outreach_customers: DataFrame,
    list_on: date,
    campaigns: Sequence[Mapping[str, Any]],
    holdout_share: float,
    time_zone: str,
) -> DataFrame:
    """One row per customer for whom there is something to do: customer_id, next_best_action in words.

    Candidates and lists are of `list_on`, advice and `outreach_customers` of the date before.
    """
    planned = call_lists.select("customer_id", _planned(campaigns, time_zone).alias("_planned"))
    tested = [each["name"] for each in campaigns if each["kind"] != rules.DUTY]
    known = outreach_customers.select("customer_id", "held_out")
    decided = call_candidates.select("customer_id", "campaign", "decision", "reason")
    # Without a channel nothing is for the customer: something is mended inside.
    advice = repeat_call_advice.where("customer_id IS NOT NULL AND channel IS NOT NULL")
    # Lists look at open customers alone: whether anybody else may be reached, nobody has asked.
    judged = advice.join(decided, ["customer_id", "campaign"], "left").join(known, "customer_id")
    advised = judged.where(~_is_withheld(tested, list_on, holdout_share)).select(
        "customer_id", F.concat_ws(" Say: ", "action", "message").alias("_advised")
    )
    return planned.join(advised, "customer_id", "full").select(
        "customer_id", F.coalesce("_planned", "_advised").alias("next_best_action")
    )


def _planned(campaigns: Sequence[Mapping[str, Any]], time_zone: str) -> Column:
    goals = [F.when(F.col("campaign") == each["name"], F.lit(each["goal"])) for each in campaigns]
    channels = [F.when(F.col("channel") == name, F.lit(words)) for name, words in CHANNELS.items()]
    begin, end = (
        F.date_format(F.from_utc_timestamp(name, time_zone), "HH:mm") for name in ("slot_start_at", "slot_end_at")
    )
    # A list that was delivered outlives a campaign that was taken out of conf.
    goal, channel = F.coalesce(*goals, "campaign"), F.coalesce(*channels, "channel")
    return F.format_string(
        "%s: %s on %s, %s to %s. %s", goal, channel, F.col("list_on").cast("string"), begin, end, F.col("why")
    )


def _is_withheld(tested: Sequence[str], list_on: date, holdout_share: float) -> Column:
    """Whether advice would reach whom its campaign must not, or would work on who is held out of it.

    Whoever will be held out when a place is won is left alone before already: the draw is of the season.
    """
    may_not = F.col("decision").isNotNull() & ~F.coalesce(F.col("reason").isin(*LEFT_OUT), F.lit(False))
    is_held_out = (F.col("decision") == HOLDOUT) | F.array_contains("held_out", F.col("campaign"))
    is_untold = F.col("campaign").isin(*tested) & is_drawn(
        UNTOLD * holdout_share, season_of(list_on), F.col("campaign")
    )
    return F.greatest(*(F.coalesce(each, F.lit(False)) for each in (may_not, is_held_out, is_untold)))
