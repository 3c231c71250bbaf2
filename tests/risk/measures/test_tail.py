from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from core.errors import ConfigError, DataError
from risk.measures.base import Sample
from risk.measures.expected_shortfall import ExpectedShortfall, expected_shortfall
from risk.measures.value_at_risk import ValueAtRisk, value_at_risk

FEW, NO_LOSS = "few observations in the tail", "no loss at this level"
METHODS = ("historical", "gaussian")
HUNDRED = np.random.default_rng(11).permutation(np.arange(-50, 50) / 1000)  # -5.0 %, -4.9 %, ... 4.9 %
levels = st.floats(0.51, 0.99)
returns_lists = st.lists(st.floats(-1.0, 1.0), min_size=100, max_size=300)


def test_a_hundred_returns_by_hand():
    # The 5th percentile of 100 numbers stands at place 0.05 x 99 = 4.95: between the fifth and the sixth.
    worst = np.sort(HUNDRED)
    assert value_at_risk(HUNDRED, 0.95).value == pytest.approx(0.05 * worst[4] + 0.95 * worst[5], rel=1e-14)
    assert value_at_risk(HUNDRED, 0.95).value == pytest.approx(-0.04505, rel=1e-12)
    assert expected_shortfall(HUNDRED, 0.95).value == pytest.approx(worst[:5].mean(), rel=1e-14)
    assert expected_shortfall(HUNDRED, 0.95).value == pytest.approx(-0.048, rel=1e-12)


@pytest.mark.parametrize(
    ("level", "n", "var", "shortfall"), [(0.95, 21, -0.09, -0.095), (0.9, 21, -0.08, -0.09), (0.8, 11, -0.06, -0.08)]
)
def test_a_return_that_stands_at_the_quantile_is_in_the_tail(level, n, var, shortfall):
    returns = np.linspace(-0.1, 0.1, n)
    assert value_at_risk(returns, level).value == pytest.approx(var, rel=1e-12)
    assert expected_shortfall(returns, level).value == pytest.approx(shortfall, rel=1e-12)


@given(returns_lists, levels)
def test_historical_is_numpys_percentile_and_the_mean_below_it(returns, level):
    expected = np.percentile(returns, 100 * (1 - level), method="linear")
    assert value_at_risk(returns, level).value == pytest.approx(expected, rel=1e-9, abs=1e-12)
    quantile = value_at_risk(returns, level).value
    tail = [value for value in returns if value <= quantile]
    assert expected_shortfall(returns, level).value == pytest.approx(sum(tail) / len(tail), rel=1e-9, abs=1e-15)


@pytest.mark.parametrize("level", [0.9, 0.95, 0.975, 0.99, 0.999])
def test_gaussian_value_at_risk_is_the_normal_quantile(level):
    returns = np.tile(HUNDRED, 10)
    expected = stats.norm.ppf(1 - level, returns.mean(), returns.std(ddof=1))
    assert value_at_risk(returns, level, "gaussian").value == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("level", [0.9, 0.95, 0.975, 0.99])
def test_gaussian_expected_shortfall_is_the_integral_of_the_quantiles(level):
    mean = HUNDRED.mean()
    deviation = HUNDRED.std(ddof=1)
    area, _ = integrate.quad(lambda share: stats.norm.ppf(share, mean, deviation), 0, 1 - level, epsabs=1e-12)
    assert expected_shortfall(HUNDRED, level, "gaussian").value == pytest.approx(area / (1 - level), rel=1e-8)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("level", [0.9, 0.95, 0.99])
def test_a_grid_of_normal_quantiles_gives_the_closed_forms(level, method):
    law = NormalDist(0.0005, 0.01)
    n = 100_000
    grid = np.array([law.inv_cdf((i + 0.5) / n) for i in range(n)])
    z = NormalDist().inv_cdf(1 - level)
    assert value_at_risk(grid, level, method).value == pytest.approx(0.0005 + 0.01 * z, rel=1e-3)
    closed = 0.0005 - 0.01 * NormalDist().pdf(z) / (1 - level)
    assert expected_shortfall(grid, level, method).value == pytest.approx(closed, rel=1e-3)


@given(returns_lists, levels, st.sampled_from(METHODS))
def test_expected_shortfall_is_never_above_value_at_risk(returns, level, method):
    assert expected_shortfall(returns, level, method).value <= value_at_risk(returns, level, method).value


@given(returns_lists, st.lists(levels, min_size=2, max_size=2), st.sampled_from(METHODS))
def test_a_higher_level_is_never_a_smaller_loss(returns, pair, method):
    low, high = sorted(pair)
    for function in (value_at_risk, expected_shortfall):
        assert function(returns, high, method).value <= function(returns, low, method).value + 1e-12


