"""The crossing of two moving averages."""

from typing import Self

from pydantic import PositiveInt, model_validator
from pydantic_core import PydanticCustomError

from core.types import Bars, Vector
from signals.rolling_windows import rolling_mean

from .base import RuleModel


class SmaCross(RuleModel):
    """Distance of a fast simple moving average of the close to a slow one: ``fast / slow - 1``.

    Positive when the fast average is above the slow one; with the threshold rule at 0 this is the classic crossover.

    Examples
    --------
    >>> SmaCross(fast=5, slow=20).warmup
    19
    """

    fast: PositiveInt = 20
    """Bars in the fast average."""
    slow: PositiveInt = 50
    """Bars in the slow average; more than ``fast``."""

    @model_validator(mode="after")
    def _fast_below_slow(self) -> Self:
        if self.fast >= self.slow:
            context = {"fast": self.fast, "slow": self.slow, "path": ["fast"]}
            raise PydanticCustomError("crossed", "must be below slow; fast is {fast}, slow is {slow}", context)
        return self

    @property
    def warmup(self) -> int:
        """Rows before the slow average is complete."""
        return self.slow - 1

    def signal(self, bars: Bars) -> Vector:
        """(T,) fractions; NaN until the slow average is complete."""
        return rolling_mean(bars.close, self.fast) / rolling_mean(bars.close, self.slow) - 1
