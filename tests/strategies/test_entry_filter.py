"""Bars at which a strategy may enter: conditions, a warm-up, weekdays and hours, against bars worked by hand."""

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from core.errors import ConfigError
from core.types import Bars, Market, SignalFrame
from engine.backtest.bt import engine
from risk.costs import BrokerSpec
from risk.spec import RiskSpec
from signals.features.sma import Sma
from strategies._entry_filter import EntryFilter, allowed_entries, minutes_of
from strategies.threshold import Threshold

FREE = BrokerSpec(cash=100_000.0, commission=0.0, slippage=0.0)
DAYS = pd.bdate_range("2024-01-01", periods=10, tz="UTC") + pd.Timedelta("21h")  # the first is a Monday


def run(signal, times=DAYS, close=100.0, features=(), zone="UTC", **keys):
    """The units held at each close, and the result."""
    frame = pd.DataFrame({"open": 100.0, "high": 100.0, "low": 100.0, "close": close, "volume": 1e6}, index=times)
    frame["high"] = frame[["open", "close"]].max(axis=1)
    frame["low"] = frame[["open", "close"]].min(axis=1)
    market = Market({"x": Bars.of("x", frame)}, ("x",), "x", zone)
    prediction = np.asarray(signal, dtype=float)[:, None]
    signals = SignalFrame(times, ("x",), prediction, np.ones_like(prediction), np.zeros(len(times), int))
    strategy = Threshold.parse({"entry": 0.5, "exit": 0.5, **keys})
    result = engine.run(market, signals, strategy, RiskSpec(), FREE, "0" * 12, features=features)
    return np.sign(result.positions["x"].to_numpy()).astype(int).tolist(), result


ALWAYS = [1] * 10


def test_a_warm_up_bars_the_first_bars():
    held, result = run(ALWAYS, warmup=3)
    assert held == [0, 0, 0, 0, 1, 1, 1, 1, 1, 1]  # decided at the close of the fourth
    assert "the strategy's filters allow entries at 7 of 10 bars" in result.notes[0]
    assert run(ALWAYS)[1].notes == ()


def test_weekdays_are_those_of_the_session_that_decides():
    held, _ = run([1, 1, 1, 0, 1, 1, 1, 1, 0, 0], sessions=["wed"])
    assert held == [0, 0, 0, 1, 0, 0, 0, 0, 1, 0]  # the second Wednesday is bar 7


def test_conditions_bar_entries_and_not_exits():
    close = [100, 101, 103, 104, 100, 99, 98, 103, 103, 103]
    held, _ = run([1, 1, 1, 1, 1, 0, 1, 1, 1, 1], close=close, only_if=[{"feature": "close", "op": ">", "value": 102}])
    assert held == [0, 0, 0, 1, 1, 1, 0, 0, 1, 1]  # in at 103, kept at 100, out by the rule at 99


def test_a_reversal_that_is_barred_only_closes():
    held, _ = run([1, 1, -1, -1, -1, -1, 0, 0, 0, 0], sessions=["mon", "tue", "fri"])
    assert held == [0, 1, 1, 0, 0, -1, -1, 0, 0, 0]


def test_all_conditions_must_hold_and_a_feature_in_its_warm_up_holds_none():
    close = [100, 102, 104, 103, 102, 103, 104, 105, 106, 107]
    conditions = [{"feature": "sma", "op": ">=", "value": 0}, {"feature": "close", "op": "<=", "value": 104}]
    held, _ = run([1] * 10, close=close, features=(Sma(window=3),), only_if=conditions)
    means = pd.Series(close).rolling(3).mean()
    allowed = (np.array(close) >= means) & (np.array(close) <= 104)
    assert held.index(1) == int(np.argmax(allowed)) + 1


def test_hours_are_those_of_the_market():
    times = pd.date_range("2024-07-01 13:30", periods=10, freq="30min", tz="UTC")  # New York: 09:30 to 14:00
    signal = [1, 0] * 5
    held, _ = run(signal, times=times, zone="America/New_York", hours=["09:45-10:30", "12:00-13:30"])
    # Entries at the closes of 10:30 (bar 2), 12:30 (bar 6) and 13:30 (bar 8); those at 9:30 and 11:30 are barred.
    assert held == [0, 0, 0, 1, 0, 0, 0, 1, 0, 1]


def test_spans_of_the_day():
    assert minutes_of("00:00-24:00") == (0, 1440)
    night = EntryFilter((), 0, (), ("22:00-02:00",))
    times = pd.date_range("2024-01-01 21:00", periods=7, freq="h", tz="UTC")
    assert allowed_entries(night, {}, times, "UTC").tolist() == [False, True, True, True, True, True, False]


@pytest.mark.parametrize(
    "keys",
    [
        {"only_if": [{"feature": "close", "op": "==", "value": 1.0}]},
        {"only_if": [{"feature": "close", "value": 1.0}]},
        {"sessions": ["monday"]},
        {"hours": ["9-17"]},
        {"hours": ["09:75-10:00"]},
        {"hours": ["25:00-26:00"]},
        {"warmup": -1},
    ],
)
def test_what_cannot_be_is_refused(keys):
    with pytest.raises(ValidationError):
        Threshold.parse(keys)


def test_a_feature_that_is_not_there_is_named():
    with pytest.raises(ConfigError, match=r"strategy\.only_if names the feature 'rsi', which the config has not"):
        run(ALWAYS, features=(Sma(window=3),), only_if=[{"feature": "rsi", "op": "<", "value": 1}])


def test_the_defaults_write_nothing_and_the_others_read_back():
    assert set(Threshold().dump()) == {"kind", "side", "entry", "exit"}
    keys = {
        "only_if": [{"feature": "sma_3", "op": "<", "value": 0.02}],
        "warmup": 5,
        "sessions": ["mon"],
        "hours": ["09:30-16:00"],
    }
    dumped = Threshold.parse(keys).dump()
    assert {name: dumped[name] for name in keys} == keys
