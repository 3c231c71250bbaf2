"""Sums over blocks of time, compiled: a thousand trials' returns need not be written down to be added up."""

from typing import Any

from numba import njit

from core.types import Matrix, Rows

HOW: Any = {"nogil": True, "error_model": "numpy", "fastmath": {"reassoc", "nsz"}}
"""Sums may be added up in any order, always the same one: four times as fast."""


def _compile(plain: Any) -> Any:
    """The function as machine code, kept on disk where there is a place for it."""
    try:
        return njit(cache=True, **HOW)(plain)
    except RuntimeError:  # nothing can be written, neither beside the source nor in the home folder
        return njit(**HOW)(plain)


@_compile
def block_sums(equity: Matrix, rows: Rows, edges: Rows, total: Matrix, squares: Matrix) -> None:
    """Fill the (K, S) sums of the returns and of their squares over blocks of time.

    Parameters
    ----------
    equity : (P, D + 1) the account before the first session and at the end of each.
    rows : (K,) which of them.
    edges : (S + 1,) sessions at which the blocks begin, and the end of the last.
    """
    for place in range(rows.size):
        curve = equity[rows[place]]
        for block in range(edges.size - 1):
            added, squared = 0.0, 0.0
            before, after = curve[edges[block] : edges[block + 1]], curve[edges[block] + 1 : edges[block + 1] + 1]
            for day in range(before.size):
                change = after[day] / before[day] - 1.0
                added += change
                squared += change * change
            total[place, block], squares[place, block] = added, squared
