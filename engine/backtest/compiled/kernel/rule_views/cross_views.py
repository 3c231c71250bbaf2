"""A rule that is handed the view of all symbols. Compiled; plain Python."""

import math
from typing import Any

from engine.backtest.compiled.codes import KEEP, SYMBOL
from engine.backtest.compiled.kernel.account import count, is_fresh
from engine.backtest.compiled.kernel.records import MarketArrays, Workspace
from strategies._view import CrossDecision

from .views import remember, view_of, waiting_side


def ask_cross(workspace: Workspace, p: Any) -> CrossDecision:  # noqa: ARG001 (the signature of what is put here)
    """The rule's decision; its state is kept. The linker puts it here."""
    return CrossDecision(workspace.rule_sides, workspace.rule_sides)


def fill_view(step: int, arrays: MarketArrays, workspace: Workspace) -> int:
    """Write the view of all symbols into the workspace; the number of those with an opinion."""
    opinions = 0
    rows = workspace.rule_view
    for symbol in range(count(workspace.positions)):
        position = workspace.positions[symbol]
        side = (position.units > 0.0) - (position.units < 0.0)
        workspace.rule_sides[symbol] = side
        workspace.rule_held[symbol] = abs(position.bars_held) if side != 0 else 0
        workspace.rule_waiting[symbol] = waiting_side(symbol, workspace)
        if not is_fresh(arrays, step, symbol):
            for row in range(len(rows)):
                rows[row, symbol] = math.nan
            for row in range(len(workspace.rule_features)):
                workspace.rule_features[row, symbol] = math.nan
            continue
        view = view_of(step, symbol, side, arrays, workspace)
        rows[0, symbol] = view.prediction
        rows[1, symbol] = view.confidence
        rows[2, symbol] = view.previous_prediction
        rows[3, symbol] = view.previous_confidence
        rows[4, symbol] = view.open
        rows[5, symbol] = view.high
        rows[6, symbol] = view.low
        rows[7, symbol] = view.close
        rows[8, symbol] = view.volume
        rows[9, symbol] = view.entry_price
        rows[10, symbol] = view.unrealised
        rows[11, symbol] = view.best
        rows[12, symbol] = view.worst
        for row in range(len(workspace.rule_features)):
            workspace.rule_features[row, symbol] = arrays.features[step, symbol, row]
        if not math.isnan(view.prediction):
            opinions += 1
    return opinions


def call_cross_view(step: int, arrays: MarketArrays, p: Any, workspace: Workspace) -> int:
    """Call a rule that sees all symbols at once; 1 if it does not give a target for each."""
    if fill_view(step, arrays, workspace) == 0:
        return 0
    positions = workspace.positions
    decision = ask_cross(workspace, p)
    targets = decision.target
    reasons = decision.reason
    if len(targets) != len(positions) or (len(reasons) != 0 and len(reasons) != len(positions)):
        return 1
    for symbol in range(count(positions)):
        if not math.isnan(workspace.rule_view[0, symbol]):
            reason = reasons[symbol] if len(reasons) != 0 else 0
            side = remember(targets[symbol], reason, workspace.rule_sides[symbol], p, workspace.seen[symbol])
            if side == KEEP:
                workspace.failed_at[SYMBOL] = symbol
                return 1
            positions[symbol].target_side = side
    return 0
