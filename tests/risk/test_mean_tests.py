"""Standard errors of a mean against a double sum and statsmodels; Holm's correction against his procedure."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.regression.linear_model import OLS

from risk.mean_tests import (
    holm,
    newey_west_error,
    newey_west_lags,
    overlap_error,
    regression_ahead,
    regression_intercept,
)


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


@pytest.mark.parametrize("regressors", [0, 1, 2])
def test_the_intercept_against_statsmodels(regressors):
    columns = np.column_stack([noise(seed) for seed in range(2, 2 + regressors)] or [np.empty((1000, 0))])
    outcome = noise(1) + 0.4 * columns.sum(axis=1)
    fit = regression_intercept(outcome, columns, 6)
    settings = {"maxlags": 6, "use_correction": True}
    reference = OLS(outcome, np.column_stack([np.ones(1000), columns])).fit(cov_type="HAC", cov_kwds=settings)
    assert (fit.value, *fit.slopes) == pytest.approx(reference.params, rel=1e-9)
    assert fit.error == pytest.approx(reference.bse[0], rel=1e-9)
    assert fit.explained == pytest.approx(reference.rsquared, abs=1e-9)


def test_regressors_that_say_nothing_new_are_left_out():
    column = noise(2)
    outcome = noise(1)
    alone = regression_intercept(outcome, column[:, None], 6)
    more = regression_intercept(outcome, np.column_stack([np.full(1000, 0.1), column, 0.5 * column]), 6)
    assert (more.value, more.error, more.slopes) == (alone.value, alone.error, (0.0, *alone.slopes, 0.0))


def test_slopes_ahead_know_the_past_alone():
    columns = np.column_stack([noise(2, 60), noise(3, 60)])
    outcome = noise(1, 60)
    ahead = regression_ahead(outcome, columns)
    for row in (3, 20, 59):
        slopes = np.linalg.lstsq(columns[:row], outcome[:row], rcond=None)[0]
        assert ahead[row] == pytest.approx(columns[row] @ slopes, rel=1e-6)
    assert not regression_ahead(outcome, columns[:, :0]).any()
