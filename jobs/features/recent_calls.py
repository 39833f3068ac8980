"""The inbound calls of the last days as they were known at the end of a date, each with what came before and after."""

from datetime import date, timedelta

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from jobs.chains import linked
from jobs.columns import MICROSECONDS_AN_HOUR, handle_microseconds, microseconds_between, wait_microseconds
from jobs.features.rows import in_window, known

REPEAT_HOURS = 168
"""A call that another one follows within so long has not settled the matter."""


def recent(calls: DataFrame, as_of: date, days: int, transfer_minutes: int, chain_gap_days: int) -> DataFrame:
    """One row per inbound call of the `days` up to the date.

    Beside the columns of `calls`: caller_key; is_transfer, is_repeat (it follows a call of its chain); hours_since,
    position_in_chain; wait_microseconds and handle_microseconds; next_call, the caller's next one that is no
    transfer, with hours until then; is_followed within 168 hours. A chain that began before the days that are
    read (those and `chain_gap_days` more) counts from there.
    """
    first = as_of - timedelta(days=days + chain_gap_days)
    chained = linked(known(calls, as_of).where(f"event_date > DATE'{first}'"), None, transfer_minutes, chain_gap_days)
    spans = {"wait_microseconds": wait_microseconds(), "handle_microseconds": handle_microseconds()}
    told = chained.withColumns(spans)
    follower = F.when(~F.col("_is_transfer"), F.struct("started_at", "topic", "handle_microseconds", "call_id"))
    # The order reversed, so that a frame looks back: one that looks ahead would be computed anew for each call.
    later = Window.partitionBy("caller_key").orderBy(F.desc("started_at"), F.desc("call_id"))
    after = F.last(follower, ignorenulls=True).over(later.rowsBetween(Window.unboundedPreceding, -1))
    linked_on = told.withColumn("next_call", after).withColumns(
        {
            "is_transfer": F.col("_is_transfer"),
            "is_repeat": (F.col("position_in_chain") > 1) & ~F.col("_is_transfer"),
            "hours_since": microseconds_between("_previous_started_at", "started_at") / MICROSECONDS_AN_HOUR,
            "hours_until": microseconds_between("started_at", "next_call.started_at") / MICROSECONDS_AN_HOUR,
        }
    )
    return linked_on.where(in_window(days, as_of)).withColumn(
        "is_followed", F.coalesce(F.col("hours_until") <= REPEAT_HOURS, F.lit(False))
    )
