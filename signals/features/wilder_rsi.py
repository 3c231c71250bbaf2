"""Relative strength index over Wilder's averages."""

from typing import Annotated

import numpy as np
from pydantic import Field

from core.types import Bars, Matrix
from signals.kernels import wilder
from signals.rolling_windows import shifted

from ._params import settled
from .base import BarFeature

FORGOTTEN = 1e-10
"""The weight that counts as none: the index goes to 100, and must be within 1e-6, also if the start moved a hundred
times as much as what came after it."""


class WilderRsi(BarFeature):
    """Relative strength index as Wilder made it, ``100 - 100 / (1 + gain / loss)``, from 0 to 100.

    ``gain`` and ``loss`` are Wilder's averages of the rises and falls of the close: the mean of the first ``window`` of
    them, then ``average + (change - average) / window``. (The feature ``rsi`` takes simple means instead.)

    Notes
    -----
    The averages remember where the data began with a weight of ``(1 - 1 / window) ** t``; the warm-up ends where that
    is below 1e-10. Where all that moved weighs less than 1e-10 of the price, nothing has moved for as long as the
    averages can remember: the index is then 50, its middle, and not a quotient of two forgotten numbers.

    References
    ----------
    Wilder, J. W. (1978), New Concepts in Technical Trading Systems, section VI.

    Examples
    --------
    >>> WilderRsi(window=14).names, WilderRsi(window=14).warmup
    (('wilder_rsi_14',), 325)
    """

    window: Annotated[int, Field(ge=2)] = 14
    """Changes of the close in the first means; each later one has a weight of 1 / window."""

    @property
    def warmup(self) -> int:
        """Rows before the first means are forgotten; see the notes above."""
        return self.window + settled(1 / self.window, FORGOTTEN)

    @property
    def names(self) -> tuple[str, ...]:
        """``wilder_rsi_<window>``."""
        return (f"wilder_rsi_{self.window}",)

    def compute(self, bars: Bars) -> Matrix:
        """(T, 1) values in [0, 100]; NaN in the warm-up."""
        change = bars.close - shifted(bars.close, 1)
        gain = wilder(np.maximum(change, 0), self.window)
        moved = gain + wilder(np.maximum(-change, 0), self.window)
        alive = moved >= FORGOTTEN * bars.close
        index = np.where(alive, 100 * np.divide(gain, moved, out=moved.copy(), where=alive), 50.0)
        index[: self.warmup] = np.nan
        return index[:, None]
