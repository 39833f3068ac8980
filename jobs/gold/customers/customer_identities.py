"""Which customers are one person, and which share a telephone, as it was known from date to date."""

from collections.abc import Sequence
from functools import reduce

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from jobs.decisions import filed_under
from jobs.periods import compressed, sliced

ALONE = "struct(customer_id AS person_id, 1L AS customers_of_person, 'alone' AS person_reason)"
WITHOUT = "struct(CAST(null AS STRING) AS phone_group_id, CAST(null AS BIGINT) AS customers_of_phone)"


def build(
    customers_versions: DataFrame, most_customers: int, same: Sequence[Sequence[str]], apart: Sequence[Sequence[str]]
) -> DataFrame:
    """One row per customer and period; whoever shares a number with a customer must be there with all versions.

    At any date a customer has one ID number, so equal numbers part customers into persons without following links
    from one to the next. A pair (A, B) of `same` files B under A: what A holds counts for B, and what B holds does
    not. Where two of a pair of `apart` hold one ID number, it proves nothing. A number that more than
    `most_customers` have ever held is a placeholder.
    """
    of_customer = Window.partitionBy("customer_id")
    versions = customers_versions.select(
        "customer_id", "id_number_token", "phone_token", F.col("known_on").alias("since"), "superseded_on",
        F.min("known_on").over(of_customer).alias("first_known"),
    )  # fmt: skip
    filed = filed_under(same)
    proofs = _proofs(_without_placeholders(versions, "id_number_token", most_customers), filed)
    persons = _points(proofs, _persons(_shared(proofs), filed, apart), ALONE)
    phones = _without_placeholders(versions, "phone_token", most_customers)
    groups = _points(phones, _phone_groups(_shared(phones)), WITHOUT)
    both = persons.withColumnRenamed("_held", "person").unionByName(
        groups.withColumnRenamed("_held", "phone"), allowMissingColumns=True
    )
    at_dates = both.groupBy("customer_id", "valid_from").agg(
        F.max("person").alias("person"), F.max("phone").alias("phone")
    )
    so_far = Window.partitionBy("customer_id").orderBy("valid_from").rowsBetween(Window.unboundedPreceding, 0)
    last = [F.last(name, ignorenulls=True).over(so_far).alias(name) for name in ("person", "phone")]
    known = at_dates.select("customer_id", "valid_from", *last)
    return compressed(known.select("customer_id", "valid_from", "person.*", "phone.*"), "customer_id", *_VALUES)


_VALUES = ("person_id", "customers_of_person", "person_reason", "phone_group_id", "customers_of_phone")


def _without_placeholders(versions: DataFrame, number: str, most_customers: int) -> DataFrame:
    """The versions with the number as `key`, null where too many have ever held it."""
    counted = versions.where(f"{number} IS NOT NULL").groupBy(F.col(number).alias("_number"))
    placeholders = counted.agg(F.count_distinct("customer_id").alias("_n")).where(F.col("_n") > most_customers)
    joined = versions.join(F.broadcast(placeholders), F.col(number) == F.col("_number"), "left")
    return joined.withColumn("key", F.when(F.col("_number").isNull(), F.col(number))).drop("_number", "_n")


