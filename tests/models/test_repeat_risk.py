"""The model of repeat calls learns from earlier calls, is tested on later ones, and beats the simple rule."""

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from models import repeat_risk
from models.errors import NotEnoughDataError


def calls(number: int, seed: int = 1) -> pd.DataFrame:
    """Calls that are followed the more often the more of them came before, and half as often when resolved."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({name: rng.normal(size=number) for name in repeat_risk.FIGURES})
    frame["topic"] = np.array(["fee", "card", None], dtype=object)[rng.integers(0, 3, number)]
    frame["queue"] = None
    frame["hold_seconds"] = np.nan
    frame["calls_before_7d"] = rng.poisson(0.7, number)
    frame["resolved"] = rng.integers(0, 2, number)
    chance = np.clip(0.2 + 0.15 * frame["calls_before_7d"], 0, 0.9) * np.where(frame["resolved"] == 1, 0.5, 1)
    chance = chance * np.where(frame["topic"] == "fee", 1.0, 0.6)
    frame["is_followed"] = rng.random(number) < chance
    frame["as_of"] = [date(2026, 1, 1) + timedelta(days=60 * n // number) for n in range(number)]
    frame["call_id"] = [f"k{n}" for n in range(number)]
    return frame


def test_the_model_beats_the_rule_on_later_calls_and_is_calibrated() -> None:
    tested = repeat_risk.fit(calls(6000))
    metrics = tested.metrics
    assert metrics["auc"] > metrics["auc_of_rule"] + 0.03
    assert metrics["lift_at_10_percent"] > metrics["lift_at_10_percent_of_rule"]
    assert metrics["calibration_error"] < 0.06
    assert metrics["calls_learnt"] + metrics["calls_tested"] == 6000
    assert tested.first_test_day == date(2026, 1, 1) + timedelta(days=40)


def test_fitting_twice_gives_the_same_probabilities_and_new_values_are_no_error() -> None:
    known = calls(2000)
    one, other = (repeat_risk.fit(known).pipeline for _ in range(2))
    later = calls(50, seed=2).assign(topic="never heard of", hold_seconds=12.0)
    told = repeat_risk.probability(one, later)
    assert (told == repeat_risk.probability(other, later)).all()
    assert ((told > 0) & (told < 1)).all()
    assert repeat_risk.probability(one, later.head(0)).size == 0


def test_too_little_to_learn_from_is_an_error() -> None:
    with pytest.raises(NotEnoughDataError, match="expected 500 answered calls"):
        repeat_risk.fit(calls(499))
    with pytest.raises(NotEnoughDataError, match="with and without a repeat"):
        repeat_risk.fit(calls(1000).assign(is_followed=False))


def test_the_rule_is_the_share_of_those_who_called_before_and_of_the_others() -> None:
    few = pd.DataFrame({"calls_before_7d": [0, 0, 1, 2, 3], "is_followed": [False, True, True, True, False]})
    assert repeat_risk.rule(few) == {False: 0.5, True: 0.6}
    assert repeat_risk.rule(few.head(0)) == {False: 0.5, True: 0.5}


def test_ties_at_the_edge_of_the_most_likely_tenth_count_in_part() -> None:
    truth = np.array([1, 0] + [0] * 18)
    told = np.array([0.9, 0.9] + [0.1] * 18)
    assert repeat_risk._lift(truth, told, 0.05) == 0.5 / 0.05
