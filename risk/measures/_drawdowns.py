"""Drawdowns of a series of returns: stretches below the highest wealth so far."""

from typing import NamedTuple

import numpy as np

from core.types import Rows, Vector

from ._returns import wealth


class Stretches(NamedTuple):
    """Every drawdown, in order of time; rows count returns from 0.

    Attributes
    ----------
    first : (D,) the row of the first return below the peak.
    valley : (D,) the row of the lowest wealth.
    end : (D,) the row that reached the peak again; T where none did.
    depth : (D,) how far below the peak the valley lies, negative fractions.
    """

    first: Rows
    valley: Rows
    end: Rows
    depth: Vector


def under_water(returns: Vector) -> Vector:
    """(T,) wealth / highest wealth so far - 1, the start's wealth of 1 included; 0 or negative."""
    path = wealth(returns)
    return (path / np.maximum.accumulate(path) - 1.0)[1:]


def stretches(returns: Vector) -> Stretches:
    """The drawdowns of (T,) returns.

    >>> stretches(np.array([0.1, -0.5, 1.0, -0.2]))
    Stretches(first=array([1, 3]), valley=array([1, 3]), end=array([2, 4]), depth=array([-0.5, -0.2]))
    """
    water = under_water(returns)
    edges = np.diff((water < 0.0).astype(np.int8), prepend=0, append=0)
    first, end = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    valley = np.array(
        [low + int(water[low:high].argmin()) for low, high in zip(first, end, strict=True)], dtype=np.intp
    )
    return Stretches(first, valley, end, water[valley])
