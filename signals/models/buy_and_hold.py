"""Always long."""

import numpy as np

from core.types import Bars, Vector

from .base import RuleModel


class BuyAndHold(RuleModel):
    """A signal of 1 on every bar: with the threshold rule, long from the first bar to the last.

    Examples
    --------
    >>> BuyAndHold().dump()
    {'kind': 'buy_and_hold'}
    """

    @property
    def warmup(self) -> int:
        """None."""
        return 0

    def signal(self, bars: Bars) -> Vector:
        """(T,) ones."""
        return np.ones(len(bars))