def _proofs(numbered: DataFrame, filed: dict[str, str]) -> DataFrame:
    """By what a customer is told to be a person, from date to date: `key`; `is_filed` where another's counts."""
    own = F.coalesce(F.concat(F.lit("i:"), "key"), F.concat(F.lit("c:"), "customer_id"))
    proofs = numbered.select(
        "customer_id", own.alias("key"), "since", "superseded_on", "first_known", F.lit(False).alias("is_filed")
    )
    if not filed:
        return proofs
    is_filed = F.col("customer_id").isin(*filed)
    below = proofs.where(is_filed).select(F.col("customer_id").alias("_below"), F.col("first_known").alias("_joins"))
    lists = {top: [one for one, above in filed.items() if above == top] for top in filed.values()}
    under = F.create_map(*(part for top, all_ in lists.items() for part in (F.lit(top), F.array(*map(F.lit, all_)))))
    above = proofs.select("*", F.explode(under[F.col("customer_id")]).alias("_below"))
    joined = above.join(F.broadcast(below.distinct()), "_below", "inner")
    taken_on = joined.where("superseded_on IS NULL OR superseded_on > _joins").select(
        F.col("_below").alias("customer_id"),
        "key",
        F.greatest("since", "_joins").alias("since"),
        "superseded_on",
        F.col("_joins").alias("first_known"),
        F.lit(True).alias("is_filed"),
    )
    # Until the one above is known, who is filed stands alone.
    waits = below.distinct().select(
        F.col("_below").alias("customer_id"),
        F.concat(F.lit("c:"), "_below").alias("key"),
        F.col("_joins").alias("since"),
        F.lit(None).cast("date").alias("superseded_on"),
        F.col("_joins").alias("first_known"),
        F.lit(True).alias("is_filed"),
    )
    return reduce(DataFrame.unionByName, (proofs.where(~is_filed), waits, taken_on))


def _shared(held: DataFrame) -> DataFrame:
    """Who holds a number that several have ever held, from each of its dates on."""
    counted = held.where("key IS NOT NULL").groupBy("key").agg(F.count_distinct("customer_id").alias("_n"))
    return sliced(held.join(counted.where("_n > 1"), "key", "left_semi")).where("customer_id IS NOT NULL")


def _persons(slices: DataFrame, filed: dict[str, str], apart: Sequence[Sequence[str]]) -> DataFrame:
    at_once = Window.partitionBy("key", "valid_from")
    unit = F.lit(None).cast("string")
    if apart:
        holders = F.collect_set("customer_id").over(at_once)
        clashes = [F.array_contains(holders, one) & F.array_contains(holders, other) for one, other in apart]
        unit = F.when(reduce(Column.__or__, clashes), _filed_or_self(filed))
    units = slices.withColumn("_unit", unit)
    of_unit = Window.partitionBy("key", "valid_from", "_unit")
    proven = F.count_if(~F.col("is_filed")).over(of_unit) > 1
    reason = F.when(proven & ~F.col("is_filed"), "id_number").otherwise("decided")
    customers = F.count("*").over(of_unit)
    return units.select(
        "customer_id",
        "valid_from",
        F.struct(
            _first_known(of_unit).alias("person_id"),
            customers.alias("customers_of_person"),
            F.when(customers > 1, reason).otherwise("alone").alias("person_reason"),
        ).alias("_held"),
    )


def _filed_or_self(filed: dict[str, str]) -> Column:
    own = F.col("customer_id")
    if not filed:
        return own
    return F.coalesce(F.create_map(*(F.lit(part) for pair in filed.items() for part in pair))[own], own)


def _phone_groups(slices: DataFrame) -> DataFrame:
    at_once = Window.partitionBy("key", "valid_from")
    customers = F.count("*").over(at_once)
    is_shared = customers > 1
    group = F.struct(
        F.when(is_shared, _first_known(at_once)).alias("phone_group_id"),
        F.when(is_shared, customers).alias("customers_of_phone"),
    )
    return slices.select("customer_id", "valid_from", group.alias("_held"))


def _first_known(window: object) -> Column:
    # The oldest stays when groups meet, whatever joins later.
    return F.min(F.struct("first_known", "customer_id")).over(window)["customer_id"]  # type: ignore[arg-type]


def _points(held: DataFrame, shared: DataFrame, otherwise: str) -> DataFrame:
    """What holds of a customer from each date on at which it may change: what was found, else `otherwise`."""
    dates = held.select("customer_id", F.col("since").alias("valid_from"), F.expr(otherwise).alias("_default"))
    found = shared.select("customer_id", "valid_from", "_held")
    joined = dates.distinct().join(found, ["customer_id", "valid_from"], "full_outer")
    return joined.select("customer_id", "valid_from", F.coalesce("_held", "_default").alias("_held"))
