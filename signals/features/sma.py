"""Distance to the simple moving average."""

from typing import Annotated

import numpy as np
from pydantic import Field

from core.types import Bars, Matrix, Vector
from signals.rolling_windows import LONG, rolling_sum

from .base import BarFeature


class Sma(BarFeature):
    """Distance of the close to its simple moving average: ``close / mean(close) - 1``.

    The distance, not the average: it has no scale, so that a model meets the same values at every price level.

    Examples
    --------
    >>> Sma(window=20).names, Sma(window=20).warmup
    (('sma_20',), 19)
    """

    windowed = True

    window: Annotated[int, Field(ge=2)] = 20
    """Bars in the average, the current one included."""

    @property
    def warmup(self) -> int:
        """Rows before the window is complete."""
        return self.window - 1

    @property
    def names(self) -> tuple[str, ...]:
        """``sma_<window>``."""
        return (f"sma_{self.window}",)

    def compute(self, bars: Bars) -> Matrix:
        """(T, 1) fractions, above -1; NaN in the warm-up."""
        if len(bars) < max(LONG, self.window):
            return distance(bars.close, self.window)[:, None]
        from signals import compiled_kernels

        distances = np.empty(len(bars))
        compiled_kernels.distance(bars.close, self.window, distances)
        return distances[:, None]


def distance(values: Vector, window: int) -> Vector:
    """(T,) the distances; for long histories :func:`signals.compiled_kernels.distance` gives the same bits."""
    return values * window / rolling_sum(values, window) - 1  # by the mean, with one division instead of two
