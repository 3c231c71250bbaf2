"""Rolling volatility."""

from typing import Annotated

from pydantic import Field

from core.types import Bars, Matrix
from signals.rolling_windows import rolling_std, simple_returns

from .base import BarFeature


class Volatility(BarFeature):
    """Standard deviation (ddof = 1) of the simple one-bar returns of the close; per bar, not annualised.

    Examples
    --------
    >>> Volatility(window=20).names, Volatility(window=20).warmup
    (('volatility_20',), 20)
    """

    windowed = True

    window: Annotated[int, Field(ge=2)] = 20
    """Returns in the window; at least 2."""

    @property
    def warmup(self) -> int:
        """Rows before there are ``window`` returns."""
        return self.window

    @property
    def names(self) -> tuple[str, ...]:
        """``volatility_<window>``."""
        return (f"volatility_{self.window}",)

    def compute(self, bars: Bars) -> Matrix:
        """(T, 1) fractions, at least 0; NaN in the warm-up."""
        return rolling_std(simple_returns(bars.close), self.window)[:, None]
