"""Compiled loops: this module is imported when it is needed, since importing numba alone takes a fifth of a second.

Nothing here runs in parallel, rounds differently or fuses operations: each function gives the bits of its plain twin in
:mod:`signals.recursions`, :mod:`signals.rolling_windows`, :mod:`signals.lstm_recursion` or :mod:`signals.tree_walks`.
"""

from typing import Any

import numpy as np
from numba import njit

from core.types import Rows, Vector

from . import lstm_recursion, recursions
from .lstm_recursion import HALF, Single

BLOCK = 2048
"""Rows worked on at a time: a block and its partial sums fit the cache nearest to the processor."""


def _compile(plain: Any) -> Any:
    """The function as machine code, cached on disk where a folder can be written."""
    try:
        return njit(cache=True, error_model="numpy")(plain)
    except RuntimeError:  # nothing can be written, neither beside the source nor in the home folder
        return njit(error_model="numpy")(plain)


@_compile
def _fours(values: Vector, step: int, sums: Vector) -> None:
    """Sums of four values each, ``step`` apart."""
    count = sums.size
    one = values[:count]
    two = values[step:]
    three = values[2 * step :]
    four = values[3 * step :]
    for row in range(count):
        sums[row] = (one[row] + two[row]) + (three[row] + four[row])


@_compile
def _add(values: Vector, step: int, digit: int, first: bool, total: Vector) -> None:
    """Add ``digit`` values, ``step`` apart, to each total."""
    count = total.size
    one = values[:count]
    two = values[step * (digit > 1) :]
    three = values[2 * step * (digit > 2) :]
    for row in range(count):
        part = one[row]
        if digit > 1:
            part += two[row]
        if digit > 2:
            part += three[row]
        total[row] = part if first else total[row] + part


@_compile
def _block_sums(values: Vector, window: int, scratch: Vector, other: Vector, total: Vector) -> None:
    """The sums of :func:`signals.rolling_windows.plain_sums` of one block; ``total`` has one element a window."""
    step = 1
    offset = 0
    rest = window
    while True:
        digit = rest % 4
        if digit:
            _add(values[offset:], step, digit, offset == 0, total)
            offset += digit * step
        rest //= 4
        if rest == 0:
            return
        longer = scratch[: values.size - 3 * step]
        _fours(values, step, longer)
        values = longer
        scratch, other = other, scratch
        step *= 4


@_compile
def window_sums(values: Vector, window: int, total: Vector) -> None:
    """Fill the (T - window + 1,) sums of each window, for T >= window."""
    block = max(BLOCK, 4 * window)
    scratch = np.empty((2, block + window - 1))
    for begin in range(0, total.size, block):
        end = min(begin + block, total.size)
        _block_sums(values[begin : end + window - 1], window, scratch[0], scratch[1], total[begin:end])


@_compile
def distance(values: Vector, window: int, distances: Vector) -> None:
    """Fill the (T,) distances of :class:`signals.features.sma.Sma`, for T >= window."""
    distances[: window - 1] = np.nan
    block = max(BLOCK, 4 * window)
    scratch = np.empty((2, block + window - 1))
    for begin in range(window - 1, values.size, block):
        end = min(begin + block, values.size)
        last = values[begin:end]
        sums = distances[begin:end]
        _block_sums(values[begin - window + 1 : end], window, scratch[0], scratch[1], sums)
        for row in range(sums.size):
            sums[row] = last[row] * window / sums[row] - 1


@_compile
def strength(close: Vector, window: int, index: Vector) -> None:
    """Fill the (T,) relative strength index of :class:`signals.features.rsi.Rsi`, for T > window.

    In one pass, because the intermediate arrays would otherwise be written to memory and read again six times.
    """
    index[:window] = np.nan
    block = max(BLOCK, 4 * window)
    scratch = np.empty((5, block + window - 1))
    for begin in range(window, close.size, block):
        end = min(begin + block, close.size)
        rises = scratch[2][: end - begin + window - 1]
        moves = scratch[3][: end - begin + window - 1]
        newer = close[begin - window + 1 : end]
        older = close[begin - window : end - 1]
        for row in range(rises.size):
            change = newer[row] - older[row]
            moves[row] = abs(change)
            rises[row] = change if change > 0 else 0.0
        gain = index[begin:end]
        moved = scratch[4][: end - begin]
        _block_sums(rises, window, scratch[0], scratch[1], gain)
        _block_sums(moves, window, scratch[0], scratch[1], moved)
        for row in range(gain.size):
            part = gain[row] / moved[row]
            gain[row] = 50.0 if moved[row] == 0 else 100 * part


tanh = _compile(lstm_recursion.tanh)


@_compile
def _add_products(inputs: Single, gates: Single, total: Single) -> None:
    """Add each input's row of weights, times the input, to the gates, one input after the other."""
    for row in range(inputs.size):
        value = inputs[row]
        weights = gates[row]
        for column in range(total.size):
            total[column] += value * weights[column]


@_compile
def _pass_gates(total: Single, cell: Single, state: Single) -> None:
    """The next cells and states of a layer from the sums at its gates."""
    size = state.size
    for unit in range(size):
        enter = HALF + HALF * tanh(HALF * total[unit])
        forget = HALF + HALF * tanh(HALF * total[size + unit])
        leave = HALF + HALF * tanh(HALF * total[3 * size + unit])
        cell[unit] = forget * cell[unit] + enter * tanh(total[2 * size + unit])
        state[unit] = leave * tanh(cell[unit])


@_compile
def lstm_outputs(
    X: Single, starts: Rows, sequence: int, gates: Single, biases: Single, head: Single, out: Single
) -> None:
    """Fill the (K,) outputs of :func:`signals.lstm_recursion.lstm_outputs`."""
    layers = biases.shape[0]
    hidden = head.size - 1
    states = np.empty((layers, hidden), np.float32)
    cells = np.empty((layers, hidden), np.float32)
    total = np.empty(4 * hidden, np.float32)
    for window in range(starts.size):
        states[:] = 0
        cells[:] = 0
        for step in range(sequence):
            row = 0
            for layer in range(layers):
                inputs = X[starts[window] + step] if layer == 0 else states[layer - 1]
                total[:] = biases[layer]
                _add_products(inputs, gates[row:], total)
                row += inputs.size
                _add_products(states[layer], gates[row:], total)
                row += hidden
                _pass_gates(total, cells[layer], states[layer])
        output = head[hidden]
        for unit in range(hidden):
            output += states[layers - 1, unit] * head[unit]
        out[window] = output


@_compile
def tree_sums(  # noqa: PLR0913, PLR0917 (numba takes arrays)
    X: Any, roots: Rows, columns: Rows, threshold: Any, children: Rows, value: Any, below: bool, sums: Any
) -> None:
    """Add the answers of trees to the (R,) sums of :func:`signals.tree_walks.tree_sums`."""
    for row in range(sums.size):
        for tree in range(roots.size):
            node = -1
            following = roots[tree]
            while following != node:
                node = following
                feature = X[row, columns[node]]
                goes_left = feature < threshold[node] if below else feature <= threshold[node]
                following = children[2 * node + goes_left]
            sums[row] += value[node]


convergence = _compile(recursions.convergence)
wilder = _compile(recursions.wilder)
