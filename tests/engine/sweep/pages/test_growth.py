"""The lines of the growth chart: the benchmark is the one of the table beside the verdict."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from engine.sweep.pages.growth import benchmarks, curves

DAYS = pd.bdate_range("2024-01-01", periods=60)
RANDOM = np.random.default_rng(3)
WINNER = RANDOM.normal(0.0005, 0.002, 60)
BENCHMARK = RANDOM.normal(0.0003, 0.012, 60)


@pytest.fixture
def assessment():
    """A winner that is 5 % invested, and a benchmark."""
    daily = pd.DataFrame({"strategy": WINNER, "benchmark": BENCHMARK, "benchmark_at_exposure": 0.05 * BENCHMARK}, DAYS)
    winner = SimpleNamespace(daily=daily, returns_over=lambda sessions: daily["strategy"].reindex(sessions).to_numpy())
    plan = SimpleNamespace(span=SimpleNamespace(sessions=DAYS), market=SimpleNamespace(benchmark="index"))
    return SimpleNamespace(
        plan=plan, winner=winner, winners=(winner,), benchmark=BENCHMARK, winner_tests=SimpleNamespace(selection=None)
    )


def test_the_benchmark_shown_is_that_of_the_table_and_the_other_is_hidden(assessment):
    found = {name: (values, hidden) for name, values, _, hidden in curves(assessment, assessment.winner_tests)}
    assert list(found) == ["winner", "index at the winner's exposure", "index at the winner's volatility"]
    exposed, hidden = found["index at the winner's exposure"]
    assert not hidden
    np.testing.assert_allclose(exposed, 0.05 * BENCHMARK)
    scaled, hidden = found["index at the winner's volatility"]
    assert hidden
    assert scaled.std(ddof=1) == pytest.approx(WINNER.std(ddof=1))


def test_no_two_lines_have_one_colour(assessment):
    colours = [colour for _, _, colour, _ in curves(assessment, assessment.winner_tests)]
    assert len(set(colours)) == len(colours)
    assert set(colours).isdisjoint({"violet", "green"})  # those of the share of the trials


def test_both_comparisons_stand_in_one_sentence(assessment):
    total = 100 * (np.prod(1 + 0.05 * BENCHMARK) - 1)
    assert f"at the winner's exposure of each session ({total:.4g}" in benchmarks(assessment)


def test_without_a_winner_there_is_no_sentence(assessment):
    assessment.winners = ()
    assert benchmarks(assessment) == ""
