"""Rolling windows whose values depend on nothing but the window.

Each value depends on its own window alone, to the last bit: where the data begin or end makes no difference, a window
of equal prices has a spread of exactly 0, and an outlier leaves no trace once it has left the window. Running sums,
which add the new bar and take off the old one, have none of these properties.

So that it is quick all the same, windows are built from shorter ones, which all windows share: sums of 4 bars from four
bars, of 16 from four sums of 4, and so on; a window of 50 is then 3 sums of 16 and 2 bars. That is a handful of
additions a row whatever the window, and rounding grows with the logarithm of the window only.
"""

import numpy as np

from core.types import Vector

LONG = 200_000
"""Rows from which sums are made by compiled code, which takes half the time; a shorter history is done in less time
than it takes to load it."""

BLOCK = 16_384
"""Windows worked on at a time, so that intermediate arrays stay in the processor's cache."""


def rolling_sum(values: Vector, window: int) -> Vector:
    """(T,) sum of the last ``window`` values; NaN while the window is incomplete or holds a NaN."""
    total = np.empty(len(values))
    total[: window - 1] = np.nan
    if LONG <= len(values) >= window:
        from .compiled_kernels import window_sums

        window_sums(values, window, total[window - 1 :])
        return total
    for begin in range(window - 1, len(values), BLOCK):
        end = min(begin + BLOCK, len(values))
        total[begin:end] = plain_sums(values[begin - window + 1 : end], window)
    return total


def rolling_mean(values: Vector, window: int) -> Vector:
    """(T,) mean of the last ``window`` values; NaN as in :func:`rolling_sum`."""
    mean = rolling_sum(values, window)
    mean /= window
    return mean


def rolling_std(values: Vector, window: int, ddof: int = 1) -> Vector:
    """(T,) standard deviation of the last ``window`` values, which must be more than ``ddof``; NaN as in the mean.

    Means and sums of squared deviations of neighbouring windows are merged pair by pair (Chan, T. F., Golub, G. H. and
    LeVeque, R. J. (1983), Algorithms for computing the sample variance, The American Statistician 37(3)): nothing is
    ever the small difference of two large sums.
    """
    std = np.full(len(values), np.nan)
    for begin in range(window - 1, len(values), BLOCK):
        end = min(begin + BLOCK, len(values))
        squares = _squared_deviations(values[begin - window + 1 : end], window)
        std[begin:end] = np.sqrt(squares / (window - ddof))
    return std


def rolling_max(values: Vector, window: int) -> Vector:
    """(T,) largest of the last ``window`` values; NaN as in :func:`rolling_sum`."""
    highest = np.full(len(values), np.nan)
    if len(values) >= window:
        reach = values
        width = 1
        while 2 * width <= window:
            reach = np.maximum(reach[:-width], reach[width:])
            width *= 2
        left = window - width
        highest[window - 1 :] = np.maximum(reach[: len(reach) - left], reach[left:])
    return highest


def shifted(values: Vector, lag: int) -> Vector:
    """(T,) the value ``lag`` rows earlier; NaN in the first ``lag`` rows."""
    earlier = np.full(len(values), np.nan)
    earlier[lag:] = values[: max(len(values) - lag, 0)]
    return earlier


def simple_returns(prices: Vector) -> Vector:
    """(T,) fractional change from the row before; NaN in the first row."""
    return prices / shifted(prices, 1) - 1


def log_returns(prices: Vector) -> Vector:
    """(T,) logarithm of the price by the one before; NaN in the first row."""
    return np.asarray(np.log(prices / shifted(prices, 1)), dtype=np.float64)


def plain_sums(values: Vector, window: int) -> Vector:
    """(T - window + 1,) sums of each window, oldest first, for T >= window.

    The window's digits to the base 4 give the number of sums of 1, 4, 16 ... bars in it, the shortest at its start.
    """
    count = len(values) - window + 1
    total = np.zeros(0)
    offset = 0
    step = 1
    while window:
        window, digit = divmod(window, 4)
        if digit:
            part = sum((values[offset + index * step :][:count] for index in range(1, digit)), values[offset:][:count])
            total = total + part if offset else part
            offset += digit * step
        if window:
            pairs = values[:-step] + values[step:]
            values = pairs[: -2 * step] + pairs[2 * step :]
            step *= 4
    return total


def _squared_deviations(values: Vector, window: int) -> Vector:
    """(T - window + 1,) sums of squared deviations from each window's mean, built from windows of 1, 2, 4 ... bars."""
    count = len(values) - window + 1
    mean = values
    squares = np.zeros(len(values))
    size = 1
    total_mean = np.zeros(count)
    total_squares = np.zeros(count)
    covered = 0
    while True:
        if window & size:
            part = slice(covered, covered + count)
            total_mean, total_squares = _merged(total_mean, total_squares, covered, mean[part], squares[part], size)
            covered += size
        if covered == window:
            return total_squares
        older = slice(None, len(mean) - size)
        newer = slice(size, None)
        mean, squares = _merged(mean[older], squares[older], size, mean[newer], squares[newer], size)
        size *= 2


def _merged(
    mean: Vector, squares: Vector, size: int, other_mean: Vector, other_squares: Vector, other_size: int
) -> tuple[Vector, Vector]:
    """Mean and squared deviations of windows and their newer neighbours together; a size of 0 is an empty window."""
    if size == 0:
        return other_mean, other_squares
    distance = other_mean - mean
    fraction = other_size / (size + other_size)
    return mean + fraction * distance, squares + other_squares + (size * fraction) * distance**2
