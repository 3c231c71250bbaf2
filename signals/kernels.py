"""Loops over rows, compiled where enough rows pass through them: recursive indicators, LSTM networks, trees.

A loop runs as plain Python until :data:`ROWS_BEFORE_COMPILING` rows have passed through it in this process, and is
compiled from then on, with the same bits: compiled code adds and multiplies in the same order and fuses nothing.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from core.types import Matrix, Rows, Vector

from . import lstm_recursion, recursions, tree_walks
from .lstm_recursion import LstmWeights, Single
from .tree_walks import Numbers

# Measured on one core: a plain loop takes 0.4 microseconds a row, a compiled one 2 to 6 nanoseconds. But importing
# numba and fetching compiled code from its cache takes 0.4 seconds, compiling for the first time on a machine two.
# So a few thousand bars never wait for a compiler, and who has millions waits once.
ROWS_BEFORE_COMPILING = 500_000
"""Rows after which a plain loop has cost about what the compiled one would have cost to begin with."""

NETWORK_AS_ROWS = 30_000
"""Rows of a plain loop that cost as much as the plain outputs of a network for a few windows, 13 ms."""
WINDOW_AS_ROWS = 600
"""The same for each further window."""
TREES_AS_ROWS = 300
"""The same for the plain sums of a forest for a few rows."""

Loop: TypeAlias = Callable[..., None]


class Kernel:
    """Plain code with a compiled twin of the same name in :mod:`signals.compiled_kernels`.

    Attributes
    ----------
    plain : fills an array.
    """

    def __init__(self, plain: Loop) -> None:
        self.plain = plain
        self._rows = 0

    def after(self, rows: int) -> Loop:
        """Whichever of the two is the quicker by now.

        Parameters
        ----------
        rows : the work to come, in rows of a plain loop.
        """
        self._rows += rows
        return self.compiled if self._rows > ROWS_BEFORE_COMPILING else self.plain

    def compile_if_used(self) -> None:
        """Run as machine code from the next time on, if it has run at all."""
        if self._rows:
            self._rows = ROWS_BEFORE_COMPILING

    @property
    def compiled(self) -> Loop:
        """The twin."""
        from . import compiled_kernels

        twin: Loop = getattr(compiled_kernels, self.plain.__name__)
        return twin


CONVERGENCE = Kernel(recursions.convergence)
WILDER = Kernel(recursions.wilder)
LSTM = Kernel(lstm_recursion.lstm_outputs)
TREES = Kernel(tree_walks.tree_sums)


def convergence(close: Vector, fast: float, slow: float, signal: float) -> Matrix:
    """(T, 3) as of :func:`signals.recursions.convergence`."""
    return _filled(CONVERGENCE, close, (len(close), 3), fast, slow, signal)


def wilder(values: Vector, window: int) -> Vector:
    """(T,) as of :func:`signals.recursions.wilder`."""
    return _filled(WILDER, values, (len(values),), window)


def _filled(kernel: Kernel, values: Vector, shape: tuple[int, ...], *parameters: float) -> Matrix:
    # The array is numpy's own, not the compiled code's: numpy asks for it in large pages, which halves the time.
    filled = np.empty(shape)
    loop = kernel.after(len(values))
    # A list's items are Python's own floats: twice as quick in a plain loop.
    loop(values.tolist() if loop is kernel.plain else values, filled, *parameters)
    return filled


def lstm_outputs(X: Single, starts: Rows, sequence: int, weights: LstmWeights) -> Single:
    """(K,) float32 outputs for the windows of ``sequence`` rows that begin at some rows of (R, F) features."""
    out = np.empty(len(starts), dtype=np.float32)
    outputs = LSTM.after(NETWORK_AS_ROWS + WINDOW_AS_ROWS * len(starts))
    outputs(X, starts, sequence, weights.gates, weights.biases, weights.head, out)
    return out


def tree_sums(X: Numbers, *trees: Any) -> None:
    """As :func:`signals.tree_walks.tree_sums`."""
    TREES.after(TREES_AS_ROWS + len(X))(X, *trees)


def compile_used() -> None:
    """Run all that this process has used as machine code from the next time on: for a process that lives long."""
    for kernel in (CONVERGENCE, WILDER, LSTM, TREES):
        kernel.compile_if_used()
