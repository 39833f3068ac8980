"""The value of every tag of every customer as of a date."""

from collections.abc import Mapping

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.features.expressions import expanded
from jobs.tables.tags import Rule


def build(customer_measures: DataFrame, rules: Mapping[str, Rule]) -> DataFrame:
    """One row per customer of `customer_measures` (of one date): each tag by its rule in force on that date.

    A tag without a value is null; every value is a text.
    """
    told = (F.expr(expanded(rule.value)).cast("string").alias(name) for name, rule in rules.items())
    return customer_measures.select("as_of", "customer_id", *told)
