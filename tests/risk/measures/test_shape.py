"""Measures of the distribution's shape and of its tails, against closed forms and textbook sums."""

import math
from fractions import Fraction
from statistics import NormalDist

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from core.errors import ConfigError
from risk.measures._tail import FEW
from risk.measures.hit_rate import hit_rate
from risk.measures.kurtosis import kurtosis
from risk.measures.max_drawdown import max_drawdown
from risk.measures.omega import omega
from risk.measures.skew import skew
from risk.measures.tail_ratio import TailRatio, tail_ratio
from risk.measures.ulcer_index import ulcer_index

returns_lists = st.lists(st.floats(-0.5, 0.5), min_size=4, max_size=60)
NORMAL = np.array([NormalDist().inv_cdf((i + 0.5) / 50_000) for i in range(50_000)]) * 0.01
COIN = [1.0] * 3 + [0.0] * 7  # 1 with probability 0.3: skewness 0.4 / sqrt(0.21), excess kurtosis (1 - 6 x 0.21) / 0.21


def spread_out(returns):
    return np.std(returns) > 1e-3


def test_skewness_of_a_coin_in_closed_form():
    assert skew(COIN).value == pytest.approx(0.4 / math.sqrt(0.21) * math.sqrt(90) / 8, rel=1e-12)


def test_excess_kurtosis_of_a_coin_in_closed_form():
    excess = (1 - 6 * 0.21) / 0.21
    assert kurtosis(COIN).value == pytest.approx(9 / (8 * 7) * (11 * excess + 6), rel=1e-12)


def test_a_normal_law_has_neither():
    assert skew(NORMAL).value == pytest.approx(0, abs=1e-9)
    assert kurtosis(NORMAL).value == pytest.approx(0, abs=0.01)  # 0, not 3


def test_an_exponential_law_in_closed_form():
    grid = -np.log1p(-(np.arange(400_000) + 0.5) / 400_000) * 0.01  # skewness 2, excess kurtosis 6
    assert skew(grid).value == pytest.approx(2, rel=1e-2)
    assert kurtosis(grid).value == pytest.approx(6, rel=2e-2)


@given(returns_lists)
def test_they_are_pandas_own(returns):
    assume(spread_out(returns))
    assert skew(returns).value == pytest.approx(pd.Series(returns).skew(), rel=1e-6, abs=1e-8)
    assert kurtosis(returns).value == pytest.approx(pd.Series(returns).kurt(), rel=1e-6, abs=1e-8)


