"""Distance to the simple moving average."""

from typing import Annotated

import numpy as np
from pydantic import Field

from core.types import Bars, Matrix
from signals.rolling import rolling_mean

from ._base import BarFeature


class Sma(BarFeature):
    """Distance of the close to its simple moving average: ``close / mean(close) - 1``.

    The distance, not the average: it has no scale, so that a model meets the same values at every price level.

    Examples
    --------
    >>> Sma(window=20).names, Sma(window=20).warmup
    (('sma_20',), 19)
    """

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
        distance = rolling_mean(bars.close, self.window)
        np.divide(bars.close, distance, out=distance)
        distance -= 1
        return distance[:, None]
