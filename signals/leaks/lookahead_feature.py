"""A feature that looks ahead, for the test of the battery itself (L8)."""

import numpy as np

from core.types import Bars, Matrix
from signals.features.base import BarFeature


class LookaheadFeature(BarFeature):
    """The next bar's return, which is not known yet; 0 at the last bar, after which there is none."""

    @property
    def warmup(self) -> int:
        """None."""
        return 0

    @property
    def names(self) -> tuple[str, ...]:
        """One column."""
        return ("oracle",)

    def compute(self, bars: Bars) -> Matrix:
        """(T, 1) the future."""
        following = np.zeros(len(bars))
        following[:-1] = bars.close[1:] / bars.close[:-1] - 1
        return following[:, None]
