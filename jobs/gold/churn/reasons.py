"""Why a customer's risk is high, in words and numbers that an agent can say aloud."""

from collections.abc import Sequence

from pyspark.sql import Column
from pyspark.sql import functions as F

NUMBER_OF_REASONS = 3
SLIGHT = 0.05
"""Log odds below which a family of features says nothing worth a sentence."""

# Money may come back as a purchase of a negative amount: a sum of purchases may be nothing, or less.
SPENT_IN_30 = "cast(greatest(spend_30d_amount, 0) AS double)"
A_DAY_OF_90 = "spend_90d_amount / least(observed_days, 90)"
A_USE_OF_30 = "cast(spend_30d_amount AS double) / uses_30d"
HAS_SPENT_IN_AND_BEFORE_30 = "spend_30d_amount > 0 AND uses_180d > uses_30d AND spend_180d_amount > spend_30d_amount"
A_USE_BEFORE_30 = "cast(spend_180d_amount - spend_30d_amount AS double) / (uses_180d - uses_30d)"
BEFORE_30 = "(use_days_180d - use_days_30d) / greatest(observed_days - 30, 1)"
SENTENCES: dict[str, tuple[tuple[str, str, tuple[str, ...]], ...]] = {
    "silence": (
        (
            "days_since_use > usual_gap_days",
            "card not used for %d days, usually every %.1f days",
            ("days_since_use", "usual_gap_days"),
        ),
    ),
    "uses": (
        (
            f"observed_days > 37 AND use_days_30d / 30D < 0.9D * {BEFORE_30}",
            "card used on %d days of the last 30, on %.1f of 30 before",
            ("use_days_30d", f"30 * {BEFORE_30}"),
        ),
        (
            "observed_days > 14 AND use_days_7d / 7D < 0.9D * (use_days_180d - use_days_7d) / (observed_days - 7)",
            "card used on %d days of the last 7, on %.1f of 7 before",
            ("use_days_7d", "7 * (use_days_180d - use_days_7d) / (observed_days - 7)"),
        ),
    ),
    "habit": (
        (
            "30 * use_days_180d / observed_days < 4",
            "card used on only %.1f days a month",
            ("30 * use_days_180d / observed_days",),
        ),
    ),
    "spend": (
        (
            f"observed_days > 37 AND spend_90d_amount > 0 AND spend_30d_amount / 30 < 0.9 * {A_DAY_OF_90}",
            "card spend down %.0f %% in 30 days against the mean of the last 90 days",
            (f"100 * (1 - {SPENT_IN_30} / 30 * least(observed_days, 90) / spend_90d_amount)",),
        ),
        (
            f"uses_30d > 0 AND {HAS_SPENT_IN_AND_BEFORE_30} AND {A_USE_OF_30} < 0.9 * {A_USE_BEFORE_30}",
            "%.2f spent per use in 30 days, %.2f before",
            (
                A_USE_OF_30,
                A_USE_BEFORE_30,
            ),
        ),
        (
            "spend_180d_amount > 0 AND 30 * spend_180d_amount / observed_days < 500",
            "only %.2f spent a month",
            ("30 * cast(spend_180d_amount AS double) / observed_days",),
        ),
        (
            "uses_180d > 0 AND spend_180d_amount <= 0",
            "no more bought than given back in 180 days",
            (),
        ),
    ),
    "places": (
        (
            "categories_dropped_30d > 0",
            "nothing bought in 30 days in %d of the %d kinds of shops used in 90 days",
            ("categories_dropped_30d", "categories_90d"),
        ),
        ("refunds_90d > 0", "%d refunds in 90 days", ("refunds_90d",)),
    ),
    "product": (
        ("declined_30d > 0", "%d declined payments in 30 days", ("declined_30d",)),
        ("late_payment_share_365d > 0", "%.0f %% of a year's statements paid late", ("100 * late_payment_share_365d",)),
        ("tenure_days < 365", "customer for only %d days", ("tenure_days",)),
        ("open_cards <= 1", "%d open card", ("open_cards",)),
    ),
    "service": (
        ("unresolved_calls_90d > 0", "%d calls in 90 days left unresolved", ("unresolved_calls_90d",)),
        # Each part of a call that was handed on counts, so nobody need have called again.
        (
            "same_topic_calls_90d = 1",
            "%d call beyond the first about the same topic in 90 days",
            ("same_topic_calls_90d",),
        ),
        (
            "same_topic_calls_90d > 1",
            "%d calls beyond the first about the same topic in 90 days",
            ("same_topic_calls_90d",),
        ),
        ("abandoned_calls_90d > 0", "gave up waiting %d times in 90 days", ("abandoned_calls_90d",)),
        ("mean_wait_seconds_90d >= 60", "waited %.0f seconds per call in 90 days", ("mean_wait_seconds_90d",)),
        ("calls_90d > 0", "called %d times in 90 days", ("calls_90d",)),
    ),
    "complaints": (
        (
            "leaving_calls_90d > 0",
            "called %d times in 90 days about closing a card or moving a balance",
            ("leaving_calls_90d",),
        ),
        ("open_complaints > 0", "%d open complaints", ("open_complaints",)),
        ("complaints_90d > 0", "%d complaints in 90 days", ("complaints_90d",)),
        ("csat <= 2", "rated the last call %d of 5", ("csat",)),
    ),
    "contacts": (
        ("contacts_30d > 0", "contacted by us %d times in 30 days", ("contacts_30d",)),
    ),
}  # fmt: skip
"""For each family of features (models.churn.FAMILIES) sentences with their condition and numbers; the first that is
true of the customer is told. A family of which none is true gives no reason."""


def reasons(parts: Sequence[str]) -> list[Column]:
    """The strongest reasons, as texts; null where there are fewer.

    `parts`: the families told apart, each with a column part_<family> of what it adds to the log odds.
    """
    told = [
        F.struct(
            # The strongest first; of equal ones the first of the families.
            (-F.col(f"part_{family}")).alias("less"),
            F.lit(place).alias("place"),
            _sentence(family).alias("sentence"),
        )
        for place, family in enumerate(parts)
    ]
    worth_telling = F.filter(
        F.array(*told), lambda each: (each["less"] < -SLIGHT) & each["sentence"].isNotNull()
    )  # fmt: skip
    chosen = F.array_sort(worth_telling)
    return [F.get(chosen, F.lit(place))["sentence"].alias(f"reason_{place + 1}") for place in range(NUMBER_OF_REASONS)]


def _sentence(family: str) -> Column:
    found = F.lit(None).cast("string")
    for condition, text, numbers in reversed(SENTENCES[family]):
        # A fraction is a double in whatever way it was computed.
        given = (F.expr(f"cast({each} AS {kind})") for each, kind in zip(numbers, _kinds(text), strict=True))
        found = F.when(F.expr(condition), F.format_string(text, *given)).otherwise(found)
    return found


def _kinds(text: str) -> list[str]:
    """The type of each number in a text."""
    parts = text.replace("%%", "").split("%")[1:]
    return ["bigint" if part.startswith("d") else "double" for part in parts]
