"""Journeys over channels: a digital contact that failed, and the calls that follow."""

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from jobs.columns import MICROSECONDS_A_MINUTE, microseconds_between

ORDER = ("happened_at", "_is_call", "source", "source_id")


def linked(contacts: DataFrame, journey_minutes: int) -> DataFrame:
    """The contacts with journey_id and journey_on, null outside any journey (docs/definitions.md).

    `contacts` have `_failed` and hold what came within two business dates before and one after those of interest.
    """
    is_call = (F.col("source") == "calls") & F.col("direction").eqNullSafe("inbound")
    marked = contacts.withColumn("_is_call", is_call).withColumn(
        "_counts", is_call | F.coalesce(F.col("_failed"), F.lit(False))
    )
    sessions = _sessions(marked, journey_minutes * MICROSECONDS_A_MINUTE)
    of_session = ("customer_id", "_counts", "_session")
    so_far = Window.partitionBy(*of_session).orderBy(*ORDER).rowsBetween(Window.unboundedPreceding, 0)
    # Looking back over the reversed order reads each session once.
    later = Window.partitionBy(*of_session).orderBy(*(F.desc(name) for name in ORDER))
    call_at = F.when(F.col("_is_call"), F.col("happened_at"))
    followed = sessions.withColumn(
        "_next_call", F.last(call_at, ignorenulls=True).over(later.rowsBetween(Window.unboundedPreceding, -1))
    )
    is_soon = microseconds_between("happened_at", "_next_call") <= journey_minutes * MICROSECONDS_A_MINUTE
    begins = F.when(
        F.col("_failed") & is_soon, F.struct(F.col("source_id").alias("id"), F.col("event_date").alias("on"))
    )
    begun = followed.withColumn("_begun", F.first(begins, ignorenulls=True).over(so_far))
    is_within = F.col("_counts") & (F.col("_is_call") | F.col("_next_call").isNotNull())
    return begun.select(
        *contacts.columns,
        F.when(is_within, F.col("_begun.id")).alias("journey_id"),
        F.when(is_within, F.col("_begun.on")).alias("journey_on"),
    )


def _sessions(contacts: DataFrame, reach: int) -> DataFrame:
    """Numbers a customer's failures and calls by runs in which each follows the last one soon.

    A run that fills a whole business date is cut at the midnight after it, so that no day hangs on more than the two
    days before it, however often somebody calls.
    """
    of_customer = Window.partitionBy("customer_id", "_counts").orderBy(*ORDER)
    so_far = of_customer.rowsBetween(Window.unboundedPreceding, 0)
    before = F.lag("event_date").over(of_customer)
    gap = F.unix_micros("happened_at") - F.unix_micros(F.lag("happened_at").over(of_customer))
    runs = contacts.withColumn("_is_soon", F.coalesce(gap <= reach, F.lit(False))).withColumn("_before", before)
    runs = runs.withColumn("_run", F.sum((~F.col("_is_soon")).cast("int")).over(so_far))
    run_on = F.min("event_date").over(Window.partitionBy("customer_id", "_counts", "_run"))
    runs = runs.withColumn("_run_on", run_on)
    is_cut = F.col("_is_soon") & (F.col("event_date") > F.col("_before")) & (F.col("_run_on") < F.col("_before"))
    starts = ~F.col("_is_soon") | is_cut
    return runs.withColumn("_session", F.sum(starts.cast("int")).over(so_far))
