"""Rolling windows against exact arithmetic, numpy and pandas, and what each value may depend on."""

import math
import statistics
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from signals import compiled_kernels, rolling_windows
from signals.rolling_windows import (
    log_returns,
    plain_sums,
    rolling_max,
    rolling_mean,
    rolling_std,
    rolling_sum,
    shifted,
    simple_returns,
)

ROLLING = [rolling_sum, rolling_mean, rolling_std, rolling_max]
every_rolling = pytest.mark.parametrize("rolled", ROLLING, ids=lambda rolled: rolled.__name__)
WINDOWS = [1, 2, 3, 4, 5, 14, 15, 16, 17, 20, 50, 63, 64, 65, 200]
values = st.lists(st.floats(1e-3, 1e9), min_size=1, max_size=80)
tied = st.lists(st.sampled_from([1.0, 1.5, 3.0, 100.0, 1e8]), min_size=1, max_size=80)


def walk(count, seed=0):
    return 100 * np.exp(np.cumsum(np.random.default_rng(seed).normal(0, 0.01, count)))


@given(numbers=values | tied, window=st.integers(1, 70))
def test_sums_and_means_by_exact_arithmetic(numbers, window):
    sums = rolling_sum(np.array(numbers), window)
    means = rolling_mean(np.array(numbers), window)
    assert np.isnan(sums[: window - 1]).all()
    for row in range(window - 1, len(numbers)):
        exact = sum(map(Fraction, numbers[row - window + 1 : row + 1]))
        # Of n positive numbers added by pairs of pairs; a single sum would err by up to n half units in the last place.
        assert abs(Fraction(sums[row]) - exact) <= exact * (2 + 2 * math.ceil(math.log2(window + 1))) / 2**53
        assert means[row] == pytest.approx(float(exact / window), rel=1e-14)


@given(numbers=values | tied, window=st.integers(2, 70), ddof=st.sampled_from([0, 1]))
def test_spreads_by_exact_arithmetic(numbers, window, ddof):
    result = rolling_std(np.array(numbers), window, ddof)
    assert np.isnan(result[: window - 1]).all()
    exactly = statistics.variance if ddof else statistics.pvariance
    for row in range(window - 1, len(numbers)):
        part = [Fraction(number) for number in numbers[row - window + 1 : row + 1]]
        assert result[row] == pytest.approx(math.sqrt(exactly(part)), rel=1e-12, abs=1e-15 * float(max(part)))


@given(numbers=values | tied, window=st.integers(1, 70))
def test_highest_by_loop(numbers, window):
    expected = [max(numbers[row - window + 1 : row + 1]) for row in range(window - 1, len(numbers))]
    result = rolling_max(np.array(numbers), window)
    np.testing.assert_array_equal(result[window - 1 :], expected)
    assert np.isnan(result[: window - 1]).all()


@pytest.mark.parametrize("window", [2, 14, 20, 50, 200])
def test_they_are_pandas(window):
    series = pd.Series(walk(3000))
    window_of = series.rolling(window)
    np.testing.assert_allclose(rolling_mean(series.to_numpy(), window), window_of.mean(), rtol=1e-12)
    np.testing.assert_allclose(rolling_std(series.to_numpy(), window), window_of.std(), rtol=1e-7)
    np.testing.assert_array_equal(rolling_max(series.to_numpy(), window), window_of.max())


@every_rolling
@pytest.mark.parametrize("window", [2, 14, 20, 63])
def test_where_the_data_begin_or_end_makes_no_difference_to_the_last_bit(rolled, window):
    """Nor does it whether there is enough for compiled code, or on which side of a block a window lies."""
    long = walk(rolling_windows.LONG + 5 * window)
    full = rolled(long, window)
    for begin, end in ((0, 300), (17, 333), (2000, 4100), (16_300, 16_500), (rolling_windows.LONG - 50, len(long))):
        part = rolled(long[begin:end], window)[window - 1 :]
        assert part.tobytes() == full[begin + window - 1 : end].tobytes()


@every_rolling
def test_an_outlier_leaves_no_trace(rolled):
    calm = walk(200, seed=1)
    wild = calm.copy()
    wild[60] = 1e15
    assert rolled(wild, 20)[80:].tobytes() == rolled(calm, 20)[80:].tobytes()
    assert rolled(wild, 20)[:60].tobytes() == rolled(calm, 20)[:60].tobytes()


@every_rolling
def test_a_nan_is_in_its_windows_and_in_no_other(rolled):
    calm = walk(200, seed=2)
    holed = calm.copy()
    holed[60] = np.nan
    result = rolled(holed, 20)
    assert np.isnan(result[60:80]).all()
    assert np.isfinite(result[80:]).all()
    assert np.isfinite(result[19:60]).all()


@given(level=st.floats(1e-3, 1e9), window=st.integers(2, 200))
def test_equal_values_have_no_spread(level, window):
    assert not rolling_std(np.full(250, level), window)[window - 1 :].any()
    assert not rolling_sum(np.zeros(250), window)[window - 1 :].any()


@pytest.mark.parametrize("rolled", ROLLING)
@pytest.mark.parametrize("count", [0, 1, 4])
def test_shorter_than_the_window(rolled, count):
    result = rolled(np.ones(count), 5)
    assert result.shape == (count,)
    assert np.isnan(result).all()


@pytest.mark.parametrize("window", WINDOWS)
def test_compiled_sums_are_the_plain_ones(window):
    numbers = walk(3 * compiled_kernels.BLOCK + 77)
    total = np.empty(len(numbers) - window + 1)
    compiled_kernels.window_sums(numbers, window, total)
    assert total.tobytes() == plain_sums(numbers, window).tobytes()


def test_a_window_beyond_a_block_is_summed_too():
    numbers = walk(30_000)
    window = 3 * compiled_kernels.BLOCK + 1
    total = np.empty(len(numbers) - window + 1)
    compiled_kernels.window_sums(numbers, window, total)
    assert total.tobytes() == plain_sums(numbers, window).tobytes()
    np.testing.assert_allclose(total, np.convolve(numbers, np.ones(window), "valid"), rtol=1e-11)


def test_shifts_and_returns_by_hand():
    prices = np.array([1.0, 2.0, 3.0, 1.5])
    np.testing.assert_array_equal(shifted(prices, 2), [np.nan, np.nan, 1.0, 2.0])
    np.testing.assert_array_equal(shifted(prices, 9), np.full(4, np.nan))
    np.testing.assert_array_equal(simple_returns(prices), [np.nan, 1.0, 0.5, -0.5])
    np.testing.assert_allclose(log_returns(prices)[1:], np.log([2.0, 1.5, 0.5]), rtol=1e-15)
