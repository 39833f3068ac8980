"""Whose use of the card is not as usual: a long silence, far fewer days of use in a week, far more spent in a day."""

from datetime import date

import numpy as np
import pyarrow as pa
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.features.use_days import LONGEST
from jobs.scoring import in_arrow
from models.evidence import DAYS, SHOWN, change, log_silence

FEWEST_DAYS = 5
"""Days with a use among those observed: of whom less is known nothing is unusual."""
WEIGHED = (
    "observed_days", "quiet_days", "quiet_days_before", "habit_days_7d", "use_days_1d", "use_days_7d", "use_days_8d",
    "use_days_180d",
)  # fmt: skip
EVIDENCE = ("silence", "silence_before", "missed", "expected_7d", "fall", "fall_before")
"""Chance of the silence at the end of the date and of the day before; days with a use missed in it; days expected of
7; how far those seen are from them in standard deviations, at the end of the date and of the day before."""


def build(
    customer_activity: DataFrame, as_of: date, chance: float, drop_sigmas: float, spike_sigmas: float
) -> DataFrame:
    """One row per customer with a warning; `customer_activity` of one date.

    silent: a silence so long comes with a probability below `chance` by the customer's own past. drop: the days with a
    use among 7 lie `drop_sigmas` below those expected. spike: the amount of the date lies `spike_sigmas` above that of
    a usual day, by the deviation of a compound Poisson process (root of the mean of a day's squared amounts).
    """
    known = customer_activity.where(F.col("use_days_180d") >= FEWEST_DAYS)
    schema = ", ".join(f"{name} double" for name in EVIDENCE)
    weighed = known.withColumn("_weighed", in_arrow(_weigh, schema, F.struct(*WEIGHED))).select("*", "_weighed.*")
    figures = weighed.withColumns(_amounts())
    is_silent = F.col("silence") < chance
    is_drop = F.col("fall") <= -drop_sigmas
    is_spike = F.col("jump") >= spike_sigmas
    kind = F.when(is_silent, "silent").when(is_spike, "spike").when(is_drop, "drop")
    warned = figures.withColumn("kind", kind).where("kind IS NOT NULL")

    def by_kind(silent: Column, drop: Column, spike: Column) -> Column:
        return F.when(is_silent, silent).when(is_spike, spike).otherwise(drop)

    today = F.lit(as_of)
    spent = F.col("spend_1d_amount").cast("double")
    return warned.select(
        today.alias("as_of"),
        "customer_id",
        "kind",
        by_kind(F.col("silence_before") >= chance, F.col("fall_before") > -drop_sigmas, F.lit(True)).alias("is_new"),
        by_kind(F.date_sub(today, F.col("days_since_use") - 1), F.date_sub(today, 6), today).alias("since"),
        by_kind(F.lit(0.0), F.col("use_days_7d").cast("double"), spent).alias("seen"),
        by_kind(F.col("missed"), F.col("expected_7d"), F.col("usual_amount")).alias("usual"),
        by_kind(-F.sqrt(-2 * F.log("silence")), F.col("fall"), F.col("jump")).alias("sigmas"),
        by_kind(
            F.format_string("not used for %d days, where use on %.1f days is usual", "days_since_use", "missed"),
            F.format_string("used on %d days of 7, where %.1f days are usual", "use_days_7d", "expected_7d"),
            F.format_string("spent %.2f on one day, where %.2f a day is usual", spent, "usual_amount"),
        ).alias("what"),
    )


def _weigh(customers: pa.Array) -> pa.Array:
    """`EVIDENCE` of a batch of customers, of structs with `WEIGHED`."""
    given = {name: customers.field(name).to_numpy(zero_copy_only=False) for name in WEIGHED}
    shown, quiet, quiet_before = given["use_days_180d"], given["quiet_days"], given["quiet_days_before"]
    there = np.maximum(given["observed_days"] - quiet, 1.0)
    # Where all days that are looked at were observed they were so the day before too.
    observed_before = given["observed_days"] - (given["observed_days"] < LONGEST)
    there_before = np.maximum(observed_before - quiet_before, 1.0)
    worth = given["habit_days_7d"]
    before, earlier = shown - given["use_days_7d"], shown - given["use_days_8d"]
    made = {
        "silence": np.exp(log_silence(shown, there, quiet)),
        "silence_before": np.exp(log_silence(shown, there_before, quiet_before)),
        "missed": (SHOWN + shown) / (DAYS + there) * quiet,
        "expected_7d": (SHOWN + before) / (DAYS + np.maximum(given["observed_days"] - 7, before)) * worth,
        "fall": change(given["use_days_7d"], worth, before, given["observed_days"] - 7),
        "fall_before": change(given["use_days_8d"] - given["use_days_1d"], worth, earlier, given["observed_days"] - 8),
    }
    return pa.StructArray.from_arrays([pa.array(made[name]) for name in EVIDENCE], names=list(EVIDENCE))


def _amounts() -> dict[str, Column]:
    """What is usually spent in a day, and how far the date lies above it in standard deviations."""
    days = F.expr("cast(least(observed_days, 90) - 1 AS double)")
    mean = F.try_divide(F.expr("cast(spend_90d_amount - spend_1d_amount AS double)"), days)
    deviation = F.sqrt(F.try_divide(F.expr("cast(spend_squares_90d - spend_squares_1d AS double)"), days))
    jump = F.try_divide(F.col("spend_1d_amount").cast("double") - mean, deviation)
    return {"usual_amount": mean, "jump": jump}
