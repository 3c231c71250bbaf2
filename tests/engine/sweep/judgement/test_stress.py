"""The winner under worse conditions, worked out a second way; and a benchmark that stands still."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from engine.backtest.bt import engine
from engine.backtest.engine_output import BacktestInput
from engine.pipeline import Options
from engine.sweep.run import sweep_and_save
from engine.sweep.space.space_check import trial_config
from signals.generate import generate

BROKER = {"commission": 0.0007, "slippage": 0.0004, "short_interest": 0.02, "commission_minimum": 0.01}
SPACE = {"risk.base": [0.01, 0.02], "strategy.side": ["both", "long"]}


def earned(config, late=False):
    market = config.data.load()
    frame = generate(market, config.signals).frame
    if late:
        rows = [pd.DataFrame(values).shift(1).to_numpy() for values in (frame.prediction, frame.confidence)]
        frame = replace(frame, prediction=rows[0], confidence=rows[1])
    task = BacktestInput.of(market, frame, config.strategy, config.risk, config.broker, "x")
    return engine.run_task(task).equity["equity"].iloc[-1] / config.broker.cash - 1.0


@pytest.mark.slow
def test_it_is_the_run_of_such_a_config(config_of, tmp_path):
    config = config_of({"space": SPACE}, broker=BROKER)
    numbers = sweep_and_save(config, Options(out=tmp_path, cache=False, quiet=True)).numbers
    point = numbers["winners"][0]["point"]
    expensive = {f"broker.{name}": 2 * value for name, value in BROKER.items()}
    assert numbers["stress"]["doubled_costs"] == pytest.approx(
        earned(trial_config(config, {**point, **expensive})), rel=1e-12
    )
    assert numbers["stress"]["one_bar_late"] == pytest.approx(earned(trial_config(config, point), late=True), rel=1e-12)
    assert numbers["stress"]["doubled_costs"] < earned(trial_config(config, point))


@pytest.mark.slow
def test_a_benchmark_that_stands_still_loses_no_sweep(config_of, prices, tmp_path):
    flat = pd.read_csv(prices)
    flat[["Open", "High", "Low", "Close"]] = 100.0
    flat.to_csv(tmp_path / "flat.csv", index=False)
    files = {"X": str(prices), "FLAT": str(tmp_path / "flat.csv")}
    data = {"source": {"kind": "csv", "files": files}, "benchmark": "FLAT"}
    config = config_of({"space": SPACE}, data=data)
    numbers = sweep_and_save(config, Options(out=tmp_path / "runs", cache=False, quiet=True)).numbers
    result = numbers["luck"]["superior_ability"]["benchmark"]
    assert result["consistent"] is None
    assert "does not vary" in result["reason"]
    assert not next(test for test in numbers["verdict"]["tests"] if test["name"] == "superiority to buy and hold")[
        "passed"
    ]
    assert np.isfinite(numbers["luck"]["superior_ability"]["cash"]["consistent"])
