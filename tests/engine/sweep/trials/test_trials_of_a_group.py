"""Rows of a sweep's table, by the compiled engine and on backtrader, against single runs on backtrader."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from general_kernels import use_general_kernels
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from core.errors import ConfigError
from core.types import Bars, Market, SignalFrame
from engine.backtest import engines
from engine.backtest.account_returns import daily_returns
from engine.backtest.compiled import SettingRuleError
from engine.backtest.engine_output import BacktestInput
from engine.results.measure_inputs import samples
from engine.sweep.space.dimensions import Discrete, iter_points
from engine.sweep.space.space_check import trial_config
from engine.sweep.trials.backtrader_trials import run_trial
from engine.sweep.trials.compiled_trials import CompiledTrials, TrialOutputs
from engine.sweep.trials.plan import SharedSpan
from engine.sweep.trials.trial_scores import Scores, join_scores, pack, select_trials, unmeasured_scores, unpack
from risk.measures.max_drawdown import MaxDrawdown
from risk.measures.sharpe import Sharpe
from risk.measures.skew import Skew
from risk.measures.total_return import TotalReturn
from risk.measures.turnover import Turnover
from risk.measures.value_at_risk import ValueAtRisk

MEASURES = (Sharpe(), TotalReturn(), MaxDrawdown(), ValueAtRisk(), Skew(), Turnover())


@pytest.fixture(scope="module")
def world(config_of):
    """Two symbols, one of which triples overnight towards the end; predictions that stay for some days."""
    config = config_of({"space": {"risk.base": [0.1]}}, strategy={"kind": "threshold", "side": "both"})
    one = config.data.load()
    frame = one.bars["X"].frame
    jump = frame.copy()
    jump.iloc[150:, :4] *= 3.0
    market = Market({"X": one.bars["X"], "Y": Bars.of("Y", jump)}, ("X", "Y"), "X", one.zone)
    rng = np.random.default_rng(5)
    predictions = np.repeat(rng.normal(0.0, 0.01, (len(frame) // 4, 2)), 4, axis=0)
    predictions[145:155, 1] = -0.05
    fold = np.where(np.arange(len(frame)) < 10, -1, 0)
    return (
        config,
        market,
        SignalFrame(market.times, ("X", "Y"), predictions, rng.uniform(0.5, 1.0, predictions.shape), fold),
    )


def outputs_of(market, summed, with_returns=()):
    span = SharedSpan.from_start(market, market.times[30], 6)
    summed, with_returns = (np.array(numbers, dtype=np.int64) for numbers in (summed, with_returns))
    return TrialOutputs(MEASURES, 252.0, 0.01, span, summed, with_returns)


AXES = (
    Discrete("strategy.entry", (0.0, 0.004, 0.02)),
    Discrete("risk.base", (0.02, 0.3, 1.0)),
    Discrete("risk.cap", (0.1, 1.0)),
    Discrete("risk.mode", ("notional", "stop")),
    Discrete("risk.stop", (None, {"kind": "percent", "value": 0.03}, {"kind": "atr", "window": 5, "multiple": 2.0})),
    Discrete("risk.limits.min_order", (0.0, 2000.0)),
    Discrete("broker.lot", (0.0, 1.0)),
)


def some(count, seed=1):
    rng = np.random.default_rng(seed)
    return {axis.path: [axis.values[rng.integers(len(axis))] for _ in range(count)] for axis in AXES}


def task_of(world, config=None):
    base, market, signals = world
    config = config or base
    return BacktestInput.of(market, signals, config.strategy, config.risk, config.broker, "x")


@pytest.fixture(scope="module")
def scored(world):
    """A chunk of trials whose numbers have gaps, of which every other is summed and every third of these is kept."""
    with pytest.MonkeyPatch.context() as patch:
        use_general_kernels(patch)
        numbers = np.arange(48) * 2 + 7
        columns = some(48)
        outputs = outputs_of(world[1], numbers[::2], numbers[::6])
        return numbers, columns, outputs, CompiledTrials(task_of(world), outputs, AXES, 1).scores(numbers, columns)


def config_or_problem(config, point):
    try:
        return trial_config(config, point), ""
    except ConfigError as error:
        return None, str(error)


def test_each_row_is_the_single_run_on_backtrader(world, scored):
    config, market, signals = world
    numbers, columns, _, chunk = scored
    assert chunk.numbers.tolist() == numbers.tolist()
    seen = []
    for index, point in enumerate(iter_points(columns)):
        seen.append(chunk.status[index])
        single_config, problem = config_or_problem(config, point)
        if problem:
            assert chunk.status[index] == "invalid"
            assert chunk.reason[index].replace("min_order (", "min_order: min_order (") == problem
            assert all(np.isnan(values[index]) for values in chunk.values.values())
            continue
        if chunk.status[index] == "ruined":
            with pytest.raises(Exception, match="lost more"):
                engines.backtest(single_config, market, signals)
            continue
        assert chunk.status[index] == "done"
        result = engines.backtest(single_config.model_copy(update={"engine": "backtrader"}), market, signals)
        assert chunk.values["final_value"][index] == result.equity["equity"].iloc[-1]
        assert chunk.values["fills"][index] == len(result.fills)
        sample = samples(daily_returns(result, market), result, 252.0, 0.01)["strategy"]
        for measure in MEASURES:
            value = measure.of(sample).value
            expected = np.nan if value is None else value
            np.testing.assert_allclose(chunk.values[measure.name][index], expected, rtol=1e-12, atol=1e-12)
    assert {name: seen.count(name) >= 2 for name in ("done", "ruined", "invalid")} == dict.fromkeys(
        ("done", "ruined", "invalid"), True
    )
    assert "invalid" in seen[5:40]


def test_sums_over_blocks_are_those_of_numpy(world, scored):
    config, market, signals = world
    numbers, columns, outputs, chunk = scored
    index_of = {number: index for index, number in enumerate(numbers.tolist())}
    valid = [n for n in outputs.summed.tolist() if chunk.status[index_of[n]] != "invalid"]
    assert chunk.summed.tolist() == valid
    assert chunk.with_returns.tolist() == [n for n in outputs.with_returns.tolist() if n in valid]
    points = list(iter_points(columns))
    for row, number in enumerate(valid):
        if chunk.status[index_of[number]] == "ruined":
            assert np.isnan(chunk.total[row]).any()
            continue
        result = engines.backtest(trial_config(config, points[index_of[number]]), market, signals)
        daily = daily_returns(result, market)["strategy"].reindex(outputs.span.sessions).to_numpy()
        assert np.isfinite(daily).all()
        for block, (first, last) in enumerate(zip(outputs.span.edges[:-1], outputs.span.edges[1:], strict=True)):
            np.testing.assert_allclose(chunk.total[row, block], daily[first:last].sum(), rtol=1e-12, atol=1e-15)
            np.testing.assert_allclose(
                chunk.squares[row, block], (daily[first:last] ** 2).sum(), rtol=1e-12, atol=1e-15
            )
        if number in outputs.with_returns:
            np.testing.assert_array_equal(chunk.returns[chunk.with_returns.tolist().index(number)], daily)


@pytest.mark.slow
def test_the_slow_path_gives_the_same_rows(world, scored):
    config, market, signals = world
    numbers, columns, outputs, chunk = scored
    done = 0
    for index, (number, point) in enumerate(zip(numbers.tolist(), iter_points(columns), strict=True)):
        if chunk.status[index] == "invalid":
            continue
        other = run_trial(number, trial_config(config, point), market, signals, outputs)
        assert other.status.tolist() == [chunk.status[index]]
        assert list(other.values) == list(chunk.values)
        for name, values in other.values.items():
            np.testing.assert_allclose(values[0], chunk.values[name][index], rtol=1e-12, atol=1e-12, err_msg=name)
        for name in ("final_value", "fills", "trades", "rejections"):
            np.testing.assert_array_equal(other.values[name][0], chunk.values[name][index], err_msg=name)
        assert other.reason.tolist() == [chunk.reason[index]]
        assert other.summed.tolist() == [n for n in chunk.summed.tolist() if n == number]
        assert other.with_returns.tolist() == [n for n in chunk.with_returns.tolist() if n == number]
        row = np.flatnonzero(chunk.summed == number)
        np.testing.assert_allclose(other.total, chunk.total[row], rtol=1e-12, atol=1e-15)
        np.testing.assert_allclose(other.squares, chunk.squares[row], rtol=1e-12, atol=1e-15)
        done += 1
    assert done > 20


def test_all_and_none_may_be_summed(world, scored):
    numbers, columns, outputs, chunk = scored
    for summed in (numbers, ()):
        other = CompiledTrials(
            task_of(world),
            replace(outputs, summed=np.array(summed, dtype=np.int64), with_returns=outputs.summed[:0]),
            AXES,
            1,
        )
        again = other.scores(numbers, columns)
        assert again.status.tolist() == chunk.status.tolist()
        assert again.reason.tolist() == chunk.reason.tolist()
        for name, values in chunk.values.items():
            np.testing.assert_array_equal(again.values[name], values)
        valid = numbers[chunk.status != "invalid"] if len(summed) else []
        assert again.summed.tolist() == list(valid)


def test_a_chunk_of_nothing_but_contradictions(world):
    numbers = np.array([3, 5])
    columns = {"risk.mode": ["stop", "stop"], "risk.base": [0.01, 0.02]}
    chunk = CompiledTrials(task_of(world), outputs_of(world[1], numbers), (), 1).scores(numbers, columns)
    assert chunk.status.tolist() == ["invalid", "invalid"]
    assert all("mode stop sizes by the loss at the stop" in text for text in chunk.reason)
    assert chunk.summed.size == 0


def test_without_an_axis_of_the_policy_there_is_the_config_as_it_stands(world):
    config, market, signals = world
    chunk = CompiledTrials(task_of(world), outputs_of(market, [4]), (), 1).scores(np.array([4]), {"model.slow": [8]})
    result = engines.backtest(config, market, signals)
    assert chunk.values["final_value"].tolist() == [result.equity["equity"].iloc[-1]]


class Failing:
    """A batch runner whose rule fails for a setting; the index in the error counts from its first chunk."""

    def __init__(self, runner):
        self.runner = runner
        self.done = 0

    def run_possible(self, settings):
        for row, entry in enumerate(settings["strategy.entry"]):
            if entry == 9.0:
                raise SettingRuleError(self.done + row, "strategy odd: its rule failed on X: ZeroDivisionError")
        self.done += len(settings["strategy.entry"])
        return self.runner.run_possible(settings)

    @property
    def sessions(self):
        return self.runner.sessions


def test_a_rule_that_fails_for_some_settings_takes_no_other_with_it(world):
    columns = {"strategy.entry": [0.0, 9.0, 0.001, 0.002, 9.0], "risk.base": [0.02, 0.02, 0.05, 0.1, 0.1]}
    numbers = np.array([10, 11, 12, 13, 14])
    policies = CompiledTrials(task_of(world), outputs_of(world[1], numbers), (), 1)
    policies._runner = Failing(policies._runner)
    policies._equity_runner = Failing(policies._equity_runner)
    chunk = policies.scores(numbers, columns)
    assert chunk.status.tolist() == ["done", "failed", "done", "done", "failed"]
    assert chunk.reason.tolist()[1] == "strategy odd: its rule failed on X: ZeroDivisionError"
    assert chunk.summed.tolist() == [10, 12, 13]
    good = [0, 2, 3]
    alone = policies.scores(numbers[good], {path: [values[n] for n in good] for path, values in columns.items()})
    for name, values in alone.values.items():
        np.testing.assert_array_equal(chunk.values[name][good], values)
    again = policies.scores(numbers, columns)  # a resumed sweep comes to a chunk after others, or after none
    assert again.reason.tolist() == chunk.reason.tolist()


@st.composite
def scores(draw, names=("final_value", "sharpe", "fills")):
    count, blocks, days = (draw(st.integers(low, 5)) for low in (1, 1, 1))
    numbers = np.array(sorted(draw(st.sets(st.integers(0, 10**9), min_size=count, max_size=count))), dtype=np.int64)
    texts = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=20)
    value = st.floats(width=64)
    summed, with_returns = (np.array(numbers[: draw(st.integers(0, count))]) for _ in range(2))

    def matrix(*shape):
        return draw(hnp.arrays(np.float64, shape, elements=value))

    return Scores(
        numbers=numbers,
        status=np.array(draw(st.lists(st.sampled_from(["done", "ruined", "failed"]), min_size=count, max_size=count))),
        reason=np.array(draw(st.lists(texts, min_size=count, max_size=count)), dtype=np.str_),
        values={name: matrix(count) for name in names},
        total=matrix(len(summed), blocks),
        squares=matrix(len(summed), blocks),
        summed=summed,
        returns=matrix(len(with_returns), days),
        with_returns=with_returns,
    )


def require_same(one, other):
    for name in Scores.__dataclass_fields__:
        if name != "values":
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    assert list(one.values) == list(other.values)
    for name, values in one.values.items():
        np.testing.assert_array_equal(values, other.values[name])


@given(scores())
def test_what_is_packed_is_unpacked(chunk):
    require_same(unpack(pack(chunk)), chunk)
    assert pack(unpack(pack(chunk))) == pack(chunk)


@given(scores())
def test_parts_are_joined_in_the_order_of_the_trials(chunk):
    backwards = [select_trials(chunk, chunk.numbers[[index]]) for index in reversed(range(len(chunk.numbers)))]
    empty = chunk.summed[:0]
    alone = [
        replace(
            p,
            total=chunk.total[:0],
            squares=chunk.squares[:0],
            summed=empty,
            returns=chunk.returns[:0],
            with_returns=empty,
        )
        for p in backwards
    ]
    together = join_scores(alone)
    assert together.numbers.tolist() == chunk.numbers.tolist()
    assert together.status.tolist() == chunk.status.tolist()
    assert together.reason.tolist() == chunk.reason.tolist()
    for name, values in chunk.values.items():
        np.testing.assert_array_equal(together.values[name], values)


def test_there_is_nothing_of_a_trial_that_did_not_run():
    chunk = unmeasured_scores(np.array([3]), "failed", ["why"], ("sharpe", "fills"), (4, 9))
    assert chunk.total.shape == (0, 4)
    assert chunk.returns.shape == (0, 9)
    assert np.isnan(chunk.values["fills"]).all()
    assert pd.isna(chunk.values["sharpe"]).all()
