"""The sums of the answers of decision trees, row by row: predictions without the library that trained them.

:mod:`signals.compiled_kernels` compiles the same sums as loops.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from core.types import Rows, Vector

Numbers = npt.NDArray[Any]


def tree_sums(  # noqa: PLR0913, PLR0917 (arrays and numbers, as the compiled twin takes them)
    X: Numbers,
    roots: Rows,
    columns: Rows,
    threshold: Numbers,
    children: Rows,
    value: Numbers,
    below: bool,
    sums: Vector,
) -> None:
    """Add the answer of each tree to (R,) sums, one tree after the other, in the precision of the sums.

    Parameters
    ----------
    X : (R, F) features, finite.
    roots : (T,) the node at which each tree begins.
    columns, threshold : (N,) the column that a node looks at, and the value that it is compared with.
    children : (2 N,) the right and the left child of each node; a leaf is its own child.
    value : (N,) the answer of a leaf.
    below : a feature goes to the left if it is below the threshold; else, if it is not above it.
    """
    compare = np.less if below else np.less_equal
    at = np.broadcast_to(roots, (len(X), len(roots)))
    rows = np.arange(len(X))[:, None]
    while True:
        goes_left = compare(X[rows, columns[at]], threshold[at])
        next_at = children[2 * at + goes_left]
        if np.array_equal(next_at, at):
            break
        at = next_at
    # One after the other: a pairwise sum would differ in the last bits.
    sums[:] = np.add.accumulate(np.column_stack([sums, value[at]]), axis=1)[:, -1]
