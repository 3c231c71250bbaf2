"""Alpha against the benchmark: nulls that have to be refused, and an edge that a comparison of ratios does not find."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.results.return_tests import alpha_test, cash_test, paired_test

DAYS = 1260


def benchmark_of(seed, drift=0.08):
    rng = np.random.default_rng(seed)
    return 0.01 * rng.standard_t(5, DAYS) / np.sqrt(5 / 3) + drift / 252


def constant_money(benchmark):
    """Half of the first account in the benchmark, always the same amount: its share falls when the account grows."""
    account = 1 + np.concatenate([[0.0], np.cumsum(0.5 * benchmark)])[:-1]
    return 0.5 / account


def short_once(benchmark):
    value = np.concatenate([[1.0], np.cumprod(1 + benchmark)])[:-1]
    return -0.5 * value / np.maximum(2 - value, 0.1)


def at_random(benchmark):
    return np.repeat(np.random.default_rng(int(1e9 * abs(benchmark[0]))).integers(0, 2, DAYS // 20 + 1), 20)[:DAYS]


@pytest.mark.parametrize("exposure", [constant_money, short_once, at_random])
@pytest.mark.parametrize("drift", [-0.08, 0.0, 0.08])
def test_holding_the_benchmark_is_no_skill_however_the_exposure_drifts(exposure, drift):
    """The intercept alone passes in 30 to 45 % of these markets where the exposure falls with the benchmark."""
    passed = 0
    for seed in range(150):
        benchmark = benchmark_of(seed, drift)
        returns = exposure(benchmark) * benchmark
        passed += alpha_test(returns, benchmark[:, None]).beats and cash_test(returns).beats
    assert passed <= 14  # 5 % of 150 and two and a half standard errors


@pytest.mark.parametrize("share", [-0.5, 0.02, 0.3, 1.0, 2.0])
def test_the_benchmark_at_a_constant_exposure_is_held(share):
    benchmark = benchmark_of(1)
    found = alpha_test(share * benchmark, benchmark[:, None])
    assert (found.t, found.beats) == (None, False)
    assert "it was held" in found.reason


def test_interest_is_no_alpha():
    interest = 0.05 / 365 * np.resize([3, 1, 1, 1, 1], DAYS)
    benchmark = benchmark_of(2)
    exposure = 0.1 * at_random(benchmark)
    returns = exposure * benchmark + (1 - exposure) * interest
    assert not alpha_test(returns, benchmark[:, None], interest).beats
    assert alpha_test(returns, benchmark[:, None]).beats  # what the hurdle is for


def test_an_edge_on_both_sides_is_found_where_the_benchmark_hides_it():
    found = equal = 0
    for seed in range(40):
        benchmark = benchmark_of(seed)
        rng = np.random.default_rng(1000 + seed)
        sides = np.sign(benchmark + rng.normal(0, 0.09, DAYS))  # right in 53.5 % of the days
        returns = 0.05 * sides * benchmark
        found += alpha_test(returns, benchmark[:, None]).beats
        equal += paired_test(returns, benchmark).beats
    assert found > equal
    assert found >= 20


@given(st.integers(0, 99), st.floats(-0.001, 0.001))
def test_an_added_constant_benchmark_changes_nothing(seed, rate):
    benchmark = benchmark_of(seed)
    returns = 0.5 * benchmark_of(seed + 1000) + 0.2 * benchmark
    plain = alpha_test(returns, benchmark[:, None])
    more = alpha_test(returns, np.column_stack([np.full(DAYS, rate), benchmark]))
    assert (more.t, more.p_value, more.beats) == (plain.t, plain.p_value, plain.beats)


@given(st.integers(0, 99), st.floats(0.01, 100))
def test_neither_leverage_nor_a_scaled_benchmark_changes_t(seed, factor):
    benchmark = benchmark_of(seed)
    returns = 0.001 * benchmark_of(seed + 1000)
    plain = alpha_test(returns, benchmark[:, None])
    assert alpha_test(factor * returns, benchmark[:, None]).t == pytest.approx(plain.t, rel=1e-6)
    assert alpha_test(returns, factor * benchmark[:, None]).t == pytest.approx(plain.t, rel=1e-6)
