"""Features: what is known of each customer at the end of a date, for tags and models alike."""

from jobs.tables.card_business import CARDS
from jobs.tables.contract import Column, Kind, Table
from jobs.tables.tags import CATALOGUE, Measure

AS_OF = Column("as_of", "date", "Date at whose end this was so, from what had arrived by then", required=True)
CUSTOMER = Column("customer_id", "string", "The customer", required=True)


def _columns(measure: Measure) -> tuple[Column, ...]:
    value = Column(measure.name, measure.type, f"{measure.about}; null = no {measure.table.partition('.')[2]}")
    if measure.aggregate != "last":
        return (value,)
    return value, Column(f"{measure.name}_at", "timestamp", f"When that was: {measure.about} (UTC)")


CUSTOMER_MEASURES = Table(
    name="features.customer_measures",
    about="One row per customer and date: the measures of conf/tags/, of which tags are told and models learn",
    key=("as_of", "customer_id"),
    columns=(
        AS_OF,
        CUSTOMER,
        *(column for measure in CATALOGUE.measures.values() for column in _columns(measure)),
    ),
    kind=Kind.AS_OF,
    owner=CARDS,
    subject="customers",
    impact="Tags and portraits keep the state of the night before.",
    inputs=CATALOGUE.inputs,
    reads_back=CATALOGUE.reads_back,
    partition="as_of",
    statistics=("customer_id",),
)

CUSTOMER_TAG_VALUES = Table(
    name="features.customer_tag_values",
    about="One row per customer and date: the value of each tag, null = none; what gold.customer_tags is compared with",
    key=("as_of", "customer_id"),
    columns=(
        AS_OF,
        CUSTOMER,
        *(Column(tag.name, "string", f"{tag.meaning}; null = {tag.null}") for tag in CATALOGUE.tags.values()),
    ),
    kind=Kind.AS_OF,
    owner=CARDS,
    subject="customers",
    impact="gold.customer_tags and portraits keep the state of the night before.",
    inputs=("features.customer_measures",),
    partition="as_of",
    statistics=("customer_id",),
)

FEATURES = (CUSTOMER_MEASURES, CUSTOMER_TAG_VALUES)
