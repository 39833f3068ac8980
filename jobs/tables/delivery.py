"""Delivery: the step of a night that hands the lists of the next day over."""

from dataclasses import dataclass

from jobs.tables.outreach import OUTREACH


@dataclass(frozen=True)
class Delivery:
    """What a night hands over: of which tables, who answers for it, and what it means when it fails."""

    name: str
    about: str
    inputs: tuple[str, ...]
    owner: str
    impact: str


DELIVERY = Delivery(
    name="delivery",
    about="The lists of the day after as files, in a folder that appears whole, and at the destinations of conf",
    inputs=(
        "gold.call_candidates",
        "gold.call_lists",
        "silver.customers",
        "silver.customers_versions",
        "silver.do_not_call",
        "silver.contact_results",
    ),
    owner=OUTREACH,
    impact="Nobody is reached on the day; make deliver hands the lists over once the cause is mended.",
)
