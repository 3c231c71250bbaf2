"""The Diebold-Mariano test against its formula, its size on noise, and the words of the verdict."""

import numpy as np
import pytest
from scipy.stats import norm

from signals.evaluation.skill_tests import DieboldMariano, beats_baselines, diebold_mariano


def test_one_bar_ahead_it_is_a_z_test_of_the_mean():
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
    assert np.mean([diebold_mariano(item, horizon).beats for item in series]) == pytest.approx(0.025, abs=0.02)


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
def test_what_cannot_be_tested_beats_nothing(difference, horizon, reason):
    result = diebold_mariano(difference, horizon)
    assert result.statistic is result.p_value is None
    assert reason in result.reason
    assert not result.beats


@pytest.mark.parametrize(
    ("zero", "mean", "long", "beats"),
    [
        (0.02, 0.02, 0.9, True),
        (0.02, 0.03, 0.9, False),
        (0.03, 0.02, 0.9, False),
        (0.9, 0.9, 0.02, True),
        (0.9, 0.9, 0.03, False),
        (0.025, 0.025, None, True),
        (None, 0.0, None, False),
    ],
)
def test_skill_takes_both_error_baselines_or_the_hit_rate(zero, mean, long, beats):
    p_values = {"zero": zero, "expanding_mean": mean, "always_long": long}
    assert beats_baselines({name: DieboldMariano(p_value=p) for name, p in p_values.items()}) is beats
