"""Notes on a run: holes in the data, the name of its returns, and settings that do not mean what a reader may think."""

from types import SimpleNamespace

import pandas as pd
import pytest

from engine.config.run_config import RunConfig
from engine.results.run_notes import _reentry_notes, _session_notes, _unit_notes, hole_notes
from risk.periods import calendar

BASE = {"model": {"kind": "buy_and_hold"}, "strategy": {"kind": "threshold"}}
STOCKS = {"source": {"kind": "stocks", "symbols": ["AAPL"]}}
INDEX = {"source": {"kind": "sample", "symbols": ["nasdaq"]}}
DAYS = pd.bdate_range("2015-01-01", "2019-12-31")


def test_a_hole_is_told_with_both_numbers():
    (note,) = hole_notes(calendar(DAYS[DAYS.year != 2017]))
    assert "2016-12-30 to 2018-01-01" in note
    assert "with 260 sessions a year (counted with it 208.7)" in note
    assert hole_notes(calendar(DAYS)) == ()


def test_many_holes_are_counted():
    kept = DAYS[~((DAYS.month == 6) | (DAYS.month == 2))]
    (note,) = hole_notes(calendar(kept, 252.0))
    assert note.count(" to ") == 3
    assert "and 7 more; " in note
    assert "with 252 sessions a year" in note


@pytest.mark.parametrize(("freq", "adjective"), [("B", "daily"), ("7D", "weekly")])
def test_bars_within_the_session_make_returns_of_its_period(freq, adjective):
    days = pd.date_range("2020-01-06", periods=30, freq=freq, tz="UTC")
    times = [day + pd.Timedelta(hours=hour) for day in days for hour in (15, 16)]
    result = SimpleNamespace(equity=pd.DataFrame({"time": times}), zone="UTC")
    (note,) = _session_notes(result, calendar(days.tz_localize(None)))
    assert note.startswith(f"{adjective} returns are made of 60 bars")
    assert f"is {adjective}, " in note


@pytest.mark.parametrize("broker", [{"lot": 100.0}, {"commission_per_unit": 0.005}])
def test_units_of_adjusted_prices_are_no_shares(broker, tmp_path):
    [name] = broker
    [note] = _unit_notes(RunConfig.parse({**BASE, "data": STOCKS, "broker": broker}))
    assert f"broker.{name} {broker[name]:g} counts units" in note
    adjusted = {"source": {"kind": "csv", "files": {"A": "a.csv"}, "adjust": True}}
    assert _unit_notes(RunConfig.parse({**BASE, "data": adjusted, "broker": broker}))
    assert _unit_notes(RunConfig.parse({**BASE, "data": INDEX, "broker": broker})) == ()
    assert _unit_notes(RunConfig.parse({**BASE, "data": STOCKS})) == ()


def test_a_risk_free_rate_may_be_negative():
    spec = RunConfig.parse({**BASE, "data": INDEX, "measures": {"risk_free": -0.005}}).measures
    assert spec.risk_free == -0.005


@pytest.mark.parametrize(
    ("reenter", "reasons", "told"),
    [
        ("always", ["stop", "take_profit", "signal", "open"], "2 of 4 positions"),
        ("always", ["trail", "signal", "signal", "open"], "1 of 4 positions"),
        ("always", ["signal", "signal", "signal", "stop"], ""),
        ("new_signal", ["stop", "take_profit", "signal", "open"], ""),
    ],
)
def test_positions_entered_again_after_a_stop_are_counted(reenter, reasons, told):
    trades = pd.DataFrame(
        {"symbol": "x", "side": "long", "entered_at": pd.date_range("2020-01-01", periods=4), "exit_reason": reasons}
    )
    config = SimpleNamespace(strategy=SimpleNamespace(reenter=reenter))
    notes = _reentry_notes(config, SimpleNamespace(trades=trades))
    assert [note.startswith(told) for note in notes] == [True] * bool(told)


def test_the_other_side_and_another_symbol_are_not_entered_again():
    trades = pd.DataFrame(
        {
            "symbol": ["x", "y", "x"],
            "side": ["long", "long", "short"],
            "entered_at": pd.date_range("2020-01-01", periods=3),
            "exit_reason": ["stop", "stop", "stop"],
        }
    )
    config = SimpleNamespace(strategy=SimpleNamespace(reenter="always"))
    assert _reentry_notes(config, SimpleNamespace(trades=trades)) == ()
