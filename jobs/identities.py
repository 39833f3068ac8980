"""The runner's steps for who customers are: what hangs on the customers whose numbers changed, made anew."""

from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.gold.customers import caller_identities, customer_identities
from jobs.lake import Expect, Lake, computed
from jobs.settings import Settings
from jobs.tables import TABLES, Table
from jobs.windows import differences, on_key

VERSIONS = TABLES["silver.customers_versions"]
CUSTOMERS = TABLES["gold.customer_identities"]
CALLERS = TABLES["gold.caller_identities"]


def update_customers(lake: Lake, settings: Settings, expect: Expect) -> int:
    """Makes the customers anew who share a number with one that changed, before or after; returns the rows changed."""
    numbers = settings.numbers_of(CUSTOMERS)
    state = _changes(lake, CUSTOMERS, numbers)
    if state is None:
        return 0
    version, changed = state
    versions, kept = lake.read(VERSIONS).select(*_READ), lake.read(CUSTOMERS)
    if changed is None:
        made = customer_identities.build(computed(versions), **numbers)
    else:
        affected = computed(_affected(versions, changed, numbers))
        # What is said of these hangs on whoever shared another number with them at another time.
        near = computed(_of(versions, _holders(versions, _of(versions, affected, "customer_id")), "customer_id"))
        made = _of(customer_identities.build(near, **numbers), affected, "customer_id")
        kept = _of(kept, affected, "customer_id")
    return _merge(lake, CUSTOMERS, made, kept, expect, inputs={VERSIONS.name: version}, numbers=numbers)


def update_callers(lake: Lake, settings: Settings, expect: Expect) -> int:
    """Makes the numbers anew that a customer got or gave up; returns the rows changed."""
    numbers = settings.numbers_of(CALLERS)
    state = _changes(lake, CALLERS, numbers)
    if state is None:
        return 0
    version, changed = state
    versions, kept = lake.read(VERSIONS).select(*_READ), lake.read(CALLERS)
    if changed is not None:
        tokens = computed(changed.where("phone_token IS NOT NULL").select("phone_token").distinct())
        versions = _of(versions, tokens, "phone_token")
        kept = _of(kept, tokens.withColumnRenamed("phone_token", "caller_token"), "caller_token")
    made = caller_identities.build(computed(versions), **numbers)
    return _merge(lake, CALLERS, made, kept, expect, inputs={VERSIONS.name: version}, numbers=numbers)


_TOKENS = ("id_number_token", "phone_token")
_READ = ("customer_id", *_TOKENS, "known_on", "superseded_on")


def _changes(lake: Lake, table: Table, numbers: dict[str, Any]) -> tuple[int, DataFrame | None] | None:
    """The version of the customers, and the rows changed up to it (None: all); None where there is nothing to do."""
    lake.create(table)
    version = lake.version(VERSIONS)
    if version is None:
        return None
    consumed = lake.consumed(table, VERSIONS)
    is_retuned = lake.noted(table, "numbers") != numbers
    has_nothing = consumed is None and not lake.rows(VERSIONS)
    if has_nothing or (consumed == version and not is_retuned):
        return None
    lake.prepare(lake.rows(VERSIONS))
    if consumed is None or is_retuned:
        return version, None
    return version, lake.changes(VERSIONS, consumed, version, "true")


def _affected(versions: DataFrame, changed: DataFrame, numbers: dict[str, Any]) -> DataFrame:
    """The customers who changed, those of whom conf says something, and all who ever shared a number with one."""
    decided = {customer for pair in (*numbers["same"], *numbers["apart"]) for customer in pair}
    seeds = changed.select("customer_id", *_TOKENS)
    theirs = _of(versions, seeds.select("customer_id"), "customer_id")
    named = versions.where(F.col("customer_id").isin(*decided)) if decided else versions.limit(0)
    for rows in (theirs, named):
        seeds = seeds.unionByName(rows.select("customer_id", *_TOKENS))
    seeds = computed(seeds.distinct())
    return _holders(versions, seeds)


def _holders(versions: DataFrame, rows: DataFrame) -> DataFrame:
    """The customers who ever held one of the numbers in `rows`, and those in `rows` without any."""
    held = versions.select("customer_id", _numbers().alias("number"))
    holders = _of(held, rows.select(_numbers().alias("number")), "number").select("customer_id")
    return holders.unionByName(rows.select("customer_id")).distinct()


def _numbers() -> Column:
    named = [F.concat(F.lit(f"{name}:"), F.col(name)) for name in _TOKENS]
    return F.explode(F.array_compact(F.array(*named)))


def _of(rows: DataFrame, wanted: DataFrame, column: str) -> DataFrame:
    return rows.join(F.broadcast(wanted), column, "left_semi")


def _merge(lake: Lake, table: Table, made: DataFrame, kept: DataFrame, expect: Expect, **note: Any) -> int:
    # Cut off before it is compared: a plan nests a hundred levels deep at most on its way to the server.
    changes = computed(differences(computed(made), kept, table))
    rows = changes.count()
    if rows:
        expect(table, changes.where("NOT _delete"))
        lake.merge(table, changes, on_key(table), **note)
    else:
        lake.remember(table, **note)
    return rows
