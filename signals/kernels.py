"""Loops in which each row needs the one before it, and so cannot be written as operations on whole arrays.

Each is a plain function. It runs as it stands until :data:`PATIENCE` rows have gone through it in this process, and
compiled from then on, with the same bits: compiled code adds and multiplies in the same order and fuses nothing.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from core.types import Matrix, Vector

# Measured on one core: a plain loop takes 0.4 microseconds a row, a compiled one 2 to 6 nanoseconds. But importing
# numba and fetching compiled code from its cache takes 0.4 seconds, compiling for the first time on a machine two.
# So a few thousand bars never wait for a compiler, and who has millions waits once.
PATIENCE = 500_000
"""Rows after which a plain loop has cost about what the compiled one would have cost to begin with."""

Loop: TypeAlias = Callable[..., None]


class Kernel:
    """A plain loop with a compiled twin in :mod:`signals.compiled`.

    Attributes
    ----------
    plain : takes (T,) values, an array of (T, ...) that it fills, and parameters.
    columns : of that array; 0 where it is (T,).
    """

    def __init__(self, plain: Loop, columns: int = 0) -> None:
        self.plain = plain
        self.columns = columns
        self._rows = 0

    def __call__(self, values: Vector, *parameters: float) -> Matrix:
        """(T,) or (T, columns), filled by whichever of the two is the quicker by now."""
        # The array is numpy's own, not the compiled code's: numpy asks for it in large pages, which halves the time.
        filled = np.empty((len(values), self.columns) if self.columns else len(values))
        self._rows += len(values)
        if self._rows > PATIENCE:
            self.compiled(values, filled, *parameters)
        else:
            self.plain(values.tolist(), filled, *parameters)  # a list's items are Python's own floats: twice as quick
        return filled

    @property
    def compiled(self) -> Loop:
        """The loop as machine code."""
        from signals import compiled

        twin: Loop = getattr(compiled, self.plain.__name__.lstrip("_"))
        return twin


def _convergence(close: Any, lines: Matrix, fast: float, slow: float, signal: float) -> None:
    """(T, 3) macd, signal line and their gap, by the close; the parameters are the weights of each newest value.

    An average is kept as the close's distance to it, ``d[t] = (1 - a) * (d[t - 1] + close[t] - close[t - 1])`` from 0
    on: the same recursion without the price's level, so that nothing cancels, and a close that has never moved gives 0.
    """
    to_fast, to_slow, line, last = 0.0, 0.0, 0.0, 0.0
    for row in range(len(close)):
        price = close[row]
        change = price - last if row else 0.0
        last = price
        to_fast = (1 - fast) * (to_fast + change)
        to_slow = (1 - slow) * (to_slow + change)
        macd = to_slow - to_fast
        line = (1 - signal) * line + signal * macd
        share = 1 / price
        lines[row, 0] = macd * share
        lines[row, 1] = line * share
        lines[row, 2] = (macd - line) * share


def _wilder(values: Any, averages: Vector, window: int) -> None:
    """(T,) Wilder's average: the mean of ``window`` values, from then on ``a[t] = a[t-1] + (x[t] - a[t-1]) / window``.

    NaN before that mean, which is of the first values that are no NaN; none of the later ones may be NaN.
    """
    seen, average = 0, 0.0
    for row in range(len(values)):
        value = values[row]
        averages[row] = np.nan
        if seen == 0 and value != value:  # noqa: PLR0124 (true of NaN alone)
            continue
        seen += 1
        if seen > window:
            average += (value - average) / window
        else:
            average += value / window
        if seen >= window:
            averages[row] = average


convergence = Kernel(_convergence, columns=3)
wilder = Kernel(_wilder)
