"""Value at risk and expected shortfall by every method, against closed forms, integrals and order statistics."""

import gzip
import re
from importlib.util import find_spec
from pathlib import Path
from typing import get_args

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from risk.measures._garch import conditional_sigma, fit_garch
from risk.measures._var_methods import Method, is_monotone, tail_count
from risk.measures.expected_shortfall import METHODS, ExpectedShortfall, expected_shortfall
from risk.measures.value_at_risk import ValueAtRisk, value_at_risk

HUNDRED = np.random.default_rng(11).permutation(np.arange(-50, 50) / 1000)  # -5.0 %, -4.9 %, ... 4.9 %
DAYS = np.random.default_rng(5).standard_t(5, 1200) * 0.01
levels = st.floats(0.51, 0.99)
returns_lists = st.lists(st.floats(-0.9, 1.0), min_size=100, max_size=300)
QUICK = ("historical", "order_statistic", "gaussian", "ewma")


def test_the_order_statistic_is_the_fifth_worst_of_a_hundred():
    assert value_at_risk(HUNDRED, 0.95, "order_statistic").value == np.sort(HUNDRED)[4]
    assert expected_shortfall(HUNDRED, 0.95, "order_statistic").value == pytest.approx(np.sort(HUNDRED)[:5].mean())


@pytest.mark.parametrize(("n", "share", "count"), [(250, 0.01, 3), (100, 0.05, 5), (300, 0.01, 3), (301, 0.01, 4)])
def test_a_tail_holds_so_many_returns(n, share, count):
    assert tail_count(n, share) == count


@given(returns_lists, levels)
def test_the_order_statistic_is_numpys_inverted_cdf(returns, level):
    expected = np.quantile(returns, round(1 - level, 15), method="inverted_cdf")
    assert value_at_risk(returns, level, "order_statistic").value == pytest.approx(expected)


def test_fractional_weights_by_hand():
    # 21 returns at 95 %: the tail holds 1.05 of them: the worst whole, the next by 0.05
    returns = np.linspace(-0.1, 0.1, 21)
    result = expected_shortfall(returns, 0.95, "fractional").value
    assert result == pytest.approx((-0.1 + 0.05 * -0.09) / 1.05)
    assert round(result, 4) == -0.0995


@given(returns_lists, levels)
def test_the_fractional_shortfall_is_the_integral_of_the_quantile_function(returns, level):
    share = round(1 - level, 15)
    ordered = np.sort(returns)
    edges = np.minimum(np.arange(len(ordered) + 1) / len(ordered), share)
    expected = (ordered * np.diff(edges)).sum() / share
    assert expected_shortfall(returns, level, "fractional").value == pytest.approx(expected, rel=1e-9, abs=1e-12)


def bent(share, returns):
    """The Cornish-Fisher quantile, from scipy's moments."""
    z = stats.norm.ppf(share)
    skew = stats.skew(returns)
    kurtosis = stats.kurtosis(returns)
    z = z + (z**2 - 1) * skew / 6 + (z**3 - 3 * z) * kurtosis / 24 - (2 * z**3 - 5 * z) * skew**2 / 36
    return np.mean(returns) + z * np.std(returns, ddof=1)


@pytest.mark.parametrize("level", [0.9, 0.95, 0.99])
def test_cornish_fisher_is_its_transform_and_the_mean_of_it(level):
    share = 1 - level
    assert value_at_risk(DAYS, level, "cornish_fisher").value == pytest.approx(bent(share, DAYS))
    area, _ = integrate.quad(lambda p: bent(p, DAYS), 0, share, epsabs=1e-13)
    assert expected_shortfall(DAYS, level, "cornish_fisher").value == pytest.approx(area / share, rel=1e-6)


def test_a_symmetric_sample_without_excess_kurtosis_is_gaussian():
    grid = stats.norm.ppf((np.arange(200_000) + 0.5) / 200_000) / 100
    for function in (value_at_risk, expected_shortfall):
        assert function(grid, 0.99, "cornish_fisher").value == pytest.approx(
            function(grid, 0.99, "gaussian").value, rel=1e-3
        )


def test_a_transform_that_folds_back_is_flagged_and_still_given():
    wild = np.concatenate([np.full(400, 0.001), [-0.3, -0.3]])
    result = value_at_risk(wild, 0.95, "cornish_fisher")
    assert result.value is not None
    assert any("not monotone" in flag for flag in result.flags)
    grid = stats.t.ppf((np.arange(2000) + 0.5) / 2000, 10) / 100  # symmetric, a little fat-tailed
    assert value_at_risk(grid, 0.95, "cornish_fisher").flags == ()


@given(st.integers(-300, 300).map(lambda n: n / 100), st.integers(-200, 3000).map(lambda n: n / 100))
def test_the_check_of_monotony_agrees_with_looking(skew, kurtosis):
    def slope(z):
        return 1 + z * skew / 3 + (3 * z**2 - 3) * kurtosis / 24 - (6 * z**2 - 5) * skew**2 / 36

    far = np.geomspace(50, 1e7, 5000)
    everywhere = np.concatenate([np.linspace(-50, 50, 20_001), far, -far])
    lowest = slope(everywhere).min()
    if abs(lowest) > 1e-3:  # away from the border, where a grid cannot tell
        assert is_monotone(skew, kurtosis) == (lowest > 0)


