"""Distance to the highest close."""

from core.types import Bars, Matrix
from signals.rolling_windows import rolling_max

from ._params import Window
from .base import BarFeature


class DrawdownFromHigh(BarFeature):
    """Distance of the close below its highest of the last bars: ``close / highest - 1``.

    0 at the highest close of the window, and where the close does not move.

    Examples
    --------
    >>> DrawdownFromHigh(window=250).names, DrawdownFromHigh(window=250).warmup
    (('drawdown_from_high_250',), 249)
    """

    windowed = True

    window: Window = 250
    """Bars in which the highest close is looked for, the current one included; 250 daily bars are about a year."""

    @property
    def warmup(self) -> int:
        """Rows before the window is complete."""
        return self.window - 1

    @property
    def names(self) -> tuple[str, ...]:
        """``drawdown_from_high_<window>``."""
        return (f"drawdown_from_high_{self.window}",)

    def compute(self, bars: Bars) -> Matrix:
        """(T, 1) fractions, above -1 and at most 0; NaN in the warm-up."""
        return (bars.close / rolling_max(bars.close, self.window) - 1)[:, None]
