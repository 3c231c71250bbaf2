"""Tests of forecasts against closed forms and second implementations, their size and power, and the rule over them."""

import numpy as np
import pytest
from scipy.stats import norm, rankdata, spearmanr
from statsmodels.regression.linear_model import OLS

from signals.evaluation.skill_tests import (
    SkillTest,
    answers,
    beats_baselines,
    clark_west,
    diebold_mariano,
    mean_test,
    pesaran_timmermann,
    rank_products,
)


def p_value(difference, horizon):
    return diebold_mariano(difference, horizon).p_value


def test_one_bar_ahead_diebold_mariano_is_a_z_test_of_the_mean():
    difference = np.random.default_rng(0).normal(0.1, 1, 500)
    result = diebold_mariano(difference, 1)
    assert result.statistic == pytest.approx(difference.mean() / (difference.std() / np.sqrt(500)), rel=1e-12)
    assert result.p_value == pytest.approx(norm.sf(result.statistic), rel=1e-9)
    assert result.mean == pytest.approx(difference.mean())


def test_longer_horizons_take_in_autocovariances():
    noise = np.random.default_rng(1).normal(0, 1, 502)
    difference = noise[2:] + noise[1:-1] + noise[:-2] + 0.1
    centred = difference - difference.mean()
    gamma = [np.mean(centred * centred), *(np.sum(centred[lag:] * centred[:-lag]) / 500 for lag in (1, 2))]
    expected = difference.mean() / np.sqrt((gamma[0] + 2 * gamma[1] + 2 * gamma[2]) / 500)
    assert diebold_mariano(difference, 3).statistic == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("horizon", [1, 3])
def test_no_difference_is_found_about_as_often_as_promised(horizon):
    """Overlapping sums of noise; 400 series, standard error below 0.008."""
    rng = np.random.default_rng(2)
    series = [np.convolve(rng.normal(0, 1, 600 + horizon - 1), np.ones(horizon), "valid") for _ in range(400)]
    assert np.mean([p_value(item, horizon) <= 0.025 for item in series]) == pytest.approx(0.025, abs=0.02)


@pytest.mark.parametrize(
    ("difference", "horizon", "reason"),
    [
        (np.ones(29), 1, "29 decision times; a test needs 30"),
        (np.arange(50.0), 30, "50 decision times; a test needs 60"),
        (np.full(50, 0.2), 1, "the losses differ by the same amount at all times"),
        (np.tile([1.0, -1.0], 25), 2, "variance of the loss difference is not above 0"),
        (np.zeros(0), 1, "0 decision times"),
    ],
)
def test_what_cannot_be_tested_has_a_reason(difference, horizon, reason):
    result = diebold_mariano(difference, horizon)
    assert result.statistic is result.p_value is None
    assert reason in result.reason


@pytest.mark.parametrize(
    ("values", "horizon", "reason"),
    [(np.ones(29), 1, "needs 30"), (np.arange(50.0), 30, "needs 60"), (np.zeros(50), 1, "the same at all times")],
)
def test_a_mean_that_cannot_be_tested_has_a_reason(values, horizon, reason):
    result = mean_test("Clark-West", values, horizon)
    assert (result.method, result.statistic, result.p_value) == ("Clark-West", None, None)
    assert reason in result.reason


def forecasts(seed, edge, n=2000):
    """Labels, and a model's noisy predictions of them: a fitted slope on a feature that explains ``edge``."""
    rng = np.random.default_rng(seed)
    feature = rng.normal(0, 1, n)
    label = 0.01 * (edge * feature + rng.standard_t(5, n) / np.sqrt(5 / 3))
    return label, 0.01 * (edge + rng.normal(0, 0.05)) * feature


def clark_west_of(label, prediction, baseline=0.0):
    return mean_test("", clark_west(label, prediction, np.full(len(label), baseline)), 1)


def test_clark_west_is_the_regression_of_its_authors():
    """Clark and West (2007), page 294: regress the adjusted difference on a constant, take the t of that constant."""
    label, prediction = forecasts(0, 0.05)
    baseline = np.full(2000, 0.0003)
    adjusted = (label - baseline) ** 2 - ((label - prediction) ** 2 - (baseline - prediction) ** 2)
    settings = {"maxlags": 7, "use_correction": False}
    regression = OLS(adjusted, np.ones(2000)).fit(cov_type="HAC", cov_kwds=settings)
    plain = OLS(adjusted, np.ones(2000)).fit(cov_type="HC0")
    expected = adjusted.mean() / max(regression.bse[0], plain.bse[0])
    assert clark_west_of(label, prediction, 0.0003).statistic == pytest.approx(expected, rel=1e-9)


def test_against_zero_clark_west_is_the_mean_profit_of_trading_the_prediction():
    label, prediction = forecasts(1, 0.05)
    np.testing.assert_allclose(clark_west(label, prediction, np.zeros(2000)), 2 * label * prediction, atol=1e-18)


def test_clark_west_finds_what_diebold_mariano_misses_and_neither_finds_noise():
    """An edge of IC 0.06 with a noisy slope; 200 markets of each kind, standard errors below 0.04."""
    found = {"cw": 0, "dm": 0, "cw noise": 0, "dm noise": 0}
    for seed in range(200):
        for kind, edge in (("", 0.06), (" noise", 0.0)):
            label, prediction = forecasts(seed, edge)
            found["cw" + kind] += clark_west_of(label, prediction).p_value <= 0.05
            found["dm" + kind] += p_value(label**2 - (label - prediction) ** 2, 1) <= 0.05
    assert found["cw"] > 140
    assert found["dm"] < found["cw"] - 60
    assert 2 <= found["cw noise"] <= 20
    assert found["dm noise"] <= 10


