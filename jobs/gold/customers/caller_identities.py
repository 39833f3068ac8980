"""Whose number it is: the one customer who has it, or nobody where several do."""

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from jobs.periods import compressed, sliced


def build(customers_versions: DataFrame, only_owner: float, changed_hands: float) -> DataFrame:
    """One row per number and period; `customers_versions` hold all versions with these numbers.

    `only_owner` and `changed_hands` say how sure each of these reasons is.
    """
    held = customers_versions.where("phone_token IS NOT NULL").select(
        F.col("phone_token").alias("key"), "customer_id", F.col("known_on").alias("since"), "superseded_on"
    )
    owned = sliced(held).groupBy(F.col("key").alias("caller_token"), "valid_from").agg(
        F.count("customer_id").alias("customers"),
        F.min("customer_id").alias("_first"),
        F.max("customer_id").alias("_last"),
    )  # fmt: skip
    so_far = Window.partitionBy("caller_token").orderBy("valid_from").rowsBetween(Window.unboundedPreceding, 0)
    is_only = (F.min("_first").over(so_far) == F.col("_first")) & (F.max("_last").over(so_far) == F.col("_first"))
    reason = (
        F.when(F.col("customers") > 1, "shared")
        .when(is_only, "only_owner")
        .when(F.col("customers") == 1, "changed_hands")
    )
    told = owned.withColumn("reason", reason).select(
        "caller_token",
        "valid_from",
        F.when(F.col("customers") == 1, F.col("_first")).alias("customer_id"),
        "customers",
        _confidence(only_owner, changed_hands).alias("confidence"),
        "reason",
    )
    # Between two owners nobody has the number: such a period ends the one before and has no row.
    return compressed(told, "caller_token", "customer_id", "customers", "reason").where("customers > 0")


def _confidence(only_owner: float, changed_hands: float) -> Column:
    reason = F.col("reason")
    return F.when(reason == "only_owner", F.lit(only_owner)).when(reason == "changed_hands", F.lit(changed_hands))
