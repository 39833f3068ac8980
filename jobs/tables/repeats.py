"""Repeat callers: who they are, of which kind, what makes them call again, and what each should get instead."""

from jobs.tables.call_centre import CALL_CENTRE
from jobs.tables.contract import Column, Kind, Table
from jobs.tables.features import AS_OF

UNIDENTIFIED = 0
UNUSUAL = -1
"""cluster_id of callers without a card or customer number, and of those far from every kind."""

CALLER_KEY = Column("caller_key", "string", "c: customer, else n: caller_token", required=True)
CUSTOMER = Column("customer_id", "string", "The customer, null where the caller was not identified")
BAND = Column(
    "frequency_band",
    "string",
    "high, mid or low by the calls of 90 days (docs/definitions.md); null = no customer",
    values=("high", "mid", "low"),
)
CLUSTER_ID = Column(
    "cluster_id", "bigint", "The kind of caller; -1 = unusual, 0 = no card or customer number; null = no kinds yet"
)
CLUSTER_NAME = Column("cluster_name", "string", "What sets the kind apart")
MODEL_VERSION = Column("model_version", "string", "Version of the model in MLflow; null = none was at hand")

CALLER_PROFILES = Table(
    name="features.caller_profiles",
    about="One row per caller with a repeat call in the last 90 days and date: how, when and about what they call",
    key=("as_of", "caller_key"),
    columns=(
        AS_OF,
        CALLER_KEY,
        CUSTOMER,
        Column("is_identified", "boolean", "Whether a customer or card number was given", required=True),
        Column("has_card", "boolean", "Whether the caller gave a card number or holds an open card", required=True),
        Column("cards", "bigint", "Open cards of the customer"),
        Column("tenure_days", "bigint", "Days since the customer's account was opened"),
        BAND,
        *(
            Column(f"calls_{days}d", "bigint", f"Inbound calls in {days} days", required=True)
            for days in (7, 28, 30, 90)
        ),
        *(
            Column(f"repeat_calls_{days}d", "bigint", f"Of these that follow a call of their chain, {days} days")
            for days in (7, 30, 90)
        ),
        Column("topics", "map<string,bigint>", "Calls in 90 days by topic"),
        Column("main_topic", "string", "The most frequent topic; of several the first in the alphabet"),
        Column("queues", "map<string,bigint>", "Calls in 90 days by queue"),
        Column("hours", "map<string,bigint>", "Calls in 90 days by hour of the business day, 00 to 23"),
        Column("weekdays", "map<string,bigint>", "Calls in 90 days by weekday, Mon to Sun"),
        Column("night_calls_90d", "bigint", "Calls in 90 days between 22:00 and 06:00"),
        Column("weekend_calls_90d", "bigint", "Calls in 90 days on Saturdays and Sundays"),
        Column("chains_90d", "bigint", "Chains of calls that reach into the 90 days"),
        Column("longest_chain", "bigint", "Calls of the longest chain, counted from 97 days before the date"),
        Column("hours_between_median", "double", "Median of the hours from a call to its repeat in 90 days"),
        Column("gaps_90d", "bigint", "How many repeats that median is of"),
        Column("answered_90d", "bigint", "Calls in 90 days that an agent answered"),
        Column("abandoned_90d", "bigint", "Calls in 90 days that were abandoned"),
        Column("self_served_90d", "bigint", "Calls in 90 days that ended in the IVR"),
        Column("transferred_90d", "bigint", "Calls in 90 days that were handed on"),
        Column("unresolved_90d", "bigint", "Calls in 90 days of which the agent said that they were not resolved"),
        Column("agents_90d", "bigint", "Agents met in 90 days"),
        Column("wait_seconds_mean", "double", "Mean wait of answered and abandoned calls in 90 days"),
        Column("wait_seconds_longest", "double", "The longest of these"),
        Column("calls_after_transaction_28d", "bigint", "Calls in 28 days within 24 h after a transaction"),
        Column(
            "calls_after_digital_28d", "bigint", "Calls in 28 days within 24 h after a contact in a digital channel"
        ),
        Column("digital_channels", "array<string>", "Digital channels used in 90 days"),
        Column("last_call_at", "timestamp", "Start of the last call (UTC)", required=True),
    ),
    kind=Kind.AS_OF,
    owner=CALL_CENTRE,
    subject="repeat callers",
    impact="Bands, kinds and advice keep the state of the night before.",
    inputs=(
        "silver.calls",
        "silver.cards_versions",
        "silver.customers_versions",
        "silver.transactions",
        "silver.interactions",
    ),
    partition="as_of",
    statistics=("caller_key",),
)

