"""Positions that a decision is asked for, and the decisions of rules about them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from core.errors import ConfigError
from core.types import Bars
from strategies._contract import cast_state, form_of, started
from strategies._reentry import gated
from strategies._view import CrossView, Decision, View, position_return
from strategies.base import CrossSectional, Strategy


@dataclass(frozen=True)
class Held:
    """A position in a symbol at its last close, with what its rule remembers; nothing is held by default.

    Attributes
    ----------
    side : 1 long, -1 short, 0 flat.
    held : bars of the symbol in a row at whose close it was on this side, the last bar included.
    entry_price : average price of the position; NaN when flat.
    best, worst : the highest and the lowest return of the position at any price since its entry; NaN when flat.
    waiting : the side of an entry that waits for its price; 0 for none.
    state : the rule's own numbers, as the last decision gave them; empty: its start values.
    last_side, bars_to_wait : for ``strategy.reenter``: the side whose signal is used up, and the closes without an
        entry that are left, this one included.
    """

    side: int = 0
    held: int = 0
    entry_price: float = math.nan
    best: float = math.nan
    worst: float = math.nan
    waiting: int = 0
    state: Mapping[str, float] = field(default_factory=dict)
    last_side: int = 0
    bars_to_wait: int = 0


class Inputs(NamedTuple):
    """The inputs of a rule for one symbol.

    Attributes
    ----------
    prediction, confidence : at the last bar; NaN without an opinion or without a new bar.
    previous : prediction and confidence of the bar before.
    bars : of the symbol.
    features : those that the rule reads, by the names of its ``reads``.
    held : the position.
    is_fresh : True if the symbol has a bar at the market's last time.
    """

    prediction: float
    confidence: float
    previous: tuple[float, float]
    bars: Bars
    features: Any
    held: Held
    is_fresh: bool


class Target(NamedTuple):
    """A rule's decision on one symbol.

    Attributes
    ----------
    side : 1, -1 or 0.
    weight : the part of the risk rule's size, from 0 to 1.
    reason : in the strategy's words; empty for a side without one.
    state : the rule's own numbers for the next bar.
    """

    side: int
    weight: float
    reason: str
    state: Mapping[str, float]


def targets(strategy: Strategy, inputs: Mapping[str, Inputs], entries: Mapping[str, bool]) -> dict[str, Target]:
    """The targets of all symbols; those without an opinion keep what they have.

    Parameters
    ----------
    inputs : by symbol, in the traded order.
    entries : by symbol, True if the strategy's filters allow an entry at its last bar.
    """
    decided = _of_all(strategy, inputs) if isinstance(strategy, CrossSectional) else _one_by_one(strategy, inputs)
    return {
        symbol: _barred(strategy, target, inputs[symbol].held, is_allowed=entries.get(symbol, True))
        for symbol, target in decided.items()
    }


def _barred(strategy: Strategy, target: Target, held: Held, *, is_allowed: bool) -> Target:
    """The target, or to be flat in place of an entry that ``reenter`` or a filter bars."""
    side = gated(target.side, held.side, held.last_side, held.bars_to_wait, strategy)
    if side not in (0, held.side) and not is_allowed:
        side = 0
    return target if side == target.side else target._replace(side=side, weight=float(side != 0))


def _one_by_one(strategy: Strategy, inputs: Mapping[str, Inputs]) -> dict[str, Target]:
    return {symbol: _scalar(strategy, symbol, symbol_inputs) for symbol, symbol_inputs in inputs.items()}


def _unchanged(symbol_inputs: Inputs) -> Target:
    return Target(symbol_inputs.held.side, float(symbol_inputs.held.side != 0), "", symbol_inputs.held.state)


def _scalar(strategy: Strategy, symbol: str, symbol_inputs: Inputs) -> Target:
    if not symbol_inputs.is_fresh or math.isnan(symbol_inputs.prediction):
        return _unchanged(symbol_inputs)
    rule = type(strategy).rule
    form = form_of(type(strategy))
    if not form.takes_view:
        side = int(
            rule(
                symbol_inputs.prediction,
                symbol_inputs.confidence,
                symbol_inputs.held.side,
                symbol_inputs.held.held,
                strategy,
            )
        )
        return Target(side, float(side != 0), "", {})
    if not form.has_state:
        return _target(strategy, rule(view_of(symbol_inputs), strategy), {})
    decision, state = rule(view_of(symbol_inputs), _state(strategy, symbol, symbol_inputs.held), strategy)
    return _target(strategy, decision, cast_state(strategy.state, state)._asdict())


def _target(strategy: Strategy, decision: Decision, state: Mapping[str, float]) -> Target:
    side = int(decision.target > 0.0) - int(decision.target < 0.0)
    reasons = strategy.reasons
    return Target(side, abs(float(decision.target)), reasons[int(decision.reason)] if reasons else "", state)


def _state(strategy: Strategy, symbol: str, held: Held) -> Any:
    """The rule's own numbers for a symbol."""
    if not held.state:
        return started(strategy.state)
    names = strategy.state._fields
    if set(held.state) != set(names):
        raise ConfigError(
            f"{symbol}: the state of {strategy.kind} has {', '.join(names)}; given {', '.join(held.state)}"
        )
    return cast_state(strategy.state, [held.state[name] for name in names])


