import backtrader as bt
import numpy as np
import pandas as pd
import pytest

from core.errors import ConfigError
from risk.bt_adapter import ExpectedShortfall, ReturnMetrics, RiskMeasures, ValueAtRisk
from risk.measures.max_drawdown import max_drawdown
from risk.measures.sharpe import sharpe

from .conftest import Scripted


def walk(n, seed=3):
    closes = 100.0 * np.cumprod(1 + np.random.default_rng(seed).normal(0.0, 0.02, n))
    return [(close, close * 1.01, close * 0.99, close) for close in closes]


def all_in(strategy):
    strategy.buy(size=90)


def analysed(play, *analyzers, rows=None, script=None, **more):
    run = play(rows or walk(300), script={0: all_in} if script is None else script, analyzers=analyzers, **more)
    return run, [analyzer.get_analysis() for analyzer in run.analyzers]


def daily(run, rows):
    """The account's returns, counted apart: bought at the second open, which is the second close."""
    closes = np.array([row[3] for row in rows])
    values = np.concatenate([[10_000.0, 10_000.0], 10_000.0 + 90 * (closes[1:] - closes[1])])
    return values[1:] / values[:-1] - 1


def test_value_at_risk_of_the_account(play):
    rows = walk(300)
    run, (analysis,) = analysed(play, (ValueAtRisk, {"level": 0.9}), rows=rows)
    assert analysis["value"] == pytest.approx(np.quantile(daily(run, rows), 0.1), rel=1e-12)
    assert (analysis["n"], analysis["level"], analysis["method"], analysis["period"]) == (
        300,
        0.9,
        "historical",
        "per session",
    )
    assert analysis["reason"] == ""


def test_expected_shortfall_is_below_value_at_risk(play):
    _, (var, es) = analysed(play, (ValueAtRisk, {}), (ExpectedShortfall, {}))
    assert es["value"] < var["value"] < 0
    assert es["level"] == var["level"] == 0.95


def test_a_short_sample_gives_a_reason_instead_of_a_number(play):
    _, (analysis,) = analysed(play, (ValueAtRisk, {"level": 0.99}), rows=walk(20))
    assert (analysis["value"], analysis["reason"]) == (None, "needs 100 or more returns, has 20")


def test_return_metrics_agree_with_the_measures(play):
    rows = walk(300)
    run, (analysis,) = analysed(play, (ReturnMetrics, {"risk_free": 0.01, "periods_per_year": 252.0}), rows=rows)
    returns = daily(run, rows)
    assert analysis["sharpe"]["value"] == pytest.approx(sharpe(returns, 252, 0.01).value, rel=1e-9)
    assert analysis["max_drawdown"]["value"] == pytest.approx(max_drawdown(returns).value, rel=1e-9)
    assert analysis["total_return"]["value"] == pytest.approx(run.broker.getvalue() / 10_000 - 1, rel=1e-9)


def test_days_per_year_are_counted_in_the_data(play):
    _, (analysis,) = analysed(play, (ReturnMetrics, {}), rows=walk(800))  # a bar on every day of the week
    _, (stated,) = analysed(play, (ReturnMetrics, {"periods_per_year": 365.0}), rows=walk(800))
    assert analysis == stated


def test_the_first_return_is_against_the_starting_cash(play):
    run, _ = analysed(play, (ValueAtRisk, {}), rows=walk(30))
    assert run.analyzers[0].returns[0] == 0.0
    assert len(run.analyzers[0].sessions) == 30


def test_bars_within_a_day_make_one_return(play):
    import pandas as pd

    cerebro = bt.Cerebro(stdstats=False)
    times = pd.date_range("2020-01-06", periods=72, freq="h")
    frame = pd.DataFrame({name: np.linspace(100, 110, 72) for name in ("open", "high", "low", "close")}, index=times)
    feed = bt.feeds.PandasData(dataname=frame, timeframe=bt.TimeFrame.Minutes, compression=60)
    cerebro.adddata(feed)
    cerebro.addanalyzer(ValueAtRisk)
    assert cerebro.run()[0].analyzers[0].get_analysis()["n"] == 3


