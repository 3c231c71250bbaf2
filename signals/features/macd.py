"""Moving average convergence divergence."""

from functools import cache
from typing import Self

import numpy as np
from pydantic import PositiveInt, model_validator
from pydantic_core import PydanticCustomError

from core.types import Bars, Matrix
from signals.kernels import convergence

from .base import BarFeature

FORGOTTEN = 1e-6


class Macd(BarFeature):
    """Difference of two exponential averages of the close, its signal line, and the gap between them, by the close.

    ``macd = ewm(fast) - ewm(slow)``, ``signal = ewm(signal) of macd``, all with ``adjust=False``
    (``average[t] = (1 - a) * average[t - 1] + a * value[t]`` with ``a = 2 / (span + 1)``, from the first close on).
    The columns are macd, signal and macd - signal, each divided by the close so that they have no scale.

    Notes
    -----
    Such an average remembers the first bar for ever, with a weight that shrinks as ``(1 - a) ** t``. The warm-up ends
    where all that three averages remember of their start weighs less than 1e-6, were each off by the whole price:
    with ``f``, ``s`` the weights of the fast and the slow one, the signal line's is
    ``g[t] = (1 - a) * g[t - 1] + a * (f[t] + s[t])`` from 1 on, and the sum ``f + s + g`` bounds every column.

    Examples
    --------
    >>> Macd().names
    ('macd_12_26', 'macd_signal_12_26_9', 'macd_gap_12_26_9')
    >>> Macd().warmup
    192
    """

    fast: PositiveInt = 12
    """Span of the fast average, in bars; below ``slow``."""

    slow: PositiveInt = 26
    """Span of the slow average, in bars."""

    signal: PositiveInt = 9
    """Span of the signal line, in bars."""

    @model_validator(mode="after")
    def _fast_below_slow(self) -> Self:
        if self.fast >= self.slow:
            context = {"fast": self.fast, "slow": self.slow, "path": ["fast"]}
            raise PydanticCustomError("macd_spans", "must be below slow; fast is {fast}, slow is {slow}", context)
        return self

    @property
    def warmup(self) -> int:
        """Rows until the first bar's weight is below 1e-6; see the notes above."""
        return _forgetting(self.fast, self.slow, self.signal)

    @property
    def names(self) -> tuple[str, ...]:
        """``macd_<fast>_<slow>``, ``macd_signal_<fast>_<slow>_<signal>`` and ``macd_gap_<fast>_<slow>_<signal>``."""
        spans = f"{self.fast}_{self.slow}"
        return (f"macd_{spans}", f"macd_signal_{spans}_{self.signal}", f"macd_gap_{spans}_{self.signal}")

    def compute(self, bars: Bars) -> Matrix:
        """(T, 3) fractions of the close; NaN in the warm-up."""
        columns = convergence(bars.close, *(2 / (span + 1) for span in (self.fast, self.slow, self.signal)))
        columns[: self.warmup] = np.nan
        return columns


@cache
def _forgetting(fast_span: int, slow_span: int, signal_span: int) -> int:
    """The warm-up; a service asks for it at every decision."""
    fast, slow, line = (1 - 2 / (span + 1) for span in (fast_span, slow_span, signal_span))
    row = 0
    weights = 2.0
    remembered = 1.0
    while weights + remembered >= FORGOTTEN:
        row += 1
        weights = fast**row + slow**row
        remembered = line * remembered + (1 - line) * weights
    return row
