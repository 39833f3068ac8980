"""What audiences, scores and templates of campaigns may name: one wide row per open customer."""

import re
from collections.abc import Mapping

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.tables.tags import Standing

CHURN_WORDS = "coalesce(consumption_warning, reason_1, 'May stop using the card; no one cause stands out')"
SCORES = {
    "probability": "churn_probability",
    "decile": "churn_decile",
    **{name: name for name in ("called_today", "reason_1", "reason_2", "reason_3", "consumption_warning")},
}
ADVICE = {
    "campaign": "advice_campaign",
    "channel": "advice_channel",
    **{
        name: name
        for name in (
            "frequency_band",
            "cluster_id",
            "cluster_name",
            "main_topic",
            "main_topic_calls",
            "message",
            "send_before",
        )
    },
}
MISSING = "unknown"
NAMED = r"\{(\w+)\}"
OPTIONAL = r"\[([^\[\]]*\{\w+\}[^\[\]]*)\]"
"""Brackets around a named column; others are text."""


def wide(
    outreach_customers: DataFrame,
    customer_tag_values: DataFrame,
    churn_scores: DataFrame,
    repeat_call_advice: DataFrame,
    standing: Mapping[str, Standing],
    time_zone: str,
) -> DataFrame:
    """The customers of `outreach_customers` with their tags, scores and advice; frames of one date.

    Beside each tag stands whether its window begins before the first batch (`<tag>_is_partial`). Words tell times in
    the business time zone, as lists do.
    """
    own = outreach_customers.columns
    tags = customer_tag_values.drop(*(name for name in own if name != "customer_id"))
    scores = churn_scores.select("customer_id", *(F.col(name).alias(to) for name, to in SCORES.items()))
    advice = repeat_call_advice.where("customer_id IS NOT NULL").select(
        "customer_id", *(F.col(name).alias(to) for name, to in ADVICE.items())
    )
    joined = outreach_customers
    for frame in (tags, scores, advice):
        joined = joined.join(frame, "customer_id", "left")
    partial = {f"{tag}_is_partial": F.lit(each.is_partial) for tag, each in standing.items()}
    words = {"callback_words": _callback_words(time_zone), "churn_words": F.expr(CHURN_WORDS)}
    return joined.withColumns(partial | words)


def _callback_words(time_zone: str) -> Column:
    return F.expr(f"""CASE
        WHEN callback_at IS NOT NULL THEN concat('A call back was promised for ',
            date_format(from_utc_timestamp(callback_at, '{time_zone}'), 'yyyy-MM-dd HH:mm'))
        WHEN given_up_at IS NOT NULL THEN concat('Gave up waiting on ',
            date_format(from_utc_timestamp(given_up_at, '{time_zone}'), 'yyyy-MM-dd'),
            coalesce(concat(', about ', given_up_topic), ''), '; nobody has called back')
        WHEN open_requests > 0 THEN concat('A request', coalesce(concat(' about ', request_topic), ''),
            ' is open since ', date_format(request_opened_on, 'yyyy-MM-dd'))
        END""")


def said(template: str) -> Column:
    """The words of a template, with the values of the columns that it names in braces.

    What stands in brackets is left out where a value in it is missing.
    """
    parts = re.split(OPTIONAL, template)
    words = [
        F.coalesce(F.concat(*_words(part, missing=None)), F.lit("")) if place % 2 else F.concat(*_words(part, MISSING))
        for place, part in enumerate(parts)
    ]
    return F.concat(*words)


def _words(text: str, missing: str | None) -> list[Column]:
    """The pieces of a text; a column without a value is told as `missing`."""
    parts = re.split(NAMED, text)
    return [
        F.coalesce(F.col(part).cast("string"), F.lit(missing)) if place % 2 else F.lit(part)
        for place, part in enumerate(parts)
    ]
