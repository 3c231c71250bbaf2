"""Standard errors of a mean against a double sum and statsmodels; Holm's correction against his procedure."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.regression.linear_model import OLS

from risk.mean_tests import holm, newey_west_error, newey_west_lags, overlap_error


def noise(seed, n=1000):
    return np.random.default_rng(seed).normal(0.0003, 0.01, n)


def overlapping(seed, horizon, n=600):
    """Sums of noise over ``horizon`` periods."""
    return np.convolve(np.random.default_rng(seed).normal(0, 1, n + horizon - 1), np.ones(horizon), "valid")


def hac(values, lags, kernel):
    settings = {"maxlags": lags, "use_correction": False, "kernel": kernel}
    return float(OLS(values, np.ones(len(values))).fit(cov_type="HAC", cov_kwds=settings).bse[0])


def test_newey_west_against_a_double_sum():
    values, lags = noise(1, 200), 4
    centred = values - values.mean()
    total = sum(
        (1 - abs(i - j) / (lags + 1)) * centred[i] * centred[j]
        for i in range(200)
        for j in range(200)
        if abs(i - j) <= lags
    )
    assert newey_west_error(values, lags) == pytest.approx(math.sqrt(total) / 200, rel=1e-12)


def test_without_lags_it_is_the_plain_standard_error():
    values = noise(2, 300)
    assert newey_west_error(values, 0) == pytest.approx(values.std() / math.sqrt(300), rel=1e-12)


@pytest.mark.parametrize(("n", "lags"), [(22, 2), (100, 4), (1000, 6), (5000, 9)])
def test_lags_follow_the_rule_of_thumb(n, lags):
    assert newey_west_lags(n) == lags


@pytest.mark.parametrize("horizon", [1, 2, 5, 20])
def test_the_error_of_overlapping_values_is_the_larger_of_two_of_statsmodels(horizon):
    values = overlapping(3, horizon)
    bartlett = hac(values, max(newey_west_lags(600), 2 * (horizon - 1)), "bartlett")
    uniform = hac(values, horizon - 1, "uniform")
    assert overlap_error(values, horizon) == pytest.approx(max(bartlett, uniform), rel=1e-9)


@pytest.mark.parametrize("horizon", [1, 5, 20])
def test_a_mean_of_zero_is_rejected_about_as_often_as_stated(horizon):
    """600 series; the standard error of a rate of 5 % is 0.009."""
    series = [overlapping(seed, horizon, 1500) for seed in range(600)]
    rate = np.mean([values.mean() / overlap_error(values, horizon) > 1.645 for values in series])
    assert 0.025 < rate < 0.08


def test_a_negative_rectangular_variance_gives_way_to_the_bartlett_one():
    alternating = np.tile([1.0, -1.0], 50) + noise(4, 100)
    assert overlap_error(alternating, 2) == pytest.approx(hac(alternating, newey_west_lags(100), "bartlett"), rel=1e-9)


def stepped_down(p_values, alpha):
    """Holm's procedure as it is stated: from the smallest p-value up, until one is above alpha / tests left."""
    rejected = set()
    for rank, name in enumerate(sorted(p_values, key=p_values.get)):
        if p_values[name] * (len(p_values) - rank) > alpha:
            break
        rejected.add(name)
    return rejected


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8), st.floats(0.001, 0.5))
def test_holm_rejects_what_the_step_down_procedure_rejects(values, alpha):
    p_values = {str(number): value for number, value in enumerate(values)}
    adjusted = holm(p_values)
    assert {name for name, value in adjusted.items() if value <= alpha} == stepped_down(p_values, alpha)
    assert list(adjusted) == list(p_values)


def test_holm_of_nothing_is_nothing():
    assert holm({}) == {}
