"""The paired test and the words for its answer."""

import math

import numpy as np
import pytest

from engine.results.verdict import BEATS, NOTHING, judge, newey_west_error, newey_west_lags, paired_test


def noise(seed, n=1000, mean=0.0003):
    rng = np.random.default_rng(seed)
    return rng.normal(mean, 0.01, n)


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


def test_the_statistic_by_hand():
    strategy, benchmark = noise(3), noise(4)
    scale = benchmark.std(ddof=1) / strategy.std(ddof=1)
    difference = (strategy - 0.0001) * scale - (benchmark - 0.0001)
    found = paired_test(strategy, benchmark, 0.0001)
    assert found.scale == pytest.approx(scale, rel=1e-12)
    assert found.t == pytest.approx(difference.mean() / newey_west_error(difference, found.lags), rel=1e-9)
    assert found.mean == pytest.approx(difference.mean(), rel=1e-9)


def test_exposure_does_not_matter():
    strategy, benchmark = noise(5), noise(6)
    assert paired_test(0.01 * strategy, benchmark).t == pytest.approx(paired_test(strategy, benchmark).t, rel=1e-9)


def test_a_planted_edge_beats_and_its_mirror_does_not():
    benchmark = noise(7)
    strategy = 0.02 * (noise(8) + 0.002)
    assert paired_test(strategy, benchmark).beats
    lost = paired_test(-strategy, benchmark)
    assert lost.p_value > 0.95
    assert not lost.beats


def test_noise_beats_in_about_five_of_a_hundred():
    rate = np.mean([paired_test(noise(2 * seed), noise(2 * seed + 1)).beats for seed in range(600)])
    assert 0.03 <= rate <= 0.08  # the standard error is 0.009


STEADY = "the strategy's returns hardly vary: their annual mean is more than 15 annual deviations"


@pytest.mark.parametrize(
    ("strategy", "benchmark", "reason"),
    [
        (noise(1, 29), noise(2, 29), "29 periods are fewer than 30"),
        (
            noise(1, 40) + 0.1,
            noise(2, 40),
            "the strategy's returns hardly vary: their annual mean is more than 15 annual deviations",
        ),
        (np.zeros(50), noise(2, 50), "the strategy's returns never vary"),
        (noise(1, 50), np.zeros(50), "the benchmark's returns never vary"),
        (0.5 * noise(1, 50), noise(1, 50), "at equal volatility the strategy is the benchmark"),
    ],
)
def test_what_cannot_be_tested_says_why(strategy, benchmark, reason):
    found = paired_test(strategy, benchmark)
    assert (found.t, found.p_value, found.beats, found.reason) == (None, None, False, reason)
    verdict = judge(found)
    assert verdict.headline == NOTHING
    assert reason in verdict.sentences[0]


def test_skill_needs_both_the_forecasts_and_the_returns():
    good, bad = paired_test(0.02 * (noise(8) + 0.002), noise(7)), paired_test(noise(3), noise(4))
    assert judge(good).headline == BEATS
    assert judge(good, "The forecasts beat.", True).headline == BEATS
    assert judge(good, "The forecasts do not beat.", False).headline == NOTHING
    assert judge(bad, "The forecasts beat.", True).headline == NOTHING


def test_what_beats_is_not_corrected_for_selection():
    verdict = judge(paired_test(0.02 * (noise(8) + 0.002), noise(7)))
    assert "not corrected for selection" in verdict.headline
    assert "correct for them" in verdict.sentences[-1]
