"""Views of rules and their decisions: plain numbers in named tuples, which both engines build alike."""

import math
from typing import Any, NamedTuple, Protocol, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from core.types import Vector

__all__ = [
    "CrossDecision",
    "CrossView",
    "CrossViewRule",
    "Decision",
    "StatefulCrossRule",
    "StatefulRule",
    "View",
    "ViewRule",
    "position_return",
]

Integers: TypeAlias = npt.NDArray[np.int64]
S = TypeVar("S")


class View(NamedTuple):
    """One symbol at the close of one of its bars: all that was known then, and nothing else.

    Attributes
    ----------
    prediction, confidence : as in :class:`~strategies.base.Rule`; never NaN, for a rule is asked only with an opinion.
    previous_prediction, previous_confidence : those of the symbol's bar before; NaN for none, and at the first bar.
    open, high, low, close : prices of the bar.
    volume : units traded in the bar.
    side : the side now: 1 long, -1 short, 0 flat.
    held : bars in a row at whose close the symbol was on this side, this one included; 0 when flat.
    waiting : the side of an entry that waits for its price, by ``strategy.entry_order``; 0 for none. It goes on waiting
        while the rule asks for its side, and is taken back otherwise.
    entry_price : average price of the position, slippage included; NaN when flat.
    unrealised : return of the position at this close, a fraction, without commission; NaN when flat.
    best, worst : the highest and the lowest return of the position at any price since its entry, fractions: those of
        the bars' highs and lows, the bar of the entry included; that of an entry by a limit or a stop of its own counts
        by its close alone, for the rest may lie before the fill. NaN when flat.
    features : the features that the strategy reads, unscaled, under the names of its ``reads``; NaN in a warm-up. An
        empty tuple if it reads none.
    """

    prediction: float
    confidence: float
    previous_prediction: float
    previous_confidence: float
    open: float
    high: float
    low: float
    close: float
    volume: float
    side: int
    held: int
    waiting: int
    entry_price: float
    unrealised: float
    best: float
    worst: float
    features: Any


class CrossView(NamedTuple):
    """All symbols at one step, side by side.

    Attributes
    ----------
    prediction, ... : as in :class:`View`, each an array (N,) in the symbols' order; ``features`` holds such arrays.
        Symbols without a new bar are NaN throughout, but for ``side``, ``held`` and ``waiting``; symbols without an
        opinion have a NaN prediction.
    """

    prediction: Vector
    confidence: Vector
    previous_prediction: Vector
    previous_confidence: Vector
    open: Vector
    high: Vector
    low: Vector
    close: Vector
    volume: Vector
    side: Integers
    held: Integers
    waiting: Integers
    entry_price: Vector
    unrealised: Vector
    best: Vector
    worst: Vector
    features: Any


class Decision(NamedTuple):
    """A rule's answer for one symbol.

    Attributes
    ----------
    target : from -1 to 1: the side by its sign, and the part of the risk rule's size by its amount; 0 is flat. A
        position whose target stays is left alone; one whose target changes on its side is moved to the new size.
    reason : which of the strategy's ``reasons``, counted from 0.
    """

    target: float
    reason: int = 0


class CrossDecision(NamedTuple):
    """A rule's answer for all symbols.

    Attributes
    ----------
    target : (N,) as in :class:`Decision`; those of symbols without a prediction do not count, they keep what they have.
    reason : (N,) whole numbers as in :class:`Decision`; None for 0 throughout.
    """

    target: Any
    reason: Any = None


class ViewRule(Protocol):
    """From one symbol's view to its target."""

    def __call__(self, view: View, p: Any) -> Decision:
        """Return the target after this bar; ``p`` are the parameters, as in :class:`~strategies.base.Rule`."""
        ...


class StatefulRule(Protocol[S]):
    """From one symbol's view and the rule's own numbers to its target and the numbers of its next bar."""

    def __call__(self, view: View, state: S, p: Any) -> tuple[Decision, S]:
        """Return the target after this bar and the state for the symbol's next bar with an opinion."""
        ...


class CrossViewRule(Protocol):
    """From the view of all symbols to their targets."""

    def __call__(self, view: CrossView, p: Any) -> CrossDecision:
        """Return the targets after this bar."""
        ...


class StatefulCrossRule(Protocol[S]):
    """From the view of all symbols and the rule's own numbers to their targets and the numbers of the next bar."""

    def __call__(self, view: CrossView, state: S, p: Any) -> tuple[CrossDecision, S]:
        """Return the targets after this bar and the state, whose fields are arrays (N,), for the next one."""
        ...


def position_return(side: int, entry: float, price: float) -> float:
    """The return of a position at a price, a fraction of its entry price; NaN when flat.

    >>> position_return(-1, 50.0, 45.0)
    0.1
    """
    return side * (price - entry) / entry if side != 0 else math.nan
