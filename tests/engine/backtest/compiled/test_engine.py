"""The compiled engine against backtrader, bit for bit; what it refuses; how a difference is told."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from random_cases import as_told, case

from core.errors import ConfigError, DataError, PluginError
from engine.backtest import compiled
from engine.backtest.bt import engine as bt_engine
from engine.backtest.compiled import source_linker
from engine.backtest.compiled.compilation import parameters, rule_of
from engine.backtest.compiled.kernel_features import KernelFeatures
from engine.backtest.engine_output import BacktestInput
from engine.backtest.engines import backtest, first_difference
from engine.cli.main import main
from engine.sweep.load_config import load
from risk.costs import BrokerSpec, VolumeShare
from risk.spec import RiskSpec
from strategies.rank import Rank
from strategies.threshold import Threshold, target_side

pytestmark = pytest.mark.early  # the kernel that most other tests take is compiled here
ID = "0123456789ab"


def agree(market, signals, strategy, risk, broker):
    """The fills, once both engines gave the same, however bad an end it took."""
    task = BacktestInput.of(market, signals, strategy, risk, broker, ID)
    one = bt_engine.run_task(task, solvent=False)
    other = compiled.run_task(task, solvent=False)
    assert first_difference(one, other) == ""
    return one


@pytest.mark.slow
def test_random_settings_give_the_same_bits(general):
    results = [agree(*case(seed, rules=("threshold",), tight=seed % 2 == 0)) for seed in range(80)]
    reasons = {reason.split(":")[0] for result in results for reason in result.orders["reason"]}
    # The comparison is worth something only where these things happened.
    expected = {
        "not enough cash at submission",
        "not enough cash at the fill",
        "cap at the fill",
        "stop_passed",
        "target_passed",
        "rejected by the broker",
        "no stop yet",
        "the other order of its bracket was filled",
        "drawdown stop",
        "daily_loss stop",
    }
    assert expected <= reasons
    assert sum(len(result.fills) for result in results) > 1500


@pytest.mark.parametrize("seed", [267, 1245])
def test_an_entry_that_meets_the_other_side_closes_first(general, seed):
    # A closing order lacked the cash, another symbol's sale freed it, and the entry finds the old position still there.
    result = agree(*case(seed, rules=("threshold",)))
    reverses = result.fills["size"].abs() > 1.000001 * result.fills["position_after"].abs()
    opens = result.fills["size"] * result.fills["position_after"] > 0
    assert (reverses & opens).any() or result.orders["reason"].str.startswith("only closes").any()


@pytest.mark.slow
@pytest.mark.parametrize("reenter", ["new_signal", {"after": 2}])
def test_entries_after_a_position_give_the_same_bits(general, reenter):
    barred = 0
    for seed in range(40):
        market, signals, strategy, risk, broker = case(seed, rules=("threshold", "time_exit"), tight=False)
        guarded = type(strategy).parse({**parameters_of(strategy), "reenter": reenter})
        result = agree(market, signals, guarded, risk, broker)
        free = bt_engine.run_task(BacktestInput.of(market, signals, strategy, risk, broker, ID), solvent=False)
        barred += len(result.trades) < len(free.trades)
    assert barred > 10


def parameters_of(strategy):
    """The parameters of a strategy as plain values."""
    return {name: value for name, value in strategy.dump().items() if name != "kind"}


@pytest.mark.slow
def test_a_cross_sectional_rule_enters_again_on_a_new_signal_only(general):
    for seed in range(10):
        market, signals, strategy, risk, broker = case(seed, rules=("rank",), tight=False)
        for reenter in ("new_signal", {"after": 2}):
            guarded = type(strategy).parse({**parameters_of(strategy), "reenter": reenter})
            agree(market, signals, guarded, risk, broker)


@pytest.mark.slow
def test_a_cross_sectional_rule_gives_the_same_bits(general):
    results = [agree(*case(seed, rules=("rank",), tight=seed % 2 == 0)) for seed in range(20)]
    assert sum(len(result.fills) for result in results) > 150


def test_a_cut_at_t_leaves_what_was_before(general):
    market, signals, strategy, risk, broker = case(3, rules=("threshold",))
    full = compiled.run_task(BacktestInput.of(market, signals, strategy, risk, broker, ID), solvent=False)
    at = market.times[len(market.times) // 2]
    past = market.until(at)
    rows = signals.times <= at
    past_signals = replace(
        signals,
        times=signals.times[rows],
        prediction=signals.prediction[rows],
        confidence=signals.confidence[rows],
        fold=signals.fold[rows],
    )
    cut = compiled.run_task(BacktestInput.of(past, past_signals, strategy, risk, broker, ID), solvent=False)
    before = full.fills[full.fills["time"] <= at].reset_index(drop=True)
    assert cut.fills.equals(before)
    assert len(before)


@pytest.mark.slow
def test_a_kernel_with_one_symbol_and_nothing_else_gives_the_same_bits():
    market, signals, strategy, _, _ = case(0, rules=("threshold",))
    one = market.trade[0]
    alone = replace(market, trade=(one,))
    one_signal = replace(
        signals, symbols=(one,), prediction=signals.prediction[:, :1], confidence=signals.confidence[:, :1]
    )
    agree(alone, one_signal, strategy, RiskSpec(), BrokerSpec())


# --- what is refused


def test_impact_is_refused_by_name():
    with pytest.raises(ConfigError, match=r"broker\.impact.*not supported by the compiled engine.*engine: backtrader"):
        compiled.refuse(Threshold(), BrokerSpec(impact=VolumeShare()))


def power(prediction, confidence, side, held, p):
    return 1 if prediction**2 > p.entry else 0


def logarithm(prediction, confidence, side, held, p):
    return 1 if math.log(confidence) > p.entry else 0


def guarded(prediction, confidence, side, held, p):
    try:
        return 1
    except ValueError:
        return 0


TABLE = {"long": 1}


def outside(prediction, confidence, side, held, p):
    return TABLE["long"]


@pytest.mark.parametrize(
    ("rule", "what"),
    [
        (power, r"test_engine\.py:\d+: the rule power cannot be compiled: it uses \*\*"),
        (logarithm, r"the rule logarithm cannot be compiled: it uses math\.log"),
        (guarded, r"the rule guarded cannot be compiled: it uses try; engine: backtrader runs it"),
        (outside, r"it uses 'TABLE', a dict outside the rule; engine: backtrader runs it"),
    ],
)
def test_a_rule_that_cannot_be_compiled_is_told_what_and_where(rule, what):
    with pytest.raises(ConfigError, match=what):
        parameters(rule)


def test_what_a_rule_reads_is_found_in_what_it_calls_too():
    assert parameters(target_side) == ("allow_long", "allow_short", "entry", "exit")
    assert parameters(rule_of(Rank)) == ("allow_long", "allow_short", "bottom", "buffer", "top")


class Odd(Threshold):
    """A strategy whose rule each test replaces."""


def beyond(prediction, confidence, side, held, p):
    return prediction.as_integer_ratio()[0]


def plain_task(rule, *, prediction=None, confidence=None):
    """One symbol under the plainest rule of risk: a kernel that compiles in seconds."""
    market, signals, _, _, _ = case(0, rules=("threshold",))
    one = market.trade[0]
    predictions = (
        signals.prediction[:, :1] if prediction is None else np.full_like(signals.prediction[:, :1], prediction)
    )
    trust = signals.confidence[:, :1] if confidence is None else np.full_like(signals.confidence[:, :1], confidence)
    Odd.rule = staticmethod(rule)
    signals = replace(signals, symbols=(one,), prediction=predictions, confidence=trust)
    return BacktestInput.of(replace(market, trade=(one,)), signals, Odd(), RiskSpec(), BrokerSpec(), ID)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("prediction", "what"),
    [
        (7.0, "no side: 1"),
        (85.0, "ZeroDivisionError: division by zero"),
        (95.0, "ValueError: it had enough"),
    ],
)
def test_a_rule_that_fails_is_told_where(prediction, what):
    with pytest.raises(PluginError, match=rf"its rule failed on s0 at the bar of 2024.*{what}.*; mend the rule"):
        compiled.run_task(plain_task(as_told, prediction=prediction))


@pytest.mark.slow
def test_what_the_compiler_cannot_do_is_one_line_with_the_construct():
    with pytest.raises(PluginError) as caught:
        compiled.run_task(plain_task(beyond))
    line = beyond.__code__.co_firstlineno + 1
    assert f"test_engine.py:{line}: the rule cannot be compiled" in str(caught.value)
    assert "prediction.as_integer_ratio" in str(caught.value)
    assert str(caught.value).endswith("engine: backtrader runs it")


@pytest.mark.parametrize(
    ("changes", "what"),
    [({"prediction": np.inf}, "s0: prediction is infinite on 2024"), ({"confidence": 1.5}, "s0: confidence is 1.5 on")],
)
def test_signals_that_are_none_are_refused_by_both_engines(changes, what):
    for engine in (bt_engine, compiled):
        with pytest.raises(DataError, match=what):
            engine.run_task(plain_task(target_side, **changes))


def test_what_is_never_run_is_left_out_of_the_source():
    linker = source_linker.Linker(constants={"FEATURES": KernelFeatures(short_interest=False)})
    linker.add(folded)
    source = linker.parts[folded].text
    assert "1.0" not in source
    assert "2.0" in source


def folded():
    return 1.0 if FEATURES.short_interest else 2.0


FEATURES = KernelFeatures()


# --- how a difference is told


def test_the_first_difference_names_bar_symbol_and_field(general):
    result = agree(*case(2, rules=("threshold",)))
    fills = result.fills.copy()
    fills.loc[1, "price"] = np.nextafter(fills.loc[1, "price"], np.inf)
    text = first_difference(result, replace(result, engine="compiled", fills=fills))
    moved = result.positions.copy()
    moved.iloc[3, 0] += 1.0
    assert "positions.s0, row 3" in first_difference(result, replace(result, engine="compiled", positions=moved))
    assert f"bar of {fills['time'][1]} of {fills['symbol'][1]}, fills.price, row 1" in text
    assert "backtrader" in text
    assert "compiled" in text


def test_engines_that_differ_end_with_exit_code_1(general, monkeypatch, tmp_path, capsys):
    honest = compiled.run_task

    def mistaken(*arguments, **options):
        result = honest(*arguments, **options)
        equity = result.equity.copy()
        equity.loc[5, "cash"] += 1e-9
        return replace(result, equity=equity)

    monkeypatch.setattr(compiled, "run_task", mistaken)
    words = ["configs/sma_cross.yaml", "--engine", "both", "--out", str(tmp_path), "report.tearsheet=false"]
    assert main(words) == 1
    error = capsys.readouterr().err
    assert "the engines differ" in error
    assert "equity.cash, row 5" in error


@pytest.mark.slow
@pytest.mark.parametrize("config", ["sma_cross", "buy_and_hold"])
def test_a_config_gives_the_same_files_on_either_engine(config, tmp_path):
    words = ["report.tearsheet=false", "data.end=2003-12-31"]
    for engine in ("backtrader", "compiled"):
        arguments = [f"configs/{config}.yaml", "--engine", engine, "--out", str(tmp_path / engine), "--quiet", *words]
        assert main(arguments) == 0
    (one,), (other,) = (list((tmp_path / engine).iterdir()) for engine in ("backtrader", "compiled"))
    assert one.name == other.name
    for name in ("metrics.json", "equity.parquet", "orders.parquet", "fills.parquet", "trades.parquet"):
        assert (one / name).read_bytes() == (other / name).read_bytes()


def test_both_returns_the_reference(general):
    config = load(Path("configs/sma_cross.yaml"), ["engine=both"])
    market, signals, _, _, _ = case(4, rules=("threshold",))
    assert backtest(config, market, signals, solvent=False).engine == "backtrader"
