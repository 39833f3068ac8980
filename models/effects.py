"""What did a contact change, how sure is that, and what is the next one worth?

Two arms, chosen by chance: the customers on a list, and those held out of it. What differs between them afterwards is
what the list did (intention to treat).
"""

import numpy as np
from scipy.special import ndtri

CONFIDENCE = 0.95
Z = float(ndtri((1 + CONFIDENCE) / 2))
LEAST_PERSONS, LEAST_SUCCESSES, LEAST_FAILURES = 100, 10, 10
"""Of each arm: under these nothing is claimed, as an interval then says more of its method than of the customers."""


def wilson(successes: np.ndarray, persons: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both ends of the 95 % score interval of a share (Wilson 1927); NaN of nobody."""
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.divide(successes, persons)
        middle = share + Z**2 / (2 * persons)
        spread = Z * np.sqrt(share * (1 - share) / persons + Z**2 / (4 * persons**2))
        low, high = (middle - spread) / (1 + Z**2 / persons), (middle + spread) / (1 + Z**2 / persons)
    return np.clip(low, 0.0, 1.0), np.clip(high, 0.0, 1.0)


def newcombe(
    listed_successes: np.ndarray, listed: np.ndarray, held_out_successes: np.ndarray, held_out: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Difference of two shares (listed less held out) and both ends of its 95 % interval; NaN where an arm is empty.

    Hybrid score interval, method 10 of Newcombe (1998), "Interval estimation for the difference between independent
    proportions", Statistics in Medicine 17: with p, l, u share and Wilson's ends of each arm it runs from
    d - sqrt((p1 - l1)^2 + (u2 - p2)^2) to d + sqrt((u1 - p1)^2 + (p2 - l2)^2).
    """
    arms = [np.asarray(each, dtype=float) for each in (listed_successes, listed, held_out_successes, held_out)]
    with np.errstate(divide="ignore", invalid="ignore"):
        first, second = arms[0] / arms[1], arms[2] / arms[3]
    (low_1, high_1), (low_2, high_2) = wilson(arms[0], arms[1]), wilson(arms[2], arms[3])
    difference = first - second
    low = difference - np.hypot(first - low_1, high_2 - second)
    high = difference + np.hypot(high_1 - first, second - low_2)
    return difference, low, high


def suffices(successes: np.ndarray, persons: np.ndarray) -> np.ndarray:
    """Whether an arm is large enough for a claim."""
    failures = np.subtract(persons, successes)
    enough: np.ndarray = (
        np.greater_equal(persons, LEAST_PERSONS)
        & np.greater_equal(successes, LEAST_SUCCESSES)
        & np.greater_equal(failures, LEAST_FAILURES)
    )
    return enough


def pooled(
    listed_successes: np.ndarray, listed: np.ndarray, held_out_successes: np.ndarray, held_out: np.ndarray
) -> tuple[float, float]:
    """One difference over several weeks, and its standard error; NaN where no week has both arms.

    Each week is compared with itself, so that another share of holdouts in a better week does not pass for an effect:
    the risk difference of Mantel and Haenszel with the variance of Greenland and Robins (1985), "Estimation of a common
    effect parameter from sparse follow-up data", Biometrics 41.
    """
    won_1, n_1, won_0, n_0 = (
        np.asarray(each, dtype=float) for each in (listed_successes, listed, held_out_successes, held_out)
    )
    both = (n_1 > 0) & (n_0 > 0)
    if not both.any():
        return float("nan"), float("nan")
    won_1, n_1, won_0, n_0 = won_1[both], n_1[both], won_0[both], n_0[both]
    all_ = n_1 + n_0
    weight = (n_1 * n_0 / all_).sum()
    difference = ((won_1 * n_0 - won_0 * n_1) / all_).sum() / weight
    spread = (won_1 * (n_1 - won_1) * n_0**3 + won_0 * (n_0 - won_0) * n_1**3) / (n_1 * n_0 * all_**2)
    return float(difference), float(np.sqrt(spread.sum()) / weight)


def shrunk(prior_mean: float, prior_sd: float, effect: float, standard_error: float) -> tuple[float, float]:
    """What to believe of an effect, and its standard deviation: what was thought before and what was seen, each by
    its precision, (m/s^2 + e/se^2) / (1/s^2 + 1/se^2), the posterior of two normal distributions."""
    if prior_sd == 0:
        return prior_mean, 0.0
    # Written without quotients by a variance, either of which may be as good as none.
    seen = prior_sd**2 / (prior_sd**2 + standard_error**2)
    return prior_mean + seen * (effect - prior_mean), prior_sd * float(np.sqrt(1 - seen))


def expected_value(probability: float, value: float, effect: float, cost: float) -> float:
    """What a contact is worth: `effect` is relative to the probability, `value` and `cost` in the same currency."""
    return probability * value * effect - cost


def ofcom_abandoned_rate(drops: int, live: int, machine: int) -> tuple[float, float]:
    """Drops less those that answering machines would have had, and their share of these and the live calls.

    Of a dialler that does not tell machines: its drops are taken to have met machines as often as the calls put through
    to agents did. Ofcom, "Persistent Misuse: a statement of Ofcom's general policy" (2017), annex "Calculating the
    Abandoned Call Rate".
    """
    answered = live + machine
    adjusted = drops - (machine / answered * drops if answered else 0.0)
    return adjusted, adjusted / (adjusted + live) if adjusted + live else 0.0
