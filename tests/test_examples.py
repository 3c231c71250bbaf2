"""The example scripts run as they stand, and what they print is what happened."""

import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.stem)
def test_it_runs_as_a_script(path, tmp_path):
    done = subprocess.run([sys.executable, path], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("account: 10,000.00 became ")
    assert "nan" not in done.stdout.partition("\n\n")[0]
    assert list(tmp_path.iterdir()) == []


def test_the_plain_script_trades_at_each_crossing_by_the_rule():
    found = runpy.run_path(str(EXAMPLES / "plain_cerebro.py"))
    prices, orders = found["prices"], found["orders"]
    gap = (prices["Close"].rolling(20).mean() - prices["Close"].rolling(50).mean()).dropna()
    crossed = gap.index[1:][np.sign(gap).diff().iloc[1:].abs() == 2]
    assert list(orders["created_at"].dt.tz_localize(None)) == list(crossed)
    first = orders.iloc[0]
    at_signal = 0.02 * 0.6 * 10_000 / prices["Close"].loc[crossed[0]]
    assert first["asked"] == pytest.approx(np.sign(gap.loc[crossed[0]]) * at_signal)
    assert orders["share_at_fill"].between(0.0110, 0.0130).all()
    assert set(orders["status"]) == {"completed"}


def test_the_plain_scripts_measures_are_those_of_its_daily_returns():
    found = runpy.run_path(str(EXAMPLES / "plain_cerebro.py"))
    metrics, analyzers = found["analyzers"].metrics, found["analyzers"]
    returns = metrics.returns
    assert len(returns) == analyzers.value_at_risk.get_analysis()["n"]
    assert analyzers.value_at_risk.get_analysis()["value"] == pytest.approx(np.percentile(returns, 5))
    grown = found["cerebro"].broker.getvalue() / 10_000 - 1
    assert metrics.get_analysis()["total_return"]["value"] == pytest.approx(grown)


def test_the_own_order_type_fills_at_its_limit_or_better():
    found = runpy.run_path(str(EXAMPLES / "own_strategy.py"))
    close, orders = found["frame"]["close"], found["orders"]
    entries = orders[(orders["kind"] == "limit") & (orders["status"] == "completed")]
    assert len(entries) > 10
    side = np.sign(entries["asked"])
    limit = close.loc[pd.DatetimeIndex(entries["created_at"]).tz_localize(None)].to_numpy() * (1 - side * 0.01)
    assert (side * (entries["price"] - limit) <= 1e-9).all()
    assert set(orders["kind"]) == {"limit", "market", "stop"}
    stops = orders[(orders["kind"] == "stop") & (orders["status"] == "completed")]
    assert len(stops) > 5
    assert (orders["kind"] == "stop").sum() == (orders["kind"] == "limit").sum()  # one for each entry
