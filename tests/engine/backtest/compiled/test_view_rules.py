"""Rules that are handed a view give the same bits on both engines: state, targets, reasons, filters, entry orders."""

import importlib.util
import sys
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import pytest
from random_cases import case
from random_rules import random_rule
from view_rules import AgainstTheMean, ByRank, Everything, State, everything

from core.errors import PluginError
from engine.backtest.bt import engine as bt_engine
from engine.backtest.compiled import engine as compiled
from engine.backtest.compiled.batch import batch
from engine.backtest.compiled.compilation import parts_of
from engine.backtest.compiled.kernel_features import KernelFeatures
from engine.backtest.compiled.source_linker import Linker
from engine.backtest.engine_output import BacktestInput
from engine.backtest.engines import first_difference
from risk.costs import BrokerSpec
from risk.spec import RiskSpec
from signals.features.sma import Sma
from strategies.base import Decision, Strategy
from strategies.threshold import Threshold

ID = "0123456789ab"
FEATURES = (Sma(window=3), Sma(window=5))
FILTERS = (
    {},
    {"warmup": 4, "sessions": ["mon", "tue", "fri"]},
    {"only_if": [{"feature": "sma_3", "op": "<", "value": 0.02}], "reenter": "new_signal"},
    {"hours": ["20:00-22:00"], "warmup": 2, "reenter": {"after": 1}},
)
ORDERS = (
    {"kind": "limit", "offset": {"kind": "percent", "value": 0.01}, "bars": 3},
    {"kind": "stop", "offset": {"kind": "atr", "window": 2, "multiple": 0.5}, "bars": 2},
    {"kind": "limit", "offset": {"kind": "atr", "window": 3, "multiple": 0.3}, "bars": 1},
    {"kind": "stop", "offset": {"kind": "percent", "value": 0.01}, "bars": 5},
    {"kind": "close"},
    None,
)
RENAMED = {Everything: {"momentum": "sma_3"}, AgainstTheMean: {"momentum": "sma_3"}}


def agree(task):
    """The result, once both engines gave the same."""
    one = bt_engine.run_task(task, solvent=False)
    assert first_difference(one, compiled.run_task(task, solvent=False)) == ""
    return one


def varied(spec, seed):
    """A random case for a strategy, whose keys for entries change from seed to seed."""
    market, signals, _, risk, broker = case(seed, tight=seed % 2 == 0)
    keys = {**FILTERS[seed % len(FILTERS)], "entry_order": ORDERS[seed % len(ORDERS)]}
    strategy = spec.parse({**keys, "features": RENAMED.get(spec, {})})
    return BacktestInput.of(market, signals, strategy, risk, broker, ID, features=FEATURES)


@pytest.fixture
def whole(monkeypatch):
    """One kernel for all settings of a strategy."""

    def features_of(_, market, *, cross, record):
        own = {name: market[name] for name in ("view", "reasons")}
        return KernelFeatures(**own, cross=cross, record=record, filters=True, entry_orders=True)

    monkeypatch.setattr(compiled, "features_of", features_of)


@pytest.mark.slow
@pytest.mark.parametrize("spec", [Everything, AgainstTheMean, Threshold])
def test_random_markets_and_settings_give_the_same_bits(whole, spec):
    results = [agree(varied(spec, seed)) for seed in range(80)]
    kinds = {kind for result in results for kind in result.fills["kind"]}
    reasons = {reason.split(":")[0] for result in results for reason in result.orders["reason"]}
    words = {word for result in results for word in result.orders["decision"]}
    # The comparison is worth something only where these things happened.
    assert kinds == {"market", "limit", "stop", "trail", "close"}
    assert {
        "expired",
        "cap at the fill",
        "stop_passed",
        "its entry was not filled",
        "no entry price yet",
        "cancelled before it was filled",
        "not enough cash at submission",
    } <= reasons
    assert words >= {"", "resize", "drawdown", "daily_loss", "delisting", *(spec.reasons or ("signal",))}
    assert sum(len(result.fills) for result in results) > 800


def plain_task(strategy, seed, **keys):
    """One symbol under a plain risk rule, for kernels that compile in seconds."""
    market, signals, _, _, _ = case(seed, tight=False)
    one = market.trade[0]
    alone = replace(signals, symbols=(one,), prediction=signals.prediction[:, :1], confidence=signals.confidence[:, :1])
    risk = RiskSpec.parse({"base": 0.3, "cap": 0.5, **keys})
    return BacktestInput.of(replace(market, trade=(one,)), alone, strategy, risk, BrokerSpec(), ID, features=FEATURES)


@pytest.fixture
def drawn(tmp_path):
    """Makes the strategy of a random rule, from a file as a user's is."""
    names = []

    def make(seed):
        name = f"drawn_{seed}"
        path = tmp_path / f"{name}.py"
        path.write_text(random_rule(seed), encoding="utf-8")
        spec = importlib.util.spec_from_file_location(name, path)
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        names.append(name)
        spec.loader.exec_module(module)
        return module.Drawn

    yield make
    for name in names:
        sys.modules.pop(name)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [4, 5, 6, 7, 8])  # those that trade, each with another kind of entry
