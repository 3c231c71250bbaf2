"""The batch call against single runs: the same bits of the account, the same measures."""

import sys
from dataclasses import replace
from functools import partial
from importlib import import_module

import numpy as np
import pandas as pd
import pytest
from general_kernels import use_general_kernels
from random_cases import case, random_bars

from core.errors import ConfigError, DataError, PluginError
from core.types import Bars, Market, SignalFrame
from engine.backtest import compiled
from engine.backtest.account_returns import daily_returns
from engine.backtest.bt import engine
from engine.backtest.compiled import batch, batch_run, batches, product
from engine.backtest.compiled.kernel_features import KernelFeatures
from engine.backtest.engine_output import BacktestInput
from engine.results.measure_inputs import samples
from risk.costs import BrokerSpec
from risk.measures.expected_shortfall import ExpectedShortfall
from risk.measures.information_ratio import InformationRatio
from risk.measures.sharpe import Sharpe
from risk.measures.skew import Skew
from risk.measures.value_at_risk import ValueAtRisk
from risk.measures.win_rate import WinRate
from risk.spec import RiskSpec
from strategies.threshold import Threshold
from strategies.time_exit import TimeExit

pytestmark = pytest.mark.early


@pytest.fixture
def one_for_all(monkeypatch):
    """One kernel for everything: each of its own would take an hour to compile."""
    use_general_kernels(monkeypatch)


@pytest.fixture
def single(monkeypatch):
    """The same for one symbol with a bar at every step, so that steps at which nothing happens are passed over."""
    shape = partial(KernelFeatures, symbols=1, gaps=False, halts=False, cash_interest=False, daily=True, reenter=False)
    monkeypatch.setattr(batch_run, "features_of", lambda *_, cross, record: shape(cross=cross, record=record))


def alone(task, setting):
    """The run of one setting by itself, by backtrader."""
    parts = {"strategy": task.strategy.dump(), "risk": task.risk.dump(), "broker": task.broker.dump()}
    parts["strategy"].pop("kind")
    for path, value in setting.items():
        block, *keys = path.split(".")
        inner = parts[block]
        for key in keys[:-1]:
            inner = inner[key]
        inner[keys[-1]] = value
    specs = {name: type(getattr(task, name)).parse(values) for name, values in parts.items()}
    return engine.run_task(replace(task, **specs), solvent=False)


def task_of(seed, **changes):
    market, signals, strategy, risk, broker = case(seed, rules=("threshold",), tight=seed % 2 == 0)
    risk = RiskSpec.parse({**risk.dump(), "limits": {**risk.limits.dump(), "min_order": 0.0, **changes}})
    return BacktestInput.of(market, signals, strategy, risk, broker, "x")


def require_equal(row, curve, result, task, measures=compiled.MEASURES):
    """One row of a batch against the run of its setting."""
    value = result.equity["equity"].to_numpy()
    if (value <= 0).any():
        assert row.status == "ruined"
        assert row.final_value == value[np.argmax(value <= 0)]
        assert "lost more than it had" in row.reason
        return
    assert row.status == "done"
    assert row.final_value == value[-1]
    assert row.fills == len(result.fills)
    assert row.trades == result.trades["exited_at"].notna().sum()
    orders = result.orders[result.orders["kind"] == "market"]
    assert row.rejections == orders["status"].isin(["rejected", "margin"]).sum()
    daily = daily_returns(result, task.market)
    np.testing.assert_array_equal(curve[1:] / curve[:-1] - 1.0, daily["strategy"].to_numpy())
    sample = samples(daily, result, 252.0, 0.0)["strategy"]
    for measure in measures:
        estimate = measure.of(sample)
        if estimate.value is None:
            assert np.isnan(row[measure.name])
            assert f"{measure.name}: {estimate.reason}" in row.reason
        else:
            # A gain is a difference from 1: of a small one, fewer digits are there to agree on.
            tolerance = 1e-12 if measure.name in ("total_return", "cagr", "calmar") else 1e-15
            np.testing.assert_allclose(row[measure.name], estimate.value, rtol=1e-12, atol=tolerance)


