"""Notes on settings that do not mean what a reader may think."""

import pytest

from engine.config.run_config import RunConfig
from engine.results.run_notes import _unit_notes

BASE = {"model": {"kind": "buy_and_hold"}, "strategy": {"kind": "threshold"}}
STOCKS = {"source": {"kind": "stocks", "symbols": ["AAPL"]}}
INDEX = {"source": {"kind": "sample", "symbols": ["nasdaq"]}}


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
