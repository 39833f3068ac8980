"""Gold about customers: tags with their history, and the portrait."""

from jobs.tables.card_business import CARDS
from jobs.tables.contract import Column, Kind, Table
from jobs.tables.features import AS_OF, CUSTOMER
from jobs.tables.tags import CATALOGUE

CUSTOMER_TAGS = Table(
    name="gold.customer_tags",
    about="One row per customer, tag and period in which it held",
    key=("customer_id", "tag", "valid_from"),
    columns=(
        CUSTOMER,
        Column("tag", "string", "The tag (section Tags)", required=True),
        Column("value", "string", "Its value", required=True),
        Column("valid_from", "date", "First date at whose end it was so", required=True),
        Column("valid_to", "date", "First date at whose end it was no longer so, null = still"),
        Column("is_partial", "boolean", "Whether the window begins before the feed's first ds", required=True),
        Column("rule_version", "int", "Version of the tag's rule", required=True),
        Column("is_current", "boolean", "Whether it still holds: valid_to is null", required=True),
    ),
    kind=Kind.HISTORY,
    owner=CARDS,
    subject="customers",
    impact="Readers keep the tags of the night before; lists and models that name a date miss this one.",
    inputs=("features.customer_tag_values",),
    module="jobs.gold.customers.customer_tags",
    # Periods that ended lie apart, so that a night rewrites only what holds of the tags that changed.
    partition="tag",
    then_by=("is_current",),
    statistics=("customer_id", "valid_from", "valid_to"),
)

CUSTOMER_PORTRAITS = Table(
    name="gold.customer_portraits",
    about="One row per customer as of the last night: tags, the last call, open tickets, what to do next",
    key=("customer_id",),
    columns=(
        CUSTOMER,
        AS_OF,
        *(
            Column(tag.name, "string", f"{tag.meaning}; null = {tag.null}")
            for tag in CATALOGUE.tags.values()
            if tag.sensitivity != "hidden"
        ),
        Column("last_call_at", "timestamp", "Start of the last inbound call within 365 days (UTC)"),
        Column("last_call_id", "string", "That call"),
        Column("last_call_topic", "string", "Its topic"),
        Column("last_call_outcome", "string", "How it ended"),
        Column("last_call_agent_id", "string", "Its agent"),
        Column("open_tickets", "bigint", "Number of open tickets; null = no tickets feed"),
        Column("open_ticket_ids", "array<string>", "The open tickets"),
        Column(
            "churn_probability",
            "double",
            "Probability that the card is not used in the days to come (gold.churn_scores); null = not active",
        ),
        Column(
            "next_best_action",
            "string",
            "What the list of the day after has planned, else what repeat callers who are open customers get on some "
            "channel instead; null = nothing, and never says that the customer is held out",
        ),
    ),
    kind=Kind.SNAPSHOT,
    owner=CARDS,
    subject="customers",
    impact="The phone desk sees the portraits of the night before.",
    inputs=(
        "features.customer_measures",
        "features.customer_tag_values",
        "features.outreach_customers",
        "gold.churn_scores",
        "gold.repeat_call_advice",
        "gold.call_candidates",
        "gold.call_lists",
    ),
    module="jobs.gold.customers.customer_portraits",
    statistics=("customer_id", "as_of"),
    sorted_by="customer_id",
)

CUSTOMERS = (CUSTOMER_TAGS, CUSTOMER_PORTRAITS)
