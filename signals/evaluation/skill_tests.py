"""Tests of skill: one-sided tests against the baselines, and the words for their result."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from core.types import Vector

LEVEL = 0.025  # two ways to show skill, 5 % over both (Bonferroni)
MIN_TIMES = 30  # the test's distribution is only known for many decision times
NO_SKILL = "no evidence of skill"
BEATS = "beats the baselines; not corrected for selection"


@dataclass(frozen=True)
class DieboldMariano:
    """A one-sided test of whether a loss is lower than a baseline's.

    Attributes
    ----------
    mean : mean of baseline's loss - model's loss; above 0 where the model is better.
    statistic : the mean over its standard error; None with a reason.
    p_value : of so high a statistic if the model were no better; None with a reason.
    reason : why there is no test; empty otherwise.
    """

    mean: float | None = None
    statistic: float | None = None
    p_value: float | None = None
    reason: str = ""

    @property
    def beats(self) -> bool:
        """True where the model's loss is lower than the baseline's, at 2.5 %."""
        return self.p_value is not None and self.p_value <= LEVEL

    def dump(self) -> dict[str, Any]:
        """A plain mapping."""
        return asdict(self)


def diebold_mariano(difference: Vector, horizon: int) -> DieboldMariano:
    """Test whether a loss difference has a mean above 0.

    The variance of the mean takes in the autocovariances up to lag ``horizon - 1``, which overlapping labels bring.

    Parameters
    ----------
    difference : (T,) the baseline's loss - the model's loss, one a decision time in time order, finite.
    horizon : bars that a label spans.

    References
    ----------
    Diebold, F. X. and Mariano, R. S. (1995), Comparing predictive accuracy, Journal of Business & Economic Statistics
    13(3), 253-263: statistic S1 with the rectangular lag window of section 1.1.
    """
    n = len(difference)
    if n < max(MIN_TIMES, 2 * horizon):
        return DieboldMariano(reason=f"{n} decision times; a test needs {max(MIN_TIMES, 2 * horizon)}")
    mean = float(np.mean(difference))
    if np.ptp(difference) == 0:
        return DieboldMariano(mean, reason="the losses differ by the same amount at all times")
    centred = difference - mean
    covariances = [float(np.sum(centred[lag:] * centred[: n - lag])) / n for lag in range(horizon)]
    variance = covariances[0] + 2 * sum(covariances[1:])
    if variance <= 0:
        return DieboldMariano(mean, reason="the estimated variance of the loss difference is not above 0")
    statistic = mean / math.sqrt(variance / n)
    return DieboldMariano(mean, statistic, 0.5 * math.erfc(statistic / math.sqrt(2)))


def beats_baselines(tests: Mapping[str, DieboldMariano]) -> bool:
    """True if the errors beat both zero and the expanding mean, or the hits beat always being long; each at 2.5 %."""
    return (tests["zero"].beats and tests["expanding_mean"].beats) or tests["always_long"].beats
