"""Rows of a sweep's table against single runs on backtrader, by the compiled engine and by the slow path."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from core.errors import ConfigError, PluginError
from core.types import Bars, Market, SignalFrame
from engine.backtest import engines
from engine.backtest.account_returns import daily_returns
from engine.backtest.engine_output import BacktestInput
from engine.results.measure_inputs import samples
from engine.sweep.space.dimensions import Discrete
from engine.sweep.space.space_check import trial_config
from engine.sweep.trials.backtrader_trials import trial
from engine.sweep.trials.compiled_trials import CompiledTrials, TrialOutputs
from engine.sweep.trials.plan import Span, rows
from engine.sweep.trials.trial_scores import Scores, joined, only, pack, unpack, without
from risk.measures.max_drawdown import MaxDrawdown
from risk.measures.sharpe import Sharpe
from risk.measures.skew import Skew
from risk.measures.total_return import TotalReturn
from risk.measures.turnover import Turnover
from risk.measures.value_at_risk import ValueAtRisk

MEASURES = (Sharpe(), TotalReturn(), MaxDrawdown(), ValueAtRisk(), Skew(), Turnover())


@pytest.fixture(scope="module")
def world(config_of):
    """Two symbols, one of which triples overnight towards the end; opinions that are kept for some days."""
    config = config_of({"space": {"risk.base": [0.1]}}, strategy={"kind": "threshold", "side": "both"})
    one = config.data.load()
    frame = one.bars["X"].frame
    jump = frame.copy()
    jump.iloc[150:, :4] *= 3.0
    market = Market({"X": one.bars["X"], "Y": Bars.of("Y", jump)}, ("X", "Y"), "X", one.zone)
    rng = np.random.default_rng(5)
    told = np.repeat(rng.normal(0.0, 0.01, (len(frame) // 4, 2)), 4, axis=0)
    told[145:155, 1] = -0.05
    fold = np.where(np.arange(len(frame)) < 10, -1, 0)
    return config, market, SignalFrame(market.times, ("X", "Y"), told, rng.uniform(0.5, 1.0, told.shape), fold)


def wants_of(market, summed, kept=()):
    span = Span.of(market, market.times[30], 6)
    summed, kept = (np.array(numbers, dtype=np.int64) for numbers in (summed, kept))
    return TrialOutputs(MEASURES, 252.0, 0.01, span, summed, kept)


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
    from engine.backtest.compiled import batch_run
    from engine.backtest.compiled.kernel.kernel_features import KernelFeatures

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batch_run, "features_of", lambda *_, cross, record: KernelFeatures(cross=cross, record=record))
        numbers, columns = np.arange(48) * 2 + 7, some(48)
        wants = wants_of(world[1], numbers[::2], numbers[::6])
        return numbers, columns, wants, CompiledTrials(task_of(world), wants, AXES, 1).scores(numbers, columns)


def config_or_problem(config, point):
    try:
        return trial_config(config, point), ""
    except ConfigError as error:
        return None, str(error)


def test_each_row_is_the_single_run_on_backtrader(world, scored):
    config, market, signals = world
    numbers, columns, _, found = scored
    assert found.numbers.tolist() == numbers.tolist()
    seen = []
    for place, point in enumerate(rows(columns)):
        seen.append(found.status[place])
        own, problem = config_or_problem(config, point)
        if problem:
            assert found.status[place] == "invalid"
            assert found.reason[place].replace("min_order (", "min_order: min_order (") == problem
            assert all(np.isnan(values[place]) for values in found.values.values())
            continue
        if found.status[place] == "ruined":
            with pytest.raises(Exception, match="lost more"):
                engines.backtest(own, market, signals)
            continue
        assert found.status[place] == "done"
        result = engines.backtest(own.model_copy(update={"engine": "backtrader"}), market, signals)
        assert found.values["final_value"][place] == result.equity["equity"].iloc[-1]
        assert found.values["fills"][place] == len(result.fills)
        sample = samples(daily_returns(result, market), result, 252.0, 0.01)["strategy"]
        for measure in MEASURES:
            value = measure.of(sample).value
            expected = np.nan if value is None else value
            np.testing.assert_allclose(found.values[measure.name][place], expected, rtol=1e-12, atol=1e-12)
    assert {name: seen.count(name) >= 2 for name in ("done", "ruined", "invalid")} == dict.fromkeys(
        ("done", "ruined", "invalid"), True
    )
    assert "invalid" in seen[5:40]


def test_sums_over_blocks_are_those_of_numpy(world, scored):
    config, market, signals = world
    numbers, columns, wants, found = scored
    place_of = {number: place for place, number in enumerate(numbers.tolist())}
    valid = [n for n in wants.summed.tolist() if found.status[place_of[n]] != "invalid"]
    assert found.summed.tolist() == valid
    assert found.kept.tolist() == [n for n in wants.kept.tolist() if n in valid]
    points = list(rows(columns))
    for row, number in enumerate(valid):
        if found.status[place_of[number]] == "ruined":
            assert np.isnan(found.total[row]).any()
            continue
        result = engines.backtest(trial_config(config, points[place_of[number]]), market, signals)
        daily = daily_returns(result, market)["strategy"].reindex(wants.span.sessions).to_numpy()
        assert np.isfinite(daily).all()
        for block, (first, last) in enumerate(zip(wants.span.edges[:-1], wants.span.edges[1:], strict=True)):
            np.testing.assert_allclose(found.total[row, block], daily[first:last].sum(), rtol=1e-12, atol=1e-15)
            np.testing.assert_allclose(
                found.squares[row, block], (daily[first:last] ** 2).sum(), rtol=1e-12, atol=1e-15
            )
        if number in wants.kept:
            np.testing.assert_array_equal(found.returns[found.kept.tolist().index(number)], daily)


def test_the_slow_path_gives_the_same_rows(world, scored):
    config, market, signals = world
    numbers, columns, wants, found = scored
    done = 0
    for place, (number, point) in enumerate(zip(numbers.tolist(), rows(columns), strict=True)):
        if found.status[place] == "invalid":
            continue
        other = trial(number, trial_config(config, point), market, signals, wants)
        assert other.status.tolist() == [found.status[place]]
        assert list(other.values) == list(found.values)
        for name, values in other.values.items():
            np.testing.assert_allclose(values[0], found.values[name][place], rtol=1e-12, atol=1e-12, err_msg=name)
        for name in ("final_value", "fills", "trades", "rejections"):
            np.testing.assert_array_equal(other.values[name][0], found.values[name][place], err_msg=name)
        assert other.reason.tolist() == [found.reason[place]]
        assert other.summed.tolist() == [n for n in found.summed.tolist() if n == number]
        assert other.kept.tolist() == [n for n in found.kept.tolist() if n == number]
        row = np.flatnonzero(found.summed == number)
        np.testing.assert_allclose(other.total, found.total[row], rtol=1e-12, atol=1e-15)
        np.testing.assert_allclose(other.squares, found.squares[row], rtol=1e-12, atol=1e-15)
        done += 1
    assert done > 20


def test_all_and_none_may_be_summed(world, scored):
    numbers, columns, wants, found = scored
    for summed in (numbers, ()):
        other = CompiledTrials(
            task_of(world), replace(wants, summed=np.array(summed, dtype=np.int64), kept=wants.summed[:0]), AXES, 1
        )
        again = other.scores(numbers, columns)
        assert again.status.tolist() == found.status.tolist()
        assert again.reason.tolist() == found.reason.tolist()
        for name, values in found.values.items():
            np.testing.assert_array_equal(again.values[name], values)
        valid = numbers[found.status != "invalid"] if len(summed) else []
        assert again.summed.tolist() == list(valid)


def test_a_chunk_of_nothing_but_contradictions(world):
    numbers = np.array([3, 5])
    columns = {"risk.mode": ["stop", "stop"], "risk.base": [0.01, 0.02]}
    found = CompiledTrials(task_of(world), wants_of(world[1], numbers), (), 1).scores(numbers, columns)
    assert found.status.tolist() == ["invalid", "invalid"]
    assert all("mode stop sizes by the loss at the stop" in text for text in found.reason)
    assert found.summed.size == 0


def test_without_an_axis_of_the_policy_there_is_the_config_as_it_stands(world):
    config, market, signals = world
    found = CompiledTrials(task_of(world), wants_of(market, [4]), (), 1).scores(np.array([4]), {"model.slow": [8]})
    result = engines.backtest(config, market, signals)
    assert found.values["final_value"].tolist() == [result.equity["equity"].iloc[-1]]


class Failing:
    """A runner whose rule fails for a setting, as a real one says it: numbered from its first chunk."""

    def __init__(self, runner):
        self.runner, self.done = runner, 0

    def run_possible(self, settings):
        for row, entry in enumerate(settings["strategy.entry"]):
            if entry == 9.0:
                raise PluginError(f"setting {self.done + row}: strategy odd: its rule failed on X: ZeroDivisionError")
        self.done += len(settings["strategy.entry"])
        return self.runner.run_possible(settings)

    @property
    def sessions(self):
        return self.runner.sessions


def test_a_rule_that_fails_for_some_settings_takes_no_other_with_it(world):
    columns = {"strategy.entry": [0.0, 9.0, 0.001, 0.002, 9.0], "risk.base": [0.02, 0.02, 0.05, 0.1, 0.1]}
    numbers = np.array([10, 11, 12, 13, 14])
    policies = CompiledTrials(task_of(world), wants_of(world[1], numbers), (), 1)
    policies._plain, policies._whole = Failing(policies._plain), Failing(policies._whole)
    found = policies.scores(numbers, columns)
    assert found.status.tolist() == ["done", "failed", "done", "done", "failed"]
    assert found.reason.tolist()[1] == "strategy odd: its rule failed on X: ZeroDivisionError"
    assert found.summed.tolist() == [10, 12, 13]
    good = [0, 2, 3]
    alone = policies.scores(numbers[good], {path: [values[n] for n in good] for path, values in columns.items()})
    for name, values in alone.values.items():
        np.testing.assert_array_equal(found.values[name][good], values)
    again = policies.scores(numbers, columns)  # a resumed sweep comes to a chunk after others, or after none
    assert again.reason.tolist() == found.reason.tolist()


@st.composite
def scores(draw, names=("final_value", "sharpe", "fills")):
    count, blocks, days = (draw(st.integers(low, 5)) for low in (1, 1, 1))
    numbers = np.array(sorted(draw(st.sets(st.integers(0, 10**9), min_size=count, max_size=count))), dtype=np.int64)
    texts = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=20)
    value = st.floats(width=64)
    summed, kept = (np.array(numbers[: draw(st.integers(0, count))]) for _ in range(2))

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
        returns=matrix(len(kept), days),
        kept=kept,
    )


def require_same(one, other):
    for name in Scores.__dataclass_fields__:
        if name != "values":
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    assert list(one.values) == list(other.values)
    for name, values in one.values.items():
        np.testing.assert_array_equal(values, other.values[name])


@given(scores())
def test_what_is_packed_is_unpacked(found):
    require_same(unpack(pack(found)), found)
    assert pack(unpack(pack(found))) == pack(found)


@given(scores())
def test_parts_are_joined_in_the_order_of_the_trials(found):
    backwards = [only(found, found.numbers[[place]]) for place in reversed(range(len(found.numbers)))]
    empty = found.summed[:0]
    alone = [
        replace(
            p, total=found.total[:0], squares=found.squares[:0], summed=empty, returns=found.returns[:0], kept=empty
        )
        for p in backwards
    ]
    together = joined(alone)
    assert together.numbers.tolist() == found.numbers.tolist()
    assert together.status.tolist() == found.status.tolist()
    assert together.reason.tolist() == found.reason.tolist()
    for name, values in found.values.items():
        np.testing.assert_array_equal(together.values[name], values)


def test_there_is_nothing_of_a_trial_that_did_not_run():
    found = without(np.array([3]), "failed", ["why"], ("sharpe", "fills"), (4, 9))
    assert found.total.shape == (0, 4)
    assert found.returns.shape == (0, 9)
    assert np.isnan(found.values["fills"]).all()
    assert pd.isna(found.values["sharpe"]).all()