REPEAT_CALL_CLUSTERS = Table(
    name="gold.repeat_call_clusters",
    about="One row per caller with a repeat call in the last 90 days and date: band and kind",
    key=("as_of", "caller_key"),
    columns=(
        AS_OF,
        CALLER_KEY,
        CUSTOMER,
        Column("has_card", "boolean", "Whether the caller gave a card number or holds an open card", required=True),
        Column("cards", "bigint", "Open cards of the customer"),
        BAND,
        CLUSTER_ID,
        CLUSTER_NAME,
        Column("distance", "double", "Distance to the centre of the nearest kind, in the model's own units"),
        Column("calls_90d", "bigint", "Inbound calls in 90 days", required=True),
        Column("repeat_calls_90d", "bigint", "Of these that follow a call of their chain", required=True),
        Column("main_topic", "string", "The most frequent topic"),
        MODEL_VERSION,
    ),
    kind=Kind.AS_OF,
    owner=CALL_CENTRE,
    subject="repeat callers",
    impact="Lists and advice for repeat callers are those of the night before.",
    inputs=("features.caller_profiles",),
    module="jobs.gold.repeats.repeat_call_clusters",
    partition="as_of",
    statistics=("caller_key", "customer_id"),
)

REPEAT_CLUSTER_PROFILES = Table(
    name="gold.repeat_cluster_profiles",
    about="One row per kind of repeat caller and date: what its callers are like, against all, and what to do",
    key=("as_of", "cluster_id"),
    columns=(
        AS_OF,
        Column("cluster_id", "bigint", "The kind", required=True),
        CLUSTER_NAME,
        Column("callers", "bigint", "Callers of the kind", required=True),
        Column("customers", "bigint", "Customers among them", required=True),
        Column("calls", "bigint", "Their calls in 90 days", required=True),
        Column("repeat_calls", "bigint", "Their repeat calls in 90 days", required=True),
        Column("cards", "bigint", "Their open cards; null = no customer is among them"),
        Column(
            "features",
            "array<struct<feature:string,cluster_mean:double,population_mean:double,lift:double>>",
            "Each figure: mean of the kind, of all repeat callers, and their ratio (null where nobody has any); over "
            "the callers of whom the figure is known, null = of nobody",
        ),
        Column("advice", "string", "What to do for this kind, in words"),
    ),
    kind=Kind.AS_OF,
    owner=CALL_CENTRE,
    subject="repeat callers",
    impact="The report describes the kinds as of the night before.",
    inputs=("features.caller_profiles", "gold.repeat_call_clusters"),
    module="jobs.gold.repeats.repeat_cluster_profiles",
    partition="as_of",
)

