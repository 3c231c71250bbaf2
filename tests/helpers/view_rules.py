"""Strategies whose rules are handed a view, for tests: each sees and remembers something else."""

import math
from typing import Any, ClassVar, NamedTuple

import numpy as np

from strategies.base import CrossDecision, CrossSectional, CrossView, Decision, Sided, Strategy, View


class Reads(NamedTuple):
    """The features of these rules."""

    momentum: float


class State(NamedTuple):
    """Numbers of each kind."""

    bars: int = 0
    level: float = 0.5
    was_up: bool = False


def everything(view: View, state: State, p: Any) -> tuple[Decision, State]:  # noqa: PLR0911 (one for each reason)
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


class CrossState(NamedTuple):
    """A number for each symbol."""

    mean: float = 0.0
    entries: int = 0


def against_the_mean(view: CrossView, state: CrossState, p: Any) -> tuple[CrossDecision, CrossState]:
    """Long below a slow mean of the closes, short above it, each by a part of the size."""
    count = len(view.side)
    target = np.zeros(count)
    reason = np.zeros(count, dtype=np.int64)
    mean = state.mean * 1.0
    entries = state.entries * 1.0
    for symbol in range(count):
        close = view.close[symbol]
        if math.isnan(close):
            continue
        mean[symbol] = close if mean[symbol] == 0.0 else 0.8 * mean[symbol] + 0.2 * close
        gap = close / mean[symbol] - 1.0
        if view.side[symbol] != 0 and (view.held[symbol] >= p.bars or view.unrealised[symbol] > p.enough):
            reason[symbol] = 1
        elif abs(gap) > p.width and not math.isnan(view.features.momentum[symbol]):
            target[symbol] = -1.0 if gap > 0.0 else min(1.0, -gap * p.scale)
            reason[symbol] = 2
            entries[symbol] += 1
        else:
            target[symbol] = view.side[symbol]
    return CrossDecision(target, reason), CrossState(mean=mean, entries=entries)


class AgainstTheMean(CrossSectional):
    """A cross-sectional rule with a state."""

    rule: ClassVar[Any] = staticmethod(against_the_mean)
    reads: ClassVar[Any] = Reads
    state: ClassVar[Any] = CrossState
    reasons: ClassVar[tuple[str, ...]] = ("as it is", "long enough", "far from the mean")

    bars: int = 6
    """To hold."""
    enough: float = 0.08
    """Return to leave at."""
    width: float = 0.02
    """Of the band around the mean."""
    scale: float = 20.0
    """Of the gap."""


def by_rank(view: CrossView, p: Any) -> CrossDecision:
    """Long in what is predicted to rise most."""
    target = np.zeros(len(view.side))
    best = p.least
    for symbol in range(len(target)):
        if view.prediction[symbol] > best:  # noqa: PLR1730 (max is another for NaN)
            best = view.prediction[symbol]
    for symbol in range(len(target)):
        if view.prediction[symbol] == best:
            target[symbol] = 0.5 if view.close[symbol] < view.open[symbol] else 1.0
    return CrossDecision(target)


class ByRank(CrossSectional):
    """A cross-sectional rule without a state."""

    rule: ClassVar[Any] = staticmethod(by_rank)

    least: float = 0.0
    """Prediction to enter at."""
