"""The view of a rule and its decision. Compiled; plain Python.

The numbers are those of :mod:`strategies._backtrader.rule_views`. The functions that know the strategy's own named
tuples are written by :mod:`engine.backtest.compiled.view_source`.
"""

import math
from typing import Any

from engine.backtest.compiled.codes import KEEP
from engine.backtest.compiled.kernel.record_types import Seen
from engine.backtest.compiled.kernel.records import MarketArrays, Workspace
from engine.backtest.compiled.kernel_features import FEATURES
from strategies._entry_order import MARKET
from strategies._sides import on_allowed_side
from strategies._view import Decision, View, position_return


def read_features(step: int, symbol: int, arrays: MarketArrays) -> Any:  # noqa: ARG001 (the signature of what is put here)
    """The features that the rule reads, as its named tuple; the linker puts it here."""
    return ()


def ask_rule(view: View, symbol: int, workspace: Workspace, p: Any) -> Decision:  # noqa: ARG001 (the signature of what is put here)
    """The rule's decision; its state is kept. The linker puts it here."""
    return Decision(0.0, 0)


def ask_in_passing(view: View, symbol: int, workspace: Workspace, p: Any) -> Decision:  # noqa: ARG001 (the signature of what is put here)
    """The rule's decision on a question that changes nothing; the linker puts it here."""
    return Decision(0.0, 0)


def begin_state(symbol: int, workspace: Workspace) -> None:
    """The start values of the rule's numbers; the linker puts it here."""


def clear_view(symbol: int, workspace: Workspace) -> None:
    """Begin a symbol with nothing seen."""
    seen = workspace.seen[symbol]
    seen.highest = seen.lowest = math.nan
    seen.weight = 0.0
    seen.reason = seen.scales = seen.is_filled_in_bar = 0
    begin_state(symbol, workspace)


def watch_prices(step: int, side: int, bars_held: int, arrays: MarketArrays, symbol: int, workspace: Workspace) -> None:
    """The highest and the lowest price since the entry, at a new bar."""
    seen = workspace.seen[symbol]
    high = arrays.high[step, symbol]
    low = arrays.low[step, symbol]
    if side == 0:
        seen.highest = seen.lowest = math.nan
    elif bars_held == side and seen.is_filled_in_bar != 0:
        seen.highest = seen.lowest = arrays.close[step, symbol]
    elif bars_held == side:
        seen.highest = high
        seen.lowest = low
    else:
        seen.highest = max(seen.highest, high)
        seen.lowest = min(seen.lowest, low)
    seen.is_filled_in_bar = 0


def waiting_side(symbol: int, workspace: Workspace) -> int:
    """The side of the entry of a symbol that waits for its price; 0 for none."""
    if not FEATURES.entry_orders or workspace.waiting_entries[symbol].trigger == MARKET:
        return 0
    return 1 if workspace.waiting_entries[symbol].units > 0.0 else -1


def view_of(step: int, symbol: int, side: int, arrays: MarketArrays, workspace: Workspace) -> View:
    """The view of one symbol at a new bar; with side 0, as it would be without a position."""
    position = workspace.positions[symbol]
    seen = workspace.seen[symbol]
    entry = position.entry if side != 0 else math.nan
    held = abs(position.bars_held) if side != 0 else 0
    close = arrays.close[step, symbol]
    best = seen.highest if side > 0 else seen.lowest
    worst = seen.lowest if side > 0 else seen.highest
    return View(  # by position: a compiler takes at most 15 names
        arrays.prediction[step, symbol],
        arrays.confidence[step, symbol],
        arrays.previous_prediction[step, symbol],
        arrays.previous_confidence[step, symbol],
        arrays.open[step, symbol],
        arrays.high[step, symbol],
        arrays.low[step, symbol],
        close,
        arrays.volume[step, symbol],
        side,
        held,
        waiting_side(symbol, workspace),
        entry,
        position_return(side, entry, close),
        position_return(side, entry, best),
        position_return(side, entry, worst),
        read_features(step, symbol, arrays),
    )


def decide(step: int, symbol: int, side: int, arrays: MarketArrays, p: Any, workspace: Workspace) -> int:
    """The side that a rule of a view asks for, ``KEEP`` for an invalid answer; weight and reason are remembered."""
    decision = ask_rule(view_of(step, symbol, side, arrays, workspace), symbol, workspace, p)
    return remember(decision.target, decision.reason, side, p, workspace.seen[symbol])


def remember(target: float, reason: int, side: int, p: Any, seen: Seen) -> int:
    """Remember a decision; its side, which is 0 for one that ``strategy.side`` bars, or ``KEEP`` if it is not valid."""
    if not (-1.0 <= target <= 1.0) or reason < 0 or reason >= FEATURES.reasons:
        return KEEP
    if FEATURES.sides:
        target = on_allowed_side(target, p)
    target_side = (target > 0.0) - (target < 0.0)
    weight = abs(target)
    seen.scales = 1 if target_side == side and side != 0 and weight != seen.weight else 0
    seen.weight = weight
    seen.reason = reason
    return target_side


def signal_without_position(step: int, symbol: int, arrays: MarketArrays, p: Any, workspace: Workspace) -> int:
    """The side that the rule would ask for without a position."""
    decision = ask_in_passing(view_of(step, symbol, 0, arrays, workspace), symbol, workspace, p)
    target = decision.target
    if FEATURES.sides:
        target = on_allowed_side(target, p)
    return (target > 0.0) - (target < 0.0)


def weight_of(symbol: int, workspace: Workspace) -> float:
    """The part of the risk rule's size that the last decision asked for."""
    return workspace.seen[symbol].weight if FEATURES.view else 1.0


def scales(symbol: int, workspace: Workspace) -> bool:
    """True if the last decision moves a position to another part of the rule's size."""
    return workspace.seen[symbol].scales != 0 if FEATURES.view else False


def reason_of(symbol: int, workspace: Workspace) -> int:
    """The reason of the last decision; -1 from a rule that gives none."""
    return workspace.seen[symbol].reason if FEATURES.view else -1
