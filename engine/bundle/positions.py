"""Positions that a decision is asked for, and the decisions of rules about them."""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from core.errors import ConfigError, PluginError
from core.types import Bars
from strategies._contract import cast_state
from strategies._held import Held
from strategies._reentry import gated
from strategies._rule_calls import INTEGERS, RuleCalls, as_side, side_of
from strategies._view import Decision, View, position_return
from strategies.base import CrossSectional, Strategy

NO_OPINION = (math.nan, math.nan)


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

    @property
    def has_opinion(self) -> bool:
        """True if the rule is asked about the symbol."""
        return self.is_fresh and not math.isnan(self.prediction)


class Target(NamedTuple):
    """A rule's decision on one symbol.

    Attributes
    ----------
    side : 1, -1 or 0.
    weight : the part of the risk rule's size, from 0 to 1.
    reason : in the strategy's words; empty where nothing is decided, and where a flat symbol stays flat without another
        reason than the first.
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

    Raises
    ------
    PluginError
        The rule failed, or gave something else than its contract says.
    ConfigError
        A state is none of the rule's.
    """
    try:
        decided = _of_all(strategy, inputs) if isinstance(strategy, CrossSectional) else _one_by_one(strategy, inputs)
    except (TypeError, ValueError) as error:
        raise PluginError(f"the rule of {strategy.kind} failed: {error}") from error
    return {
        symbol: _barred(strategy, target, inputs[symbol].held, is_allowed=entries.get(symbol, True))
        for symbol, target in decided.items()
    }


def _barred(strategy: Strategy, target: Target, held: Held, *, is_allowed: bool) -> Target:
    """The target, or to be flat in place of an entry that ``reenter`` or a filter bars."""
    side = gated(target.side, held.side, held.last_side, held.bars_to_wait, strategy)
    if side not in (0, held.side) and not is_allowed:
        side = 0
    barred = target if side == target.side else target._replace(side=side, weight=float(side != 0))
    stays_flat = side == held.side == held.waiting == 0
    # The first reason is that of a rule that says nothing else: of no entry it would be the reason.
    says_nothing = barred is not target or target.reason in strategy.reasons[:1]
    return barred._replace(reason="") if stays_flat and says_nothing else barred


def _unchanged(symbol_inputs: Inputs) -> Target:
    held = symbol_inputs.held
    return Target(held.side, held.weight if held.side else 0.0, "", held.state)


def _one_by_one(strategy: Strategy, inputs: Mapping[str, Inputs]) -> dict[str, Target]:
    return {
        symbol: _scalar(strategy, symbol, symbol_inputs) if symbol_inputs.has_opinion else _unchanged(symbol_inputs)
        for symbol, symbol_inputs in inputs.items()
    }


def _scalar(strategy: Strategy, symbol: str, symbol_inputs: Inputs) -> Target:
    """The target of a rule that looks at one symbol."""
    calls = RuleCalls(strategy)
    if calls.form.takes_view:
        decision, state = calls.ask(view_of(symbol_inputs), _state(calls, symbol, symbol_inputs.held))
        return _target(calls, decision, {} if state is None else state._asdict())
    prediction, confidence, held = symbol_inputs.prediction, symbol_inputs.confidence, symbol_inputs.held
    side = as_side(type(strategy).rule(prediction, confidence, held.side, held.held, strategy), strategy)
    return _target(calls, Decision(side), {})


def _of_all(strategy: Strategy, inputs: Mapping[str, Inputs]) -> dict[str, Target]:
    """The targets of a rule that looks at all symbols at once."""
    if not any(symbol_inputs.has_opinion for symbol_inputs in inputs.values()):
        return {symbol: _unchanged(symbol_inputs) for symbol, symbol_inputs in inputs.items()}
    calls = RuleCalls(strategy)
    decisions, states = _cross_views(calls, inputs) if calls.form.takes_view else (_cross_sides(strategy, inputs), {})
    return {
        symbol: _target(calls, calls.checked(decisions[number]), states.get(symbol, {}))
        if symbol_inputs.has_opinion
        else _unchanged(symbol_inputs)._replace(state=states.get(symbol, {}))
        for number, (symbol, symbol_inputs) in enumerate(inputs.items())
    }


def _cross_sides(strategy: Strategy, inputs: Mapping[str, Inputs]) -> list[Decision]:
    """The decisions of a rule of numbers."""
    rows = [(item.prediction, item.confidence) if item.has_opinion else NO_OPINION for item in inputs.values()]
    prediction, confidence = np.array(rows, dtype=np.float64).T
    sides = np.array([item.held.side for item in inputs.values()], dtype=np.int64)
    answers = type(strategy).rule(prediction, confidence, sides, strategy)
    return [Decision(as_side(side, strategy)) for side in answers]


def _cross_views(
    calls: RuleCalls, inputs: Mapping[str, Inputs]
) -> tuple[list[Decision], dict[str, Mapping[str, float]]]:
    """The decisions of a rule of a view, and by symbol the rule's numbers for the next bar."""
    views = [view_of(item) if item.is_fresh else None for item in inputs.values()]
    integers = {name: [getattr(item.held, name) for item in inputs.values()] for name in INTEGERS}
    before: Any = None
    if calls.form.has_state:
        rows = [_state(calls, symbol, item.held) for symbol, item in inputs.items()]
        before = calls.spec.state(*np.array(rows, dtype=np.float64).T)
    decisions, after = calls.ask_cross(calls.cross_view(views, integers), before)
    if after is None:
        return decisions, {}
    columns = after._asdict()
    return decisions, {
        symbol: {name: float(values[number]) for name, values in columns.items()}
        for number, symbol in enumerate(inputs)
    }


def _target(calls: RuleCalls, decision: Decision, state: Mapping[str, float]) -> Target:
    return Target(side_of(decision.target), abs(float(decision.target)), calls.words(decision), state)


def _state(calls: RuleCalls, symbol: str, held: Held) -> Any:
    """The rule's own numbers for a symbol."""
    if not held.state:
        return calls.start()
    names = calls.spec.state._fields if calls.form.has_state else ()
    if set(held.state) != set(names):
        known = ", ".join(names) or "no numbers"
        raise ConfigError(f"{symbol}: the state of {calls.spec.kind} has {known}; given {', '.join(held.state)}")
    return cast_state(calls.spec.state, [held.state[name] for name in names])


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
