"""Recursive indicators: the plain loops of :mod:`signals.recursions`, compiled where enough rows pass through them.

A loop runs as plain Python until :data:`ROWS_BEFORE_COMPILING` rows have passed through it in this process, and is
compiled from then on, with the same bits: compiled code adds and multiplies in the same order and fuses nothing.
"""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from core.types import Matrix, Vector

from . import recursions

# Measured on one core: a plain loop takes 0.4 microseconds a row, a compiled one 2 to 6 nanoseconds. But importing
# numba and fetching compiled code from its cache takes 0.4 seconds, compiling for the first time on a machine two.
# So a few thousand bars never wait for a compiler, and who has millions waits once.
ROWS_BEFORE_COMPILING = 500_000
"""Rows after which a plain loop has cost about what the compiled one would have cost to begin with."""

Loop: TypeAlias = Callable[..., None]


class Kernel:
    """A plain loop with a compiled twin in :mod:`signals.compiled_kernels`.

    Attributes
    ----------
    plain : takes (T,) values, an array of (T, ...) that it fills, and parameters.
    columns : of that array; 0 where it is (T,).
    """

    def __init__(self, plain: Loop, columns: int = 0) -> None:
        self.plain = plain
        self.columns = columns
        self._rows = 0
        self._parameters: tuple[float, ...] = ()

    def __call__(self, values: Vector, *parameters: float) -> Matrix:
        """(T,) or (T, columns), filled by whichever of the two is the quicker by now."""
        # The array is numpy's own, not the compiled code's: numpy asks for it in large pages, which halves the time.
        filled = np.empty((len(values), self.columns) if self.columns else len(values))
        self._rows += len(values)
        self._parameters = parameters
        if self._rows > ROWS_BEFORE_COMPILING:
            self.compiled(values, filled, *parameters)
        else:
            self.plain(values.tolist(), filled, *parameters)  # a list's items are Python's own floats: twice as quick
        return filled

    def compile_if_used(self) -> None:
        """Run as machine code from now on, if anything has passed through: for a process that lives long."""
        if self._rows:
            self._rows = ROWS_BEFORE_COMPILING
            self(np.ones(1), *self._parameters)

    @property
    def compiled(self) -> Loop:
        """The loop as machine code."""
        from . import compiled_kernels

        twin: Loop = getattr(compiled_kernels, self.plain.__name__)
        return twin


convergence = Kernel(recursions.convergence, columns=3)
wilder = Kernel(recursions.wilder)


def compile_used() -> None:
    """Compile the loops that this process has used; the caller waits for it, and no later one does."""
    for kernel in (convergence, wilder):
        kernel.compile_if_used()
