"""Rolling forecasts against the measures of each window, day by day; and what comes later changes none of them."""

import gzip
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import ConfigError, DataError
from risk.measures._garch import conditional_sigma, fit_garch, law_quantile, law_shortfall
from risk.measures.expected_shortfall import expected_shortfall
from risk.measures.value_at_risk import value_at_risk
from risk.var import rolling_forecasts
from risk.var.rolling_forecasts import REFIT, forecasts
from risk.var.tests import acerbi_szekely, christoffersen, kupiec

WINDOWED = ("historical", "order_statistic", "gaussian", "cornish_fisher")
QUICK = (*WINDOWED, "ewma")
GARCHS = ("garch_normal", "garch_t", "fhs")
LEVELS = (0.9, 0.95, 0.99)
RETURNS = np.random.default_rng(8).standard_t(4, 700) * 0.01


def index_returns(name):
    """Daily returns of one of arch's samples, 1999 to 2018."""
    with gzip.open(Path(find_spec("arch").origin).parent / "data" / name / f"{name}.csv.gz", "rt") as file:
        return pd.read_csv(file)["Close"].pct_change().dropna().to_numpy()


@pytest.mark.slow
@pytest.mark.parametrize("method", WINDOWED)
@pytest.mark.parametrize("window", [100, 250])
def test_each_day_is_the_measure_of_the_window_before_it(method, window, monkeypatch):
    monkeypatch.setattr(rolling_forecasts, "CELLS", 97 * window)  # so that windows come in several lots
    series = forecasts(RETURNS, window, LEVELS, [method])
    for level in LEVELS:
        for function, answer in ((value_at_risk, series.var), (expected_shortfall, series.es)):
            expected = [function(RETURNS[t - window : t], level, method).value for t in range(window, len(RETURNS))]
            assert answer[method, level][window:] == pytest.approx(expected, rel=1e-12, abs=1e-16)


def test_exponential_weights_see_all_days_before():
    series = forecasts(RETURNS, 250, [0.99], ["ewma"])
    for t in range(250, len(RETURNS)):
        assert series.var["ewma", 0.99][t] == value_at_risk(RETURNS[:t], 0.99, "ewma").value
        assert series.es["ewma", 0.99][t] == expected_shortfall(RETURNS[:t], 0.99, "ewma").value


@pytest.mark.parametrize("method", GARCHS)
def test_a_garch_is_the_measure_of_all_days_before_where_it_is_fitted(method):
    series = forecasts(RETURNS[:300], 250, [0.95, 0.99], [method])
    for t in (250, 270, 290):
        for level in (0.95, 0.99):
            expected = (
                value_at_risk(RETURNS[:t], level, method).value,
                expected_shortfall(RETURNS[:t], level, method).value,
            )
            assert (series.var[method, level][t], series.es[method, level][t]) == pytest.approx(expected, rel=1e-12)


def test_between_fits_a_garch_is_filtered_on():
    series = forecasts(RETURNS[:300], 250, [0.99], ["garch_t"])
    model = fit_garch(RETURNS[:250], "t")
    for t in range(250, 250 + REFIT):
        sigma = conditional_sigma(RETURNS[:t], model)[-1]
        var, es = (model.mean + sigma * law(0.01, model.nu) for law in (law_quantile, law_shortfall))
        assert series.var["garch_t", 0.99][t] == pytest.approx(var, rel=1e-12)
        assert series.es["garch_t", 0.99][t] == pytest.approx(es, rel=1e-12)


@given(st.integers(101, 380), st.sampled_from(["cut", "redrawn"]), st.integers(0, 5))
@settings(max_examples=30)
def test_what_comes_later_changes_no_forecast(cut, how, seed):
    full = RETURNS[:400]
    other = full[:cut]
    if how == "redrawn":
        other = np.append(other, np.random.default_rng(seed).normal(0, 0.5, 400 - cut).clip(-0.9))
    one = forecasts(full, 100, LEVELS, QUICK)
    two = forecasts(other, 100, LEVELS, QUICK)
    for key in one.var:
        np.testing.assert_array_equal(one.var[key][:cut], two.var[key][:cut])
        np.testing.assert_array_equal(one.es[key][:cut], two.es[key][:cut])


@pytest.mark.slow
@pytest.mark.parametrize("cut", [261, 270, 271, 299])
def test_nor_does_it_change_a_garchs(cut):
    full = RETURNS[:310]
    other = np.append(full[:cut], np.clip(10 * full[cut:], -0.9, None))
    shorter = full[:cut]
    one = forecasts(full, 250, [0.99], GARCHS)
    for two in (forecasts(other, 250, [0.99], GARCHS), forecasts(shorter, 250, [0.99], GARCHS)):
        for key in one.var:
            np.testing.assert_array_equal(one.var[key][:cut], two.var[key][:cut])
            np.testing.assert_array_equal(one.es[key][:cut], two.es[key][:cut])


