"""Recursions over rows, as plain loops: each row needs the one before it.

:mod:`signals.compiled_kernels` compiles the same functions.
"""

from typing import Any

import numpy as np

from core.types import Matrix, Vector


def convergence(close: Any, lines: Matrix, fast: float, slow: float, signal: float) -> None:
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


def wilder(values: Any, averages: Vector, window: int) -> None:
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
