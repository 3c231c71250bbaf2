"""Drawdowns of a series of returns: stretches below the highest wealth so far."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from core.types import Rows, Vector
from risk.returns import checked_returns, wealth

from .base import Estimate, defined, too_few


class Stretches(NamedTuple):
    """Every drawdown, in order of time; rows count returns from 0.

    Attributes
    ----------
    first : (D,) the row of the first return below the peak.
    valley : (D,) the row of the lowest wealth.
    end : (D,) the row that reached the peak again; T where none did.
    depth : (D,) the valley's distance below the peak, negative fractions.
    n : T, the number of returns.
    """

    first: Rows
    valley: Rows
    end: Rows
    depth: Vector
    n: int

    @property
    def length(self) -> Rows:
        """(D,) sessions whose wealth is below the peak; at least 1.

        The one definition of a drawdown's length, on every page and in every measure.
        """
        return self.end - self.first


def under_water(returns: Vector) -> Vector:
    """(T,) wealth / highest wealth so far - 1, the start's wealth of 1 included; 0 or negative."""
    path = wealth(returns)
    return (path / np.maximum.accumulate(path) - 1.0)[1:]


def stretches(returns: Vector) -> Stretches:
    """The drawdowns of (T,) returns.

    >>> stretches(np.array([0.1, -0.5, 1.0, -0.2]))
    Stretches(first=array([1, 3]), valley=array([1, 3]), end=array([2, 4]), depth=array([-0.5, -0.2]), n=4)
    """
    water = under_water(returns)
    edges = np.diff((water < 0.0).astype(np.int8), prepend=0, append=0)
    first = np.flatnonzero(edges == 1)
    end = np.flatnonzero(edges == -1)
    valley = np.array(
        [low + int(water[low:high].argmin()) for low, high in zip(first, end, strict=True)], dtype=np.intp
    )
    return Stretches(first, valley, end, water[valley], len(water))


def checked_stretches(returns: npt.ArrayLike) -> Stretches | Estimate:
    """The drawdowns of returns, or the reason why there are none: no returns, or a wealth too large to compute with.

    Raises
    ------
    DataError
        NaN, infinity, or a return below -1.
    """
    values = checked_returns(returns)
    if len(values) < 1:
        return too_few(values, 1)
    final = wealth(values)[-1]
    return stretches(values) if np.isfinite(final) else defined(final)