def test_a_forecast_changes_with_the_day_before_it():
    other = RETURNS.copy()
    other[399] = -0.1
    one = forecasts(RETURNS, 250, [0.99], QUICK)
    two = forecasts(other, 250, [0.99], QUICK)
    for key in one.var:
        assert two.es[key][400] != one.es[key][400]
        assert two.es[key][399] == one.es[key][399]


def test_there_is_none_before_the_window_is_full():
    series = forecasts(RETURNS, 250, LEVELS, QUICK)
    assert series.first == 250
    for key, values in (*series.var.items(), *series.es.items()):
        assert np.isnan(values[:250]).all(), key
        assert np.isfinite(values[250:]).all(), key


def converges(returns):
    try:
        return fit_garch(returns)
    except DataError:
        return None


def test_a_fit_that_fails_leaves_the_model_before_it_or_no_forecast():
    quiet = np.concatenate([np.zeros(275), RETURNS[:105]])
    series = forecasts(quiet, 250, [0.99], ["garch_normal"])
    failed = [row for row in range(250, 380, REFIT) if not converges(quiet[:row])]
    assert failed[:2] == [250, 270]  # there, nothing has ever moved
    assert series.failures == {"garch_normal": len(failed)}
    first = next(row for row in range(250, 380, REFIT) if row not in failed)
    var = series.var["garch_normal", 0.99]
    assert np.isnan(var[:first]).all()
    assert np.isfinite(var[first:]).all()


@pytest.mark.parametrize(
    ("more", "error", "message"),
    [
        ({"methods": ["magic"]}, ConfigError, "method is 'magic'; known: historical"),
        ({"levels": [95]}, ConfigError, "level is 95"),
        ({"window": 50}, ConfigError, "a window of 50 returns has none in the tail at 0.99; take 100 or more"),
        ({"returns": RETURNS[:250]}, DataError, "needs more than 250 returns to forecast one, has 250"),
        ({"returns": np.append(RETURNS, np.nan)}, DataError, "returns must be finite"),
    ],
)
def test_what_cannot_be_forecast_is_refused(more, error, message):
    given_all = {"returns": RETURNS, "window": 250, "levels": [0.99], "methods": ["gaussian"], **more}
    with pytest.raises(error, match=message):
        forecasts(**given_all)


# --- what the docs say of the samples ---------------------------------------------------------------------------------

# (method, level): hits on the S&P 500 and on the Nasdaq Composite, the figures of docs/var-backtest.md.
HITS = {
    ("historical", 0.95): [267, 258],
    ("historical", 0.99): [81, 78],
    ("order_statistic", 0.95): [259, 252],
    ("order_statistic", 0.99): [67, 68],
    ("gaussian", 0.95): [274, 270],
    ("gaussian", 0.99): [116, 110],
    ("cornish_fisher", 0.95): [271, 261],
    ("cornish_fisher", 0.99): [58, 58],
    ("ewma", 0.95): [268, 271],
    ("ewma", 0.99): [95, 81],
}


@pytest.fixture(scope="module")
def samples():
    return [(values, forecasts(values, 250, [0.95, 0.99], QUICK)) for values in map(index_returns, ("sp500", "nasdaq"))]


def test_the_hits_of_the_docs(samples):
    series = {}
    for values, forecast in samples:
        assert len(values) - 250 == 4780
        for key, var in forecast.var.items():
            series.setdefault(key, []).append(int((values[250:] < var[250:]).sum()))
    assert series == HITS


@pytest.mark.parametrize(
    ("method", "level", "number", "order", "z2"),
    [
        ("historical", 0.95, 0.068, 5.7e-7, -0.19),
        ("historical", 0.99, 1.1e-5, 0.014, -0.82),
        ("gaussian", 0.99, 5.2e-17, 0.0024, -1.92),
        ("ewma", 0.95, 0.059, 0.43, -0.30),
        ("ewma", 0.99, 1.5e-9, 0.45, -1.38),
    ],
)
def test_the_tests_of_the_docs_on_the_sp500(samples, method, level, number, order, z2):
    (values, forecast) = samples[0]
    key = (method, level)
    r = values[250:]
    v = forecast.var[key][250:]
    e = forecast.es[key][250:]
    assert kupiec(r < v, level).p_value == pytest.approx(number, rel=0.05)
    assert christoffersen(r < v, level).independence.p_value == pytest.approx(order, rel=0.05)
    assert acerbi_szekely(r, v, e, level).z2.statistic == pytest.approx(z2, abs=0.005)


def test_the_clusters_of_the_docs(samples):
    values, forecast = samples[0]
    series = {}
    for method in ("historical", "ewma"):
        hits = values[250:] < forecast.var[method, 0.95][250:]
        after = int((hits[1:] & hits[:-1]).sum())
        series[method] = hits.sum(), after, np.convolve(hits, np.ones(60), "valid").max()
    assert series == {"historical": (267, 36, 21), "ewma": (268, 18, 10)}
