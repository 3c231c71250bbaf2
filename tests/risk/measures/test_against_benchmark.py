"""Alpha, beta, correlation and information ratio against scipy's regression, numpy and the algebra."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import linregress

from core.errors import ConfigError, DataError
from risk.measures.alpha import Alpha, alpha
from risk.measures.base import Sample
from risk.measures.beta import Beta, beta
from risk.measures.correlation import Correlation, correlation
from risk.measures.information_ratio import InformationRatio, information_ratio
from risk.measures.sharpe import sharpe

RNG = np.random.default_rng(8)
MARKET = RNG.normal(0.0005, 0.012, 750)
PORTFOLIO = 0.0002 + 0.4 * MARKET + RNG.normal(0.0, 0.006, 750)
pairs = st.lists(st.tuples(st.floats(-0.3, 0.3), st.floats(-0.3, 0.3)), min_size=3, max_size=50).map(np.array)


def per_day(rate):
    return (1 + rate) ** (1 / 252) - 1


@pytest.mark.parametrize("rate", [0.0, 0.04])
def test_alpha_and_beta_are_the_regression_of_excess_returns(rate):
    line = linregress(MARKET - per_day(rate), PORTFOLIO - per_day(rate))
    assert beta(PORTFOLIO, MARKET, 252, rate).value == pytest.approx(line.slope, rel=1e-10)
    assert alpha(PORTFOLIO, MARKET, 252, rate).value == pytest.approx(252 * line.intercept, rel=1e-10)


@given(pairs, st.floats(0.0, 0.1))
def test_the_regression_of_any_returns(both, rate):
    portfolio, market = both.T
    assume(np.std(market) > 1e-4)
    line = linregress(market - per_day(rate), portfolio - per_day(rate))
    assert beta(portfolio, market, 252, rate).value == pytest.approx(line.slope, rel=1e-6, abs=1e-9)
    assert alpha(portfolio, market, 252, rate).value == pytest.approx(252 * line.intercept, rel=1e-6, abs=1e-9)


def test_a_mix_of_benchmark_and_cash_has_its_share_as_beta_and_no_alpha():
    daily = per_day(0.03)
    mixed = 0.02 * MARKET + 0.98 * daily
    assert beta(mixed, MARKET, 252, 0.03).value == pytest.approx(0.02, rel=1e-9)
    assert alpha(mixed, MARKET, 252, 0.03).value == pytest.approx(0.0, abs=1e-12)
    assert correlation(mixed, MARKET).value == pytest.approx(1.0, rel=1e-12)
    # Left in cash at 0 % it lacks the interest on 98 % of the account.
    assert alpha(0.02 * MARKET, MARKET, 252, 0.03).value == pytest.approx(-0.98 * 252 * daily, rel=1e-9)


def test_correlation_is_numpys():
    assert correlation(PORTFOLIO, MARKET).value == pytest.approx(np.corrcoef(PORTFOLIO, MARKET)[0, 1], rel=1e-12)
    assert correlation(-PORTFOLIO, MARKET).value == pytest.approx(-correlation(PORTFOLIO, MARKET).value, rel=1e-12)


def test_information_ratio_is_the_sharpe_ratio_of_the_active_return():
    assert information_ratio(PORTFOLIO, MARKET, 252, 0.04).value == pytest.approx(
        sharpe(PORTFOLIO - MARKET, 252).value, rel=1e-12
    )


def test_at_equal_volatility_it_follows_from_sharpe_ratios_and_correlation():
    # (s1 - s2) / sqrt(2 (1 - rho)), for two series of one volatility.
    portfolio = sharpe(PORTFOLIO, 252, 0.02).value
    market = sharpe(MARKET, 252, 0.02).value
    expected = (portfolio - market) / np.sqrt(2 * (1 - np.corrcoef(PORTFOLIO, MARKET)[0, 1]))
    ratio = information_ratio(PORTFOLIO, MARKET, 252, 0.02, equal_volatility=True)
    assert ratio.value == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("share", [0.01, 0.3, 5.0])
def test_at_equal_volatility_the_size_of_positions_plays_no_part(share):
    full = information_ratio(PORTFOLIO, MARKET, 252, equal_volatility=True).value
    assert information_ratio(share * PORTFOLIO, MARKET, 252, equal_volatility=True).value == pytest.approx(
        full, rel=1e-9
    )
    assert information_ratio(share * PORTFOLIO, MARKET, 252).value != pytest.approx(
        information_ratio(PORTFOLIO, MARKET, 252).value, rel=1e-3
    )


FUNCTIONS = {
    "alpha": lambda portfolio, other: alpha(portfolio, other, 252),
    "beta": lambda portfolio, other: beta(portfolio, other, 252),
    "correlation": correlation,
    "information_ratio": lambda portfolio, other: information_ratio(portfolio, other, 252),
    "equal_volatility": lambda portfolio, other: information_ratio(portfolio, other, 252, equal_volatility=True),
}


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_what_cannot_be_compared(function):
    assert function([0.01], [0.02]).reason == "needs 2 or more returns, has 1"
    assert function([0.01, 0.02, 0.05], [0.1] * 3).reason == "the benchmark's returns do not vary"
    with pytest.raises(DataError, match="benchmark has 2 rows, returns 3; both need the same sessions"):
        function([0.01, 0.02, 0.05], [0.01, 0.02])
    with pytest.raises(DataError, match="benchmark must be finite"):
        function([0.01, 0.02], [0.01, np.nan])
    with pytest.raises(DataError, match="returns cannot be below -1"):
        function([0.01, -2.0], [0.01, 0.02])


def test_returns_that_do_not_vary():
    flat = [0.001] * 750
    assert correlation(flat, MARKET).reason == "the returns do not vary"
    assert information_ratio(flat, MARKET, 252, equal_volatility=True).reason == "the returns do not vary"
    assert beta(flat, MARKET, 252).value == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("equal", [False, True])
def test_the_benchmark_itself_has_no_information_ratio(equal):
    constant = "the returns differ from the benchmark's by a constant"
    assert information_ratio(MARKET, MARKET, 252, equal_volatility=equal).reason == constant
    assert information_ratio(MARKET + 0.001, MARKET, 252, equal_volatility=equal).reason == constant


def test_an_impossible_year():
    with pytest.raises(ConfigError, match="periods_per_year is 0"):
        alpha(PORTFOLIO, MARKET, 0)


@pytest.mark.parametrize("measure", [Alpha(), Beta(), Correlation(), InformationRatio()])
def test_a_sample_without_a_benchmark(measure):
    assert measure.of(Sample(PORTFOLIO, periods_per_year=252)).reason == "needs a benchmark to compare with"


def test_the_two_ratios_have_names_of_their_own():
    names = [InformationRatio(equal_volatility=equal).name for equal in (False, True)]
    assert names == ["information_ratio", "information_ratio_at_equal_volatility"]
