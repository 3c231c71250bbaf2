"""Past one-bar returns."""

from typing import Annotated

import numpy as np
from pydantic import AfterValidator, Field, NonNegativeInt

from core.types import Bars, Matrix
from signals.rolling_windows import shifted, simple_returns

from ._params import distinct
from .base import BarFeature


class LaggedReturn(BarFeature):
    """Simple one-bar returns of the close some bars ago, one column a lag.

    Lag 0 is ``close[t] / close[t - 1] - 1``, which is known at close ``t``.

    Examples
    --------
    >>> LaggedReturn(lags=(0, 5)).names, LaggedReturn(lags=(0, 5)).warmup
    (('return_lag_0', 'return_lag_5'), 6)
    """

    windowed = True

    lags: Annotated[
        tuple[NonNegativeInt, ...],
        Field(min_length=1, json_schema_extra={"uniqueItems": True}),
        AfterValidator(distinct),
    ] = (0, 1, 2)
    """Bars ago, distinct; 0 is the return that ends at this close."""

    @property
    def warmup(self) -> int:
        """Rows before the longest lag has a return."""
        return max(self.lags) + 1

    @property
    def names(self) -> tuple[str, ...]:
        """``return_lag_<lag>``, in the order given."""
        return tuple(f"return_lag_{lag}" for lag in self.lags)

    def compute(self, bars: Bars) -> Matrix:
        """(T, lags) fractions; NaN in the warm-up."""
        returns = simple_returns(bars.close)
        return np.column_stack([shifted(returns, lag) for lag in self.lags])
