"""Which of the customers who use their card today will not use it once in the days to come?

One row per active customer and cut date (features.customer_activity). The answer is yes when there is no purchase and
no cash advance in the horizon after the cut. Most of the answer is how strongly a customer's own past speaks for a
change (models.evidence); an additive boosted model weighs that, and what else is known, so that the reasons of a score
are exact parts of it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
from scipy.special import expit, logit
from sklearn.ensemble import HistGradientBoostingClassifier

from models import additive
from models.evidence import change, log_silence, logit_of_silence
from models.metrics import Value
from models.training import Question

NAME = "churn"
SEED = 7
LABEL = "is_lost"
DAYS = 180
WINDOWS = (7, 14, 30, 60, 90, DAYS)
LONG_WINDOWS = (30, 60, 90, DAYS)
CHANGES = (7, 14, 30, 60, 90)
"""Windows whose days with a use are held against those before."""
HABIT_DAYS = {7: "habit_days_7d", 14: "habit_days_14d"}
"""How many of the customer's usual days these are worth: weekdays and parts of the month make a difference."""
TAKEN_AS_THEY_ARE = (
    "days_since_use", "categories_90d", "refunds_90d", "online_share_90d", "declined_30d", "tenure_days", "stars",
    "open_cards", "credit_limit_amount", "limit_used_share", "late_payment_share_365d", "calls_30d", "calls_90d",
    "same_topic_calls_90d", "unresolved_calls_90d", "abandoned_calls_90d", "mean_wait_seconds_90d",
    "leaving_calls_90d", "csat", "open_complaints", "complaints_90d", "digital_contacts_90d", "contacts_30d",
    "responses_90d",
)  # fmt: skip
COUNTED_IN_TIMES = ("tenure_days", "credit_limit_amount", "limit_used_share", "mean_wait_seconds_90d")
INPUTS = (
    "observed_days", "quiet_days", *HABIT_DAYS.values(), *(f"use_days_{days}d" for days in WINDOWS),
    *(f"uses_{days}d" for days in LONG_WINDOWS), *(f"spend_{days}d_amount" for days in (7, *LONG_WINDOWS)),
    "categories_dropped_30d", "merchant_groups_90d", "merchant_groups_dropped_30d", *TAKEN_AS_THEY_ARE,
)  # fmt: skip
"""Columns of features.customer_activity that the model reads."""

FAMILIES: dict[str, tuple[str, ...]] = {
    "silence": ("days_since_use", "silence", "waiting", "silent_odds", "rule_odds", "gaps_since_use"),
    "uses": (
        "change_7d", "change_14d", "change_30d", "change_60d", "change_90d",
        "uses_change_30d", "waiting_14d", "waiting_30d", "waiting_60d",
    ),
    "habit": ("uses_a_month",),
    "spend": ("spend_change_7d", "spend_change_30d", "spend_change_90d", "ticket_change_30d", "spend_a_month"),
    "places": (
        "categories_90d", "categories_dropped_share", "merchants_dropped_share", "online_share_90d", "refunds_90d",
    ),
    "product": (
        "tenure_days", "stars", "open_cards", "credit_limit_amount", "limit_used_share", "late_payment_share_365d",
        "declined_30d",
    ),
    "service": (
        "calls_30d", "calls_90d", "same_topic_calls_90d", "unresolved_calls_90d", "abandoned_calls_90d",
        "mean_wait_seconds_90d", "digital_contacts_90d",
    ),
    "complaints": ("leaving_calls_90d", "csat", "open_complaints", "complaints_90d"),
    "contacts": ("contacts_30d", "responses_90d"),
}  # fmt: skip
"""Features that tell the same story, of which a customer's reasons name one each."""
FEATURES = tuple(feature for family in FAMILIES.values() for feature in family)
RAISE = (
    "days_since_use", "silent_odds", "rule_odds", "gaps_since_use", "waiting", "waiting_14d", "waiting_30d",
    "waiting_60d", "categories_dropped_share", "merchants_dropped_share",
)  # fmt: skip
LOWER = (
    "silence", "uses_a_month", "spend_change_7d", "spend_change_30d",
    "spend_change_90d", "uses_change_30d", *(f"change_{days}d" for days in CHANGES),
)  # fmt: skip
"""Features that only raise, and only lower the risk: more silence never speaks for staying (docs/decisions/0021)."""


