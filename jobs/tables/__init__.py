"""The map of the lake: which tables exist and what each is made of."""

from graphlib import TopologicalSorter

from jobs.tables.campaigns import CAMPAIGNS, OUTREACH_FEATURES
from jobs.tables.churn import CHURN, CHURN_FEATURES
from jobs.tables.contract import Column, Feed, Kind, Table
from jobs.tables.customers import CUSTOMERS
from jobs.tables.effects import EFFECTS
from jobs.tables.features import FEATURES
from jobs.tables.feeds import FEEDS
from jobs.tables.gold import GOLD
from jobs.tables.landed import BRONZE, QUARANTINE, VAULT
from jobs.tables.ops import OPS
from jobs.tables.repeats import REPEAT_FEATURES, REPEATS
from jobs.tables.silver import SILVER

_LAYERS = (
    BRONZE, QUARANTINE, SILVER, FEATURES, REPEAT_FEATURES, CHURN_FEATURES, OUTREACH_FEATURES, GOLD, REPEATS, CHURN,
    CUSTOMERS, CAMPAIGNS, EFFECTS, VAULT, OPS,
)  # fmt: skip

TABLES: dict[str, Table] = {table.name: table for layer in _LAYERS for table in layer}


def nightly() -> list[Table]:
    """The tables that a night makes, inputs before what is made of them, feeds first."""
    made = {name: table for name, table in TABLES.items() if table.kind is not Kind.RECORD}
    order = TopologicalSorter({name: table.made_from for name, table in made.items()})
    landed_first = sorted(order.static_order(), key=lambda name: made[name].kind is not Kind.LANDED)
    return [made[name] for name in landed_first]


__all__ = ["FEEDS", "TABLES", "Column", "Feed", "Kind", "Table", "nightly"]