def test_exponential_weights_by_hand():
    returns = np.concatenate([np.full(98, 0.0), [0.02, -0.01]])
    variance = 0.94 * (0.06 * 0.0004) + 0.06 * 0.0001
    assert value_at_risk(returns, 0.95, "ewma").value == pytest.approx(stats.norm.ppf(0.05) * np.sqrt(variance))
    expected = -stats.norm.pdf(stats.norm.ppf(0.05)) / 0.05 * np.sqrt(variance)
    assert expected_shortfall(returns, 0.95, "ewma").value == pytest.approx(expected)


def test_exponential_weights_start_at_the_square_of_the_first_return():
    returns = np.full(100, 0.01)
    assert value_at_risk(returns, 0.95, "ewma").value == pytest.approx(0.01 * stats.norm.ppf(0.05))


@pytest.mark.parametrize(("method", "law"), [("garch_normal", "normal"), ("garch_t", "t")])
def test_garch_is_its_forecast_times_the_laws_quantile(method, law):
    model = fit_garch(DAYS, law)
    sigma = conditional_sigma(DAYS, model)[-1]
    unit = stats.norm() if law == "normal" else stats.t(model.nu, scale=np.sqrt((model.nu - 2) / model.nu))
    assert value_at_risk(DAYS, 0.99, method).value == pytest.approx(model.mean + sigma * unit.ppf(0.01))
    area, _ = integrate.quad(unit.ppf, 0, 0.01)
    assert expected_shortfall(DAYS, 0.99, method).value == pytest.approx(model.mean + sigma * area / 0.01, rel=1e-6)


def test_filtered_simulation_takes_the_residuals_own_tail():
    model = fit_garch(DAYS, "t")
    sigma = conditional_sigma(DAYS, model)
    residuals = (DAYS - model.mean) / sigma[:-1]
    quantile = np.quantile(residuals, 0.01)
    assert value_at_risk(DAYS, 0.99, "fhs").value == pytest.approx(model.mean + sigma[-1] * quantile)
    mean = residuals[residuals <= quantile].mean()
    assert expected_shortfall(DAYS, 0.99, "fhs").value == pytest.approx(model.mean + sigma[-1] * mean)


@pytest.mark.parametrize("method", ["garch_normal", "garch_t", "fhs"])
def test_a_garch_that_cannot_be_fitted_gives_a_reason(method):
    for returns in (HUNDRED, np.zeros(300)):
        result = value_at_risk(returns, 0.95, method)
        assert result.value is None
        assert "GARCH" in result.reason


@given(returns_lists, levels, st.sampled_from(QUICK))
def test_a_shortfall_is_never_above_its_value_at_risk(returns, level, method):
    assert expected_shortfall(returns, level, method).value <= value_at_risk(returns, level, method).value


@given(returns_lists, levels)
def test_the_fractional_shortfall_is_never_above_the_order_statistic(returns, level):
    worst = value_at_risk(returns, level, "order_statistic").value
    assert expected_shortfall(returns, level, "fractional").value <= worst


@pytest.mark.parametrize("method", METHODS)
def test_every_method_tells_its_formula_with_the_share(method):
    assert "2.5 %" in ExpectedShortfall(level=0.975, method=method).formula or method == "ewma"
    if method != "fractional":
        assert ValueAtRisk(level=0.975, method=method).formula


@pytest.fixture(scope="module")
def sp500():
    """Twenty years of daily returns, to the end of 2018."""
    path = Path(find_spec("arch").origin).parent / "data" / "sp500" / "sp500.csv.gz"
    with gzip.open(path, "rt") as file:
        return pd.read_csv(file)["Close"].pct_change().dropna().to_numpy()


@pytest.mark.processor
def test_the_sp500_has_the_figures_of_other_software(sp500):
    # What numpy, scipy and, of the last 2000 days, arch's own forecasts gave when they were called by hand.
    result = {method: round(100 * value_at_risk(sp500, 0.95, method).value, 3) for method in QUICK[:3]}
    assert result == {"historical": -1.864, "order_statistic": -1.865, "gaussian": -1.957}
    bent95 = value_at_risk(sp500, 0.95, "cornish_fisher")
    assert round(100 * bent95.value, 3) == -1.762
    assert "not monotone" in bent95.flags[0]
    assert round(100 * value_at_risk(sp500[-2000:], 0.99, "garch_normal").value, 2) == -4.26
    assert round(100 * value_at_risk(sp500[-2000:], 0.99, "garch_t").value, 2) == -5.18
    assert round(100 * value_at_risk(sp500[-2000:], 0.99, "fhs").value, 1) == -5.8


def test_the_docs_show_what_the_methods_say_of_the_sp500(sp500):
    page = (Path(__file__).parents[3] / "docs" / "measures.md").read_text(encoding="utf-8")
    shown = re.findall(
        r"^\| `(\w+)` \| (-[\d.]+) % \| (-[\d.]+) % \| (-[\d.]+) % \| (-[\d.]+) % \|$", page, re.MULTILINE
    )
    assert {method for method, *_ in shown} == set(get_args(Method)) - {"order_statistic"}
    for method, *figures in shown:
        result = [f(sp500, level, method).value for level in (0.95, 0.99) for f in (value_at_risk, expected_shortfall)]
        assert [f"{100 * value:.2f}" for value in result] == figures
