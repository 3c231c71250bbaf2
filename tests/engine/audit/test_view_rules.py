"""Rules that are handed a view in the battery: honest ones pass, and every way to look ahead fails or is found."""

import math
from typing import Any, ClassVar, NamedTuple

import numpy as np
import pytest
import zoo
from view_rules import AgainstTheMean, Everything

from core.errors import PluginError
from engine.audit.battery import audit
from engine.backtest import engine_output
from engine.backtest.rule_features import rule_features
from engine.config.run_config import RunConfig
from signals.features.lagged_return import LaggedReturn
from signals.features.sma import Sma
from strategies.base import Decision, Strategy

RULE = {
    "seed": 3,
    "data": {"source": {"kind": "sample", "symbols": ["nasdaq"]}},
    "model": {"kind": "sma_cross", "fast": 3, "slow": 8},
    "strategy": {"kind": "threshold"},
    "risk": {"stop": {"kind": "percent", "value": 0.05}},
    "measures": {"intervals": {"reps": 0}},
}
LIMIT = {"kind": "limit", "offset": {"kind": "percent", "value": 0.005}, "bars": 2}
CLOSE = {"kind": "close"}
CALM = [{"feature": "sma_10", "op": "<", "value": 0.05}]


def audited(strategy, **changes):
    config = RunConfig.parse({**RULE, **changes})
    features = (Sma(window=10), LaggedReturn(lags=(0,)))
    # An instance cannot be named in a config; what it reads is put beside it.
    return audit(config.model_copy(update={"strategy": strategy, "features": features}), zoo.market_of())


def number_of_leaks(found):
    return [check.number for check in found.checks if check.status == "leak"]


@pytest.mark.parametrize(("spec", "order"), [(Everything, LIMIT), (AgainstTheMean, LIMIT), (AgainstTheMean, CLOSE)])
def test_an_honest_rule_passes(spec, order):
    strategy = spec.parse({"features": {"momentum": "sma_10"}, "entry_order": order, "only_if": CALM})
    found = audited(strategy)
    assert number_of_leaks(found) == []
    assert found.verdict == "no leak found (quick battery)"


class LastReturn(NamedTuple):
    change: float


def follows(view, p):
    """On the side of the last return, so that another one shows at once."""
    return Decision(1 if view.features.change > 0 else -1)


class Follows(Strategy):
    """After the last return."""

    rule: ClassVar[Any] = staticmethod(follows)
    reads: ClassVar[Any] = LastReturn


RETURN = {"change": "return_lag_0"}
RISES = [{"feature": "return_lag_0", "op": ">", "value": 0.0}]


def one_ahead(table):
    """The rows of a table one bar early; the last bar keeps its own."""
    return {symbol: np.concatenate([values[1:], values[-1:]]) for symbol, values in table.items()}


def test_a_rule_of_the_last_return_passes():
    assert number_of_leaks(audited(Follows.parse({"features": RETURN, "only_if": RISES}))) == []


def test_features_of_tomorrow_are_found(monkeypatch):
    monkeypatch.setattr(engine_output, "rule_features", lambda *inputs: one_ahead(rule_features(*inputs)))
    assert {"L1", "L2"} & set(number_of_leaks(audited(Follows(features=RETURN))))


def test_a_filter_that_looks_ahead_is_found(monkeypatch):
    honest = engine_output.entries_allowed
    monkeypatch.setattr(engine_output, "entries_allowed", lambda *inputs: one_ahead(honest(*inputs)))
    assert {"L1", "L2"} & set(number_of_leaks(audited(Follows.parse({"features": RETURN, "only_if": RISES}))))


class Closes(NamedTuple):
    last: float = 0.0


CLOSES: dict[float, float] = {}
"""By close, the next one: what a rule may not know."""


def remembers(view, state, p):
    """Learn the next close of every close in one run, and trade on it in the next."""
    CLOSES.setdefault(state.last, view.close)
    tomorrow = CLOSES.get(view.close, math.nan)
    return Decision(1 if tomorrow > view.close else 0), Closes(view.close)


class Remembers(Strategy):
    """A rule with a memory beside its state."""

    rule: ClassVar[Any] = staticmethod(remembers)
    state: ClassVar[Any] = Closes


def test_a_memory_beside_the_state_is_found():
    CLOSES.clear()
    assert {"L1", "L2"} & set(number_of_leaks(audited(Remembers())))


LOOKS = {
    "subscript": lambda view, p: Decision(view.close[1] > 0),
    "attribute": lambda view, p: Decision(view.next_close > 0),
    "bars": lambda view, p: Decision(view.bars.close[-1] > 0),
    "writes": lambda view, p: setattr(view, "close", 0.0),
    "feature": lambda view, p: Decision(view.features.sma[1] > 0),
}


@pytest.mark.parametrize("name", LOOKS)
def test_there_is_no_way_from_a_view_to_a_later_bar(name):
    class Looks(Strategy):
        """Tries to look ahead."""

        rule: ClassVar[Any] = staticmethod(LOOKS[name])

    with pytest.raises(PluginError, match="its rule failed on"):
        audited(Looks())
