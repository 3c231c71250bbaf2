"""Bollinger bands."""

import numpy as np
from pydantic import PositiveFloat

from core.types import Bars, Matrix
from signals.rolling_windows import rolling_mean, rolling_std

from ._params import Window
from .base import BarFeature


class Bollinger(BarFeature):
    """Position of the close between Bollinger's bands, and their width.

    The bands lie ``deviations`` standard deviations (ddof = 0, over the same window) above and below the simple moving
    average of the close. Percent b is ``(close - lower) / (upper - lower)``: 0 at the lower band, 1 at the upper one,
    and beyond them outside. The bandwidth is ``(upper - lower) / average``. Where the close did not move in the window
    both bands lie on it: percent b is 0/0, and is 0.5, the middle; the bandwidth is 0.

    References
    ----------
    Bollinger, J. (2001), Bollinger on Bollinger Bands, chapter 8 (percent b and bandwidth).

    Examples
    --------
    >>> Bollinger(window=20).names, Bollinger(window=20).warmup
    (('bollinger_b_20_2', 'bollinger_width_20_2'), 19)
    """

    windowed = True

    window: Window = 20
    """Bars in the average and the deviation, the current one included."""

    deviations: PositiveFloat = 2.0
    """Distance of each band from the average, in standard deviations."""

    @property
    def warmup(self) -> int:
        """Rows before the window is complete."""
        return self.window - 1

    @property
    def names(self) -> tuple[str, ...]:
        """``bollinger_b_<window>_<deviations>`` and ``bollinger_width_<window>_<deviations>``."""
        parameters = f"{self.window}_{self.deviations:g}"
        return (f"bollinger_b_{parameters}", f"bollinger_width_{parameters}")

    def compute(self, bars: Bars) -> Matrix:
        """(T, 2) percent b and fractions of the average, at least 0; NaN in the warm-up."""
        average = rolling_mean(bars.close, self.window)
        width = 2 * self.deviations * rolling_std(bars.close, self.window, ddof=0)
        offset = np.divide(bars.close - average, width, out=width.copy(), where=width != 0)
        return np.column_stack([0.5 + offset, width / average])
