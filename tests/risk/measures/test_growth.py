import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from risk.measures.cagr import cagr
from risk.measures.calmar import calmar
from risk.measures.max_drawdown import max_drawdown
from risk.measures.total_return import total_return

returns_lists = st.lists(st.floats(-1.0, 2.0), min_size=1, max_size=60)


@pytest.mark.parametrize(
    ("returns", "total"),
    [([0.1, -0.1], -0.01), ([0.5], 0.5), ([-1.0, 3.0], -1.0), ([0.0] * 9, 0.0), ([0.01] * 70, 1.01**70 - 1)],
)
def test_total_return_by_hand(returns, total):
    assert total_return(returns).value == pytest.approx(total, rel=1e-13, abs=1e-15)


@pytest.mark.parametrize("function", [total_return, max_drawdown])
def test_no_returns_no_value(function):
    assert function([]).reason == "needs 1 or more returns, has 0"


def test_numbers_beyond_floats_have_a_reason():
    assert total_return([1e308, 1e308]).reason == "the returns are too large to compute with"


@pytest.mark.parametrize(
    ("returns", "year", "rate"),
    [
        ([0.21], 1, 0.21),
        ([0.21, 0.0], 1, 0.1),  # 21 % in two years
        ([0.1, 0.1], 2, 0.21),
        ([1.0, 0.0, 0.0, 0.0], 2, 2**0.5 - 1),
        ([-1.0, 0.5], 1, -1.0),
    ],
)
def test_cagr_by_hand(returns, year, rate):
    assert cagr(returns, year).value == pytest.approx(rate, rel=1e-14)


def test_cagr_is_not_made_from_less_than_a_year():
    assert cagr([0.01] * 251, 252).reason == "shorter than one year: 251 of 252 returns"
    assert cagr([0.01] * 252, 252).value == pytest.approx(1.01**252 - 1, rel=1e-12)
    assert cagr([], 252).reason == "shorter than one year: 0 of 252 returns"


@given(st.floats(-0.02, 0.02), st.integers(252, 2000))
def test_cagr_of_a_constant_is_its_power(rate, n):
    assert cagr([rate] * n, 252).value == pytest.approx((1 + rate) ** 252 - 1, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(
    ("returns", "depth"),
    [
        ([-0.1, 0.05], -0.1),  # the first day falls from the 1 that was invested
        ([0.1, 0.2], 0.0),
        ([0.5, -0.2, 0.1, -0.5, 2.0], 0.8 * 1.1 * 0.5 - 1),
        ([-1.0, 5.0], -1.0),
    ],
)
def test_max_drawdown_by_hand(returns, depth):
    assert max_drawdown(returns).value == pytest.approx(depth, rel=1e-14)


@given(returns_lists)
def test_max_drawdown_lies_between_minus_one_and_zero(returns):
    assert -1.0 <= max_drawdown(returns).value <= 0.0


@given(returns_lists)
def test_max_drawdown_is_the_worst_of_all_pairs(returns):
    path = np.concatenate(([1.0], np.cumprod(1.0 + np.array(returns))))
    pairs = [path[j] / path[i] - 1 for i in range(len(path)) for j in range(i, len(path)) if path[i] > 0]
    assert max_drawdown(returns).value == pytest.approx(min(pairs), abs=1e-12)


def test_calmar_by_hand():
    assert calmar([0.5, -0.25, 0.5], 3).value == pytest.approx(0.6875 / 0.25, rel=1e-14)
    assert calmar([-0.2, 0.0], 1).value == pytest.approx((0.8**0.5 - 1) / 0.2, rel=1e-14)


def test_calmar_says_why_there_is_none():
    assert calmar([0.01] * 5, 252).reason == "shorter than one year: 5 of 252 returns"
    assert calmar([0.01] * 5, 5).reason == "there is no drawdown"
    assert calmar([-1e-16] * 5, 5).reason == "there is no drawdown"