def question(horizon_days: int, value: Value, window_days: int = DAYS) -> Question:
    """The question for a horizon, as models.training asks it; `window_days`: of how many days uses are looked at."""
    return Question(
        name=NAME,
        asks=f"Who of the active customers will not use the card in the next {horizon_days} days?",
        label=LABEL,
        inputs=INPUTS,
        features=lambda rows: features(rows, horizon_days, window_days),
        estimator=estimator,
        rule=lambda learnt, rows: rule(rows, horizon_days),
        # With half a year behind the first rows learnt from, a share of a year's statements is of ever more of them.
        moving_by_right=("rule_odds", "late_payment_share_365d"),
        value=value,
        contradictions=contradictions,
        segments=segments,
    )


def estimator() -> HistGradientBoostingClassifier:
    """The model before it is fitted."""
    ways = {**dict.fromkeys(RAISE, 1), **dict.fromkeys(LOWER, -1)}
    return additive.boosted(SEED, monotonic_cst=ways)


def features(rows: pd.DataFrame, horizon_days: int, window_days: int = DAYS) -> pd.DataFrame:
    """What the model weighs, in the order of `FEATURES`; NaN where nothing is known.

    `window_days`, one of `WINDOWS`: with little history behind the first rows learnt from, later ones are looked at
    for no longer than those were, or everything would seem to drift. The rule alone looks at all that is known. What is
    of a year is looked at along with the longest of them.
    """
    given = {name: pd.to_numeric(rows[name]).astype(float).to_numpy() for name in INPUTS}
    past = Past(
        observed=np.minimum(given["observed_days"], window_days),
        quiet=given["quiet_days"],
        window=window_days,
        shown={days: given[f"use_days_{days}d"] for days in WINDOWS},
        uses={days: given[f"uses_{days}d"] for days in LONG_WINDOWS},
        spend={days: given[f"spend_{days}d_amount"] for days in (7, *LONG_WINDOWS)},
        worth={days: given[name] for days, name in HABIT_DAYS.items()},
    )
    made = {name: np.where(_window(name) <= window_days, given[name], np.nan) for name in TAKEN_AS_THEY_ARE}
    # Twice as much says the same of little and of much; far values would carry a slope away.
    made |= {name: np.log1p(np.maximum(made[name], 0.0)) for name in COUNTED_IN_TIMES}
    made |= _evidence(past, horizon_days) | {"rule_odds": logit(rule(rows, horizon_days))}
    made |= _amounts(past)
    places = (("categories_dropped_share", "categories"), ("merchants_dropped_share", "merchant_groups"))
    for name, kind in places:
        made[name] = _share(given[f"{kind}_dropped_30d"], given[f"{kind}_90d"])
        made[name] = np.where(window_days >= 90, made[name], np.nan)
    return pd.DataFrame({name: made[name] for name in FEATURES}, index=rows.index)


def rule(rows: pd.DataFrame, horizon_days: int) -> np.ndarray:
    """The chance told by days since the last use and number of days with one alone, without any fit."""
    observed = pd.to_numeric(rows["observed_days"]).to_numpy(dtype=float)
    since = pd.to_numeric(rows["days_since_use"]).to_numpy(dtype=float)
    shown = pd.to_numeric(rows["use_days_180d"]).to_numpy(dtype=float)
    there = np.maximum(observed - since, 1.0)
    told: np.ndarray = expit(
        logit_of_silence(log_silence(shown, there, since), log_silence(shown, there, horizon_days))
    )
    return told


def contradictions(rows: pd.DataFrame) -> Mapping[str, float]:
    """The share of rows in which columns contradict each other, by what ought to hold."""
    shown = {days: pd.to_numeric(rows[f"use_days_{days}d"]).to_numpy(dtype=float) for days in WINDOWS}
    since = pd.to_numeric(rows["days_since_use"]).to_numpy(dtype=float)
    found = {
        f"days with a use of {short} are among those of {long}": np.mean(shown[short] > shown[long])
        for short, long in pairwise(WINDOWS)
    }
    for days in WINDOWS[:-1]:
        found[f"a use within {days} days shows in the days since the last one"] = np.mean(
            (shown[days] > 0) != (since < days)
        )
    return {name: float(share) for name, share in found.items()}


