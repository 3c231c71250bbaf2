"""What is compiled: imported when it is needed, since importing numba alone takes a fifth of a second.

Nothing here runs in parallel, rounds differently or fuses operations: each function gives the bits of its plain twin in
:mod:`signals.recursions` or :mod:`signals.rolling_windows`.
"""

from typing import Any

import numpy as np
from numba import njit

from core.types import Vector

from . import recursions

BLOCK = 2048
"""Rows worked on at a time: a block and its partial sums fit the cache nearest to the processor."""


def _compile(plain: Any) -> Any:
    """The function as machine code, kept on disk where there is a place for it."""
    try:
        return njit(cache=True, error_model="numpy")(plain)
    except RuntimeError:  # nothing can be written, neither beside the source nor in the home folder
        return njit(error_model="numpy")(plain)


@_compile
def _fours(values: Vector, step: int, sums: Vector) -> None:
    """Sums of four values each, ``step`` apart."""
    count = sums.size
    one, two, three, four = values[:count], values[step:], values[2 * step :], values[3 * step :]
    for row in range(count):
        sums[row] = (one[row] + two[row]) + (three[row] + four[row])


@_compile
def _add(values: Vector, step: int, digit: int, first: bool, total: Vector) -> None:
    """Add ``digit`` values, ``step`` apart, to each total."""
    count = total.size
    one, two, three = values[:count], values[step * (digit > 1) :], values[2 * step * (digit > 2) :]
    for row in range(count):
        part = one[row]
        if digit > 1:
            part += two[row]
        if digit > 2:
            part += three[row]
        total[row] = part if first else total[row] + part


@_compile
def _block_sums(values: Vector, window: int, spare: Vector, other: Vector, total: Vector) -> None:
    """The sums of :func:`signals.rolling_windows.plain_sums` of one block; ``total`` has a place for each window."""
    step, offset, rest = 1, 0, window
    while True:
        digit = rest % 4
        if digit:
            _add(values[offset:], step, digit, offset == 0, total)
            offset += digit * step
        rest //= 4
        if rest == 0:
            return
        longer = spare[: values.size - 3 * step]
        _fours(values, step, longer)
        values, spare, other, step = longer, other, spare, 4 * step


@_compile
def window_sums(values: Vector, window: int, total: Vector) -> None:
    """Fill the (T - window + 1,) sums of each window, for T >= window."""
    block = max(BLOCK, 4 * window)
    spare = np.empty((2, block + window - 1))
    for begin in range(0, total.size, block):
        end = min(begin + block, total.size)
        _block_sums(values[begin : end + window - 1], window, spare[0], spare[1], total[begin:end])


@_compile
def distance(values: Vector, window: int, apart: Vector) -> None:
    """Fill the (T,) distances of :class:`signals.features.sma.Sma`, for T >= window."""
    apart[: window - 1] = np.nan
    block = max(BLOCK, 4 * window)
    spare = np.empty((2, block + window - 1))
    for begin in range(window - 1, values.size, block):
        end = min(begin + block, values.size)
        last, sums = values[begin:end], apart[begin:end]
        _block_sums(values[begin - window + 1 : end], window, spare[0], spare[1], sums)
        for row in range(sums.size):
            sums[row] = last[row] * window / sums[row] - 1


@_compile
def strength(close: Vector, window: int, index: Vector) -> None:
    """Fill the (T,) relative strength index of :class:`signals.features.rsi.Rsi`, for T > window.

    In one go, because what is made on the way would otherwise be written to memory and read again six times.
    """
    index[:window] = np.nan
    block = max(BLOCK, 4 * window)
    spare = np.empty((5, block + window - 1))
    for begin in range(window, close.size, block):
        end = min(begin + block, close.size)
        rises, moves = spare[2][: end - begin + window - 1], spare[3][: end - begin + window - 1]
        newer, older = close[begin - window + 1 : end], close[begin - window : end - 1]
        for row in range(rises.size):
            change = newer[row] - older[row]
            moves[row] = abs(change)
            rises[row] = change if change > 0 else 0.0
        gain, moved = index[begin:end], spare[4][: end - begin]
        _block_sums(rises, window, spare[0], spare[1], gain)
        _block_sums(moves, window, spare[0], spare[1], moved)
        for row in range(gain.size):
            part = gain[row] / moved[row]
            gain[row] = 50.0 if moved[row] == 0 else 100 * part


convergence = _compile(recursions.convergence)
wilder = _compile(recursions.wilder)
