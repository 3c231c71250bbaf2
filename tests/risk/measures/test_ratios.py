import statistics

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from risk.measures.sharpe import sharpe
from risk.measures.sortino import sortino
from risk.measures.volatility import volatility

returns_lists = st.lists(st.floats(-0.5, 0.5), min_size=2, max_size=60)


def per_day(rate):
    return (1 + rate) ** (1 / 252) - 1


def test_volatility_by_hand():
    assert volatility([0.01, -0.01, 0.01, -0.01, 0.0], 256).value == pytest.approx(0.16, rel=1e-14)


@given(returns_lists)
def test_volatility_is_the_textbook_deviation(returns):
    assert volatility(returns, 252).value == pytest.approx(statistics.stdev(returns) * 252**0.5, rel=1e-9, abs=1e-12)


def test_sharpe_by_hand():
    # mean 0.01, deviations 0.02 and -0.02: standard deviation 0.02 x sqrt(2)
    assert sharpe([0.03, -0.01], 252).value == pytest.approx(0.5 * 126**0.5, rel=1e-14)


def test_the_risk_free_rate_is_annual_and_taken_to_a_day_geometrically():
    returns = [0.03, -0.01, 0.002]
    above = [value - per_day(0.04) for value in returns]
    expected = statistics.fmean(above) / statistics.stdev(above) * 252**0.5
    assert sharpe(returns, 252, 0.04).value == pytest.approx(expected, rel=1e-12)


def test_sortino_by_hand():
    # mean 0.01; one of four days lost, 0.02: root of 0.0004 / 4 is 0.01
    assert sortino([0.02, 0.02, -0.02, 0.02], 252).value == pytest.approx(252**0.5, rel=1e-14)


def test_sortino_counts_days_below_the_risk_free_rate():
    returns = [0.0, 0.01]
    low, high = (value - per_day(0.05) for value in returns)
    expected = (low + high) / 2 / (low**2 / 2) ** 0.5 * 252**0.5
    assert sortino(returns, 252, 0.05).value == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("year", [52, 252, 365])
def test_the_rate_of_a_period_depends_on_the_year(year):
    rate = 1.04 ** (1 / year) - 1
    returns = np.array([0.03, -0.01, 0.002])
    for function in (sharpe, sortino):
        assert function(returns + rate, year, 0.04).value == pytest.approx(function(returns, year).value, rel=1e-9)


@pytest.mark.parametrize("function", [volatility, sharpe, sortino])
@pytest.mark.parametrize("returns", [[], [0.01]])
def test_two_returns_are_needed(function, returns):
    assert function(returns, 252).reason == f"needs 2 or more returns, has {len(returns)}"


@pytest.mark.parametrize("constant", [0.0, 0.1, 0.0001, -0.3, 1 / 3, 1234.5])
@pytest.mark.parametrize("n", [2, 3, 7, 1000, 5031])
@pytest.mark.parametrize("rate", [0.0, 0.04])
def test_constant_returns_have_no_sharpe(constant, n, rate):
    assert sharpe([constant] * n, 252, rate).reason == "the returns do not vary"


def test_constant_growth_of_an_account_has_no_sharpe():
    account = 10_000.0 * np.cumprod(np.full(2000, 1.0001))
    assert sharpe(account[1:] / account[:-1] - 1, 252).reason == "the returns do not vary"


def test_days_that_earn_the_risk_free_rate_have_no_sortino():
    assert sortino([per_day(0.04)] * 50, 252, 0.04).reason == "no return is below the risk-free rate"
    account = 10_000.0 * np.cumprod(np.full(300, 1.04 ** (1 / 252)))
    assert sortino(account[1:] / account[:-1] - 1, 252, 0.04).reason == "no return is below the risk-free rate"
    assert sortino([0.01, 0.02], 252).reason == "no return is below the risk-free rate"


@given(returns_lists, st.floats(0.01, 1.9))
def test_ratios_do_not_depend_on_the_scale(returns, factor):
    assume(statistics.pstdev(returns) > 1e-6)
    scaled = np.array(returns) * factor
    assert sharpe(scaled, 252).value == pytest.approx(sharpe(returns, 252).value, rel=1e-6, abs=1e-9)
    if min(returns) < -1e-6:
        assert sortino(scaled, 252).value == pytest.approx(sortino(returns, 252).value, rel=1e-6, abs=1e-9)


@given(returns_lists, st.floats(1.0, 366.0))
def test_ratios_grow_with_the_root_of_time(returns, year):
    assume(statistics.pstdev(returns) > 1e-6)
    assert sharpe(returns, 4 * year).value == pytest.approx(2 * sharpe(returns, year).value, rel=1e-12)
    assert volatility(returns, 4 * year).value == pytest.approx(2 * volatility(returns, year).value, rel=1e-12)
