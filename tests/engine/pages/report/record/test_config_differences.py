"""Settings that differ from the defaults."""

from engine.config.run_config import RunConfig
from engine.pages.report.record.config_differences import differences

LEAST = {
    "data": {"source": {"kind": "sample", "symbols": ["nasdaq"]}},
    "model": {"kind": "sma_cross"},
    "strategy": {"kind": "threshold"},
}


def changed(**values):
    config = RunConfig.parse({**LEAST, **values}).dump()
    return {key: (value, default) for key, value, default in differences(config)}


def test_a_config_of_defaults_has_only_what_it_must_state():
    found = changed()
    assert all(default in ("required", "none") for _, default in found.values()), found


def test_a_changed_key_stands_beside_its_default():
    found = changed(seed=11, risk={"base": 0.01}, broker={"commission": 0.002})
    assert found["risk.base"] == ("0.01", "0.02")
    assert found["broker.commission"] == ("0.002", "0.001")
    assert found["seed"][0] == "11"
    assert "broker.slippage" not in found


def test_a_block_in_the_place_of_none():
    found = changed(risk={"stop": {"kind": "percent", "value": 0.05}})
    assert found["risk.stop"] == ("percent", "none")
    assert found["risk.stop.value"][0] == "0.05"


def test_what_is_no_config_has_none():
    assert differences({"cerebro": {"feeds": {}}}) == []
