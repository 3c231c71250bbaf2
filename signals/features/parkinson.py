"""Volatility from highs and lows."""

import math

import numpy as np
from pydantic import PositiveInt

from core.types import Bars, Matrix
from signals.rolling_windows import rolling_mean

from .base import BarFeature


class Parkinson(BarFeature):
    """Parkinson's volatility: the root of the mean of ``ln(high / low) ** 2 / (4 ln 2)``; per bar, not annualised.

    For a random walk without drift that is watched at every moment it estimates what the closes' volatility does, with
    a fifth of the variance. It knows nothing of what happens between a close and the next open. Where each bar's high
    is its low it is 0.

    References
    ----------
    Parkinson, M. (1980), The Extreme Value Method for Estimating the Variance of the Rate of Return, Journal of
    Business 53(1), pages 61-65.

    Examples
    --------
    >>> Parkinson(window=20).names, Parkinson(window=20).warmup
    (('parkinson_20',), 19)
    """

    windowed = True

    window: PositiveInt = 20
    """Bars in the mean, the current one included."""

    @property
    def warmup(self) -> int:
        """Rows before the window is complete."""
        return self.window - 1

    @property
    def names(self) -> tuple[str, ...]:
        """``parkinson_<window>``."""
        return (f"parkinson_{self.window}",)

    def compute(self, bars: Bars) -> Matrix:
        """(T, 1) log returns per bar, at least 0; NaN in the warm-up."""
        squares = np.log(bars.high / bars.low) ** 2
        return np.sqrt(rolling_mean(squares, self.window) / (4 * math.log(2)))[:, None]
