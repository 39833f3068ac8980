"""The churn model learns how strongly a past speaks for a change, is exact about why, and is stopped by its gates."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from models import additive, churn, promotion
from models.metrics import Value
from models.promotion import Decision
from models.training import (
    LOGISTIC,
    MODEL,
    RULE,
    Parts,
    Question,
    Trained,
    drifts,
    probability,
    references,
    train,
    usual,
)
from tests.models.silent_world import DAYS, HORIZON, World, world

QUESTION = churn.question(HORIZON, Value(1000, 0.1, 8))
TEST = DAYS - HORIZON
CALIBRATE = TEST - HORIZON


@pytest.fixture(scope="module")
def silent() -> World:
    return world(seed=11, customers=6000)


@pytest.fixture(scope="module")
def parts(silent: World) -> Parts:
    learn = pd.concat([silent.at(CALIBRATE - 15 * n) for n in (5, 4, 3, 2, 1)], ignore_index=True)
    return Parts(learn, silent.at(CALIBRATE), silent.at(TEST), silent.at(TEST).drop(columns="is_lost"))


@pytest.fixture(scope="module")
def trained(parts: Parts) -> Trained:
    return train(QUESTION, parts)


def decided(parts: Parts, trained: Trained, before: Trained | None = None, asked: Question = QUESTION) -> Decision:
    """`before`: the champion, and how it was `asked`."""
    champion = promotion.Champion(asked, before.by[MODEL], before.reference) if before else None
    return promotion.decide(QUESTION, parts, trained, champion)


def shut(decision: Decision) -> set[str]:
    return {gate.name for gate in decision.gates if not gate.is_open}


def test_the_model_tells_nearly_all_that_can_be_known(silent: World, parts: Parts, trained: Trained) -> None:
    truth = parts.test["is_lost"].to_numpy()
    best = silent.knowable(TEST)
    told = probability(QUESTION, trained.estimator, parts.test)
    assert roc_auc_score(truth, told) >= 0.98 * roc_auc_score(truth, best)
    assert average_precision_score(truth, told) >= 0.85 * average_precision_score(truth, best)


def test_the_model_beats_the_rule_is_calibrated_and_promoted(parts: Parts, trained: Trained) -> None:
    by: Mapping[str, Any] = trained.by
    assert by[MODEL]["auc"].value > by[RULE]["auc"].value
    assert by[MODEL]["auc"].value >= by[LOGISTIC]["auc"].value - 0.002
    assert by[MODEL]["calibration_error"].value < 0.01
    decision = decided(parts, trained)
    assert decision.is_promoted, decision.reason


def test_the_parts_of_a_score_are_exact_and_sum_to_it(parts: Parts, trained: Trained) -> None:
    shapes = additive.read_off(trained.estimator, usual(QUESTION, trained.reference))
    of_each = shapes.parts(QUESTION.features(parts.test))
    assert np.allclose(shapes.probability(of_each), probability(QUESTION, trained.estimator, parts.test), atol=1e-9)
    assert of_each.shape == (len(parts.test), len(churn.FEATURES))
    longer = parts.test.head(50).assign(days_since_use=59, quiet_days=59.0, use_days_7d=0, use_days_14d=0)
    more = shapes.parts(QUESTION.features(longer)).sum(axis=1)
    assert (more >= of_each[:50].sum(axis=1) - 1e-9).all(), "more silence never speaks for staying"


def test_training_twice_gives_the_same_model(parts: Parts, trained: Trained) -> None:
    again = train(QUESTION, parts)
    assert (again.told == trained.told).all()
    assert decided(parts, again, trained).is_promoted


def test_a_feature_that_became_constant_is_stopped(parts: Parts, trained: Trained) -> None:
    frozen = replace(parts, newest=parts.newest.assign(spend_7d_amount=100.0))
    assert "no drift of the inputs" in shut(decided(frozen, trained, trained))
    frozen = replace(parts, newest=parts.newest.assign(use_days_30d=3))
    assert "inputs that agree" in shut(decided(frozen, trained, trained))


def test_a_column_of_a_month_later_is_stopped(silent: World, parts: Parts, trained: Trained) -> None:
    cuts = (5, 4, 3, 2, 1)
    ahead = pd.concat([_with_a_month_later(silent, CALIBRATE - 15 * n) for n in cuts], ignore_index=True)
    poisoned = replace(parts, learn=ahead, test=_with_a_month_later(silent, TEST))
    assert {"inputs that agree"} <= shut(decided(poisoned, train(QUESTION, poisoned), trained))


def test_an_input_that_knows_the_answer_is_stopped(parts: Parts, trained: Trained) -> None:
    def leaking(rows: pd.DataFrame) -> pd.DataFrame:
        return rows.assign(declined_30d=rows["is_lost"].astype(float))

    leaky = replace(parts, learn=leaking(parts.learn), calibrate=leaking(parts.calibrate), test=leaking(parts.test))
    assert "no input that is too good" in shut(decided(leaky, train(QUESTION, leaky), trained))


def test_shuffled_labels_are_stopped(parts: Parts, trained: Trained) -> None:
    rng = np.random.default_rng(3)

    def shuffled(rows: pd.DataFrame) -> pd.DataFrame:
        return rows.assign(is_lost=rng.permutation(rows["is_lost"].to_numpy()))

    poisoned = replace(
        parts, learn=shuffled(parts.learn), calibrate=shuffled(parts.calibrate), test=shuffled(parts.test)
    )
    assert "ranking" in shut(decided(poisoned, train(QUESTION, poisoned), None))


def test_a_challenger_that_looks_farther_back_than_the_champion_has_not_drifted(parts: Parts, trained: Trained) -> None:
    # Of those who use the card rarely a longer window says something else altogether.
    rare = replace(parts, learn=parts.learn[parts.learn["use_days_180d"] < 12])
    near = churn.question(HORIZON, Value(1000, 0.1, 8), window_days=60)
    champion = replace(trained, reference=references(near.features(rare.learn)))
    challenger = replace(trained, reference={})
    assert "no drift of the inputs" not in shut(decided(rare, challenger, champion, near))


def test_half_the_customers_missing_is_stopped(parts: Parts, trained: Trained) -> None:
    fewer = replace(parts, newest=parts.newest.iloc[::2])
    decision = decided(fewer, trained, trained)
    assert shut(decision) == {"size of the data"}
    assert "to score" in decision.reason


def test_a_challenger_that_is_worse_than_the_champion_is_not_promoted(parts: Parts, trained: Trained) -> None:
    blind = replace(parts, learn=parts.learn.iloc[::40])
    rng = np.random.default_rng(5)
    blind = replace(blind, learn=parts.learn.assign(is_lost=rng.random(len(parts.learn)) < 0.05))
    worse = train(QUESTION, blind)
    assert "ranking" in shut(decided(parts, worse, trained))


def test_missing_feeds_leave_nulls_that_the_model_bears(parts: Parts, trained: Trained) -> None:
    rows = parts.test.head(5).assign(calls_90d=3.0, tenure_days=400.0)
    told = probability(QUESTION, trained.estimator, rows)
    assert ((told > 0) & (told < 1)).all()
    assert not np.isnan(churn.rule(rows, HORIZON)).any()


def test_payments_late_in_a_year_are_looked_at_beside_the_longest_window(parts: Parts) -> None:
    rows = parts.test.assign(late_payment_share_365d=0.25)
    assert (QUESTION.features(rows)["late_payment_share_365d"] == 0.25).all()
    assert churn.features(rows, HORIZON, window_days=90)["late_payment_share_365d"].isna().all()


def test_a_champion_that_never_saw_late_payments_tells_the_same_whatever_they_are(
    parts: Parts, trained: Trained
) -> None:
    rows = parts.test.assign(late_payment_share_365d=np.resize([0.0, 0.5, 1.0], len(parts.test)))
    assert (probability(QUESTION, trained.estimator, rows) == trained.told).all()
    shapes = additive.read_off(trained.estimator, usual(QUESTION, trained.reference))
    of_each = shapes.parts(QUESTION.features(rows))
    assert not of_each[:, churn.FEATURES.index("late_payment_share_365d")].any()
    assert np.allclose(shapes.probability(of_each), trained.told, atol=1e-9)
    assert decided(replace(parts, learn=parts.learn.assign(late_payment_share_365d=0.5)), trained, trained).is_promoted


def test_a_share_of_more_statements_than_were_known_before_is_no_drift(parts: Parts) -> None:
    rng = np.random.default_rng(13)
    learnt, newest = (rng.binomial(number, 0.1, len(parts.learn)) / number for number in (6, 12))
    rows = parts.learn.assign(late_payment_share_365d=learnt)
    reference = references(QUESTION.features(rows))
    moved = drifts(replace(QUESTION, moving_by_right=()), reference, rows.assign(late_payment_share_365d=newest))
    assert moved["late_payment_share_365d"] > promotion.DRIFT
    assert not any(drifts(QUESTION, reference, rows.assign(late_payment_share_365d=newest)).values())


def test_with_little_history_longer_windows_are_not_looked_at(parts: Parts) -> None:
    seen = churn.features(parts.test, HORIZON, window_days=60)
    assert seen["change_90d"].isna().all()
    assert seen["change_60d"].isna().all()
    assert seen["change_30d"].notna().all()
    assert (seen["uses_a_month"] == parts.test["use_days_60d"] / 2).all()


def _with_a_month_later(silent: World, cut: int) -> pd.DataFrame:
    """The customers of a cut whose uses of 30 days are those of a month later."""
    uses = silent.uses[silent.uses[:, cut - 60 : cut].sum(axis=1) > 0]
    return silent.at(cut).assign(use_days_30d=(uses[:, cut : cut + 30] > 0).sum(axis=1))
