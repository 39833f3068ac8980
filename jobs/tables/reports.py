"""Reports: pages for people, made of the tables of a night."""

from dataclasses import dataclass

from jobs.tables.call_centre import CALL_CENTRE
from jobs.tables.outreach import OUTREACH


@dataclass(frozen=True)
class Report:
    """A page that a night writes: what it tells, of which tables, and who answers for it."""

    short_name: str
    about: str
    inputs: tuple[str, ...]
    owner: str
    impact: str

    @property
    def name(self) -> str:
        """The name of its task."""
        return f"report.{self.short_name}"


REPEAT_CALLS = Report(
    short_name="repeat_calls",
    about="Why people call again: bands, kinds of callers, causes, and what to do",
    inputs=(
        "gold.repeat_calls",
        "gold.repeat_call_clusters",
        "gold.repeat_cluster_profiles",
        "gold.repeat_call_advice",
        "gold.repeat_call_causes",
        "gold.topic_channels",
        "gold.repeat_call_risk",
    ),
    owner=CALL_CENTRE,
    impact="The operations head reads the page of the day before.",
)

MODELS = Report(
    short_name="models",
    about="The champions: what they ask, how well they tell, and what nights saw of them since",
    inputs=("gold.churn_scores", "gold.repeat_call_risk"),
    owner="platform",
    impact="Nobody sees at a glance whether the models still hold.",
)

CALL_LISTS = Report(
    short_name="call_lists",
    about="The lists of the morning: totals by campaign, why nobody else is on them, agent minutes, what lists changed",
    inputs=(
        "gold.call_candidates",
        "gold.call_lists",
        "gold.contact_effects",
        "gold.script_effects",
        "gold.list_quality",
        "silver.shifts",
    ),
    owner=OUTREACH,
    impact="Ops teams open the day without an overview of their lists.",
)

REPORTS = {report.short_name: report for report in (REPEAT_CALLS, MODELS, CALL_LISTS)}
