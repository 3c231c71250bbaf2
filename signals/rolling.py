"""Rolling windows added up bar by bar.

Each value depends on its own window alone, to the last bit: where the data begin or end makes no difference, a window
of equal prices has a spread of exactly 0, and an outlier leaves no trace once it has left the window. Running sums,
which add the new bar and take off the old one, have none of these properties.
"""

import numpy as np

from core.types import Vector


def rolling_mean(values: Vector, window: int) -> Vector:
    """(T,) mean of the last ``window`` values; NaN while the window is incomplete or holds a NaN."""
    return _rolling_sum(values, window) / window


def rolling_std(values: Vector, window: int) -> Vector:
    """(T,) standard deviation (ddof = 1) of the last ``window`` >= 2 values; NaN as in :func:`rolling_mean`."""
    mean = rolling_mean(values, window)
    squares = np.zeros(len(values))
    for lag in range(window):
        squares += (shifted(values, lag) - mean) ** 2
    return np.sqrt(squares / (window - 1))


def shifted(values: Vector, lag: int) -> Vector:
    """(T,) the value ``lag`` rows earlier; NaN in the first ``lag`` rows."""
    earlier = np.full(len(values), np.nan)
    earlier[lag:] = values[: max(len(values) - lag, 0)]
    return earlier


def simple_returns(prices: Vector) -> Vector:
    """(T,) fractional change from the row before; NaN in the first row."""
    return prices / shifted(prices, 1) - 1


def _rolling_sum(values: Vector, window: int) -> Vector:
    total = np.zeros(len(values))
    for lag in range(window):
        total += shifted(values, lag)
    return total
