"""The models: what each asks, of which features it learns, and where its answers stand."""

from dataclasses import dataclass

from jobs.tables.call_centre import CALL_CENTRE
from jobs.tables.card_business import CARDS


@dataclass(frozen=True)
class Model:
    """A question that is learnt, compared, promoted and watched without a person (docs/adding_a_model.md).

    `module` of jobs says how the lake asks it.
    """

    name: str
    about: str
    features: str
    scores: str
    module: str
    owner: str
    impact: str


CHURN = Model(
    name="churn",
    about="Which active customers will not use the card in the days to come",
    features="features.customer_activity",
    scores="gold.churn_scores",
    module="jobs.churn",
    owner=CARDS,
    impact="Scores go on with the champion of before.",
)

REPEAT_RISK = Model(
    name="repeat_risk",
    about="Which callers will call again within 7 days",
    features="features.answered_calls",
    scores="gold.repeat_call_risk",
    module="jobs.risk",
    owner=CALL_CENTRE,
    impact="Risks go on with the champion of before.",
)

MODELS = {model.name: model for model in (CHURN, REPEAT_RISK)}
