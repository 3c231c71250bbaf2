"""Bad input for the compiled engine: prices and signals that are none, rules that fail, a queue without room."""

from dataclasses import replace

import numpy as np
import pytest
from random_cases import as_told, case

from core.errors import ConfigError, DataError, PluginError
from engine.backtest import compiled as compiled_engine
from engine.backtest.bt import engine as bt_engine
from engine.backtest.compiled import engine as compiled
from engine.backtest.engine_output import BacktestInput
from engine.backtest.engines import first_difference
from risk.costs import BrokerSpec
from risk.spec import RiskSpec
from strategies.threshold import Threshold

pytestmark = pytest.mark.early
NAN = float("nan")
INF = float("inf")
ENGINES = pytest.mark.parametrize("engine", [compiled_engine, bt_engine], ids=["compiled", "backtrader"])


def task_of(strategy=None, *, prices=None, signal=None):
    """One symbol under the plainest rule of risk; ``prices`` and ``told`` put values into the twelfth bar."""
    market, signals, _, _, _ = case(0, rules=("threshold",))
    one = market.trade[0]
    bars = market.bars[one]
    columns = {name: bars.frame[name].to_numpy().copy() for name in prices or ()}
    for name, value in (prices or {}).items():
        columns[name][12] = value
    values = {"prediction": np.full((len(bars), 1), 1.0), "confidence": np.full((len(bars), 1), 0.9)}
    for name, value in (signal or {}).items():
        values[name][12] = value
    market = replace(market, bars={one: replace(bars, **columns)}, trade=(one,))
    signals = replace(signals, symbols=(one,), **values)
    return BacktestInput.of(market, signals, strategy or Threshold(), RiskSpec(), BrokerSpec(), "0123456789ab")


def message_of(engine, error, task):
    """The one line that an engine says."""
    with pytest.raises(error) as caught:
        engine.run_task(task)
    text = str(caught.value)
    assert "\n" not in text
    return text


@ENGINES
@pytest.mark.parametrize("value", [NAN, INF, -INF, 0.0, -3.0])
@pytest.mark.parametrize("column", ["open", "high", "low", "close"])
def test_a_price_that_is_none_is_named(column, value, engine):
    task = task_of(prices={column: value})
    day = task.timeline.times[12 - (len(task.signals.times) - len(task.timeline.times))]
    line = message_of(engine, DataError, task)
    assert line.startswith(f"s0: {column} is {value:g} on {day:%F}")
    assert line.endswith("prices must be finite and > 0. Drop the bar")


@ENGINES
@pytest.mark.parametrize(
    ("signal", "what"),
    [
        ({"prediction": INF}, "prediction is infinite on"),
        ({"prediction": -INF}, "prediction is infinite on"),
        ({"confidence": 1.5}, "confidence is 1.5 on"),
        ({"confidence": -0.25}, "confidence is -0.25 on"),
        ({"confidence": INF}, "confidence is inf on"),
    ],
)
def test_a_signal_that_is_none_is_named(signal, what, engine):
    assert message_of(engine, DataError, task_of(signal=signal)).startswith(f"s0: {what} 2024-")


def test_a_bar_without_a_signal_is_named():
    task = task_of()
    short = replace(
        task.signals,
        **{name: getattr(task.signals, name)[:-1] for name in ("times", "prediction", "confidence", "fold")},
    )
    with pytest.raises(DataError, match=r"s0: there is no signal row for the bar of 2024"):
        BacktestInput.of(task.market, short, task.strategy, task.risk, task.broker, "x")


# --- rules that fail


class Obedient(Threshold):
    """Goes where the prediction says, whatever that is."""


Obedient.rule = staticmethod(as_told)
FAILURES = [
    (2.0, "is no side: 1 (long), -1 (short) or 0 (flat)"),
    (0.5, "is no side: 1 (long), -1 (short) or 0 (flat)"),
    (-1.5, "is no side: 1 (long), -1 (short) or 0 (flat)"),
    (85.0, "ZeroDivisionError: "),
    (95.0, "ValueError: it had enough"),
]


@pytest.mark.slow
@ENGINES
@pytest.mark.parametrize(("prediction", "what"), FAILURES)
def test_a_rule_that_fails_is_told_with_symbol_and_bar(prediction, what, engine):
    signal = {"prediction": prediction}
    task = task_of(Obedient(), signal=signal)
    line = message_of(engine, PluginError, task)
    bar = task.signals.times[12]
    assert f"its rule failed on s0 at the bar of {bar:%F %T} UTC: " in line
    assert what in line
    assert line.endswith("; mend the rule")


@pytest.mark.slow
def test_a_side_may_be_a_whole_float():
    task = task_of(Obedient(), signal={"prediction": -1.0})
    one, other = (engine.run_task(task) for engine in (bt_engine, compiled_engine))
    assert one.fills.equals(other.fills)
    assert len(one.fills) == 5


# --- a queue without room


@pytest.mark.slow
@pytest.mark.parametrize(("rules", "seed"), [(("threshold",), 2), (("threshold",), 5)])
def test_an_overflow_of_the_queue_is_one_line(rules, seed, general, monkeypatch):
    honest = compiled.new_workspace

    def cramped(*arguments):
        workspace = honest(*arguments)
        return workspace._replace(orders=workspace.orders[:1])

    task = BacktestInput.of(*case(seed, rules=rules), "0123456789ab")
    assert len(compiled_engine.run_task(task, solvent=False).fills) > 1
    monkeypatch.setattr(compiled, "new_workspace", cramped)
    line = message_of(compiled_engine, ConfigError, task)
    assert line.startswith("the compiled engine stopped at 2024-")
    assert line.endswith("use engine: backtrader")


# --- a log without room


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 7])
def test_a_log_without_room_is_made_larger_and_nothing_is_written_beyond_it(seed, general, monkeypatch):
    """Once the children of an entry for which there was no room were written behind the log's end."""
    task = BacktestInput.of(*case(seed, rules=("threshold",)), "0123456789ab")
    expected = compiled_engine.run_task(task, solvent=False)
    honest = compiled.new_log
    beyond = []

    def fenced(arrays, room):
        log = honest(arrays, room)
        logs = {name: np.zeros(len(getattr(log, name)) + 8, getattr(log, name).dtype) for name in ("orders", "fills")}
        beyond.extend(array[-8:] for array in logs.values())
        return log._replace(**{name: array[:-8] for name, array in logs.items()})

    monkeypatch.setattr(compiled, "new_log", fenced)
    monkeypatch.setattr(compiled, "ROOM", 1)
    assert first_difference(expected, compiled_engine.run_task(task, solvent=False)) == ""
    assert len(beyond) > 2
    assert not any(array.view(np.uint8).any() for array in beyond)
