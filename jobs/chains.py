"""Chains of contact: the inbound calls of a caller, one after the other."""

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from jobs.columns import MICROSECONDS_A_DAY, MICROSECONDS_A_MINUTE, caller_key, microseconds_between

_PREVIOUS = ("call_id", "started_at", "ended_at", "transferred", "is_abandoned")
_HELD = (*_PREVIOUS, "chain_id", "position_in_chain")
_HASH = "_caller_hash"


def linked(calls: DataFrame, caller_history: DataFrame | None, transfer_minutes: int, chain_gap_days: int) -> DataFrame:
    """The inbound calls with `caller_key`, `_previous` (the caller's call before), `_is_transfer`, and their chain.

    `calls` hold all calls of their callers from some date on, `caller_history` each caller's last inbound call
    before that date (None: nobody has one). A transfer starts within `transfer_minutes` of the end of a call that was
    handed on; a chain ends after a gap of more than `chain_gap_days` (docs/definitions.md). `_contact_at` is
    started_at, null of a transfer; `_next_contact_at` that of the caller's next call that is none; `next_event_date`
    the date of the caller's next call.

    All windows have one order, so that Spark shuffles and sorts the calls once; what they look at stands in columns
    below them, so that it takes those together which do not build on each other. They begin with a hash, which tells
    most callers apart in one comparison of numbers where their keys begin alike.
    """
    inbound = calls.where("direction = 'inbound'").withColumn("caller_key", caller_key())
    is_abandoned = F.col("outcome") == "abandoned"
    inbound = inbound.withColumn("is_abandoned", is_abandoned)
    if caller_history is None:
        carried = inbound.withColumns({f"_carried_{name}": F.when(F.lit(False), F.col(name)) for name in _PREVIOUS})
        carried = carried.selectExpr("*", "cast(NULL AS string) _carried_chain_id", "0L _carried_position_in_chain")
        # By the key alone, so that what looks at the same callers next need not shuffle again.
        carried = carried.repartition("caller_key")
    else:
        last = caller_history.withColumn("is_abandoned", is_abandoned)
        last = last.select("caller_key", *(F.col(name).alias(f"_carried_{name}") for name in _HELD))
        carried = inbound.join(last, "caller_key", "left")
    carried = carried.withColumn(_HASH, F.xxhash64("caller_key"))
    in_time = Window.partitionBy(_HASH, "caller_key").orderBy("started_at", "call_id")
    numbered = carried.withColumns(
        {
            "_number": F.row_number().over(in_time),
            **{f"_before_{name}": F.lag(name).over(in_time) for name in _PREVIOUS},
            "next_event_date": F.lead("event_date").over(in_time),
        }
    )
    previous = {
        f"_previous_{name}": F.when(F.col("_number") == 1, F.col(f"_carried_{name}")).otherwise(
            F.col(f"_before_{name}")
        )
        for name in _PREVIOUS
    }
    followed = numbered.withColumns(previous)
    gap, pause = (microseconds_between(f"_previous_{end}", "started_at") for end in ("started_at", "ended_at"))
    starts_chain = F.coalesce(gap > chain_gap_days * MICROSECONDS_A_DAY, F.lit(True))
    hands_on = pause < transfer_minutes * MICROSECONDS_A_MINUTE
    is_transfer = F.coalesce(F.col("_previous_transferred") & hands_on, F.lit(False))
    marked = followed.withColumns(
        {
            "_is_transfer": is_transfer,
            "_contact_at": F.when(~is_transfer, F.col("started_at")),
            "_first_call_id": F.when(starts_chain, F.col("call_id")),
            "_first_number": F.when(starts_chain, F.col("_number")),
        }
    )
    so_far = in_time.rowsBetween(Window.unboundedPreceding, Window.currentRow)
    begun = marked.withColumns(
        {
            "_next_contact_at": next_contact_at(),
            **{name: F.last(name, ignorenulls=True).over(so_far) for name in ("_first_call_id", "_first_number")},
        }
    )
    goes_on = F.col("_first_number").isNull()  # the chain began before the window
    return begun.withColumns(
        {
            "chain_id": F.when(goes_on, F.col("_carried_chain_id")).otherwise(F.col("_first_call_id")),
            "position_in_chain": F.col("_number")
            + F.when(goes_on, F.col("_carried_position_in_chain")).otherwise(1 - F.col("_first_number")),
        }
    )


def next_contact_at(*by: str) -> Column:
    """When the caller's next call with the same values of `by` started that is no transfer."""
    # In SQL, as the function has no such argument in Python. Looking back over the reversed order would sort every row
    # again, and a frame to the last row would be computed anew for each of a caller's calls.
    callers = ", ".join((_HASH, "caller_key", *by))
    return F.expr(f"lead(_contact_at) IGNORE NULLS OVER (PARTITION BY {callers} ORDER BY started_at, call_id)")