@pytest.mark.slow
def test_each_row_is_the_run_of_its_setting(one_for_all):
    seen = {"ruined": 0, "done": 0}
    for seed in range(24):
        task = task_of(seed)
        entries = [0.0, 0.004, 0.01]
        bases = [0.02, 0.9, 0.3]
        settings = {"strategy.entry": entries, "risk.base": bases, "broker.slippage": [0.0, 0.001, 0.02]}
        batched = batch(task, settings, equity=True, per_year=252, threads=2)
        for number, row in batched.table.iterrows():
            result = alone(task, {path: values[number] for path, values in settings.items()})
            require_equal(row, batched.equity[number], result, task)
            seen[row.status] += 1
    assert seen["done"] > 40


@pytest.mark.slow
def test_a_sweep_of_reentry_is_the_run_of_each_setting(one_for_all):
    finals = []
    for seed in range(8):
        task = task_of(seed)
        settings = {"strategy.reenter": ["always", "new_signal", {"after": 2}], "risk.base": [0.1, 0.1, 0.1]}
        batched = batch(task, settings, equity=True, per_year=252)
        for number, row in batched.table.iterrows():
            result = alone(task, {path: values[number] for path, values in settings.items()})
            require_equal(row, batched.equity[number], result, task)
        finals.append(batched.table["final_value"].nunique())
    assert max(finals) == 3


def one_symbol(seed, days=400):
    """A symbol with a bar every weekday, and signals that keep their side for a while."""
    rng = np.random.default_rng(seed)
    times = pd.bdate_range("2023-01-02", periods=days, tz="UTC") + pd.Timedelta("21h")
    close = np.round(100.0 * np.exp(np.cumsum(rng.normal(0.0, 0.02, days))), 1)
    opened = np.round(np.concatenate([[100.0], close[:-1]]) * np.exp(rng.normal(0.0, 0.01, days)), 1)
    high = np.maximum(opened, close) + rng.integers(0, 3, days)
    low = np.minimum(opened, close) - rng.integers(0, 3, days)
    frame = pd.DataFrame({"open": opened, "high": high, "low": low, "close": close, "volume": 1e6}, index=times)
    prediction = np.convolve(rng.normal(0.0, 0.01, days + 9), np.ones(10) / 3.0, "valid")[:, None]
    prediction[rng.random((days, 1)) < 0.1] = np.nan
    confidence = np.where(np.isnan(prediction), np.nan, rng.uniform(0.2, 1.0, (days, 1)))
    signals = SignalFrame(times, ("s0",), prediction, confidence, np.where(np.arange(days) < 5, -1, 0))
    return Market({"s0": Bars.of("s0", frame)}, ("s0",), "s0", "UTC"), signals


@pytest.mark.slow
def test_many_symbols_without_their_exact_sum_change_no_bit(monkeypatch):
    shape = partial(KernelFeatures, gross=False, net=False, positions=False, open_risk=False, resize=False, halts=False)
    monkeypatch.setattr(batch_run, "features_of", lambda *_, cross, record: shape(cross=cross, record=record))
    rng = np.random.default_rng(11)
    days = 120
    count = 12
    times = pd.bdate_range("2024-01-02", periods=days, tz="UTC") + pd.Timedelta("21h")
    bars = {f"s{n}": random_bars(f"s{n}", times, rng, gaps=n > 3) for n in range(count)}
    prediction = rng.normal(0.0, 0.01, (days, count))
    signals = SignalFrame(
        times, tuple(bars), prediction, rng.uniform(0.3, 1.0, prediction.shape), np.zeros(days, dtype=np.int64)
    )
    task = BacktestInput.of(Market(bars, tuple(bars), "s0", "UTC"), signals, Threshold(), RiskSpec(), BrokerSpec(), "x")
    settings = {
        "risk.base": [0.01, 0.05, 0.1, 0.3, 0.1, 0.08],
        "risk.cap": [0.05, 0.05, 0.1, 0.3, 1.0, 0.06],
        "risk.limits.short": [None, None, 0.1, 3.0, 0.3, 0.2],
        "risk.stop": [None, None, None, STOPS[1], None, STOPS[1]],
        "risk.mode": ["notional"] * 5 + ["stop"],
        "broker.lot": [0.0, 1.0] * 3,
    }
    batched = batch(task, settings, equity=True, per_year=252)
    reasons = set()
    for number, row in batched.table.iterrows():
        result = alone(task, {path: values[number] for path, values in settings.items()})
        require_equal(row, batched.equity[number], result, task)
        reasons |= {reason.split(":")[0] for reason in result.orders["reason"]}
    assert {"cap at the fill", "short exposure at the fill", "short exposure at the signal"} <= reasons