def test_a_ruined_account_has_a_reason(play):
    rows = [(100.0, 101.0, 99.0, 100.0)] * 2 + [(300.0, 301.0, 299.0, 300.0)] * 30
    _, (analysis, metrics) = analysed(
        play, (ValueAtRisk, {}), (ReturnMetrics, {}), rows=rows, script={0: lambda s: s.sell(size=90)}
    )
    assert (analysis["value"], analysis["reason"], analysis["n"]) == (
        None,
        "the account was worth nothing on 2020-01-08",
        32,
    )
    assert {answer["reason"] for answer in metrics.values()} == {"the account was worth nothing on 2020-01-08"}


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"level": 0.05}, "ValueAtRisk: level=0.05: must lie between 0.5 and 1"),
        (
            {"method": "magic"},
            "ValueAtRisk: method='magic': Input should be 'historical', 'order_statistic', 'gaussian'",
        ),
    ],
)
def test_wrong_parameters_are_refused_before_the_first_bar(play, parameters, message):
    with pytest.raises(ConfigError, match=message):
        analysed(play, (ValueAtRisk, parameters))


# --- money that is paid in or out


def flow(amount):
    return lambda strategy: strategy.broker.add_cash(amount)


def test_a_deposit_into_an_idle_account_is_no_return(play):
    _, (analysis,) = analysed(play, (ReturnMetrics, {}), script={5: flow(5000.0)})
    assert analysis["total_return"]["value"] == 0.0
    assert analysis["volatility"]["value"] == 0.0
    assert analysis["sharpe"]["value"] is None


class Recorded(bt.Analyzer):
    """The account's value at each bar."""

    def start(self):
        self.rets = {"values": []}

    def next(self):
        self.rets["values"].append(self.strategy.broker.getvalue())


def test_returns_are_linked_from_flow_to_flow(play):
    # a flow that is sent at a close is in the account from there on: r = value / (value before + flows) - 1
    flows = {3: [4000.0], 40: [-2500.0, 700.0, -200.0], 41: [1000.0], 120: [-6000.0], 200: [25_000.0]}
    script = {
        bar: lambda s, amounts=amounts: [s.broker.add_cash(amount) for amount in amounts]
        for bar, amounts in flows.items()
    }
    script[0] = all_in
    _, (analysis, recorded) = analysed(
        play, (ReturnMetrics, {"periods_per_year": 252.0}), (Recorded, {}), script=script
    )
    before, growth, returns = 10_000.0, 1.0, []
    for bar, value in enumerate(recorded["values"]):
        returns.append(value / before - 1)
        growth *= value / before
        before = value + sum(flows.get(bar, ()))
    assert analysis["total_return"]["value"] == pytest.approx(growth - 1, rel=1e-9)
    assert analysis["sharpe"]["value"] == pytest.approx(sharpe(returns, 252, 0.0).value, rel=1e-9)
    assert analysis["max_drawdown"]["value"] == pytest.approx(max_drawdown(returns).value, rel=1e-9)


def test_flows_of_one_day_are_each_valued_at_their_own_bar():
    # two bars a day: 100 units rise by 1 each bar; 10,000 come between the two bars of the second day
    index = pd.date_range("2024-01-01 10:00", periods=8, freq="6h")[[0, 1, 4, 5]]
    bars = pd.DataFrame({name: [50.0, 50.0, 51.0, 52.0] for name in ("open", "high", "low", "close")}, index=index)
    cerebro = bt.Cerebro(stdstats=False)
    cerebro.adddata(bt.feeds.PandasData(dataname=bars, timeframe=bt.TimeFrame.Minutes))
    cerebro.addanalyzer(ReturnMetrics)
    cerebro.addstrategy(Scripted, script={0: lambda s: s.buy(size=100), 2: flow(10_000.0)})
    total = cerebro.run()[0].analyzers[0].get_analysis()["total_return"]["value"]
    assert total == pytest.approx(10_100 / 10_000 * (20_200 / 20_100) - 1, rel=1e-12)


def test_costs_and_turnover_are_shares_of_the_account_with_its_flows(play):
    # 10,000 are added at the close of bar 2; 10 units are bought at 100 on bar 4, 5 % of 20,000
    rows = [(100.0, 100.0, 100.0, 100.0)] * 8
    script = {2: flow(10_000.0), 3: lambda s: s.buy(size=10)}
    _, (analysis,) = analysed(play, (RiskMeasures, {"periods_per_year": 252.0}), rows=rows, script=script)
    assert analysis["turnover"]["value"] == pytest.approx(252 * 0.05 / 8, rel=1e-12)