@given(returns_lists, levels, st.sampled_from(METHODS), st.floats(0.01, 1.0))
def test_both_grow_with_the_returns(returns, level, method, factor):
    returns = np.round(returns, 9)  # numbers so small that scaling makes ties of them have another tail
    for function in (value_at_risk, expected_shortfall):
        scaled = function(returns * factor, level, method).value
        assert scaled == pytest.approx(factor * function(returns, level, method).value, rel=1e-9, abs=1e-12)


def test_rounding_does_not_lift_the_shortfall_above_the_value_at_risk():
    returns = [-0.2] * 6 + [0.0] * 94  # numpy's mean of the six is -0.19999999999999998
    assert value_at_risk(returns, 0.95).value == -0.2
    for method in ("historical", "order_statistic", "fractional"):
        value = expected_shortfall(returns, 0.95, method).value
        assert value <= -0.2
        assert value == pytest.approx(-0.2, rel=1e-15)


@given(st.floats(-1.0, 1.0), st.integers(20, 200))
def test_equal_returns_are_their_own_tail(constant, n):
    returns = [constant] * n
    assert value_at_risk(returns, 0.95).value == constant
    assert expected_shortfall(returns, 0.95).value == pytest.approx(constant, rel=1e-14)


@pytest.mark.parametrize("function", [value_at_risk, expected_shortfall])
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("level", "needed"), [(0.8, 5), (0.9, 10), (0.95, 20), (0.975, 40), (0.99, 100)])
def test_short_samples_are_refused_then_flagged(function, method, level, needed):
    returns = -np.arange(1, 10 * needed + 1) / (10 * needed + 1)
    assert function(returns[: needed - 1], level, method).reason == f"needs {needed} or more returns, has {needed - 1}"
    assert function(returns[:needed], level, method).flags == (FEW,)
    assert function(returns[:-1], level, method).flags == (FEW,)
    assert function(returns, level, method).flags == ()


@pytest.mark.parametrize("function", [value_at_risk, expected_shortfall])
def test_a_gain_is_no_value_at_risk(function):
    assert function([0.01, 0.02] * 100, 0.95).flags == (NO_LOSS,)
    assert function([0.0] * 200, 0.95).flags == (NO_LOSS,)
    assert function([0.01, 0.02] * 10, 0.95).flags == (FEW, NO_LOSS)


@pytest.mark.parametrize("function", [value_at_risk, expected_shortfall])
@pytest.mark.parametrize(
    ("level", "message"),
    [
        (95, "level is 95; it must lie between 0.5 and 1, both excluded; for 95 % write 0.95"),
        (0.05, "level is 0.05; it must lie .* a level is a confidence: write 0.95 for the worst 0.05"),
        (0.5, "level is 0.5; it must lie between 0.5 and 1, both excluded"),
        (1.0, "level is 1.0; it must lie"),
        (float("nan"), "level is nan; it"),
        ("0.95", "level is 0.95; it"),
    ],
)
def test_levels_that_cannot_be_are_refused(function, level, message):
    with pytest.raises(ConfigError, match=message):
        function(HUNDRED, level)


@pytest.mark.parametrize("function", [value_at_risk, expected_shortfall])
def test_unknown_methods_are_refused(function):
    with pytest.raises(
        ConfigError,
        match="method is 'normal'; known: historical, order_statistic, gaussian, cornish_fisher, ewma, garch_normal",
    ):
        function(HUNDRED, 0.95, "normal")


@given(
    st.lists(st.floats(-0.5, 0.5), min_size=1, max_size=50),
    st.data(),
    st.sampled_from([float("nan"), float("inf"), -1.5]),
    st.sampled_from(METHODS),
)
def test_a_return_that_cannot_be_is_always_an_error(returns, data, wrong, method):
    returns.insert(data.draw(st.integers(0, len(returns))), wrong)
    for function in (value_at_risk, expected_shortfall):
        with pytest.raises(DataError, match=r"returns (must be finite|cannot be below -1): .*rows like it: 1\)"):
            function(returns, 0.95, method)


@pytest.mark.parametrize(
    ("level", "method", "suffix"),
    [(0.95, "historical", "95"), (0.975, "historical", "97.5"), (0.999, "gaussian", "99.9_gaussian")],
)
def test_names_tell_level_and_method(level, method, suffix):
    assert ValueAtRisk(level=level, method=method).name == f"value_at_risk_{suffix}"
    assert ExpectedShortfall(level=level, method=method).name == f"expected_shortfall_{suffix}"


def test_formulas_tell_level_and_method():
    sample = Sample(HUNDRED, periods_per_year=252)
    assert ValueAtRisk().of(sample).formula == "5 % quantile of the returns, linear interpolation"
    assert "z(1 %) x standard deviation" in ValueAtRisk(level=0.99, method="gaussian").of(sample).formula
    assert "5 % quantile" in ExpectedShortfall().of(sample).formula
    assert "pdf(z(5 %)) / 5 %" in ExpectedShortfall(method="gaussian").of(sample).formula
