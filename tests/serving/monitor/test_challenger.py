"""The e-process by hand, its rate of false promotions, and its power where there is something to find."""

import numpy as np
import pytest

from serving.monitor.challenger import compare, e_process, score_differences


def test_the_wealth_by_hand():
    first, second, third = 0.5, -0.2, 0.4
    bets = [0.0, first / (0.25 + first**2), (first + second) / (0.25 + first**2 + second**2)]
    bets = np.clip(bets, 0.0, 0.5)
    expected = np.cumprod([1 + bets[0] * first, 1 + bets[1] * second, 1 + bets[2] * third])
    assert np.allclose(e_process([first, second, third]), expected)


def test_bets_know_earlier_differences_only():
    rng = np.random.default_rng(0)
    values = rng.normal(0.1, 0.3, 200)
    for end in (5, 50, 150):
        assert np.array_equal(e_process(values[:end]), e_process(values)[:end])


def test_overlapping_outcomes_are_shared_among_bettors():
    values = np.random.default_rng(1).normal(0.05, 0.2, 60)
    alone = [e_process(values[start::3]) for start in range(3)]
    assert e_process(values, 3)[-1] == pytest.approx(np.mean([wealth[-1] for wealth in alone]))


@pytest.mark.parametrize("law", ["normal", "skewed", "autoregressive squares"])
def test_no_better_challenger_is_promoted_more_often_than_stated(law):
    """2,000 careers of 500 sessions: at most 1 % ever reach 100; a test of 99.9 %."""
    rng = np.random.default_rng(2)
    shocks = rng.normal(size=(2000, 500))
    if law == "skewed":
        shocks = np.where(shocks > 1.0, 3.0, -3.0 * (shocks > 1.0).mean() / (1 - (shocks > 1.0).mean()))
    if law == "autoregressive squares":
        shocks *= 1 + (np.arange(500) // 50 % 2)
    promoted = sum(compare(0.1 * career).promotes for career in shocks)
    assert promoted <= 20 + 3.1 * 20**0.5


def test_a_better_challenger_is_found():
    rng = np.random.default_rng(3)
    found = sum(compare(rng.normal(0.1, 0.3, 500)).promotes for _ in range(50))
    assert found >= 48


def test_a_challenger_of_the_first_days_is_not_promoted():
    comparison = compare(np.full(20, 0.9))
    assert not comparison.promotes
    assert "20 sessions" in comparison.sentence
    assert compare(np.empty(0)).sentence.startswith("keep the champion: 0 sessions")


def test_log_scores_by_hand():
    outcome = np.array([[0.01, np.nan], [0.02, -0.01], [np.nan, np.nan]])
    sigma = np.full((3, 2), 0.01)
    champion = np.zeros((3, 2))
    challenger = np.full((3, 2), 0.005)

    def log_density(prediction, value):
        return -0.5 * ((value - prediction) / 0.01) ** 2

    differences = score_differences(champion, challenger, outcome, sigma)
    first = log_density(0.005, 0.01) - log_density(0, 0.01)
    second = np.mean([log_density(0.005, value) - log_density(0, value) for value in (0.02, -0.01)])
    assert np.allclose(differences, [first, second])


def test_one_session_decides_nothing():
    values = np.zeros(200)
    values[100] = 1e6
    assert compare(values).highest < 2.0
