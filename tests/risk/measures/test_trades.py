"""Measures of closed trades, against hand-worked ones, scipy and backtrader's own analyzer."""

import statistics

import backtrader as bt
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ttest_1samp

from core.errors import DataError
from risk.measures.base import Sample
from risk.measures.expectancy import Expectancy, expectancy
from risk.measures.profit_factor import ProfitFactor, profit_factor
from risk.measures.sqn import Sqn, sqn
from risk.measures.win_rate import WinRate, win_rate

TRADES = [120.0, -40.0, 0.0, 60.0, -20.0]
MEASURES = {expectancy: Expectancy(), profit_factor: ProfitFactor(), sqn: Sqn(), win_rate: WinRate()}
money = st.floats(-1e6, 1e6).map(lambda amount: round(amount, 2))


def test_by_hand():
    assert win_rate(TRADES).value == 2 / 5
    assert profit_factor(TRADES).value == 180 / 60
    assert expectancy(TRADES).value == 24.0
    # Deviations 96, -64, -24, 36, -44: squares 9216, 4096, 576, 1296, 1936 sum to 17120, over 4 is 4280.
    assert sqn(TRADES).value == pytest.approx(24 / (4280 / 5) ** 0.5, rel=1e-14)


@given(st.lists(money, min_size=2, max_size=60))
def test_sqn_is_the_t_statistic_of_the_trades(trades):
    measured = sqn(trades)
    if measured.value is None:
        assert statistics.pstdev(trades) < 1e-6
    elif statistics.stdev(trades) > 0.01:
        assert measured.value == pytest.approx(ttest_1samp(trades, 0.0).statistic, rel=1e-6, abs=1e-9)


@given(st.lists(money, min_size=1, max_size=60))
def test_expectancy_is_what_winners_bring_less_what_losers_cost(trades):
    wins = [x for x in trades if x > 0]
    losses = [x for x in trades if x < 0]
    expected = (sum(wins) - sum(map(abs, losses))) / len(trades)
    assert expectancy(trades).value == pytest.approx(expected, rel=1e-9, abs=1e-6)
    assert win_rate(trades).value == len(wins) / len(trades)
    if losses:
        assert profit_factor(trades).value == pytest.approx(sum(wins) / -sum(losses), rel=1e-9)


def test_backtraders_sqn_divides_by_another_deviation():
    analyzer = bt.analyzers.SQN.__new__(bt.analyzers.SQN)
    analyzer.rets = bt.AutoOrderedDict()
    analyzer.pnl = TRADES
    analyzer.count = len(TRADES)
    analyzer.stop()
    assert sqn(TRADES).value == pytest.approx(analyzer.rets["sqn"] * (1 - 1 / len(TRADES)) ** 0.5, rel=1e-12)


def test_few_trades_are_flagged():
    thirty = np.random.default_rng(1).normal(1.0, 5.0, 30)
    assert sqn(thirty).flags == ()
    assert sqn(thirty[:29]).flags == ("fewer than 30 trades",)


@pytest.mark.parametrize(("function", "measure"), MEASURES.items())
def test_without_trades_there_is_nothing_to_measure(function, measure):
    assert function([]).reason == "there are no closed trades to measure"
    for trades in (None, []):
        measured = measure.of(Sample([0.01, -0.01], periods_per_year=252, trades=trades))
        assert (measured.value, measured.reason, measured.n) == (None, "there are no closed trades to measure", 0)


def test_what_one_trade_or_one_sort_of_trade_leaves_undefined():
    assert sqn([5.0]).reason == "needs 2 or more trades, has 1"
    assert sqn([0.1] * 7).reason == "the results of the trades do not vary"
    assert profit_factor([5.0, 0.0]).reason == "no trade lost money"
    assert profit_factor([-5.0]).value == 0.0


@pytest.mark.parametrize("function", MEASURES)
def test_a_result_that_is_no_number_is_refused(function):
    with pytest.raises(DataError, match=r"trades must be finite.*row 1"):
        function([1.0, np.nan])


def test_n_counts_trades():
    measured = Expectancy().of(Sample([0.01] * 50, periods_per_year=252, trades=TRADES))
    assert (measured.n, measured.unit, measured.period) == (5, "money", "per trade")
