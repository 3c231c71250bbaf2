"""The test for superior predictive ability against plain loops, arch, its size and its power."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import ConfigError, DataError
from risk.bootstrap import block_length, drawn_rows
from risk.overfitting.superior_ability import Spa, against_cash, at_equal_volatility, mean_block, spa, standard_errors


def noise(rows, trials, seed):
    return np.random.default_rng(seed).normal(0, 0.01, (rows, trials))


def persistent(rows, trials, seed, rho=0.4):
    returns = noise(rows, trials, seed)
    for row in range(1, rows):
        returns[row] += rho * returns[row - 1]
    return returns


def kernel_error(column, block):
    """The standard error of a mean, lag by lag."""
    n = len(column)
    deviations = column - column.mean()
    stay = 1 - 1 / block
    variance = deviations @ deviations / n
    for lag in range(1, n):
        weight = (n - lag) / n * stay**lag + lag / n * stay ** (n - lag)
        variance += 2 * weight * (deviations[:-lag] @ deviations[lag:]) / n
    return math.sqrt(variance / n)


def plain(excess, block, reps, seed):
    """Statistic and p-values, resample by resample and trial by trial."""
    n = len(excess)
    means = excess.mean(axis=0)
    errors = [kernel_error(column, block) for column in excess.T]
    pairs = list(zip(means, errors, strict=True))
    statistic = max(0.0, *(mean / error for mean, error in pairs))
    bound = math.sqrt(2 * math.log(math.log(n)))
    centre = {
        "lower": [max(mean, 0.0) for mean in means],
        "consistent": [mean if mean / error >= -bound else 0.0 for mean, error in pairs],
        "upper": list(means),
    }
    met = dict.fromkeys([*centre, "reality_check"], 0)
    for rows in drawn_rows(n, block, reps, np.random.default_rng(seed)):
        drawn = excess[rows].mean(axis=0)
        for name, centres in centre.items():
            ratios = [(d - c) / e for d, c, e in zip(drawn, centres, errors, strict=True)]
            met[name] += max(0.0, *ratios) >= statistic
        met["reality_check"] += max(drawn - means) >= max(means)
    return statistic, {name: (1 + count) / (1 + reps) for name, count in met.items()}


@pytest.mark.parametrize(("rows", "block"), [(60, 1.0), (61, 3.7), (92, 12.0)])
def test_it_is_what_plain_loops_find(rows, block):
    # One is somewhat better, one far worse, one varies much.
    excess = persistent(rows, 6, rows) * [1, 1, 1, 0.3, 1, 4] + [0, -0.0005, 0, 0.0002, -0.02, 0]
    statistic, p_values = plain(excess, block, 300, 5)
    result = spa(excess, block, reps=300, seed=5)
    assert result.statistic == pytest.approx(statistic, rel=1e-9)
    assert {name: getattr(result, name) for name in p_values} == pytest.approx(p_values)
    assert result.lower <= result.consistent <= result.upper
    assert result.lower < result.upper
    assert (result.block, result.reps, result.notes, result.reason) == (block, 300, (), "")


@pytest.mark.parametrize("block", [1.0, 2.5, 10.0, 50.0])
@pytest.mark.parametrize("rows", [50, 51])
def test_standard_errors_lag_by_lag(rows, block):
    excess = persistent(rows, 4, 3)
    expected = [kernel_error(column, block) for column in excess.T]
    assert standard_errors(excess, block) == pytest.approx(expected, rel=1e-9)


def test_standard_errors_are_those_of_the_resampled_means():
    excess = persistent(200, 3, 9)
    means = [excess[rows].mean(axis=0) for rows in drawn_rows(200, 6.0, 4000, np.random.default_rng(1))]
    assert standard_errors(excess, 6.0) == pytest.approx(np.std(means, axis=0), rel=0.05)  # 4 standard errors


@pytest.mark.parametrize("seed", range(3))
def test_the_reality_check_is_archs_without_studentising(seed):
    from arch.bootstrap import SPA

    excess = noise(200, 6, seed) * [1, 1, 1, 2, 2, 0.5] + 0.0005
    reference = SPA(np.zeros(200), -excess, block_size=4, reps=1000, studentize=False, seed=seed)
    reference.compute()
    ours = spa(excess, block=4, reps=1000, seed=seed + 100).reality_check
    error = math.sqrt(2 * max(ours * (1 - ours), 0.01) / 1000)
    assert ours == pytest.approx(reference.pvalues["upper"], abs=4 * error)


def test_under_no_skill_one_in_ten_is_found_at_ten_per_cent():
    volatilities = [1, 1, 2, 2, 3, 0.3]  # unequal, as trials are
    p_values = [spa(noise(150, 6, seed) * volatilities, block=1, reps=100, seed=seed).upper for seed in range(200)]
    assert np.mean(np.array(p_values) <= 0.1) == pytest.approx(0.1, abs=0.085)  # four standard errors
    assert np.mean(p_values) == pytest.approx(0.5, abs=0.1)


def test_a_better_trial_of_low_variance_among_wild_ones_is_found():
    # The reality check sees the wild ones' means and nothing else.
    studentised = []
    checked = []
    for seed in range(40):
        excess = noise(250, 6, seed) * [0.1, 2, 2, 3, 3, 3] + [0.0002, 0, 0, 0, 0, 0]  # 3 standard errors
        result = spa(excess, block=2, reps=100, seed=seed)
        studentised.append(result.consistent <= 0.1)
        checked.append(result.reality_check <= 0.1)
    assert np.mean(studentised) > 0.75
    assert np.mean(checked) < 0.25


def test_bad_trials_make_only_the_upper_value_cautious():
    excess = noise(300, 40, 4)
    excess[:, 0] += 0.0015
    excess[:, 1:] -= 0.01  # far worse than the benchmark
    result = spa(excess, block=1, reps=500)
    assert result.best == 0
    assert result.consistent == pytest.approx(result.lower, abs=0.01)
    assert result.consistent < result.upper / 4


def test_worse_than_the_benchmark_is_no_skill():
    result = spa(noise(100, 5, 1) - 0.02, block=1, reps=100)
    assert (result.statistic, result.lower, result.consistent, result.upper) == (0.0, 1.0, 1.0, 1.0)
    assert result.reality_check > 0.9


def test_no_p_value_is_zero():
    result = spa(noise(100, 5, 1) + 0.05, block=1, reps=199)
    assert (result.lower, result.consistent, result.upper, result.reality_check) == (0.005,) * 4


def test_copies_of_a_trial_change_nothing():
    excess = noise(120, 4, 6) + 0.001
    copied = spa(np.tile(excess, 30), block=2, reps=200)
    assert replace(copied, statistic=None) == replace(spa(excess, block=2, reps=200), statistic=None)


@settings(max_examples=20)
@given(st.integers(0, 999), st.lists(st.floats(0.01, 100), min_size=5, max_size=5))
def test_leverage_does_not_matter_to_the_studentised_values(seed, leverage):
    excess = noise(60, 5, seed)
    one, other = (spa(some, block=2, reps=100, seed=seed) for some in (excess, excess * leverage))
    assert one.statistic == pytest.approx(other.statistic, rel=1e-9)
    assert (one.lower, one.consistent, one.upper, one.best) == (other.lower, other.consistent, other.upper, other.best)


@settings(max_examples=20)
@given(st.integers(0, 999), st.permutations(range(5)))
def test_the_order_of_the_trials_does_not_matter(seed, order):
    excess = noise(60, 5, seed)
    one, other = (spa(some, block=2, reps=100, seed=1) for some in (excess, excess[:, order]))
    assert (one.lower, one.consistent, one.upper, one.reality_check, one.best) == (
        *(other.lower, other.consistent, other.upper, other.reality_check),
        order[other.best],
    )


def test_the_seed_decides():
    excess = noise(100, 5, 2)
    assert spa(excess, reps=100, seed=3) == spa(excess, reps=100, seed=3)
    assert spa(excess, reps=100, seed=3) != spa(excess, reps=100, seed=4)


def test_many_trials_are_worked_through_in_parts(monkeypatch):
    excess = noise(100, 30, 8)
    full = spa(excess, block=2, reps=150)
    monkeypatch.setattr("risk.overfitting.superior_ability.SLAB", 700)
    monkeypatch.setattr("risk.overfitting.trial_matrix.SLAB", 700)
    parts = spa(excess, block=2, reps=150)
    assert replace(parts, statistic=None) == replace(full, statistic=None)
    assert parts.statistic == pytest.approx(full.statistic)


def test_the_block_is_the_average_of_what_suits_the_trials():
    excess = persistent(400, 3, 1) * [1, 2, 3]
    expected = np.mean([block_length(column) for column in excess.T])
    assert mean_block(excess) == pytest.approx(expected)
    assert spa(excess, reps=100).block == pytest.approx(expected)
    assert expected > 3


def test_a_sample_of_the_trials_decides_the_block(monkeypatch):
    columns = []
    monkeypatch.setattr("risk.overfitting.superior_ability.block_length", lambda column: columns.append(column) or 2.0)
    excess = noise(40, 200, 1)
    assert mean_block(excess) == 2.0
    assert len(columns) == 50
    assert np.array_equal(columns[0], excess[:, 0])
    assert np.array_equal(columns[-1], excess[:, -1])


def test_trials_that_do_not_vary_are_left_out_and_said():
    excess = noise(60, 3, 2) + 0.001
    wide = np.column_stack([np.zeros(60), excess[:, :2], np.full(60, 0.1), excess[:, 2]])
    result = spa(wide, block=1, reps=100)
    varying = spa(excess, block=1, reps=100)
    assert result.notes == ("2 trial(s) whose return over the benchmark does not vary are left out",)
    assert result.best == [1, 2, 4][varying.best]
    assert replace(result, notes=(), best=varying.best) == varying


@pytest.mark.parametrize(
    ("excess", "reason"),
    [
        (np.full((50, 3), 0.1), "no trial's return over the benchmark varies"),
        (noise(29, 3, 1), "the test needs 30 or more returns, has 29"),
        (noise(1, 3, 1), "the test needs 30 or more returns, has 1"),
    ],
)
def test_what_cannot_be_tested_has_a_reason(excess, reason):
    assert spa(excess) == Spa(None, None, None, None, None, None, None, 0, (), reason)


@pytest.mark.parametrize("more", [{"block": 0.5}, {"block": 41}, {"block": math.nan}, {"reps": 99}, {"reps": 10**6}])
def test_blocks_and_reps_that_cannot_be_are_refused(more):
    with pytest.raises(ConfigError, match="they must be from 1 to 40, the number of rows, and from 100 to 100000"):
        spa(noise(40, 3, 0), **more)


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -math.inf])
def test_numbers_that_are_none_are_refused(wrong):
    excess = noise(40, 3, 0)
    excess[7, 2] = wrong
    with pytest.raises(DataError, match="excess must be finite; row 7 of trial 2 is"):
        spa(excess)
    for function in (against_cash, lambda returns: at_equal_volatility(returns, noise(40, 1, 1)[:, 0])):
        with pytest.raises(DataError, match="returns must be finite and at least -1; row 7 of trial 2 is"):
            function(excess)


def test_at_equal_volatility_all_are_as_volatile_as_the_benchmark():
    returns = noise(200, 4, 1) * [0.02, 1, 3, 0] + 0.001
    benchmark = noise(200, 1, 2)[:, 0] + 0.0004
    result = at_equal_volatility(returns, benchmark, rate=0.0002)
    scaled = result + (benchmark - 0.0002)[:, None]
    assert scaled[:, :3].std(axis=0, ddof=1) == pytest.approx([benchmark.std(ddof=1)] * 3)
    ratio = (returns[:, :3].mean(axis=0) - 0.0002) / returns[:, :3].std(axis=0, ddof=1)
    assert scaled[:, :3].mean(axis=0) / scaled[:, :3].std(axis=0, ddof=1) == pytest.approx(ratio)
    assert result[:, 3].tolist() == [0.0] * 200  # a constant gain cannot be scaled
    assert spa(result, block=1, reps=100).notes[0].startswith("1 trial(s)")


def test_the_benchmark_itself_is_no_better_than_the_benchmark():
    benchmark = noise(60, 1, 2)[:, 0] + 0.0004
    levered = np.column_stack([benchmark, 0.0001 + 0.02 * (benchmark - 0.0001)])
    assert spa(at_equal_volatility(levered, benchmark, 0.0001)).reason == "no trial's return over the benchmark varies"


def test_a_small_share_of_perfect_foresight_beats_the_benchmark():
    # Two per cent invested: in raw returns it cannot.
    benchmark = noise(300, 1, 3)[:, 0] + 0.001
    seer = 0.02 * np.maximum(benchmark, 0)[:, None]
    assert spa(seer - benchmark[:, None], block=1, reps=200).consistent > 0.5
    assert spa(at_equal_volatility(seer, benchmark), block=1, reps=200).consistent < 0.01


def test_against_cash_is_the_return_over_the_rate_at_one_volatility():
    returns = noise(100, 3, 1) * [0.1, 1, 0] + 0.002
    result = against_cash(returns, rate=0.0005, volatility=0.02)
    expected = (returns[:, :2] - 0.0005) / returns[:, :2].std(axis=0, ddof=1) * 0.02
    assert result[:, :2] == pytest.approx(expected)
    assert not result[:, 2].any()


def test_what_cannot_be_compared_is_refused():
    with pytest.raises(DataError, match="the benchmark has 30 rows, the trials 40"):
        at_equal_volatility(noise(40, 2, 0), np.zeros(30))
    with pytest.raises(DataError, match="the benchmark does not vary: compare with cash instead"):
        at_equal_volatility(noise(40, 2, 0), np.full(40, 0.1))
    with pytest.raises(DataError, match="needs 2 or more rows, has 1"):
        against_cash([[0.1, 0.2]])
    with pytest.raises(ConfigError, match="rate is nan; it must be a risk-free rate per period"):
        at_equal_volatility(noise(40, 2, 0), noise(40, 1, 1)[:, 0], math.nan)
    with pytest.raises(ConfigError, match="rate is -1"):
        against_cash(noise(40, 2, 0), -1)
    with pytest.raises(ConfigError, match=r"volatility is 0; it must be above 0, such as 0\.01"):
        against_cash(noise(40, 2, 0), volatility=0)
