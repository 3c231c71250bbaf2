"""Realised volatility."""

import numpy as np
from pydantic import PositiveInt

from core.types import Bars, Matrix
from signals.rolling_windows import log_returns, rolling_mean

from .base import BarFeature


class RealisedVolatility(BarFeature):
    """Root of the mean squared log return of the last bars; per bar, not annualised.

    It differs from ``volatility`` in that no mean is taken off, so that a steady trend counts as movement too, in that
    it divides by the number of returns, not by one less, and in that returns are logarithms. Where the close does not
    move it is 0.

    References
    ----------
    Andersen, T. G., Bollerslev, T., Diebold, F. X. and Labys, P. (2003), Modeling and Forecasting Realized Volatility,
    Econometrica 71(2), section 2: the sum of squared returns; here by their number, so that windows can be compared.

    Examples
    --------
    >>> RealisedVolatility(window=20).names, RealisedVolatility(window=20).warmup
    (('realised_volatility_20',), 20)
    """

    windowed = True

    window: PositiveInt = 20
    """Returns in the mean."""

    @property
    def warmup(self) -> int:
        """Rows before there are ``window`` returns."""
        return self.window

    @property
    def names(self) -> tuple[str, ...]:
        """``realised_volatility_<window>``."""
        return (f"realised_volatility_{self.window}",)

    def compute(self, bars: Bars) -> Matrix:
        """(T, 1) log returns per bar, at least 0; NaN in the warm-up."""
        return np.sqrt(rolling_mean(log_returns(bars.close) ** 2, self.window))[:, None]