STOPS = (
    None,
    {"kind": "percent", "value": 0.03},
    {"kind": "trail_percent", "value": 0.04},
    {"kind": "atr", "window": 5, "multiple": 1.5},
    {"kind": "trail_atr", "window": 3, "multiple": 2.0},
)


@pytest.mark.slow
@pytest.mark.parametrize(
    "rule", [pytest.param(Threshold(), id="threshold"), pytest.param(TimeExit(bars=4), id="time_exit")]
)
def test_passing_over_quiet_steps_changes_no_bit(single, rule):
    market, signals = one_symbol(1)
    task = BacktestInput.of(market, signals, rule, RiskSpec(cap=1.0), BrokerSpec(lot=0.0), "x")
    rng = np.random.default_rng(2)
    count = 60
    settings = {
        "strategy.entry": np.repeat([0.0, 0.005, 0.012], 20).tolist(),
        "strategy.side": [["both", "long", "short"][n % 3] for n in range(count)],
        "risk.base": rng.choice([0.02, 0.5, 1.0], count).tolist(),
        "risk.stop": [STOPS[n % 5] for n in range(count)],
        "risk.take_profit": [STOPS[(n // 5) % 2] for n in range(count)],
        "risk.resize": [None if n % 4 else {"band": 0.1} for n in range(count)],
        "broker.short_interest": rng.choice([0.0, 0.3], count).tolist(),
        "broker.lot": rng.choice([0.0, 1.0], count).tolist(),
    }
    if isinstance(rule, TimeExit):
        settings["strategy.bars"] = settings.pop("strategy.entry") and [3] * 30 + [9] * 30
        del settings["strategy.side"]
    batched = batch(task, settings, equity=True, per_year=252)
    fills = 0
    for number, row in batched.table.iterrows():
        result = alone(task, {path: values[number] for path, values in settings.items()})
        require_equal(row, batched.equity[number], result, task)
        fills += row.fills
    assert fills > 1000


def hourly(seed, days=70):
    """The same bars and signals, seven to a session."""
    market, signals = one_symbol(seed, days * 7)
    dates = pd.bdate_range("2023-01-02", periods=days, tz="UTC")
    times = pd.DatetimeIndex(np.concatenate([dates + pd.Timedelta(hours=14 + hour) for hour in range(7)])).sort_values()
    bars = Bars.of("s0", market.bars["s0"].frame.set_axis(times))
    return Market({"s0": bars}, ("s0",), "s0", "UTC"), replace(signals, times=times)


@pytest.mark.slow
@pytest.mark.parametrize("shared", [True, False], ids=["asked beforehand", "asked as it goes"])
def test_bars_within_the_day_are_measured_by_the_day(monkeypatch, shared):
    shape = partial(KernelFeatures, symbols=1, gaps=False, halts=False, cash_interest=False)
    monkeypatch.setattr(batch_run, "features_of", lambda *_, cross, record: shape(cross=cross, record=record))
    task = BacktestInput.of(*hourly(4), Threshold(), RiskSpec(cap=1.0), BrokerSpec(), "x")
    count = 24
    entries = np.linspace(0.0, 0.012, 3 if shared else count)
    settings = {
        "strategy.entry": np.repeat(entries, count // len(entries)).tolist(),
        "risk.base": [0.02, 0.9] * (count // 2),
        "risk.stop": [STOPS[n % 5] for n in range(count)],
        "broker.short_interest": [0.0, 0.0, 0.4] * (count // 3),
    }
    batched = batch(task, settings, equity=True, per_year=252)
    assert len(batched.sessions) < 71
    for number, row in batched.table.iterrows():
        result = alone(task, {path: values[number] for path, values in settings.items()})
        require_equal(row, batched.equity[number], result, task)
    assert batched.table["fills"].sum() > 1000


def long_only(seed=3, **broker):
    market, signals = one_symbol(seed)
    return BacktestInput.of(market, signals, Threshold(side="long"), RiskSpec(), BrokerSpec(**broker), "x")


@pytest.mark.slow
def test_chunks_and_threads_change_nothing(single):
    task = long_only()
    space = {"strategy.entry": [0.0, 0.004, 0.009], "risk.base": [0.01, 0.02, 0.03, 0.04]}
    in_one = batch(task, next(product(space)), threads=1, equity=True)
    parts = list(batches(task, product(space, size=5), threads=2, equity=True))
    assert [len(part.table) for part in parts] == [5, 5, 2]
    pd.testing.assert_frame_equal(
        pd.concat([part.table for part in parts], ignore_index=True), in_one.table, check_exact=True
    )
    np.testing.assert_array_equal(np.concatenate([part.equity for part in parts]), in_one.equity)
    assert in_one.table["risk.base"].tolist() == [0.01, 0.02, 0.03, 0.04] * 3


def test_chunks_are_made_as_they_are_asked_for(one_for_all):
    numbers = []

    def chunks():
        for number in range(1000):
            numbers.append(number)
            yield {"risk.base": [0.01, 0.02]}

    running = batches(long_only(), chunks())
    next(running)
    assert numbers == [0]
    running.close()


def test_a_measure_that_sums_do_not_give_is_worked_out_from_the_returns(one_for_all):
    task = long_only()
    measures = (Sharpe(), Skew(), InformationRatio(), ValueAtRisk(method="gaussian"))
    settings = {"risk.base": [0.02, 0.05]}
    batched = batch(task, settings, measures=measures, per_year=252)
    assert batched.equity is None
    for number, row in batched.table.iterrows():
        result = alone(task, {"risk.base": settings["risk.base"][number]})
        sample = samples(daily_returns(result, task.market), result, 252.0, 0.0)["strategy"]
        for measure in measures:
            np.testing.assert_allclose(row[measure.name], measure.estimate(sample).value, rtol=1e-12)


def test_tails_are_those_of_numpy(one_for_all):
    measures = tuple(kind(level=level) for level in (0.9, 0.95, 0.99) for kind in (ValueAtRisk, ExpectedShortfall))
    batched = batch(long_only(), {"risk.base": [0.02, 0.04]}, measures=measures, equity=True)
    for row, returns in zip(batched.table.itertuples(index=False), batched.returns, strict=True):
        for level in (90, 95, 99):
            quantile = np.quantile(returns, round(1.0 - level / 100, 15), method="linear")
            assert getattr(row, f"value_at_risk_{level}") == quantile
            inside = returns[returns <= quantile]
            np.testing.assert_allclose(getattr(row, f"expected_shortfall_{level}"), inside.mean(), rtol=1e-12)


def test_nothing_traded_has_reasons_and_no_ratio(one_for_all):
    row = batch(long_only(), {"strategy.entry": [10.0, 10.0]}).table.iloc[0]
    assert (row.fills, row.final_value, row.total_return, row.max_drawdown) == (0, 10_000.0, 0.0, 0.0)
    assert np.isnan(row.sharpe)
    assert np.isnan(row.calmar)
    assert row.reason == (
        "sharpe: the returns do not vary; sortino: no return is below the risk-free rate; calmar: there is no drawdown"
    )


BAD = {
    "no column": ({}, "there is no setting to run"),
    "no row": ({"risk.base": []}, "there is no setting to run"),
    "lengths": ({"risk.base": [0.1], "risk.cap": [0.1, 0.2]}, "one length; given: risk.base 1, risk.cap 2"),
    "out of range": ({"risk.base": [0.1, 2.0]}, "setting 1: risk.base: must be above 0 and at most 1"),
    "unknown": ({"risk.bse": [0.1]}, "setting 0: risk.bse: unknown key; did you mean 'base'"),
    "signals": ({"features.0.window": [3]}, "features.0.window: a batch changes strategy, risk, broker"),
    "NaN": ({"risk.base": [float("nan")]}, "setting 0: risk.base: input should be a finite number; given nan"),
    "text": ({"strategy.entry": ["a"]}, "setting 0: strategy.entry: input should be a valid number; given 'a'"),
    "one value": ({"risk.base": 0.1}, "risk.base: give a column of values"),
    "two dimensions": ({"risk.base": np.full((2, 2), 0.1)}, "one dimension; given: 2"),
    "contradiction": ({"risk.mode": ["stop"]}, "setting 0: risk.stop: mode stop sizes by the loss at the stop"),
    "least order": (
        {"risk.limits.min_order": [1e6]},
        "setting 0: risk.limits.min_order (1e+06) is more than cap x cash",
    ),
    "impact": ({"broker.impact": [{"kind": "volume_share"}]}, "broker.impact: {kind: volume_share} is not supported"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_settings_are_one_clear_line(name):
    settings, message = BAD[name]
    with pytest.raises(ConfigError) as caught:
        batch(long_only(), settings)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_bad_options_are_one_clear_line():
    with pytest.raises(ConfigError, match="win_rate needs every closed trade"):
        batch(long_only(), {"risk.base": [0.1]}, measures=(WinRate(),))
    with pytest.raises(ConfigError, match="each once; asked for again: sharpe"):
        batch(long_only(), {"risk.base": [0.1]}, measures=(Sharpe(), Sharpe()))
    with pytest.raises(ConfigError, match="threads is 0; give 1 or more"):
        batch(long_only(), {"risk.base": [0.1]}, threads=0)
    with pytest.raises(ConfigError, match="there is no setting to run"):
        list(batches(long_only(), ()))


def test_one_bar_is_too_few():
    market, signals = one_symbol(3)
    last = SignalFrame(
        signals.times, signals.symbols, signals.prediction, signals.confidence, np.where(np.arange(400) < 399, -1, 0)
    )
    with pytest.raises(DataError, match="there is no bar after the first decision"):
        batch(BacktestInput.of(market, last, Threshold(), RiskSpec(), BrokerSpec(), "x"), {"risk.base": [0.1]})


USERS = """
from typing import ClassVar

from strategies.base import Strategy


def by_inverse(prediction, confidence, side, held, p):
    if side < 0 and 1.0 / (p.worst - p.worst) > 0.0:
        return 0
    if prediction < p.worst:
        return p.below
    return 1 if prediction > 0.0 else 0


class Inverse(Strategy):
    worst: float = -1.0
    below: float = 0.0
    rule: ClassVar = staticmethod(by_inverse)
"""


@pytest.fixture
def failing(tmp_path, monkeypatch):
    """A task whose rule fails when it is asked about a short, and gives ``below`` for a very low prediction."""
    (tmp_path / "inverse.py").write_text(USERS)
    monkeypatch.syspath_prepend(str(tmp_path))
    market, signals = one_symbol(3)
    yield BacktestInput.of(market, signals, import_module("inverse").Inverse(), RiskSpec(), BrokerSpec(), "x")
    del sys.modules["inverse"]


@pytest.mark.slow
def test_a_rule_may_fail_on_what_it_is_never_asked(single, failing):
    bases = [0.01, 0.02, 0.03]
    batched = batch(failing, {"risk.base": bases}, equity=True, per_year=252)
    for base, curve, (_, row) in zip(bases, batched.equity, batched.table.iterrows(), strict=True):
        require_equal(row, curve, alone(failing, {"risk.base": base}), failing)


@pytest.mark.slow
@pytest.mark.parametrize(("below", "message"), [(-1.0, "ZeroDivisionError"), (2.0, "no side"), (0.5, "no side")])
def test_a_rule_that_fails_is_told_with_setting_symbol_and_bar(single, failing, below, message):
    settings = {"strategy.worst": [-1.0, -1.0, -0.005, -0.005], "strategy.below": [below] * 4}
    with pytest.raises(PluginError) as caught:
        batch(failing, settings)
    text = str(caught.value)
    assert text.startswith("setting 2: strategy inverse: its rule failed on s0 at the bar of 202")
    assert message in text
