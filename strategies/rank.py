"""Hold the symbols with the best predictions against those with the worst."""

import math
from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np
from pydantic import NonNegativeInt, model_validator
from pydantic_core import PydanticCustomError

from core.errors import ConfigError
from core.types import Vector

from .base import CrossRule, CrossSectional, Sided, Sides


def target_sides(prediction: Vector, confidence: Vector, side: Sides, p: Any) -> Sides:  # noqa: ARG001 (the contract's signature)
    """The sides to be on after this bar: 1 long, -1 short, 0 flat.

    The symbols with a prediction are ranked, the highest first; of equal ones the first in the symbols' order. The
    first ``top`` become long and the last ``bottom`` short, with one exception: a symbol that is held already stays
    while it is among the first ``top + buffer`` (long) or the last ``bottom + buffer`` (short) and not in the other
    side's first places, and then no new symbol takes its place. So there are always ``top`` longs and ``bottom`` shorts
    among the ranked, and a new one is never from outside the first or last places.

    A symbol without a prediction (NaN) keeps its side and takes no place. With fewer than ``top + bottom`` predictions
    nothing is ranked, and every symbol keeps its side. A side that the parameters bar means flat; its places count all
    the same.

    Parameters
    ----------
    prediction : (N,) expected returns over the label's horizon, fractions; NaN = no opinion, or no new bar.
    confidence : (N,) not used; it decides the size.
    side : (N,) the sides now: 1, -1 or 0.
    p : has ``top``, ``bottom``, ``buffer`` (whole numbers, 0 or more) and ``allow_long``, ``allow_short`` (1.0, 0.0).

    Examples
    --------
    >>> target_sides(np.array([0.01, 0.03, -0.02]), np.ones(3), np.array([1, 0, 0]), Rank()).tolist()
    [0, 1, -1]
    """
    target = side.copy()
    ranked = 0
    for value in prediction:
        if not math.isnan(value):
            ranked += 1
    if ranked < p.top + p.bottom:
        return target
    order = np.argsort(-prediction, kind="mergesort")[:ranked]  # stable; NaN comes last
    for symbol in order:
        target[symbol] = 0
    place_side(target, order, side, 1, p.top, p.bottom, p)
    place_side(target, order[::-1], side, -1, p.bottom, p.top, p)
    for symbol in order:
        if (target[symbol] > 0 and p.allow_long == 0.0) or (target[symbol] < 0 and p.allow_short == 0.0):
            target[symbol] = 0
    return target


def place_side(target: Sides, order: Any, side: Sides, sign: int, size: int, other_size: int, p: Any) -> None:
    """Select one side's symbols: first those that are held and ranked near enough, then the best of the rest.

    Parameters
    ----------
    target : (N,) written to.
    order : (K,) the ranked symbols, the best for this side first.
    side : (N,) the sides now.
    sign : 1 for long, -1 for short.
    size, other_size : the number of symbols of this side, and of the other one.
    p : has ``buffer``.
    """
    taken = 0
    for rank in range(len(order)):
        near = rank < size + p.buffer and rank < len(order) - other_size
        if side[order[rank]] == sign and near and taken < size:
            target[order[rank]] = sign
            taken += 1
    for symbol in order:
        if target[symbol] == 0 and taken < size:
            target[symbol] = sign
            taken += 1


class Rank(Sided, CrossSectional):
    """Long the symbols with the best predictions, short those with the worst.

    Examples
    --------
    >>> Rank(top=2, bottom=0).dump()
    {'kind': 'rank', 'side': 'both', 'top': 2, 'bottom': 0, 'buffer': 0}
    """

    rule: ClassVar[CrossRule] = staticmethod(target_sides)

    top: NonNegativeInt = 1
    """How many of the best symbols to be long of."""
    bottom: NonNegativeInt = 1
    """How many of the worst symbols to be short of; fewer than `top` + `bottom` predictions change nothing."""
    buffer: NonNegativeInt = 0
    """How many places beyond these a symbol that is held may fall before it is given up; more means fewer trades."""

    @model_validator(mode="after")
    def _holds_something(self) -> Self:
        if self.top + self.bottom == 0:
            raise PydanticCustomError(
                "rank_of_nothing", "top and bottom are both 0: nothing would ever be held; raise one", {"path": ["top"]}
            )
        return self

    def check(self, symbols: Sequence[str]) -> None:
        """Refuse fewer symbols than there are places: they would never be ranked."""
        if len(symbols) < self.top + self.bottom:
            raise ConfigError(
                f"strategy rank: top {self.top} + bottom {self.bottom} need {self.top + self.bottom} traded symbols; "
                f"traded: {len(symbols)} ({', '.join(symbols)}). Add symbols, or lower top or bottom"
            )
