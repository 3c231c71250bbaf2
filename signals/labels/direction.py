"""The direction of the next bars."""

from typing import ClassVar

import numpy as np

from core.types import Bars, Labels, Vector

from .base import Label, ahead, labels_of


class Direction(Label):
    """Sign of the close-to-close return over the horizon: 1, -1, or 0 where the price came back to itself.

    A prediction lies between -1 and 1 and is no return: it is judged by its sign and its order alone.

    Examples
    --------
    >>> Direction(horizon=5).returns
    False
    """

    returns: ClassVar[bool] = False

    def units(self, bars: Bars) -> Vector:
        """(T,) ones: it has no unit of its own."""
        return np.ones(len(bars))

    def compute(self, bars: Bars) -> Labels:
        """One label a bar; the last ``horizon`` are not known yet."""
        value: Vector = np.sign(ahead(bars.close, self.horizon) - bars.close)
        return labels_of(bars, value, np.arange(len(bars)) + self.horizon)
