"""Average true range."""

import numpy as np
from pydantic import PositiveInt

from core.types import Bars, Matrix, Vector
from signals.kernels import wilder
from signals.rolling_windows import shifted

from ._params import settled
from .base import BarFeature

FORGOTTEN = 1e-6


class Atr(BarFeature):
    """Wilder's average of the true range, by the close.

    The true range is the distance that prices covered since the close before: the higher of high and that close, less
    the lower of low and that close. Its average is the mean of the first ``window``, then ``average + (range - average)
    / window``. Where prices do not move it is 0.

    Notes
    -----
    The average remembers its first mean with a weight of ``(1 - 1 / window) ** t``; the warm-up ends where that is
    below 1e-6.

    References
    ----------
    Wilder, J. W. (1978), New Concepts in Technical Trading Systems, section III.

    Examples
    --------
    >>> Atr(window=14).names, Atr(window=14).warmup
    (('atr_14',), 201)
    """

    window: PositiveInt = 14
    """Ranges in the first mean; each later one has a weight of 1 / window."""

    @property
    def warmup(self) -> int:
        """Rows before the first mean is forgotten; see the notes above."""
        return self.window + settled(1 / self.window, FORGOTTEN)

    @property
    def names(self) -> tuple[str, ...]:
        """``atr_<window>``."""
        return (f"atr_{self.window}",)

    def compute(self, bars: Bars) -> Matrix:
        """(T, 1) fractions of the close, at least 0; NaN in the warm-up."""
        share = wilder(true_range(bars), self.window) / bars.close
        share[: self.warmup] = np.nan
        return share[:, None]


def true_range(bars: Bars) -> Vector:
    """(T,) the range of each bar and the close before it, in quote currency; NaN in the first row."""
    before = shifted(bars.close, 1)
    return np.asarray(np.maximum(bars.high, before) - np.minimum(bars.low, before), dtype=np.float64)