def test_random_rules_give_the_same_bits(drawn, seed):
    spec = drawn(seed)
    order = ORDERS[seed % len(ORDERS)]
    strategy = spec.parse({"features": {"slow": "sma_5", "fast": "sma_3"}, "entry_order": order})
    results = [agree(plain_task(strategy, number)) for number in range(25)]
    assert sum(len(result.orders) for result in results) > 25


@pytest.mark.slow
def test_random_rules_run_on_backtrader(drawn):
    decisions = set()
    for seed in range(40):
        strategy = drawn(seed).parse({"features": {"slow": "sma_5", "fast": "sma_3"}})
        result = bt_engine.run_task(plain_task(strategy, seed), solvent=False)
        decisions |= set(result.orders["decision"])
    assert decisions >= {"first", "second", "third"}


@pytest.mark.slow
def test_a_batch_of_settings_is_each_setting_s_run():
    task = plain_task(Everything(features={"momentum": "sma_3"}), 4)
    settings = {
        "strategy.bars": [2, 4, 4, 6, 4, 4],
        "strategy.entry_order": [None, ORDERS[0], None, ORDERS[1], ORDERS[3], ORDERS[4]],
        "strategy.only_if": [[], [], [{"feature": "sma_5", "op": "<", "value": 0.0}], [], [], []],
        "strategy.warmup": [0, 3, 0, 0, 7, 0],
    }
    table = batch(task, settings).table
    for row, values in table.iterrows():
        changes = {path.partition(".")[2]: values[path] for path in settings}
        strategy = Everything.parse({"features": {"momentum": "sma_3"}, **changes})
        result = bt_engine.run_task(replace(task, strategy=strategy), solvent=False)
        assert values["final_value"] == result.equity["equity"].iloc[-1], row
        assert values["fills"] == len(result.fills)
    assert table["final_value"].nunique() == len(table)


@pytest.mark.slow
def test_filters_in_a_batch_of_an_old_rule_skip_nothing_that_trades():
    task = plain_task(Threshold(), 8)
    conditions = [[], [{"feature": "sma_3", "op": "<", "value": 0.0}], [{"feature": "close", "op": ">", "value": 95}]]
    settings = {
        "strategy.only_if": conditions * 4,
        "strategy.warmup": [0] * 6 + [5] * 6,
        "risk.base": [0.2, 0.2, 0.2, 0.3, 0.3, 0.3] * 2,
    }
    table = batch(task, settings).table
    for _, values in table.iterrows():
        strategy = Threshold.parse({"only_if": values["strategy.only_if"], "warmup": values["strategy.warmup"]})
        risk = task.risk.model_copy(update={"base": values["risk.base"]})
        result = bt_engine.run_task(replace(task, strategy=strategy, risk=risk), solvent=False)
        assert values["final_value"] == result.equity["equity"].iloc[-1]


@pytest.mark.slow
def test_what_is_no_target_is_one_line_on_both():
    class Beyond(Strategy):
        """More than there is."""

        rule: ClassVar[Any] = staticmethod(beyond)

    task = plain_task(Beyond(), 3)
    for engine in (bt_engine, compiled):
        with pytest.raises(PluginError, match=r"its rule failed on s0 at the bar of .*from -1 to 1"):
            engine.run_task(task, solvent=False)


def beyond(view, p):
    """More than there is."""
    return Decision(view.close)


# --- the source of a kernel


def source_of(strategy, cross, features):
    return "\n".join(part.text for part in parts_of(strategy, cross, features))


def test_a_kernel_of_an_old_rule_holds_nothing_of_views():
    features = KernelFeatures(view=False, filters=False, entry_orders=False, record=False)
    text = source_of(Threshold, False, features)
    for word in ("view", "seen", "rule_state", "waiting_entries", "arrays.may_enter"):
        assert word not in text


def test_named_tuples_are_made_with_numbers_of_their_types():
    text = source_of(Everything, False, KernelFeatures(view=True, reasons=6))
    assert "def State_" in text
    assert "State(int(bars), float(level), bool(was_up))" in text
    assert "(bars=0, level=0.5, was_up=False):" in text
    assert "_replace" not in text
    assert "arrays.features[step, symbol, 0]" in text


def test_a_cross_sectional_kernel_copies_the_state():
    text = source_of(AgainstTheMean, True, KernelFeatures(view=True, cross=True, reasons=3))
    assert "workspace.rule_state[0].copy(), workspace.rule_state[1].copy()" in text
    assert "CrossView(workspace.rule_view[0]" in text
    assert "return target, reason" not in source_of(ByRank, True, KernelFeatures(view=True, cross=True))


def test_a_state_that_is_replaced_is_written_out():
    linker = Linker(states={everything: State})
    linker.add(everything)
    assert "State(level=0, bars=state.bars, was_up=state.was_up)" in linker.parts[everything].text


def test_the_arrays_hold_what_the_rule_is_handed():
    task = varied(Everything, 1)
    arrays = compiled.arrays_of(task, ())
    for column, (symbol, rows) in enumerate(task.timeline.rows.items()):
        np.testing.assert_array_equal(arrays.features[rows, column], task.rule_features[symbol])
        np.testing.assert_array_equal(
            arrays.previous_prediction[rows[1:], column], arrays.prediction[rows[:-1], column]
        )
        np.testing.assert_array_equal(arrays.volume[rows, column], task.bars[symbol].volume)
