"""Volume in standard deviations from its mean."""

import numpy as np

from core.types import Bars, Matrix
from signals.rolling_windows import rolling_mean, rolling_std

from ._params import Window
from .base import BarFeature


class VolumeZscore(BarFeature):
    """Distance of ``log(1 + volume)`` from its mean over the window, in standard deviations (ddof = 1) of the window.

    Volumes differ by factors, so that their logarithms are compared; the 1 lets bars without volume count. The bar
    itself is in the window, which bounds the value by ``(window - 1) / sqrt(window)``. Where all volumes of the window
    are the same, all zero for example, it is 0/0, and is 0: the bar is like the others.

    Examples
    --------
    >>> VolumeZscore(window=20).names, VolumeZscore(window=20).warmup
    (('volume_zscore_20',), 19)
    """

    windowed = True

    window: Window = 20
    """Bars in the mean and the deviation, the current one included."""

    @property
    def warmup(self) -> int:
        """Rows before the window is complete."""
        return self.window - 1

    @property
    def names(self) -> tuple[str, ...]:
        """``volume_zscore_<window>``."""
        return (f"volume_zscore_{self.window}",)

    def compute(self, bars: Bars) -> Matrix:
        """(T, 1) standard deviations; NaN in the warm-up."""
        volume = np.log1p(bars.volume)
        std = rolling_std(volume, self.window)
        distance = volume - rolling_mean(volume, self.window)
        return np.divide(distance, std, out=std.copy(), where=std != 0)[:, None]
