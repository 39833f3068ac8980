"""The value of every tag of every customer as of a date."""

from collections.abc import Collection, Mapping

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.features.expressions import expanded
from jobs.tables.tags import Rule


def build(customer_measures: DataFrame, rules: Mapping[str, Rule], partial_tags: Collection[str]) -> DataFrame:
    """One row per customer of `customer_measures` (of one date): each tag by its rule in force on that date.

    A tag without a value is null; a value is a text, numbers without decimals that say nothing.
    """
    versions = F.create_map(*(F.lit(part) for name, rule in rules.items() for part in (name, rule.version)))
    partial = F.array(*(F.lit(name) for name in sorted(partial_tags))).cast("array<string>")
    return customer_measures.select(
        "as_of",
        "customer_id",
        versions.alias("rule_versions"),
        partial.alias("partial_tags"),
        *(F.expr(expanded(rule.value)).cast("string").alias(name) for name, rule in rules.items()),
    )
