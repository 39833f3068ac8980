"""How strongly a customer's own past speaks for a change: days with an event, weighed as draws of a coin.

Everybody has a chance of their own to show on a day; what is known of it beforehand is a beta distribution as of
`SHOWN` in `DAYS` days, so weak that a handful of days outweighs it. After n of T days the chance is beta, and that of t
days without an event is B(SHOWN + n, DAYS - SHOWN + T - n + t) / B(SHOWN + n, DAYS - SHOWN + T - n), the beta-geometric
silence of Fader, Hardie and Shang (2010), "Customer-base analysis in a discrete-time noncontractual setting". Days, not
events: ten lines of one invoice are one visit.
"""

import numpy as np
from scipy.special import gammaln

SHOWN, DAYS = 0.5, 5.0
FALLEN_SILENT = 0.03
"""Share of customers thought to have fallen silent before their silence is weighed; it sets no ranking by itself."""
LARGEST_LOGIT = 12.0


def log_silence(shown: np.ndarray, days: np.ndarray | float, silent_days: np.ndarray | float) -> np.ndarray:
    """Logarithm of the chance that `silent_days` pass without an event, where `shown` of `days` had one."""
    others = DAYS - SHOWN + np.maximum(np.asarray(days, dtype=float) - shown, 0.0)
    known = SHOWN + shown + others
    chance: np.ndarray = gammaln(others + silent_days) - gammaln(others) - gammaln(known + silent_days) + gammaln(known)
    return chance


def change(recent: np.ndarray, recent_days: np.ndarray, before: np.ndarray, before_days: np.ndarray) -> np.ndarray:
    """Signed root of the deviance of recent days against the chance of before: -2 speaks for a fall as 2 sigma do.

    The likelihood ratio of a binomial count against its expectation (Wilks 1938).
    """
    recent = np.asarray(recent, dtype=float)
    # A habit may make the recent days worth fewer days than there are events.
    span = np.maximum(recent_days, recent)
    chance = (SHOWN + before) / (DAYS + np.maximum(before_days, before))
    with np.errstate(divide="ignore", invalid="ignore"):
        shown = np.where(recent > 0, recent * np.log(recent / (span * chance)), 0.0)
        not_shown = np.where(span > recent, (span - recent) * np.log((1 - recent / span) / (1 - chance)), 0.0)
    signed: np.ndarray = np.sign(recent - span * chance) * np.sqrt(np.maximum(2 * (shown + not_shown), 0.0))
    return signed


def logit_of_silence(log_past: np.ndarray, log_future: np.ndarray) -> np.ndarray:
    """Log odds of no event in the span to come: the customer has fallen silent, or is only waiting.

    `log_past`: log chance of the silence so far while still there; `log_future`: of the span to come.
    """
    odds_silent = FALLEN_SILENT / (1 - FALLEN_SILENT) * np.exp(np.minimum(-log_past, 500.0))
    silent = odds_silent / (1 + odds_silent)
    chance = silent + (1 - silent) * np.exp(log_future)
    limit = 1 / (1 + np.exp(LARGEST_LOGIT))
    chance = np.clip(chance, limit, 1 - limit)
    logit: np.ndarray = np.log(chance / (1 - chance))
    return logit
