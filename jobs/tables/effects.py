"""What lists came to: what each campaign changed, against customers held out, and how well its contacts go."""

from jobs.tables.campaigns import CAMPAIGN, LIST_ON, SUBJECT
from jobs.tables.contract import Column, Kind, Table
from jobs.tables.outreach import OUTREACH

RIGHT_PARTY = ("reached", "converted", "refused", "callback", "do_not_call")
"""Results in which the customer was spoken to, unless a machine answered."""
LATE_DAYS = 7
"""For so long what comes late still counts; from then on a figure stands for good."""
DIMENSIONS = ("score_decile", "hour", "agent", "script")

CONTACT_EFFECTS = Table(
    name="gold.contact_effects",
    about="One row per campaign and week: what became of those listed and of those held out, and what the list changed",
    key=("campaign", "week"),
    columns=(
        CAMPAIGN,
        Column("week", "date", "Monday of the week of the first listed or held-out date in the season", required=True),
        Column("listed", "bigint", "Customers listed, whose outcome days have passed", required=True),
        Column("held_out", "bigint", "Customers held out, whose outcome days have passed", required=True),
        Column("contacted", "bigint", "Of the listed those with a contact in these days", required=True),
        Column("listed_rate", "double", "Share of the listed with the outcome; null = nobody listed"),
        Column("held_out_rate", "double", "Share of the held out with the outcome; null = nobody held out"),
        Column("incremental_effect", "double", "listed_rate - held_out_rate; null = an arm is empty"),
        Column("effect_low", "double", "Lower end of its 95 % interval (Newcombe)"),
        Column("effect_high", "double", "Upper end of its 95 % interval (Newcombe)"),
        Column("reached_only_effect", "double", "The effect on those contacted: effect / (contacted / listed)"),
        Column("value_earned", "decimal(18,2)", "effect x listed x value of an outcome; null = differs by customer"),
        Column("cost", "decimal(18,2)", "Contacts x cost of a contact", required=True),
        Column("complaints_caused", "double", "Difference of the shares who complained x listed"),
        Column("opt_outs_caused", "double", "Difference of the shares who opted out x listed"),
        Column("is_claim", "boolean", "Whether both arms are large enough to say anything", required=True),
        Column("sentence", "string", "What the campaign did, or what is missing to say it, in words", required=True),
        Column("listed_successes", "bigint", "Of the listed those with the outcome", required=True),
        Column("held_out_successes", "bigint", "Of the held out those with the outcome", required=True),
        Column("contacts", "bigint", "Contacts of the listed by the campaign in these days", required=True),
        Column("mean_score", "double", "Mean probability by which both arms were chosen; null = without one"),
        Column("final_on", "date", "The night from which on the row stands for good", required=True),
    ),
    kind=Kind.SNAPSHOT,
    owner=OUTREACH,
    subject=SUBJECT,
    impact="Lists are drawn by the effects of the night before, and nobody sees what campaigns changed.",
    inputs=(
        "gold.call_candidates", "silver.contact_results", "silver.do_not_call", "silver.transactions", "silver.calls",
        "silver.interactions", "silver.statements_versions", "silver.tickets_versions", "silver.cards_versions",
        "silver.customers_versions",
    ),
    module="jobs.gold.outreach.contact_effects",
    statistics=("week", "final_on"),
)  # fmt: skip

LIST_QUALITY = Table(
    name="gold.list_quality",
    about="One row per list day, campaign, dimension and group of listed contacts: how many were reached, and won",
    key=("list_on", "campaign", "dimension", "group_name"),
    columns=(
        LIST_ON,
        CAMPAIGN,
        Column("dimension", "string", "What the contacts are grouped by", required=True, values=DIMENSIONS),
        Column(
            "group_name", "string", "Tenth of the scores (1 = highest; equal ones share that of the first of them), "
            "hour of the attempt's business day (else as planned), agent of the attempt, or script of the list; null = "
            "without one",
        ),
        Column("listed", "bigint", "Listed contacts", required=True),
        Column("contacted", "bigint", "Of these with a result other than busy and no_answer", required=True),
        Column("reached", "bigint", "Of these in which the customer was spoken to", required=True),
        Column("converted", "bigint", "Of these that were won", required=True),
        Column("contacted_rate", "double", "contacted / listed", required=True),
        Column("reached_rate", "double", "reached / contacted; null = none contacted"),
        Column("converted_rate", "double", "converted / reached; null = none reached"),
    ),
    kind=Kind.SNAPSHOT,
    owner=OUTREACH,
    subject=SUBJECT,
    impact="Team leads see how lists went up to the night before.",
    inputs=("gold.call_candidates", "gold.call_lists", "silver.contact_results"),
    module="jobs.gold.outreach.list_quality",
    statistics=("list_on",),
)  # fmt: skip

SCRIPT_EFFECTS = Table(
    name="gold.script_effects",
    about="One row per campaign, week and script: what became of those who got it, against those who got another one",
    key=("campaign", "week", "script_id"),
    columns=(
        CAMPAIGN,
        Column("week", "date", "Monday of the week of the customer's first list in the season", required=True),
        Column("script_id", "string", "The script, of a campaign that has several", required=True),
        Column("listed", "bigint", "Customers listed with it, whose outcome days have passed", required=True),
        Column("successes", "bigint", "Of these those with the outcome", required=True),
        Column("rate", "double", "successes / listed", required=True),
        Column("others_listed", "bigint", "Customers listed with another script of the campaign", required=True),
        Column("others_successes", "bigint", "Of these those with the outcome", required=True),
        Column("others_rate", "double", "others_successes / others_listed; null = nobody"),
        Column("difference", "double", "rate - others_rate; null = nobody had another one"),
        Column("difference_low", "double", "Lower end of its 95 % interval (Newcombe)"),
        Column("difference_high", "double", "Upper end of its 95 % interval (Newcombe)"),
        Column("is_claim", "boolean", "Whether both groups are large enough to say anything", required=True),
        Column("final_on", "date", "The night from which on the row stands for good", required=True),
    ),
    kind=Kind.SNAPSHOT,
    owner=OUTREACH,
    subject=SUBJECT,
    impact="Team leads see which script works up to the night before.",
    inputs=(
        "gold.call_candidates", "gold.call_lists", "silver.transactions", "silver.calls", "silver.interactions",
        "silver.statements_versions", "silver.tickets_versions", "silver.cards_versions",
    ),
    module="jobs.gold.outreach.script_effects",
    statistics=("week", "final_on"),
)  # fmt: skip

EFFECTS = (CONTACT_EFFECTS, SCRIPT_EFFECTS, LIST_QUALITY)