REPEAT_CALL_ADVICE = Table(
    name="gold.repeat_call_advice",
    about="One row per customer with a repeat call in the last 90 days and date: what they should get instead",
    key=("as_of", "caller_key"),
    columns=(
        AS_OF,
        CALLER_KEY,
        CUSTOMER,
        BAND,
        CLUSTER_ID,
        CLUSTER_NAME,
        Column("main_topic", "string", "The most frequent topic"),
        Column("main_topic_calls", "bigint", "Calls about it in the 90 days; null = no call has a topic"),
        Column("advice_id", "string", "Rule of conf/repeat_advice.yaml that applied; null = none"),
        Column("channel", "string", "How to reach the caller: call, sms, app, wechat or web; null = not at all"),
        Column("campaign", "string", "Campaign whose candidate the caller is; null = none"),
        Column("message", "string", "Template of what to say about the topic"),
        Column("action", "string", "What to do inside, in words"),
        Column("owner", "string", "Who does it"),
        Column("next_call_expected_at", "timestamp", "When the next call is expected (UTC); null = no gap is known"),
        Column("send_before", "timestamp", "Until when a message comes before that call (UTC)"),
    ),
    kind=Kind.AS_OF,
    owner=CALL_CENTRE,
    subject="repeat callers",
    impact="Campaigns for repeat callers have the candidates of the night before.",
    inputs=("features.caller_profiles", "gold.repeat_call_clusters"),
    module="jobs.gold.repeats.repeat_call_advice",
    partition="as_of",
    statistics=("caller_key", "customer_id"),
)

REPEAT_CALL_CAUSES = Table(
    name="gold.repeat_call_causes",
    about="One row per date and topic, queue, agents' team or kind of caller: how often its calls are called again",
    key=("as_of", "dimension", "group_name"),
    columns=(
        AS_OF,
        Column(
            "dimension", "string", "What the calls are grouped by", required=True,
            values=("topic", "queue", "team", "cluster"),
        ),
        Column(
            "group_name", "string",
            "The topic, queue, team or name of the kind; null = calls without a topic or queue (those without a team "
            "or kind are no group)",
        ),
        Column("calls", "bigint", "Inbound calls of 90 days that had 7 days to be followed", required=True),
        Column("repeated", "bigint", "Of these that another call of the caller followed within 7 days", required=True),
        Column("repeat_rate", "double", "Their share", required=True),
        Column(
            "expected_rate", "double",
            "The share that their like have (same topic, first or repeat: docs/definitions.md) among all calls; for a "
            "team or kind among all calls that have one",
            required=True,
        ),
        Column("rate_ratio", "double", "repeat_rate / expected_rate; null where none is expected"),
        Column("excess_repeats", "double", "Repeats more than expected; negative = fewer", required=True),
        Column("repeat_minutes", "double", "Minutes that agents spent on the calls that followed", required=True),
        Column("minutes_of_a_point", "double", "Minutes saved in 90 days by a rate one point lower", required=True),
        Column("amount_of_a_point", "decimal(18,2)", "What those minutes cost, in the currency of conf", required=True),
        Column(
            "top_sequences",
            "array<struct<first_topic:string,next_topic:string,calls:bigint>>",
            "The most frequent topics of a call and the one that followed",
        ),
        Column("advice", "string", "What to do inside, in words; null = nothing stands out"),
    ),
    kind=Kind.AS_OF,
    owner=CALL_CENTRE,
    subject="repeat callers",
    impact="The report shows causes as of the night before.",
    inputs=("silver.calls", "silver.agents_versions", "gold.repeat_call_clusters"),
    module="jobs.gold.repeats.repeat_call_causes",
    partition="as_of",
)  # fmt: skip

TOPIC_CHANNELS = Table(
    name="gold.topic_channels",
    about="One row per date, topic and channel: how often a contact there settles the matter",
    key=("as_of", "topic", "channel"),
    columns=(
        AS_OF,
        Column("topic", "string", "The topic", required=True),
        Column("channel", "string", "call, or the digital channel", required=True),
        Column("contacts", "bigint", "Contacts of customers in 90 days that had 7 days to be followed", required=True),
        Column("resolved", "bigint", "Of these that no contact on the topic followed within 7 days", required=True),
        Column("resolved_share", "double", "Their share", required=True),
        Column("resolved_low", "double", "Lower end of its 95 % interval (Wilson)", required=True),
        Column("resolved_high", "double", "Upper end of its 95 % interval (Wilson)", required=True),
        Column("is_best", "boolean", "Whether no channel of the topic has a higher lower end", required=True),
    ),
    kind=Kind.AS_OF,
    owner=CALL_CENTRE,
    subject="repeat callers",
    impact="Advice on channels is as of the night before.",
    inputs=("silver.calls", "silver.interactions"),
    module="jobs.gold.repeats.topic_channels",
    partition="as_of",
)