def segments(rows: pd.DataFrame) -> dict[str, pd.Series]:
    """The segments of which metrics are told apart."""
    monthly = (
        30 * pd.to_numeric(rows["use_days_180d"]).astype(float) / pd.to_numeric(rows["observed_days"]).astype(float)
    )
    labels = ["use on less than 2 days a month", "on 2 to 8", "on more than 8"]
    tenure = pd.cut(
        pd.to_numeric(rows["tenure_days"]).astype(float), [-np.inf, 365, 1095, np.inf],
        labels=["up to a year", "1 to 3 years", "more than 3 years"],
    )  # fmt: skip
    return {
        "use": pd.cut(monthly, [-np.inf, 2, 8, np.inf], labels=labels, right=False).astype(str),
        "tenure": tenure.astype(object).where(tenure.notna(), "unknown").astype(str),
        "stars": rows["stars"].astype(object).where(rows["stars"].notna(), "unknown").astype(str),
    }


@dataclass(frozen=True)
class Past:
    """What is known of the uses of each customer; by days of a window where it is a mapping."""

    observed: np.ndarray
    quiet: np.ndarray
    window: int
    shown: Mapping[int, np.ndarray]
    uses: Mapping[int, np.ndarray]
    spend: Mapping[int, np.ndarray]
    worth: Mapping[int, np.ndarray]


def _evidence(past: Past, horizon_days: int) -> dict[str, np.ndarray]:
    """How strongly the days with a use speak for a change (models.evidence)."""
    shown, there = past.shown[past.window], np.maximum(past.observed - past.quiet, 1.0)
    silence, waiting = log_silence(shown, there, past.quiet), log_silence(shown, there, horizon_days)
    made = {
        "silence": silence,
        "waiting": waiting,
        "silent_odds": logit_of_silence(silence, waiting),
        "gaps_since_use": past.quiet * shown / past.observed,
        "uses_a_month": 30 * shown / past.observed,
    }
    for days in CHANGES:
        recent, before = past.shown[days], np.maximum(shown - past.shown[days], 0)
        worth = past.worth.get(days, np.full(len(recent), float(days)))
        fall = change(recent, worth, before, np.maximum(past.observed - days, 0))
        made[f"change_{days}d"] = np.where(past.observed > days, fall, np.nan)
    for days in (14, 30, 60):
        is_shorter = days < past.window
        made[f"waiting_{days}d"] = log_silence(past.shown[days], days, horizon_days) if is_shorter else _unknown(past)
    return made


def _amounts(past: Past) -> dict[str, np.ndarray]:
    """How many days' worth of spending and of uses there were lately, against as many days, in logarithms."""
    spent, uses, observed = past.spend[past.window], past.uses[past.window], past.observed
    made = {"spend_a_month": np.log1p(np.maximum(30 * spent / observed, 0.0))}
    for days in (7, 30, 90):
        is_known = (observed > days) & (spent > 0)
        worth = _share(np.maximum(past.spend[days], 0.0) * observed, spent)
        made[f"spend_change_{days}d"] = np.where(is_known, np.log((worth + 1) / (days + 1)), np.nan)
    worth = _share(past.uses[30] * observed, uses)
    made["uses_change_30d"] = np.where(observed > 30, np.log((worth + 1) / 31), np.nan)
    before = _share(spent - past.spend[30], uses - past.uses[30])
    made["ticket_change_30d"] = _log_ratio(_share(past.spend[30], past.uses[30]), before)
    return made


def _unknown(past: Past) -> np.ndarray:
    return np.full(len(past.observed), np.nan)


def _window(name: str) -> int:
    """The days of the window that a column's name tells, a year as the longest of uses; 0 where it has none."""
    found = re.search(r"_(\d+)d$", name)
    return min(int(found[1]), DAYS) if found else 0


def _log_ratio(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where((one > 0) & (other > 0), np.clip(np.log(one / other), -4.0, 4.0), np.nan)


def _share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(whole > 0, part / whole, np.nan)
