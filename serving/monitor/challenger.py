"""A challenger beside the champion, on sessions that neither was trained on, and whether it may take its place.

The score of a session is a log score: the logarithm of the normal density of the outcome around the prediction, with
the same forecast of the deviation for both. Its paired differences feed an e-process, which may be looked at each
evening: if the challenger is no better, the chance that it ever reaches 100 is at most 1 %.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from core.types import Matrix, Vector
from risk.mean_tests import one_sided_p, overlap_error

LEVEL = 0.01
"""The chance that a challenger that is no better is ever promoted."""
MIN_SESSIONS = 60
BOUND = 1.0
"""Differences of log scores are cut at this: one session decides nothing."""
LARGEST_BET = 0.5


@dataclass(frozen=True)
class Comparison:
    """The challenger beside the champion.

    Attributes
    ----------
    sessions : with a known outcome that neither model saw.
    mean : mean difference of the log scores, challenger less champion; None without sessions.
    t, p_value : of the Diebold-Mariano test that the mean is above 0, Newey-West errors; None where undefined.
    evidence : the e-value now.
    highest : the greatest e-value so far.
    """

    sessions: int
    mean: float | None
    t: float | None
    p_value: float | None
    evidence: float
    highest: float

    @property
    def promotes(self) -> bool:
        """True if the challenger may take the champion's place: 60 sessions, and an e-value that reached 100."""
        return self.sessions >= MIN_SESSIONS and self.highest >= 1.0 / LEVEL

    @property
    def sentence(self) -> str:
        """The result in words."""
        if self.sessions < MIN_SESSIONS:
            return (
                f"keep the champion: {self.sessions} sessions that neither model was trained on, {MIN_SESSIONS} are "
                "needed"
            )
        evidence = f"e-value {self.highest:.3g} at most so far, {1.0 / LEVEL:.0f} is needed, {self.sessions} sessions"
        return f"promote the challenger: {evidence}" if self.promotes else f"keep the champion: {evidence}"

    def dump(self) -> dict[str, Any]:
        """Plain values."""
        return {**vars(self), "promotes": self.promotes, "sentence": self.sentence}


def score_differences(champion: Matrix, challenger: Matrix, outcome: Matrix, sigma: Matrix) -> Vector:
    """(K,) differences of the sessions' mean log scores, challenger less champion, of sessions with all values.

    Parameters
    ----------
    champion, challenger : (T, N) predictions.
    outcome, sigma : (T, N) the returns that came, and the forecast of their deviation.
    """
    difference = ((outcome - champion) ** 2 - (outcome - challenger) ** 2) / (2.0 * sigma**2)
    has_score = np.isfinite(difference)
    sessions = has_score.any(axis=1)
    total = np.where(has_score, difference, 0.0).sum(axis=1)[sessions]
    return np.asarray(total / has_score.sum(axis=1)[sessions], dtype=np.float64)


def compare(differences: Vector, horizon: int = 1) -> Comparison:
    """Judge (K,) differences of log scores in the order of their sessions.

    Parameters
    ----------
    horizon : sessions that an outcome spans.
    """
    if not len(differences):
        return Comparison(0, None, None, None, 1.0, 1.0)
    wealth = e_process(differences, horizon)
    mean = float(differences.mean())
    error = overlap_error(differences, horizon) if len(differences) >= max(MIN_SESSIONS, 2 * horizon) else 0.0
    t = mean / error if error > 0.0 else None
    return Comparison(
        len(differences),
        mean,
        t,
        None if t is None else one_sided_p(t),
        float(wealth[-1]),
        float(wealth.max()),
    )


def e_process(differences: npt.ArrayLike, horizon: int = 1) -> Vector:
    """(K,) wealth of a bettor who stakes a part of it on each difference being above 0; 1 at the start.

    ``W_t = W_{t-1} (1 + b_t d_t)`` with ``d`` cut at +-1 and ``b_t`` in [0, 0.5] from earlier differences alone: their
    mean over their mean square, both shrunk by one observation of 0 and 1/4. If no difference has a mean above 0 given
    the past, W is a supermartingale, and it ever reaches 1/a with a chance of at most a (Ville's inequality). Outcomes
    that overlap are shared among ``horizon`` bettors, each of whom sees every ``horizon``-th one; W is their mean.

    References
    ----------
    Waudby-Smith, I. and Ramdas, A. (2024), Estimating means of bounded random variables by betting, Journal of the
    Royal Statistical Society B 86(1), section 4.
    """
    values = np.clip(np.asarray(differences, dtype=np.float64) / BOUND, -1.0, 1.0)
    wealth = np.ones((horizon, len(values)))
    for bettor in range(horizon):
        rows = np.arange(bettor, len(values), horizon)
        if len(rows):
            steps = np.searchsorted(rows, np.arange(len(values)), side="right")
            wealth[bettor] = np.append(1.0, _wealth(values[rows]))[steps]
    return np.asarray(wealth.mean(axis=0), dtype=np.float64)


def _wealth(values: Vector) -> Vector:
    count = np.arange(1, len(values) + 1)
    sums = np.concatenate([[0.0], np.cumsum(values)[:-1]]) / count
    squares = (0.25 + np.concatenate([[0.0], np.cumsum(values**2)[:-1]])) / count
    bets = np.clip(sums / squares, 0.0, LARGEST_BET)
    return np.asarray(np.cumprod(1.0 + bets * values), dtype=np.float64)
