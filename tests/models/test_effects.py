"""What a contact changed: intervals as published, beliefs by precision, and what the law counts."""

from typing import Any

import numpy as np
import pytest

from models import effects


def of(*numbers: float) -> tuple[Any, ...]:
    return tuple(np.array([number]) for number in numbers)


@pytest.mark.parametrize(
    ("arms", "interval"),
    [
        # Newcombe (1998), table II, method 10.
        ((56, 70, 48, 80), (0.2, 0.0524, 0.3339)),
        ((9, 10, 3, 10), (0.6, 0.1705, 0.8090)),
        ((6, 7, 2, 7), (0.5714, 0.0582, 0.8062)),
        ((5, 56, 0, 29), (0.0893, -0.0381, 0.1926)),
        ((0, 10, 0, 20), (0.0, -0.1611, 0.2775)),
        ((0, 10, 0, 10), (0.0, -0.2775, 0.2775)),
        ((10, 10, 0, 20), (1.0, 0.6791, 1.0)),
        ((10, 10, 0, 10), (1.0, 0.6075, 1.0)),
    ],
)
def test_the_interval_of_a_difference_is_as_published(arms: Any, interval: Any) -> None:
    assert [each[0] for each in effects.newcombe(*of(*arms))] == pytest.approx(interval, abs=6e-5)


def test_an_empty_arm_has_no_interval_and_no_warning() -> None:
    assert all(np.isnan(each[0]) for each in effects.newcombe(*of(5, 10, 0, 0)))


def test_nothing_is_claimed_under_a_hundred_persons_ten_successes_and_ten_failures() -> None:
    successes, persons = np.array([10, 10, 9, 90, 91]), np.array([100, 99, 100, 100, 100])
    assert effects.suffices(successes, persons).tolist() == [True, False, False, True, False]


def test_weeks_are_compared_with_themselves() -> None:
    # 10 % against 5 %, and 50 % against 45 % with as many held out as listed: pooled naively 0.37 - 0.317.
    weeks = (np.array([90, 500]), np.array([900, 1000]), np.array([5, 450]), np.array([100, 1000]))
    difference, error = effects.pooled(*weeks)
    assert difference == pytest.approx(0.05)
    one, alone = effects.pooled(*(each[:1] for each in weeks))
    # Of one week it is the textbook's sqrt(p1 q1 / n1 + p0 q0 / n0).
    assert (one, alone) == pytest.approx((0.05, np.sqrt(0.1 * 0.9 / 900 + 0.05 * 0.95 / 100)))
    assert error < alone
    assert np.isnan(effects.pooled(*of(5, 10, 0, 0))).all()


def test_a_belief_lies_between_the_prior_and_what_was_seen_by_their_precision() -> None:
    # (0.10/0.05^2 + 0.02/0.05^2) / (2/0.05^2) = 0.06
    assert effects.shrunk(0.10, 0.05, 0.02, 0.05) == pytest.approx((0.06, 0.05 / np.sqrt(2)))
    # (0.10/0.0025 + 0.02/0.0001) / (1/0.0025 + 1/0.0001) = 240 / 10400
    assert effects.shrunk(0.10, 0.05, 0.02, 0.01)[0] == pytest.approx(240 / 10400)
    assert effects.shrunk(0.10, 0.0, 0.02, 0.01) == (0.10, 0.0)
    assert effects.shrunk(0.10, 0.05, 0.02, float("inf")) == pytest.approx((0.10, 0.05))


def test_a_contact_is_worth_probability_times_value_times_effect_less_its_cost() -> None:
    assert effects.expected_value(0.30, 1000, 0.10, 8) == pytest.approx(22)


def test_the_abandoned_rate_is_that_of_the_regulator() -> None:
    # 29 - 7/16 * 29 = 16.3125; 16.3125 / (16.3125 + 9) = 64.44 %
    assert effects.ofcom_abandoned_rate(29, 9, 7) == pytest.approx((16.3125, 0.6444), abs=5e-5)
    assert effects.ofcom_abandoned_rate(0, 0, 0) == (0.0, 0.0)
    assert effects.ofcom_abandoned_rate(2, 0, 0) == (2.0, 1.0)
