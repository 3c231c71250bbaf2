"""Checks of the returns of many trials, one a column."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from core.errors import DataError
from core.types import Matrix, Vector
from risk.returns import ROUNDING

SLAB = 2**21
"""Numbers processed at a time: 16 MB, independent of the number of trials."""


def checked_trials(values: npt.ArrayLike, name: str = "returns", minimum: float = -1.0) -> Matrix:
    """Rows of periods and columns of trials as float64; not copied if they are that already.

    Raises
    ------
    DataError
        Not two dimensions, not numbers, no row or no column, NaN, infinity, or a number below ``minimum``.

    >>> checked_trials([[0.01, 0.02], [0.01, -1.5]])
    Traceback (most recent call last):
    core.errors.DataError: returns must be finite and at least -1; row 1 of trial 1 is -1.5 (numbers like it: 1)
    """
    raw = np.asarray(values)
    if raw.ndim != 2 or raw.dtype.kind not in "fiu" or raw.size == 0:
        shape = f"{raw.dtype} of shape {raw.shape}"
        raise DataError(f"{name} must be a table of numbers, one row a period and one column a trial; given: {shape}")
    array: Matrix = raw.astype(np.float64, copy=False)
    wrong = ~((array >= minimum) & (array < np.inf))
    if np.isneginf(minimum):
        wrong |= np.isneginf(array)
    if wrong.any():
        row, column = np.unravel_index(int(wrong.argmax()), wrong.shape)
        rule = "finite" if np.isneginf(minimum) else f"finite and at least {minimum:g}"
        what = f"row {row} of trial {column} is {array[row, column]:g} (numbers like it: {int(wrong.sum())})"
        raise DataError(f"{name} must be {rule}; {what}")
    return array


def slabs(rows: int, columns: int) -> Iterator[slice]:
    """Slices of the columns that hold about :data:`SLAB` numbers each.

    >>> [(slab.start, slab.stop) for slab in slabs(SLAB // 2, 5)]
    [(0, 2), (2, 4), (4, 5)]
    """
    wide = max(SLAB // rows, 1)
    return (slice(first, min(first + wide, columns)) for first in range(0, columns, wide))


def deviations_of(trials: Matrix) -> Vector:
    """(N,) standard deviations (ddof 1) of (T, N) numbers, T at least 2; 0 where it is nothing but rounding error.

    >>> deviations_of(np.array([[0.1, 0.0], [0.1, 0.02], [0.1, 0.04]])).tolist()
    [0.0, 0.02]
    """
    deviations = np.empty(trials.shape[1])
    for slab in slabs(*trials.shape):
        columns = trials[:, slab]
        deviation = columns.std(axis=0, ddof=1)
        deviations[slab] = np.where(deviation > ROUNDING * (1.0 + np.abs(columns).max(axis=0)), deviation, 0.0)
    return deviations
