"""The probabilistic Sharpe ratio against the paper's figures, purgedcv, quantstats and simulation."""

import math
import warnings
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from core.errors import ConfigError, DataError
from risk.measures.base import Estimate
from risk.overfitting import (
    Track,
    expected_maximum,
    minimum_backtest_length,
    minimum_track_record_length,
    probabilistic_sharpe,
)

DAYS = np.random.default_rng(5).normal(0.0006, 0.01, 1500)
FAT = np.clip(np.random.default_rng(6).standard_t(3, 1500) * 0.01 + 0.0008, -0.3, 0.3)
BOTH = (probabilistic_sharpe, minimum_track_record_length)


@pytest.mark.processor
def test_the_papers_hedge_fund():
    # Bailey and Lopez de Prado (2012), section 3: 24 months, monthly ratio 0.458, skewness -2.448, kurtosis 10.164.
    fund = Track(24, 0.458, skew=-2.448, kurtosis=10.164)
    assert fund.probability() == pytest.approx(0.913, abs=5e-4)
    assert Track(24, 0.458, skew=0.0, kurtosis=3.0).probability() == pytest.approx(0.982, abs=5e-4)


@pytest.mark.parametrize(
    ("periods", "skew", "kurtosis", "years"),
    [(252, 0.0, 3.0, 2.73), (52, 0.0, 3.0, 2.83), (12, 0.0, 3.0, 3.24), (12, -0.72, 5.78, 4.99)],
)
def test_the_papers_years_to_tell_an_annual_ratio_of_two_from_one(periods, skew, kurtosis, years):
    # Bailey and Lopez de Prado (2012), section 4, at 95 %.
    track = Track(100, 2 / math.sqrt(periods), skew, kurtosis)
    assert track.length(1 / math.sqrt(periods)) / periods == pytest.approx(years, abs=5e-3)


def test_four_returns_by_hand():
    # 3 %, 1 %, 0, 0: mean 1 %, squares 4 + 0 + 1 + 1 = 6 (%^2), cubes 8 - 2 = 6, fourth powers 16 + 2 = 18
    ratio = 1 / math.sqrt(6 / 3)
    skew = (6 / 4) / (6 / 4) ** 1.5
    kurtosis = Fraction(18, 4) / Fraction(6, 4) ** 2
    assert kurtosis == 2
    root = math.sqrt(1 - skew * ratio + (2 - 1) / 4 * ratio**2)
    expected = stats.norm.cdf((ratio - 0.1) * math.sqrt(3) / root)
    assert probabilistic_sharpe([0.03, 0.01, 0.0, 0.0], benchmark=0.1).value == pytest.approx(expected, rel=1e-12)
    length = 1 + (root * stats.norm.ppf(0.9) / (ratio - 0.1)) ** 2
    value = minimum_track_record_length([0.03, 0.01, 0.0, 0.0], benchmark=0.1, alpha=0.1).value
    assert value == pytest.approx(length, rel=1e-12)


@pytest.mark.parametrize("returns", [DAYS, FAT], ids=["normal", "fat"])
@pytest.mark.parametrize("benchmark", [0.0, 0.03])
def test_against_purgedcv(returns, benchmark):
    from purgedcv import min_track_record_length, probabilistic_sharpe_ratio

    # Theirs has the population's deviation and moments without bias: 0.03 % and 0.5 % apart at 1500 returns.
    reference = probabilistic_sharpe_ratio(returns, benchmark)
    assert probabilistic_sharpe(returns, benchmark).value == pytest.approx(reference, abs=1e-3)
    ratio = returns.mean() / returns.std(ddof=1)
    skew = stats.skew(returns)
    kurtosis = stats.kurtosis(returns, fisher=False)
    if ratio > benchmark:
        reference = min_track_record_length(ratio, benchmark, 0.05, skew, kurtosis)
        assert math.ceil(minimum_track_record_length(returns, benchmark).value) == reference


@pytest.mark.parametrize("returns", [DAYS, FAT], ids=["normal", "fat"])
def test_against_quantstats(returns):
    import pandas as pd

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from quantstats import stats as oracle

        reference = oracle.probabilistic_sharpe_ratio(
            pd.Series(returns, index=pd.bdate_range("2015-01-01", periods=len(returns)))
        )
    assert probabilistic_sharpe(returns).value == pytest.approx(reference, abs=1e-3)


@given(st.floats(-0.5, 0.5), st.floats(-0.2, 0.2), st.floats(0.001, 0.4))
def test_at_the_minimum_length_the_probability_is_what_was_asked(ratio, benchmark, alpha):
    if ratio - benchmark < 1e-3:
        return
    track = Track(2, ratio, skew=-0.5, kurtosis=5.0)
    length = track.length(benchmark, alpha)
    at = Track(length, ratio, skew=-0.5, kurtosis=5.0)  # n need not be whole
    assert at.probability(benchmark) == pytest.approx(1 - alpha, rel=1e-9)


def test_of_strategies_without_skill_one_in_twenty_looks_95_per_cent_sure():
    rng = np.random.default_rng(1)
    tracks = rng.standard_t(6, (3000, 250)) * 0.01
    significant = np.mean([probabilistic_sharpe(track).value > 0.95 for track in tracks])
    assert significant == pytest.approx(0.05, abs=0.016)  # four standard errors


@given(st.lists(st.floats(-0.5, 0.5), min_size=3, max_size=60).filter(lambda some: np.std(some) > 1e-3))
def test_a_probability_falls_with_the_benchmark_and_turns_with_the_sign(returns):
    estimate = probabilistic_sharpe(returns)
    if estimate.value is None:
        return
    assert 0 <= estimate.value <= 1
    assert probabilistic_sharpe(returns, 0.1).value <= estimate.value
    turned = probabilistic_sharpe([-value for value in returns])
    assert turned.value == pytest.approx(1 - estimate.value, abs=1e-9)


