"""Strategies whose rules are handed a view, for tests: each sees and remembers something else."""

import math
from typing import Any, ClassVar, NamedTuple

from strategies.base import Decision, Sided, Strategy, View


class Reads(NamedTuple):
    """The features of these rules."""

    momentum: float


class State(NamedTuple):
    """Numbers of each kind."""

    bars: int = 0
    level: float = 0.5
    was_up: bool = False


def everything(view: View, state: State, p: Any) -> tuple[Decision, State]:
    """Use every field of the view: a target that changes in steps, and a reason for each way to come to it."""
    level = state.level * 0.5 + abs(view.prediction)
    is_up = view.close > view.open
    bars = state.bars + 1 if is_up == state.was_up else 0
    state = state._replace(bars=bars, level=level, was_up=is_up)
    if view.side != 0:
        if view.best - view.unrealised > p.give_back:
            return Decision(0, 1), state
        if view.worst < -p.worst or view.held >= p.bars:
            return Decision(0, 2), state._replace(level=0)
        if view.unrealised > 0 and view.close > view.entry_price:
            return Decision(view.side * 0.5, 3), state
        return Decision(view.side), state
    if math.isnan(view.features.momentum) or view.features.momentum < p.least:
        return Decision(0), State(bars, level)
    if view.previous_prediction < 0 and view.prediction > 0:
        return Decision(1, 4), state
    if view.volume > 0 and view.prediction * view.confidence < -level * p.depth and view.high > view.low:
        return Decision(-0.25, 5), state
    return Decision(p.part if bars > 2 else 0.0), state


class Everything(Sided):
    """A rule that uses all that it can.

    Examples
    --------
    >>> Everything().bars
    4
    """

    rule: ClassVar[Any] = staticmethod(everything)
    reads: ClassVar[Any] = Reads
    state: ClassVar[Any] = State
    reasons: ClassVar[tuple[str, ...]] = ("plain", "gave back", "out of time", "scaled out", "crossed", "deep")

    give_back: float = 0.05
    """Of the best return."""
    worst: float = 0.08
    """Return to leave at."""
    bars: int = 4
    """To hold."""
    least: float = -0.05
    """Momentum."""
    depth: float = 0.1
    """Of a fall."""
    part: float = 0.75
    """Of the size."""


def plain(view: View, p: Any) -> Decision:
    """The prediction as a target."""
    return Decision(max(-1.0, min(1.0, view.prediction * p.scale)))


class Plain(Strategy):
    """No state, no feature, no reason."""

    rule: ClassVar[Any] = staticmethod(plain)

    scale: float = 50.0
    """Of the prediction."""