@given(returns_lists, st.floats(0.1, 1.9), st.floats(-0.01, 0.01))
def test_neither_level_nor_scale_matters(returns, factor, shift):
    assume(spread_out(returns))
    moved = np.array(returns) * factor + shift
    assume((moved >= -1).all())
    assert skew(moved).value == pytest.approx(skew(returns).value, rel=1e-6, abs=1e-6)
    assert skew(-np.array(returns)).value == pytest.approx(-skew(returns).value, rel=1e-9, abs=1e-9)
    assert kurtosis(moved).value == pytest.approx(kurtosis(returns).value, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize(("function", "minimum"), [(skew, 3), (kurtosis, 4)])
def test_moments_need_returns_that_vary(function, minimum):
    assert function([0.01, 0.02, 0.03][: minimum - 1]).reason == f"needs {minimum} or more returns, has {minimum - 1}"
    for constant in (0.0, 0.1, -0.3, 1 / 3):
        assert function([constant] * 700).reason == "the returns do not vary"


def test_omega_by_hand():
    assert omega([0.03, -0.01, 0.01, -0.01], 252).value == pytest.approx(2.0, rel=1e-14)
    assert omega([-0.01, -0.02], 252).value == 0.0


@given(returns_lists, st.floats(0.0, 0.5))
def test_omega_is_the_textbook_sum(returns, rate):
    threshold = (1 + rate) ** (1 / 252) - 1
    lost = math.fsum(threshold - value for value in returns if value < threshold)
    assume(lost > 1e-9)
    gained = math.fsum(value - threshold for value in returns if value > threshold)
    assert omega(returns, 252, rate).value == pytest.approx(gained / lost, rel=1e-9, abs=1e-12)


@given(returns_lists)
def test_omega_tells_the_sign_of_the_mean(returns):
    assume(min(returns) < -1e-6)
    mean = math.fsum(returns)
    assume(abs(mean) > 1e-9)
    assert (omega(returns, 252).value > 1) == (mean > 0)


def test_omega_without_a_loss_is_undefined():
    assert omega([0.0, 0.01], 252).reason == "no return is below the risk-free rate"
    assert omega([1.04 ** (1 / 252) - 1] * 50, 252, 0.04).reason == "no return is below the risk-free rate"
    assert omega([0.01], 252).reason == "needs 2 or more returns, has 1"
    with pytest.raises(ConfigError, match="periods_per_year is 0"):
        omega([0.01, -0.01], 0)


@given(st.lists(st.sampled_from([-0.02, -0.01, 0.0, 0.01, 0.02]), min_size=1, max_size=50))
def test_the_hit_rate_counts_days_that_gained_among_all(returns):
    hits = sum(value > 0 for value in returns)
    assert hit_rate(returns).value == pytest.approx(float(Fraction(hits, len(returns))), rel=1e-15)


def test_a_flat_day_is_no_hit():
    assert hit_rate([0.0, 0.0, 0.01, -0.01]).value == 0.25
    assert hit_rate([]).reason == "needs 1 or more returns, has 0"


def test_the_ulcer_index_by_hand():
    # wealth 1, 0.5, 0.75, 1.5, 1.2: drawdowns 0.5, 0.25, 0 and 0.2
    expected = math.sqrt((0.25 + 0.0625 + 0.04) / 4)
    assert ulcer_index([-0.5, 0.5, 1.0, -0.2]).value == pytest.approx(expected, rel=1e-12)


@given(returns_lists)
def test_the_ulcer_index_is_the_textbook_sum_and_within_the_deepest_drawdown(returns):
    value, peak, squares = 1.0, 1.0, 0.0
    for simple_return in returns:
        value *= 1 + simple_return
        peak = max(peak, value)
        squares += (value / peak - 1) ** 2
    estimate = ulcer_index(returns).value
    assert estimate == pytest.approx(math.sqrt(squares / len(returns)), rel=1e-9, abs=1e-12)
    assert estimate <= -max_drawdown(returns).value + 1e-12


def test_the_ulcer_index_of_growth_is_0():
    assert ulcer_index([0.01] * 10).value == 0.0
    assert ulcer_index([]).reason == "needs 1 or more returns, has 0"


def test_the_tail_ratio_by_hand():
    # 101 returns from -0.5 to 0.5 by 0.01: quantiles at 5 % and 95 % are the 6th and the 96th
    returns = (np.arange(101) - 50) / 100
    assert tail_ratio(returns).value == pytest.approx(1.0, rel=1e-12)
    assert tail_ratio(np.where(returns > 0, 2 * returns, returns)).value == pytest.approx(2.0, rel=1e-12)
    assert tail_ratio(returns + 0.1, 0.9).value == pytest.approx(0.5 / 0.3, rel=1e-12)


@given(st.lists(st.floats(-0.5, 0.5), min_size=20, max_size=80))
def test_the_tail_ratio_is_one_over_that_of_the_mirror(returns):
    estimate = tail_ratio(returns)
    mirrored = tail_ratio(-np.array(returns))
    assume(estimate.value is not None and estimate.value > 1e-9 and mirrored.value is not None)
    assert estimate.value * mirrored.value == pytest.approx(1.0, rel=1e-9)


def test_the_tail_ratio_needs_tails_of_both_signs():
    assert tail_ratio([0.01] * 30).reason == "no loss at this level"
    assert tail_ratio([-0.01] * 30).reason == "no gain at this level"
    assert tail_ratio([0.01, -0.01]).reason == "needs 20 or more returns, has 2"
    assert tail_ratio(NORMAL[::500]).flags == (FEW,)
    assert tail_ratio(NORMAL).flags == ()
    with pytest.raises(ConfigError, match="level is 95; it must lie between"):
        tail_ratio(NORMAL, 95)


def test_the_name_of_a_tail_ratio_tells_its_level():
    assert TailRatio().name == "tail_ratio_95"
    assert TailRatio(level=0.975).name == "tail_ratio_97.5"
    assert TailRatio().formula.startswith("95 % quantile / abs(5 % quantile)")