def pesaran_timmermann_1992(label, prediction):
    """The statistic by the formulas of the paper, equations 2 to 6."""
    n = len(label)
    rises, predicted = np.mean(label > 0), np.mean(prediction > 0)
    hits = np.mean((label > 0) == (prediction > 0))
    expected = rises * predicted + (1 - rises) * (1 - predicted)
    variance = expected * (1 - expected) / n
    of_expected = (
        (2 * rises - 1) ** 2 * predicted * (1 - predicted) / n
        + (2 * predicted - 1) ** 2 * rises * (1 - rises) / n
        + 4 * rises * predicted * (1 - rises) * (1 - predicted) / n**2
    )
    return (hits - expected) / np.sqrt(variance - of_expected)


@pytest.mark.parametrize(("edge", "drift"), [(0.0, 0.0), (0.1, 0.0), (0.1, 0.5), (0.0, 0.8)])
def test_pesaran_timmermann_is_the_papers_statistic_for_independent_outcomes(edge, drift):
    """Independent outcomes: the estimated error is the paper's up to a few per cent, and the numerator is exact."""
    rng = np.random.default_rng(5)
    prediction = rng.normal(0.3, 1, 20_000)
    label = edge * prediction + rng.normal(drift, 1, 20_000)
    values = pesaran_timmermann(label, prediction)
    hits = np.mean((label > 0) == (prediction > 0))
    up, told = np.mean(label > 0), np.mean(prediction > 0)
    assert 2 * values.mean() == pytest.approx(hits - up * told - (1 - up) * (1 - told), rel=1e-9)
    found = mean_test("", values, 1).statistic
    assert found == pytest.approx(pesaran_timmermann_1992(label, prediction), rel=0.05, abs=0.05)


def test_always_long_in_a_rising_market_has_hits_but_no_direction():
    label = np.random.default_rng(6).normal(0.5, 1, 500)
    assert np.mean(label > 0) > 0.6
    assert mean_test("", pesaran_timmermann(label, np.ones(500)), 1).reason == (
        "the tested quantity is the same at all times"
    )


def test_the_rank_test_is_of_spearmans_correlation():
    rng = np.random.default_rng(7)
    prediction = rng.integers(0, 20, 5000).astype(float)  # with ties
    label = 0.01 * prediction + rng.standard_t(3, 5000)
    values = rank_products(rankdata(label), rankdata(prediction))
    expected = spearmanr(prediction, label)
    found = mean_test("", values, 1)
    assert found.mean == pytest.approx(expected.statistic, rel=1e-9)
    assert found.statistic == pytest.approx(expected.statistic * np.sqrt(4999), rel=0.05)  # of independent rows


def results_with(zero, mean, direction, rank):
    p_values = {"zero": zero, "expanding_mean": mean, "direction": direction, "rank_ic": rank}
    return {name: SkillTest("", p_value=p) for name, p in p_values.items()}


@pytest.mark.parametrize(
    ("zero", "mean", "direction", "rank", "beats"),
    [
        (0.016, 0.016, 0.9, 0.9, True),  # 3 x 0.016 is 0.048
        (0.017, 0.001, 0.9, 0.9, False),  # the larger of the two counts: 3 x 0.017
        (0.001, 0.017, 0.9, 0.9, False),
        (0.9, 0.9, 0.016, 0.9, True),
        (0.9, 0.9, 0.9, 0.016, True),
        (0.04, 0.04, 0.04, 0.04, False),  # three times the smallest
        (None, 0.0, 0.024, 0.9, True),  # two questions are left
        (None, None, 0.026, 0.9, False),
        (0.0, None, None, None, False),  # beating zero alone is no skill: the mean does so
        (None, None, None, None, False),
    ],
)
def test_one_question_answered_at_five_per_cent_over_all_is_skill(zero, mean, direction, rank, beats):
    assert beats_baselines(results_with(zero, mean, direction, rank)) is beats


def test_answers_hold_the_p_values_before_and_after_the_correction():
    found = answers(results_with(0.01, 0.02, 0.5, None))
    assert (found["size of the return"].p_value, found["size of the return"].adjusted) == (0.02, 0.04)
    assert (found["direction"].p_value, found["direction"].adjusted) == (0.5, 0.5)
    assert (found["rank"].p_value, found["rank"].adjusted) == (None, None)


def test_on_noise_forecasts_are_called_skilled_at_most_as_often_as_stated():
    """300 markets of noise; at 5 % the standard error is 0.013."""
    skilled = 0
    for seed in range(300):
        label, prediction = forecasts(1000 + seed, 0.0, 1000)
        found = {
            "zero": clark_west_of(label, prediction),
            "expanding_mean": clark_west_of(label, prediction, 0.0002),
            "direction": mean_test("", pesaran_timmermann(label, prediction), 1),
            "rank_ic": mean_test("", rank_products(rankdata(label), rankdata(prediction)), 1),
        }
        skilled += beats_baselines(found)
    assert skilled / 300 <= 0.08