@pytest.mark.parametrize("function", BOTH)
@pytest.mark.parametrize(
    ("returns", "reason"),
    [
        ([], "needs 2 or more returns, has 0"),
        ([0.01], "needs 2 or more returns, has 1"),
        ([0.01] * 50, "the returns do not vary"),
        ([1e200, -0.5, 3.0], "the returns are too large to compute with"),
    ],
)
def test_what_has_no_ratio_has_a_reason(function, returns, reason):
    assert function(returns) == Estimate(None, reason)


@pytest.mark.parametrize("function", BOTH)
def test_a_variance_of_zero_has_a_reason(function):
    # Two values in the shares 1/5 and 4/5: skewness 1.5, kurtosis 3.25. A ratio of 2 / 1.5 makes
    # 1 - 1.5 SR + (3.25 - 1) / 4 SR^2 = (1 - 0.75 SR)^2 zero; the ratio's ddof of 1 is in the shift.
    returns = np.array([1.0, 0.0, 0.0, 0.0, 0.0] * 4)
    returns = (returns - 0.2 + 4 / 3 * returns.std(ddof=1)) / 10
    assert stats.skew(returns) == pytest.approx(1.5)
    assert returns.mean() / returns.std(ddof=1) == pytest.approx(4 / 3)
    assert "variance is not above 0" in function(returns).reason


def test_a_ratio_that_is_not_above_the_benchmark_is_never_long_enough():
    for returns, benchmark in ((-DAYS - 0.001, 0.0), (DAYS, 0.5), ([0.01, -0.01], 0.0)):
        estimate = minimum_track_record_length(returns, benchmark)
        assert estimate == Estimate(None, "the Sharpe ratio is not above the benchmark: no record is long enough")


@pytest.mark.parametrize("function", BOTH)
@pytest.mark.parametrize("benchmark", [math.nan, math.inf])
def test_a_benchmark_that_is_no_ratio_is_refused(function, benchmark):
    with pytest.raises(ConfigError, match=f"benchmark is {benchmark}; it must be a Sharpe ratio per period"):
        function(DAYS, benchmark)


@pytest.mark.parametrize("alpha", [0.0, 0.5, 0.95, 5, math.nan])
def test_an_alpha_that_is_no_chance_of_error_is_refused(alpha):
    with pytest.raises(ConfigError, match=f"alpha is {alpha}; it must lie between 0 and 0.5"):
        minimum_track_record_length(DAYS, alpha=alpha)


@pytest.mark.parametrize("function", BOTH)
@pytest.mark.parametrize("wrong", [math.nan, math.inf, -1.5])
def test_returns_that_cannot_be_are_refused(function, wrong):
    with pytest.raises(DataError, match="row 2 is"):
        function([0.01, 0.02, wrong])


def test_five_years_allow_for_forty_five_trials():
    # Bailey, Borwein, Lopez de Prado and Zhu (2014), equation 6 and the text below it, at an annual ratio of 1.
    assert minimum_backtest_length(45).value == pytest.approx(5.0, abs=5e-3)
    assert minimum_backtest_length(46).value > 5.0


@pytest.mark.parametrize(("trials", "ratio"), [(2, 1.0), (45, 1.0), (1000, 2.5)])
def test_the_minimum_backtest_length_is_purgedcvs(trials, ratio):
    from purgedcv import minimum_backtest_length as oracle

    assert minimum_backtest_length(trials, ratio).value == pytest.approx(oracle(trials, ratio), rel=1e-9)


@pytest.mark.parametrize("trials", [10, 100])
def test_over_the_minimum_backtest_length_the_best_without_skill_shows_the_ratio(trials):
    years = minimum_backtest_length(trials, 1.5).value
    rng = np.random.default_rng(trials)
    days = round(years * 252)
    means = rng.normal(0, 1 / math.sqrt(days), (4000, trials))  # of standard returns, in daily units
    assert means.max(axis=1).mean() * math.sqrt(252) == pytest.approx(1.5, rel=0.03)


@given(st.integers(1, 10**6), st.floats(0.01, 10))
def test_the_minimum_backtest_length_grows_with_trials_and_falls_with_the_ratio(trials, ratio):
    value = minimum_backtest_length(trials, ratio).value
    assert value == pytest.approx((expected_maximum(trials, 1.0) / ratio) ** 2)
    assert minimum_backtest_length(trials + 1, ratio).value > value
    assert minimum_backtest_length(trials, 2 * ratio).value == pytest.approx(value / 4)


def test_one_trial_needs_no_length_and_a_ratio_of_zero_none_that_suffices():
    assert minimum_backtest_length(1, 0.5) == Estimate(0.0)
    for ratio in (0.0, -1.0):
        reason = "the Sharpe ratio is not above 0: trials without skill show it over any length"
        assert minimum_backtest_length(10, ratio) == Estimate(None, reason)


def test_a_backtest_length_of_what_cannot_be_is_refused():
    with pytest.raises(ConfigError, match="trials is 0"):
        minimum_backtest_length(0)
    with pytest.raises(ConfigError, match="sharpe is nan; it must be an annual Sharpe ratio, such as 1"):
        minimum_backtest_length(5, math.nan)


def test_everything_about_overfitting_can_be_had_from_one_place():
    from risk import overfitting

    assert all(callable(getattr(overfitting, name)) for name in overfitting.__all__)
    assert {"pbo", "pbo_of_blocks", "spa", "effective_trials", "deflated_sharpe"} <= set(overfitting.__all__)
