"""Sums of returns over blocks of time, compiled, so that the returns of a chunk of trials need no memory."""

from typing import Any

from numba import njit

from core.types import Matrix, Rows

JIT_OPTIONS: Any = {"nogil": True, "error_model": "numpy", "fastmath": {"reassoc", "nsz"}}
"""Sums may be reordered by the compiler, always in the same way: this is four times as fast."""


def _compile(plain: Any) -> Any:
    """The function as machine code, cached on disk if a folder for it can be written."""
    try:
        return njit(cache=True, **JIT_OPTIONS)(plain)
    except RuntimeError:  # neither the folder of the source nor the home folder can be written
        return njit(**JIT_OPTIONS)(plain)


@_compile
def block_sums(equity: Matrix, rows: Rows, edges: Rows, total: Matrix, squares: Matrix) -> None:
    """Fill the (K, S) sums of the returns and of their squares over blocks of time.

    Parameters
    ----------
    equity : (P, D + 1) the account before the first session and at the end of each.
    rows : (K,) the rows of ``equity`` to sum.
    edges : (S + 1,) first session of each block, and the end of the last block.
    total, squares : the results.
    """
    for index in range(rows.size):
        curve = equity[rows[index]]
        for block in range(edges.size - 1):
            block_total = 0.0
            block_squares = 0.0
            before = curve[edges[block] : edges[block + 1]]
            after = curve[edges[block] + 1 : edges[block + 1] + 1]
            for day in range(before.size):
                change = after[day] / before[day] - 1.0
                block_total += change
                block_squares += change * change
            total[index, block] = block_total
            squares[index, block] = block_squares