def view_of(symbol_inputs: Inputs) -> View:
    """The view of a rule at a symbol's last bar."""
    held = symbol_inputs.held
    bars = symbol_inputs.bars
    close = float(bars.close[-1])
    return View(
        symbol_inputs.prediction,
        symbol_inputs.confidence,
        *symbol_inputs.previous,
        open=float(bars.open[-1]),
        high=float(bars.high[-1]),
        low=float(bars.low[-1]),
        close=close,
        volume=float(bars.volume[-1]),
        side=held.side,
        held=held.held,
        waiting=held.waiting,
        entry_price=held.entry_price,
        unrealised=position_return(held.side, held.entry_price, close),
        best=held.best,
        worst=held.worst,
        features=symbol_inputs.features,
    )


def _of_all(strategy: Strategy, inputs: Mapping[str, Inputs]) -> dict[str, Target]:
    """The targets of a rule that looks at all symbols at once."""
    symbols = list(inputs)
    has_opinion = [
        symbol_inputs.is_fresh and not math.isnan(symbol_inputs.prediction) for symbol_inputs in inputs.values()
    ]
    if not any(has_opinion):
        return {symbol: _unchanged(symbol_inputs) for symbol, symbol_inputs in inputs.items()}
    rule = type(strategy).rule
    form = form_of(type(strategy))
    state: Any = None
    if not form.takes_view:
        numbers = [
            np.array(
                [
                    getattr(symbol_inputs, name) if show else math.nan
                    for symbol_inputs, show in zip(inputs.values(), has_opinion, strict=True)
                ]
            )
            for name in ("prediction", "confidence")
        ]
        sides = np.array([symbol_inputs.held.side for symbol_inputs in inputs.values()], dtype=np.int64)
        decisions = [Decision(float(side)) for side in rule(*numbers, sides, strategy)]
    else:
        view = _cross_view(strategy, inputs)
        if form.has_state:
            states = [_state(strategy, symbol, inputs[symbol].held) for symbol in symbols]
            columns = (np.array(column, dtype=np.float64) for column in zip(*states, strict=True))
            answer, state = rule(view, strategy.state(*columns), strategy)
        else:
            answer = rule(view, strategy)
        reasons = np.zeros(len(symbols), dtype=np.int64) if answer.reason is None else answer.reason
        decisions = [
            Decision(float(target), int(reason)) for target, reason in zip(answer.target, reasons, strict=True)
        ]
    result = {}
    for number, symbol in enumerate(symbols):
        next_state = {} if state is None else {name: float(values[number]) for name, values in state._asdict().items()}
        target = _target(strategy, decisions[number], next_state)
        result[symbol] = target if has_opinion[number] else _unchanged(inputs[symbol])._replace(state=next_state)
    return result


def _cross_view(strategy: Strategy, inputs: Mapping[str, Inputs]) -> CrossView:
    """The view of all symbols; those without a new bar are NaN but for their position's integers."""
    views = [view_of(symbol_inputs) for symbol_inputs in inputs.values()]
    fresh = [symbol_inputs.is_fresh for symbol_inputs in inputs.values()]
    integers = ("side", "held", "waiting")
    columns: dict[str, Any] = {
        name: np.array([getattr(view, name) for view in views], dtype=np.int64) for name in integers
    }
    for name in CrossView._fields:
        if name not in (*integers, "features"):
            values = [
                getattr(view, name) if is_fresh else math.nan for view, is_fresh in zip(views, fresh, strict=True)
            ]
            columns[name] = np.array(values, dtype=np.float64)
    features: Any = ()
    if strategy.reads:
        rows = [
            view.features if is_fresh else [math.nan] * len(view.features)
            for view, is_fresh in zip(views, fresh, strict=True)
        ]
        features = strategy.reads(*(np.array(column, dtype=np.float64) for column in zip(*rows, strict=True)))
    return CrossView(**columns, features=features)
