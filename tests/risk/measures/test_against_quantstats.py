"""quantstats 0.0.86 as an oracle, where its conventions are ours."""

import warnings

import numpy as np
import pandas as pd
import pytest

from risk.measures.alpha import alpha
from risk.measures.beta import beta
from risk.measures.cagr import cagr
from risk.measures.calmar import calmar
from risk.measures.expected_shortfall import expected_shortfall
from risk.measures.hit_rate import hit_rate
from risk.measures.information_ratio import information_ratio
from risk.measures.kurtosis import kurtosis
from risk.measures.max_drawdown import max_drawdown
from risk.measures.omega import omega
from risk.measures.profit_factor import profit_factor
from risk.measures.sharpe import sharpe
from risk.measures.skew import skew
from risk.measures.sortino import sortino
from risk.measures.tail_ratio import tail_ratio
from risk.measures.total_return import total_return
from risk.measures.ulcer_index import ulcer_index
from risk.measures.value_at_risk import value_at_risk
from risk.measures.volatility import volatility
from risk.overfitting import probabilistic_sharpe

DAYS = pd.bdate_range("2015-01-01", periods=1500)
NORMAL = np.random.default_rng(5).normal(0.0004, 0.011, len(DAYS))
FAT = np.clip(np.random.default_rng(6).standard_t(3, len(DAYS)) * 0.01, -0.3, 0.3)
LOSS_FIRST = np.concatenate(([-0.2], NORMAL[1:]))


@pytest.fixture(scope="module")
def oracle():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from quantstats import stats
    return stats


@pytest.fixture(params=[NORMAL, FAT, LOSS_FIRST], ids=["normal", "fat", "loss first"])
def series(request):
    return pd.Series(request.param, index=DAYS)


@pytest.mark.parametrize("year", [252, 365])
def test_measures_of_a_year(oracle, series, year):
    pairs = {
        "cagr": (cagr(series, year), oracle.cagr(series, periods=year)),
        "volatility": (volatility(series, year), oracle.volatility(series, periods=year)),
        "calmar": (calmar(series, year), oracle.calmar(series, periods=year)),
    }
    for ours, reference in pairs.values():
        assert ours.value == pytest.approx(reference, rel=1e-10)


@pytest.mark.parametrize("rate", [0.0, 0.04])
def test_ratios(oracle, series, rate):
    assert sharpe(series, 252, rate).value == pytest.approx(oracle.sharpe(series, rf=rate), rel=1e-10)
    assert sortino(series, 252, rate).value == pytest.approx(oracle.sortino(series, rf=rate), rel=1e-10)


def test_measures_of_the_span(oracle, series):
    assert total_return(series).value == pytest.approx(oracle.comp(series), rel=1e-10)
    assert max_drawdown(series).value == pytest.approx(oracle.max_drawdown(series), rel=1e-10)


@pytest.mark.parametrize("level", [0.95, 0.99])
def test_tails(oracle, series, level):
    def shortfall(method):
        return oracle.conditional_value_at_risk(series, confidence=level, method=method)

    quantile = oracle.var(series, confidence=level)
    assert value_at_risk(series, level, "gaussian").value == pytest.approx(quantile, rel=1e-10)
    assert expected_shortfall(series, level, "gaussian").value == pytest.approx(shortfall("parametric"), rel=1e-10)
    assert expected_shortfall(series, level).value == pytest.approx(shortfall("historical"), rel=1e-10)


def test_measures_of_shape(oracle, series):
    pairs = {
        "skew": (skew(series), oracle.skew(series)),
        "kurtosis": (kurtosis(series), oracle.kurtosis(series)),
        "omega": (omega(series, 252, 0.0), oracle.omega(series)),
        "tail_ratio": (tail_ratio(series), oracle.tail_ratio(series)),
        "hit_rate": (hit_rate(series), oracle.win_rate(series)),  # the same where no day is flat
        "ulcer_index": (ulcer_index(series), oracle.ulcer_index(series) * np.sqrt(1 - 1 / len(series))),
    }
    for ours, reference in pairs.values():
        assert ours.value == pytest.approx(reference, rel=1e-10)


def test_measures_against_a_benchmark(oracle, series):
    market = pd.Series(0.3 * series + np.random.default_rng(7).normal(0.0, 0.01, len(series)), index=series.index)
    greeks = oracle.greeks(series, market, 252)
    assert beta(series, market, 252).value == pytest.approx(greeks["beta"], rel=1e-10)
    assert alpha(series, market, 252).value == pytest.approx(greeks["alpha"], rel=1e-10)
    yearly = oracle.information_ratio(series, market) * np.sqrt(252)  # theirs is per session
    assert information_ratio(series, market, 252).value == pytest.approx(yearly, rel=1e-10)


def test_the_probabilistic_sharpe_ratio_has_other_moments(oracle, series):
    # Theirs takes the unbiased skewness and kurtosis, ours the sample's own, as the paper does.
    assert probabilistic_sharpe(series).value == pytest.approx(oracle.probabilistic_sharpe_ratio(series), abs=2e-4)


def test_their_profit_factor_is_ours_of_days(oracle, series):
    assert profit_factor(series).value == pytest.approx(oracle.profit_factor(series), rel=1e-10)
