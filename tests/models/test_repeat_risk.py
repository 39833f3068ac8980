"""The model of repeat calls learns from earlier calls, is tested on later ones, and beats the simple rule."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from models import repeat_risk
from models.errors import NotEnoughDataError
from models.training import MODEL, RULE, Parts, probability, train


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


def parts(number: int) -> Parts:
    """The earlier two thirds to learn from, then those to calibrate and to test on, and new ones."""
    known = calls(number)
    ends = [number // 2, 2 * number // 3]
    return Parts(known[: ends[0]], known[ends[0] : ends[1]], known[ends[1] :], calls(number // 6, seed=2))


def test_the_model_beats_the_rule_on_later_calls_and_is_calibrated() -> None:
    by = train(repeat_risk.question(), parts(6000)).by
    assert by[MODEL]["auc"].value > by[RULE]["auc"].value + 0.03
    assert by[MODEL]["auc"].low > by[RULE]["auc"].value
    assert by[MODEL]["calibration_error"].value < 0.06


def test_fitting_twice_gives_the_same_probabilities_and_new_values_are_no_error() -> None:
    one, other = (train(repeat_risk.question(), parts(2400)).estimator for _ in range(2))
    later = calls(50, seed=2).assign(topic="never heard of", hold_seconds=12.0)
    told = probability(repeat_risk.question(), one, later)
    assert (told == probability(repeat_risk.question(), other, later)).all()
    assert ((told > 0) & (told < 1)).all()
    assert probability(repeat_risk.question(), one, later.head(0)).size == 0


def test_figures_that_look_back_farther_than_the_history_are_not_known() -> None:
    known = calls(3).assign(hours_since_previous=[24.0, 169.0, np.nan])
    near = repeat_risk.features(known, window_days=7)
    assert (
        near[["calls_before_30d", "topic_calls_before_30d", "position_in_chain", "calls_before_90d"]].isna().all(None)
    )
    assert near["hours_since_previous"].isna().tolist() == [False, True, True]
    assert near["calls_before_7d"].tolist() == known["calls_before_7d"].tolist()
    assert repeat_risk.features(known, window_days=30)["calls_before_90d"].isna().all()
    assert repeat_risk.features(known)["calls_before_90d"].tolist() == known["calls_before_90d"].tolist()


def test_without_both_answers_nothing_is_learnt() -> None:
    known = parts(1200)
    with pytest.raises(NotEnoughDataError, match="expected 50 rows to learn from with a yes"):
        train(repeat_risk.question(), replace(known, learn=known.learn.assign(is_followed=False)))


def test_the_rule_is_the_share_of_those_who_called_before_and_of_the_others() -> None:
    few = pd.DataFrame({"calls_before_7d": [0, 0, 1, 2, 3], "is_followed": [False, True, True, True, False]})
    assert repeat_risk.rule(few) == {False: 0.5, True: 0.6}
    assert repeat_risk.rule(few.head(0)) == {False: 0.5, True: 0.5}
