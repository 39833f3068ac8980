"""Churn: how much each active customer lives with the card, who is fading away and why, and whose use changed."""

from jobs.tables.card_business import CARDS
from jobs.tables.contract import Column, Kind, Table
from jobs.tables.features import AS_OF, CUSTOMER

SUBJECT = "churn"
WARNINGS = ("silent", "drop", "spike")


def _windows(name: str, type_: str, comment: str, days: tuple[int, ...]) -> tuple[Column, ...]:
    return tuple(Column(name.format(days=n), type_, f"{comment}, {n} days", required=True) for n in days)


CUSTOMER_ACTIVITY = Table(
    name="features.customer_activity",
    about="One row per active customer and date: use of the card against the customer's own past, service, contacts",
    key=("as_of", "customer_id"),
    columns=(
        AS_OF,
        CUSTOMER,
        Column("observed_days", "int", "Days up to the date of which uses are known, at most 180", required=True),
        Column("days_since_use", "int", "Days since the last use, 0 = on the date", required=True),
        Column("usual_gap_days", "double", "Observed days per day with a use", required=True),
        Column(
            "quiet_days", "double",
            "Days since the last use, each counted by how much of the customer's business falls on its weekday and "
            "part of the month", required=True,
        ),
        Column(
            "quiet_days_before", "double",
            "The same at the end of the day before; 0 = used on the date or the day before", required=True,
        ),
        Column("habit_days_7d", "double", "The last 7 days, counted so", required=True),
        Column("habit_days_14d", "double", "The last 14 days, counted so", required=True),
        *_windows("use_days_{days}d", "int", "Days with a purchase or cash advance", (1, 7, 8, 14, 30, 60, 90, 180)),
        *_windows("uses_{days}d", "bigint", "Posted purchases and cash advances", (30, 60, 90, 180)),
        *_windows("spend_{days}d_amount", "decimal(28,2)", "Amount of these", (1, 7, 30, 60, 90, 180)),
        *_windows("spend_squares_{days}d", "decimal(38,4)", "Sum of their squared amounts", (1, 90)),
        Column("categories_90d", "int", "Merchant categories bought in, 90 days", required=True),
        Column("categories_dropped_30d", "int", "Of these without a purchase in the last 30 days", required=True),
        Column("merchant_groups_90d", "int", "Groups of merchants (32 by hash) bought at, 90 days", required=True),
        Column("merchant_groups_dropped_30d", "int", "Of these without one in the last 30 days", required=True),
        Column("refunds_90d", "bigint", "Refunds, 90 days", required=True),
        Column("online_share_90d", "double", "Share of purchases made online or by app, 90 days; null = no channel"),
        Column("declined_30d", "bigint", "Declined transactions, 30 days", required=True),
        Column("tenure_days", "int", "Days since the customer joined; null = unknown"),
        Column("stars", "int", "Star level, 1 to 7"),
        Column("open_cards", "bigint", "Open cards; null = no cards feed"),
        Column("credit_limit_amount", "decimal(28,2)", "Credit limit of the open cards"),
        Column("limit_used_share", "double", "Spent in 30 days over the credit limit; null = no limit"),
        Column("late_payment_share_365d", "double", "Share of a year's statements paid late; null = no statement"),
        Column("calls_30d", "bigint", "Inbound calls, 30 days; null = no calls feed"),
        Column("calls_90d", "bigint", "Inbound calls, 90 days"),
        Column("same_topic_calls_90d", "bigint", "Calls beyond the first on their topic, 90 days"),
        Column("unresolved_calls_90d", "bigint", "Answered calls left unresolved, 90 days"),
        Column("abandoned_calls_90d", "bigint", "Calls that the customer gave up, 90 days"),
        Column("mean_wait_seconds_90d", "double", "Mean wait of calls, 90 days; null = none"),
        Column("leaving_calls_90d", "bigint", "Calls about closing a card or moving a balance, 90 days"),
        Column("csat", "int", "The last rating of a call within a year, 1 to 5"),
        Column("open_complaints", "bigint", "Complaints that are open; null = no tickets feed"),
        Column("complaints_90d", "bigint", "Complaints opened, 90 days"),
        Column("digital_contacts_90d", "bigint", "Contacts in digital channels, 90 days; null = no such feed"),
        Column("contacts_30d", "bigint", "Contacts by us with a result, 30 days; null = no contact_results feed"),
        Column("responses_90d", "bigint", "Contacts by us that the customer responded to, 90 days"),
    ),
    kind=Kind.AS_OF,
    owner=CARDS,
    subject=SUBJECT,
    impact="Churn scores and warnings keep the state of the night before.",
    inputs=("features.customer_measures",),
    partition="as_of",
    statistics=("customer_id",),
)  # fmt: skip

CONSUMPTION_WARNINGS = Table(
    name="gold.consumption_warnings",
    about="One row per active customer whose use of the card is not as usual at the end of the date",
    key=("as_of", "customer_id"),
    columns=(
        AS_OF,
        CUSTOMER,
        Column(
            "kind", "string", "silent: not used for unusually long; drop: used far less in 7 days; spike: spent far "
            "more on the date", required=True, values=WARNINGS,
        ),
        Column("is_new", "boolean", "Whether it was not yet so at the end of the day before", required=True),
        Column("since", "date", "First day of the change", required=True),
        Column("seen", "double", "Days of use (silent: 0, drop) or amount (spike) seen since", required=True),
        Column("usual", "double", "What is usual for this customer in the same time", required=True),
        Column("sigmas", "double", "How far seen is from usual, in standard deviations", required=True),
        Column("what", "string", "The warning in words", required=True),
    ),
    kind=Kind.AS_OF,
    owner=CARDS,
    subject=SUBJECT,
    impact="Care campaigns miss whose use changed on the day.",
    inputs=("features.customer_activity",),
    module="jobs.gold.churn.consumption_warnings",
    partition="as_of",
    statistics=("customer_id",),
)  # fmt: skip

CHURN_SCORES = Table(
    name="gold.churn_scores",
    about="One row per active customer and date: how likely the card is not used in the days to come, and why",
    key=("scored_on", "customer_id"),
    columns=(
        Column("scored_on", "date", "Date at whose end this was told", required=True),
        CUSTOMER,
        Column("probability", "double", "Probability of no purchase and no cash advance in the horizon", required=True),
        Column("decile", "int", "1 = the tenth of the customers with the highest probability", required=True),
        Column("called_today", "boolean", "Whether the customer phoned on the date", required=True),
        *(
            Column(f"reason_{n}", "string", f"{which} reason in words and numbers; null = none that raises the risk")
            for n, which in enumerate(("The strongest", "The second", "The third"), 1)
        ),
        Column("consumption_warning", "string", "The warning of gold.consumption_warnings; null = none"),
        Column("model_version", "string", "Version in MLflow; rule = by time since the last use", required=True),
    ),
    kind=Kind.AS_OF,
    owner=CARDS,
    subject=SUBJECT,
    impact="Saving campaigns choose by the scores of the night before.",
    inputs=("features.customer_activity", "gold.consumption_warnings", "silver.calls"),
    module="jobs.gold.churn.churn_scores",
    partition="scored_on",
    statistics=("customer_id", "probability"),
)

CHURN_FEATURES = (CUSTOMER_ACTIVITY,)
CHURN = (CONSUMPTION_WARNINGS, CHURN_SCORES)
