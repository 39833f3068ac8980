"""Chains of contact: the inbound calls of a caller, one after the other."""

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from jobs.columns import caller_key

_PREVIOUS = ("call_id", "started_at", "ended_at", "transferred", "outcome", "chain_id", "position_in_chain")


def linked(calls: DataFrame, caller_history: DataFrame | None, transfer_minutes: int, chain_gap_days: int) -> DataFrame:
    """The inbound calls with `caller_key`, `_previous` (the caller's call before), `_is_transfer`, and their chain.

    `calls` hold all calls of their callers from some date on, `caller_history` each caller's last inbound call
    before that date (None: nobody has one). A transfer starts within `transfer_minutes` of the end of a call that was
    handed on; a chain ends after a gap of more than `chain_gap_days` (docs/definitions.md).
    """
    inbound = calls.where("direction = 'inbound'").withColumn("caller_key", caller_key())
    in_time = Window.partitionBy("caller_key").orderBy("started_at", "call_id")
    so_far = in_time.rowsBetween(Window.unboundedPreceding, Window.currentRow)
    # Inside the window a chain's id and place come from sums, so the struct carries nulls for them.
    own = F.struct(
        *_PREVIOUS[:5],
        F.lit(None).cast("string").alias("chain_id"),
        F.lit(None).cast("bigint").alias("position_in_chain"),
    )
    if caller_history is None:
        carried = inbound.withColumn("_carried", F.when(F.lit(False), own))
    else:
        last_before = caller_history.select("caller_key", F.struct(*_PREVIOUS).alias("_carried"))
        carried = inbound.join(last_before, "caller_key", "left")
    chained = carried.withColumn("_previous", F.coalesce(F.lag(own).over(in_time), F.col("_carried")))
    gap = F.col("started_at") - F.col("_previous.started_at")
    starts_chain = F.coalesce(gap > F.expr(f"INTERVAL {chain_gap_days} DAYS"), F.lit(True))
    hands_on = F.col("started_at") - F.col("_previous.ended_at") < F.expr(f"INTERVAL {transfer_minutes} MINUTES")
    chained = chained.withColumn(
        "_is_transfer", F.coalesce(F.col("_previous.transferred") & hands_on, F.lit(False))
    ).withColumn("_chain", F.sum(starts_chain.cast("int")).over(so_far))
    of_chain = Window.partitionBy("caller_key", "_chain").orderBy("started_at", "call_id")
    goes_on = F.col("_chain") == 0  # the chain began before the window
    return chained.withColumn(
        "chain_id", F.when(goes_on, F.col("_carried.chain_id")).otherwise(F.first("call_id").over(of_chain))
    ).withColumn(
        "position_in_chain",
        F.row_number().over(of_chain) + F.when(goes_on, F.col("_carried.position_in_chain")).otherwise(0),
    )
