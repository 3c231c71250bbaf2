"""Hold the symbols with the highest past returns, and choose them anew after some bars."""

import math
from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np
from pydantic import NonNegativeInt, PositiveInt

from core.errors import ConfigError

from .base import CrossDecision, CrossSectional, CrossView, Sided


class Reads(NamedTuple):
    """The features that the rule reads: a long return, and that of its last part, which is left out."""

    long: float
    recent: float


class State(NamedTuple):
    """Closes until the symbols are chosen anew."""

    wait: int = 0


def targets(view: CrossView, state: Any, p: Any) -> tuple[CrossDecision, Any]:
    """The targets after this bar, 1 long, -1 short, 0 flat, and the state.

    The momentum is ``(1 + long) / (1 + recent) - 1``: the return from ``long`` bars ago to ``recent`` bars ago. Every
    ``every`` closes the ``top`` symbols with the highest become long and the ``bottom`` ones with the lowest short; of
    equal ones the first in the symbols' order is the higher. Until then every symbol keeps its side. With fewer than
    ``top + bottom`` symbols that have a momentum nothing is chosen, and it is tried again at the next bar. A symbol
    without a momentum then becomes flat. Of symbols that missed bars the longest wait counts, for all. A side that the
    parameters bar means flat; its places count all the same.

    Parameters
    ----------
    view : what is known at the close of the bar.
    state : (N,) closes to wait.
    p : has ``top``, ``bottom``, ``every`` (whole numbers) and ``allow_long``, ``allow_short`` (1.0 or 0.0).

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> of_three = Reads(np.array([0.1, 0.5, -0.2]), np.zeros(3))
    >>> view = SimpleNamespace(features=of_three, prediction=np.ones(3), side=np.zeros(3, dtype=int))
    >>> targets(view, State(np.zeros(3)), MomentumRank(bottom=1))[0].target.tolist()
    [0.0, 1.0, -1.0]
    """
    momentum = momentum_of(view)
    ranked = len(momentum) - np.isnan(momentum).sum()
    longest = 0.0
    for symbol in range(len(momentum)):
        if not math.isnan(view.prediction[symbol]):
            longest = max(longest, state.wait[symbol])
    target = view.side * 1.0
    wait = state.wait * 0.0 + max(longest - 1.0, 0.0)
    if longest <= 0.0 and ranked >= p.top + p.bottom:
        wait[:] = p.every - 1.0
        target[:] = 0.0
        order = np.argsort(-momentum, kind="mergesort")[:ranked]  # stable; NaN comes last
        for place in range(ranked):
            target[order[place]] = 1.0 if place < p.top else (-1.0 if place >= ranked - p.bottom else 0.0)
    return CrossDecision(allowed(target, p)), State(wait)


def momentum_of(view: CrossView) -> Any:
    """(N,) return of the long span less its last part; NaN in a warm-up, and without a prediction."""
    momentum = (1.0 + view.features.long) / (1.0 + view.features.recent) - 1.0
    for symbol in range(len(momentum)):
        if math.isnan(view.prediction[symbol]):
            momentum[symbol] = math.nan
    return momentum


def allowed(target: Any, p: Any) -> Any:
    """(N,) the targets, 0 on a side that the parameters bar."""
    for symbol in range(len(target)):
        if (target[symbol] > 0.0 and p.allow_long == 0.0) or (target[symbol] < 0.0 and p.allow_short == 0.0):
            target[symbol] = 0.0
    return target


class MomentumRank(Sided, CrossSectional):
    """Long the symbols with the highest momentum, short those with the lowest, chosen anew every few bars.

    Examples
    --------
    >>> MomentumRank(top=2, every=5).dump()
    {'kind': 'momentum_rank', 'side': 'both', 'top': 2, 'bottom': 0, 'every': 5}
    """

    rule: ClassVar[Any] = staticmethod(targets)
    reads: ClassVar[Any] = Reads
    state: ClassVar[Any] = State
    reasons: ClassVar[tuple[str, ...]] = ("momentum",)

    top: PositiveInt = 1
    """How many symbols with the highest momentum to be long of."""
    bottom: NonNegativeInt = 0
    """How many symbols with the lowest momentum to be short of."""
    every: PositiveInt = 21
    """Closes from one choice to the next; 21 daily bars are about a month."""

    def check(self, symbols: Sequence[str]) -> None:
        """Refuse fewer symbols than there are places: they would never be ranked."""
        if len(symbols) < self.top + self.bottom:
            raise ConfigError(
                f"strategy momentum_rank: top {self.top} + bottom {self.bottom} need {self.top + self.bottom} traded "
                f"symbols; traded: {len(symbols)} ({', '.join(symbols)}). Add symbols, or lower top or bottom"
            )
