"""Returns over several horizons."""

import numpy as np

from core.types import Bars, Matrix
from signals.rolling_windows import shifted

from ._params import Horizons
from .base import BarFeature


class Momentum(BarFeature):
    """Simple returns of the close over the last bars, one column a horizon: ``close / close[t - horizon] - 1``.

    Examples
    --------
    >>> Momentum(horizons=(5, 20)).names, Momentum(horizons=(5, 20)).warmup
    (('momentum_5', 'momentum_20'), 20)
    """

    windowed = True

    horizons: Horizons = (5, 20, 60)
    """Bars that each return spans, distinct."""

    @property
    def warmup(self) -> int:
        """Rows before the longest horizon has a return."""
        return max(self.horizons)

    @property
    def names(self) -> tuple[str, ...]:
        """``momentum_<horizon>``, in the order given."""
        return tuple(f"momentum_{horizon}" for horizon in self.horizons)

    def compute(self, bars: Bars) -> Matrix:
        """(T, horizons) fractions, above -1; NaN in the warm-up."""
        return np.column_stack([bars.close / shifted(bars.close, horizon) - 1 for horizon in self.horizons])
