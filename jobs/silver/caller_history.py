"""The last inbound call of each caller before the days that change from night to night."""

from datetime import date

from pyspark.sql import DataFrame
from pyspark.sql import functions as F


def build(chained: DataFrame, end: date) -> DataFrame:
    """One row per caller of `chained` (jobs.chains.linked) who called before the business date `end`: the last call.

    Callers who are neither a customer nor a number never call again, so they are left out.
    """
    is_last = F.col("event_date") < F.lit(end)
    is_last &= F.coalesce(F.col("next_event_date") >= F.lit(end), F.lit(True))
    return chained.where(is_last & ~F.col("caller_key").startswith("x:")).select(
        "caller_key",
        "call_id",
        "started_at",
        "ended_at",
        "transferred",
        "outcome",
        "chain_id",
        "position_in_chain",
        "event_date",
    )