ANSWERED_CALLS = Table(
    name="features.answered_calls",
    about=(
        "One row per call that an agent answered on the date, of callers with a customer or number: what is known of "
        "it at its end"
    ),
    key=("as_of", "call_id"),
    columns=(
        AS_OF,
        Column("call_id", "string", "The call", required=True),
        CALLER_KEY,
        CUSTOMER,
        Column("started_at", "timestamp", "When the call began (UTC)", required=True),
        Column("topic", "string", "Topic of the call"),
        Column("queue", "string", "Queue of the call"),
        Column("hour", "int", "Hour of the business day in which it began", required=True),
        Column("weekday", "int", "Day of the week, 1 = Sunday", required=True),
        Column("wait_seconds", "double", "How long the caller waited"),
        Column("handle_seconds", "double", "Talk and wrap-up"),
        Column("hold_seconds", "double", "On hold"),
        Column("transferred", "int", "Whether it was handed on, 1 or 0"),
        Column("resolved", "int", "Whether the agent said that it was resolved, 1 or 0"),
        *(
            Column(f"calls_before_{window}", "bigint", f"Calls of the caller in the {window} before", required=True)
            for window in ("24h", "7d", "30d", "90d")
        ),
        Column("topic_calls_before_30d", "bigint", "Of these on the same topic, 30 days", required=True),
        Column("abandoned_before_7d", "bigint", "Calls that the caller abandoned in the 7 days before", required=True),
        Column("hours_since_previous", "double", "Hours since the caller's call before; null = none in 90 days"),
        Column(
            "position_in_chain", "bigint", "Place in the chain, counted from 90 days before the call", required=True
        ),
    ),
    kind=Kind.AS_OF,
    owner=CALL_CENTRE,
    subject="repeat callers",
    impact="Calls of the day get no risk of a repeat.",
    inputs=("silver.calls",),
    partition="as_of",
    statistics=("call_id",),
)

REPEAT_CALL_RISK = Table(
    name="gold.repeat_call_risk",
    about=(
        "One row per call that an agent answered on the date, of callers with a customer or number: how likely they "
        "call again within 7 days"
    ),
    key=("scored_on", "call_id"),
    columns=(
        Column("scored_on", "date", "Business date of the call", required=True),
        Column("call_id", "string", "The call", required=True),
        CALLER_KEY,
        CUSTOMER,
        Column("topic", "string", "Topic of the call"),
        Column("probability", "double", "Probability of another call within 7 days", required=True),
        Column("decile", "int", "1 = the tenth of the day's calls with the highest probability", required=True),
        Column("called_before", "boolean", "Whether the caller called in the 7 days before", required=True),
        Column("model_version", "string", "Version in MLflow; rule = shares by called_before", required=True),
    ),
    kind=Kind.AS_OF,
    owner=CALL_CENTRE,
    subject="repeat callers",
    impact="Calls back in time are chosen from the night before.",
    inputs=("features.answered_calls",),
    module="jobs.gold.repeats.repeat_call_risk",
    partition="scored_on",
    statistics=("call_id", "customer_id"),
)  # fmt: skip

REPEATS = (
    REPEAT_CALL_CLUSTERS,
    REPEAT_CLUSTER_PROFILES,
    REPEAT_CALL_ADVICE,
    REPEAT_CALL_CAUSES,
    TOPIC_CHANNELS,
    REPEAT_CALL_RISK,
)
REPEAT_FEATURES = (CALLER_PROFILES, ANSWERED_CALLS)
