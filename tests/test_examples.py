"""The example scripts run as they stand, and what they print is what happened."""

import contextlib
import io
import runpy
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

pytestmark = pytest.mark.slow
EXAMPLES = Path(__file__).resolve().parents[1] / "examples"


SERVED = "client"  # it asks a service: tests/serving/test_serving_page.py
NAMES = sorted(path.stem for path in EXAMPLES.glob("*.py") if path.stem != SERVED)


@pytest.fixture(scope="module")
def scripts(tmp_path_factory):
    """By name, each script run once in an empty folder: its variables, with what it printed and the files it left."""
    return {name: as_script(name, tmp_path_factory.mktemp(name)) for name in NAMES}


def as_script(name, folder):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.chdir(folder), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        variables = runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="__main__")
    return {**variables, "printed": (out.getvalue(), err.getvalue()), "left": list(folder.iterdir())}


@pytest.mark.parametrize("name", NAMES)
def test_it_runs_as_a_script(name, scripts):
    out, err = scripts[name]["printed"]
    assert out.startswith("account: 10,000.00 became ")
    assert "nan" not in out.partition("\n\n")[0]
    assert err == ""
    assert [path.name for path in scripts[name]["left"]] == (["runs"] if name == "plain_cerebro" else [])


def test_the_plain_script_trades_at_each_crossing_by_the_rule(scripts):
    found = scripts["plain_cerebro"]
    prices, orders = found["prices"], found["orders"]
    gap = (prices["Close"].rolling(20).mean() - prices["Close"].rolling(50).mean()).dropna()
    crossed = gap.index[1:][np.sign(gap).diff().iloc[1:].abs() == 2]
    assert list(orders["created_at"].dt.tz_localize(None)) == list(crossed)
    first = orders.iloc[0]
    at_signal = 0.02 * 0.6 * 10_000 / prices["Close"].loc[crossed[0]]
    assert first["asked"] == pytest.approx(np.sign(gap.loc[crossed[0]]) * at_signal)
    assert orders["share_at_fill"].between(0.0110, 0.0130).all()
    assert set(orders["status"]) == {"completed"}


def test_the_plain_scripts_measures_are_those_of_its_daily_returns(scripts):
    found = scripts["plain_cerebro"]
    metrics, analyzers = found["analyzers"].metrics, found["analyzers"]
    returns = metrics.returns
    assert len(returns) == analyzers.value_at_risk.get_analysis()["n"]
    assert analyzers.value_at_risk.get_analysis()["value"] == pytest.approx(np.percentile(returns, 5))
    grown = found["cerebro"].broker.getvalue() / 10_000 - 1
    assert metrics.get_analysis()["total_return"]["value"] == pytest.approx(grown)


def test_the_plain_script_ends_with_a_run_folder(scripts):
    found = scripts["plain_cerebro"]
    result = found["result"]
    assert result.equity["equity"].iloc[-1] == found["cerebro"].broker.getvalue()
    assert len(result.orders) == len(found["orders"])
    assert result.metrics["cap"]["breaches"] == 0
    values = found["analyzers"].metrics.get_analysis()
    assert result.measures.loc["max_drawdown", "strategy"] == pytest.approx(values["max_drawdown"]["value"])
    assert "report and tear-sheet are in runs/plain-cerebro-" in found["printed"][0]


def test_the_own_order_type_fills_at_its_limit_or_better(scripts):
    found = scripts["own_strategy"]
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
