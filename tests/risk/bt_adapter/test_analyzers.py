import backtrader as bt
import numpy as np
import pytest

from core.errors import ConfigError
from risk.bt_adapter import ExpectedShortfall, ReturnMetrics, ValueAtRisk
from risk.measures.max_drawdown import max_drawdown
from risk.measures.sharpe import sharpe


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
