"""Index windows: the numbers 0, 1, ..., count - 1 in pieces of bounded size."""

from collections.abc import Iterator

import numpy as np

from core.types import Rows

WINDOW = 65_536
"""Trials whose points, keys or table rows are in memory at a time."""


def index_windows(count: int, size: int = WINDOW) -> Iterator[Rows]:
    """The numbers from 0 to ``count`` (not included), in increasing windows of at most ``size``.

    >>> [window.tolist() for window in index_windows(5, size=2)]
    [[0, 1], [2, 3], [4]]
    """
    for first in range(0, count, size):
        yield np.arange(first, min(first + size, count))
