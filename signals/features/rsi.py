"""Relative strength index over simple means."""

from typing import Annotated

import numpy as np
from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from core.types import Bars, Matrix, Vector
from signals.rolling_windows import LONG, rolling_sum, shifted

from .base import BarFeature


def _more_than_one_bar(window: int) -> int:
    if window < 2:
        raise PydanticCustomError(
            "rsi_window",
            "must be at least 2: over one bar the index is only ever 0 or 100, the sign of the last change",
        )
    return window


class Rsi(BarFeature):
    """Relative strength index, ``100 - 100 / (1 + gain / loss)``, from 0 to 100.

    ``gain`` and ``loss`` are simple means of the rises and falls of the close over the window (Cutler's form; Wilder's
    smooths them exponentially). Without a loss it is 100. Where the close did not move at all, ``gain / loss`` is 0/0:
    the index is then 50, its middle, since neither side was stronger.

    Examples
    --------
    >>> Rsi(window=14).names, Rsi(window=14).warmup
    (('rsi_14',), 14)
    """

    windowed = True

    window: Annotated[int, AfterValidator(_more_than_one_bar), Field(json_schema_extra={"minimum": 2})] = 14
    """Changes of the close in the means; at least 2."""

    @property
    def warmup(self) -> int:
        """Rows before there are ``window`` changes."""
        return self.window

    @property
    def names(self) -> tuple[str, ...]:
        """``rsi_<window>``."""
        return (f"rsi_{self.window}",)

    def compute(self, bars: Bars) -> Matrix:
        """(T, 1) values in [0, 100]; NaN in the warm-up."""
        if len(bars) < max(LONG, self.window + 1):
            return strength(bars.close, self.window)[:, None]
        from signals import compiled_kernels

        index = np.empty(len(bars))
        compiled_kernels.strength(bars.close, self.window, index)
        return index[:, None]


def strength(close: Vector, window: int) -> Vector:
    """(T,) the index; the twin for long histories, :func:`signals.compiled_kernels.strength`, gives the same bits."""
    change = close - shifted(close, 1)
    # 100 * gain / (gain + loss) is the definition with the inner fraction cleared: no division by a loss of 0. The two
    # sums add in the same order, so that they are equal to the last bit where nothing fell.
    gain = rolling_sum(np.maximum(change, 0), window)
    moved = rolling_sum(np.abs(change), window)
    return np.where(moved == 0, 50.0, 100 * np.divide(gain, moved, out=moved.copy(), where=moved != 0))
