"""A world whose truth is known: each customer buys at a rate of their own, and some fall silent for good.

Rates are lognormal; the day of falling silent is uniform. So what can be known from the data, the chance of no use in
the horizon given the days before, is a sum over rates and days, without any fit.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from models import churn

DAYS, HORIZON, ACTIVE, SEEN = 420, 60, 60, 180
MEDIAN_RATE, SIGMA, LEAST, MOST = 0.2, 0.9, 0.02, 3.0
FIRST_SILENT, SHARE = 60, 0.06


@dataclass(frozen=True)
class World:
    """Uses of each customer and day."""

    uses: np.ndarray

    def at(self, cut: int) -> pd.DataFrame:
        """features.customer_activity, and the answer, of the active customers at the end of day `cut`."""
        rows = self.uses[self.uses[:, cut - ACTIVE : cut].sum(axis=1) > 0]
        made = activity(rows[:, cut - SEEN : cut])
        return made.assign(as_of=cut, is_lost=rows[:, cut : cut + HORIZON].sum(axis=1) == 0)

    def knowable(self, cut: int) -> np.ndarray:
        """For the same customers the chance of no use in the horizon: no model can rank better."""
        rows = self.uses[self.uses[:, cut - ACTIVE : cut].sum(axis=1) > 0][:, :cut]
        rates = np.exp(np.linspace(np.log(LEAST), np.log(MOST), 60))
        prior = -0.5 * ((np.log(rates) - np.log(MEDIAN_RATE)) / SIGMA) ** 2
        last = cut - 1 - np.argmax(rows[:, ::-1] > 0, axis=1)
        number = rows.sum(axis=1)[:, None]
        told, whole = np.zeros(len(rows)), np.zeros(len(rows))
        ends = [*range(max(FIRST_SILENT, cut - ACTIVE), min(DAYS, cut + HORIZON)), None]
        for end in ends:
            there = cut if end is None else min(end, cut)
            to_come = HORIZON if end is None else max(end - cut, 0)
            chance = (1 - SHARE) if end is None else SHARE / (DAYS - FIRST_SILENT)
            # Sums of squares of the number keep the exponent in range.
            seen = np.exp(prior + number * np.log(rates) - rates * there - _largest(number, prior, rates, cut))
            seen = np.where((last < there)[:, None], seen * chance, 0.0)
            whole += seen.sum(axis=1)
            told += (seen * np.exp(-rates * to_come)).sum(axis=1)
        return told / whole


def world(seed: int, customers: int) -> World:
    """A world of so many customers."""
    rng = np.random.default_rng(seed)
    rates = np.exp(rng.normal(np.log(MEDIAN_RATE), SIGMA, customers)).clip(LEAST, MOST)
    falls = np.where(rng.random(customers) < SHARE, rng.integers(FIRST_SILENT, DAYS, customers), DAYS)
    uses = rng.poisson(rates[:, None], (customers, DAYS))
    return World(np.where(np.arange(DAYS) < falls[:, None], uses, 0))


def activity(uses: np.ndarray) -> pd.DataFrame:
    """The columns of features.customer_activity that uses alone tell, of the last `SEEN` days; the others are null."""
    days, since = uses > 0, np.argmax(uses[:, ::-1] > 0, axis=1)
    made: dict[str, object] = dict.fromkeys(churn.INPUTS, np.nan)
    made |= {"observed_days": SEEN, "days_since_use": since, "quiet_days": since.astype(float)}
    made |= {name: float(n) for n, name in churn.HABIT_DAYS.items()}
    for n in churn.WINDOWS:
        made[f"use_days_{n}d"] = days[:, -n:].sum(axis=1)
        made[f"uses_{n}d"] = uses[:, -n:].sum(axis=1)
        made[f"spend_{n}d_amount"] = 80.0 * uses[:, -n:].sum(axis=1)
    frame = pd.DataFrame(made, index=range(len(uses)))
    return frame[[*churn.INPUTS]].assign(customer_id=[f"C{n}" for n in range(len(uses))])


def _largest(number: np.ndarray, prior: np.ndarray, rates: np.ndarray, cut: int) -> np.ndarray:
    found: np.ndarray = (prior + number * np.log(rates) - rates * (cut - ACTIVE)).max(axis=1, keepdims=True)
    return found
