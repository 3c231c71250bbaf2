"""The probability of backtest overfitting against plain loops, purgedcv, cases by hand and planted skill."""

import math
import warnings
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import rankdata

from core.errors import ConfigError, DataError
from risk.overfitting.cscv import BlockSums, pbo, pbo_of_blocks


def noise(rows, trials, seed):
    return np.random.default_rng(seed).normal(0, 0.01, (rows, trials))


def sharpe(returns):
    return 0.0 if np.ptp(returns) < 1e-12 else returns.mean() / returns.std(ddof=1)


def plain(returns, blocks):
    """Logits and what was earned outside, by the definition."""
    parts = np.array_split(np.arange(len(returns)), blocks)
    logits = []
    ratios = []
    for half in combinations(range(blocks), blocks // 2):
        rows = np.concatenate([parts[block] for block in half])
        rest = np.concatenate([parts[block] for block in range(blocks) if block not in half])
        inside = [sharpe(column[rows]) for column in returns.T]
        outside = [sharpe(column[rest]) for column in returns.T]
        chosen = int(np.argmax(inside))
        share = rankdata(outside)[chosen] / (returns.shape[1] + 1)
        logits.append(math.log(share / (1 - share)))
        ratios.append(outside[chosen])
    return np.array(logits), np.array(ratios)


@pytest.mark.parametrize(("rows", "trials", "blocks"), [(60, 7, 6), (64, 10, 8), (12, 2, 2), (40, 21, 4)])
def test_it_is_what_plain_loops_find(rows, trials, blocks):
    returns = noise(rows, trials, rows)
    logits, ratios = plain(returns, blocks)
    result = pbo(returns, blocks)
    assert result.splits == math.comb(blocks, blocks // 2) == len(result.logits)
    assert np.sort(result.logits) == pytest.approx(np.sort(logits), abs=1e-12)
    assert result.pbo == np.mean(logits <= 1e-12)
    assert result.strict == np.mean(logits < -1e-12)
    assert result.loss == np.mean(ratios <= 0)


@pytest.mark.parametrize("trials", [10, 15])
@pytest.mark.parametrize("seed", range(3))
def test_against_purgedcv(trials, seed):
    from purgedcv import probability_of_backtest_overfitting

    returns = noise(160, trials, seed)
    returns[:, 4] = 0.0  # it never traded
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        reference = probability_of_backtest_overfitting(returns.T, n_splits=8)
    result = pbo(returns, blocks=8)
    assert result.strict == pytest.approx(reference.pbo, abs=1e-12)
    assert np.sort(result.logits) == pytest.approx(np.sort(reference.logits), abs=1e-12)


def test_two_blocks_by_hand():
    # The first trial gains 1 % and 3 % and then loses them (ratios 2 / 1.41 and its negative), the second the other way
    # round, the third gains 1 % and 2 % twice (1.5 / 0.71): it is chosen, and best outside, in both splits.
    gain = np.array([0.01, 0.03])
    returns = np.column_stack([np.append(gain, -gain), np.append(-gain, gain), np.tile([0.01, 0.02], 2)])
    best = pbo(returns, blocks=2)
    assert (best.pbo, best.strict, best.loss) == (0.0, 0.0, 0.0)
    assert best.logits == pytest.approx([math.log(3)] * 2)  # 3 / 4 against 1 / 4
    worst = pbo(returns[:, :2], blocks=2)
    assert (worst.pbo, worst.strict, worst.loss) == (1.0, 1.0, 1.0)
    assert worst.logits == pytest.approx([math.log(0.5)] * 2)  # 1 / 3 against 2 / 3


def test_a_median_counts_in_the_one_share_and_not_in_the_other():
    same = np.repeat(noise(40, 1, 1), 4, axis=1)  # all are one trial: rank 1 of 1
    result = pbo(same, blocks=4)
    assert (result.pbo, result.strict) == (1.0, 0.0)
    assert result.logits == pytest.approx(np.zeros(6), abs=1e-15)


@given(st.integers(0, 99), st.lists(st.integers(0, 8), max_size=12))
def test_copies_of_trials_change_nothing(seed, copies):
    returns = noise(80, 9, seed)
    plain_result = pbo(returns, 4)
    copied = pbo(returns[:, [*range(9), *copies]], 4)
    assert (copied.pbo, copied.loss, copied.retained, copied.trials) == (
        plain_result.pbo,
        plain_result.loss,
        plain_result.retained,
        9,
    )
    assert np.array_equal(copied.logits, plain_result.logits)


def test_what_is_kept_is_the_mean_outside_over_the_mean_inside():
    returns = noise(80, 9, 3) + 0.002
    halves = [np.array(half) for half in combinations(range(4), 2)]
    rows = np.arange(80).reshape(4, 20)
    inside, outside = [], []
    for half in halves:
        ratios = [
            returns[rows[blocks].ravel()].mean(axis=0) / returns[rows[blocks].ravel()].std(axis=0, ddof=1)
            for blocks in (half, np.setdiff1d(range(4), half))
        ]
        chosen = ratios[0].argmax()
        inside.append(ratios[0][chosen])
        outside.append(ratios[1][chosen])
    assert pbo(returns, 4).retained == pytest.approx(np.mean(outside) / np.mean(inside), rel=1e-9)
    assert pbo(noise(80, 9, 3) - 0.1, 4).retained is None  # no trial has a ratio above 0 in any half


def test_a_trial_that_does_not_vary_has_a_ratio_of_zero():
    # A constant gain has rounding for a deviation: its ratio would be the best by far.
    returns = np.column_stack([np.full(80, 0.1), noise(80, 3, 5) + 0.02])
    assert np.sort(pbo(returns, 4).logits) == pytest.approx(np.sort(plain(returns, 4)[0]), abs=1e-12)
    idle = pbo(np.zeros((40, 20)), 4)
    assert (idle.pbo, idle.strict, idle.loss) == (1.0, 0.0, 1.0)


def test_of_noise_half_is_overfitted():
    result = [pbo(noise(160, 20, seed), blocks=8) for seed in range(100)]
    assert np.mean([one.pbo for one in result]) == pytest.approx(0.5, abs=0.06)
    assert np.mean([one.loss for one in result]) == pytest.approx(0.5, abs=0.06)


def test_planted_skill_is_not_overfitted():
    for seed in range(5):
        returns = noise(800, 30, seed)
        returns[:, seed] += 0.003  # an annual ratio of about 4.8
        result = pbo(returns)
        assert result.pbo < 0.01
        assert result.loss < 0.01


@given(st.integers(0, 999), st.permutations(range(8)))
def test_the_order_of_the_trials_does_not_matter(seed, order):
    returns = noise(48, 8, seed).round(2)  # of few digits: there are ties
    assert np.array_equal(pbo(returns, 6).logits, pbo(returns[:, order], 6).logits)


@given(st.integers(0, 999), st.lists(st.floats(0.01, 20), min_size=6, max_size=6))
def test_leverage_does_not_matter(seed, leverage):
    returns = noise(48, 6, seed)
    assert np.array_equal(pbo(returns, 6).logits, pbo(returns * leverage, 6).logits)


@given(st.integers(0, 999))
def test_shares_are_shares(seed):
    result = pbo(noise(30, 5, seed), 4)
    assert 0.0 <= result.strict <= result.pbo <= 1.0
    assert result.pbo == np.mean(result.logits <= 0.0)
    assert result.strict == np.mean(result.logits < 0.0)
    assert np.array_equal(result.logits, pbo(noise(30, 5, seed), 4).logits)
    assert not result.logits.flags.writeable


def test_sums_are_enough():
    returns = noise(50, 25, 2)
    edges = [0, 12, 25, 37, 50]
    sums = BlockSums.of(returns, edges)
    parts = np.split(returns, edges[1:-1])
    assert sums.count.tolist() == [12, 13, 12, 13]
    assert sums.total == pytest.approx(np.array([part.sum(axis=0) for part in parts]).T)
    assert sums.squares == pytest.approx(np.array([(part**2).sum(axis=0) for part in parts]).T)
    assert np.array_equal(pbo_of_blocks(sums).logits, pbo(returns, 4).logits)


def test_thousands_of_trials_are_worked_through_in_parts(monkeypatch):
    returns = noise(160, 50, 8)
    full = pbo(returns, 8).logits
    monkeypatch.setattr("risk.overfitting.cscv.SLAB", 150)
    assert np.sort(pbo(returns, 8).logits) == pytest.approx(np.sort(full), abs=1e-12)


def test_a_reader_is_told_of_few_trials_and_blocks():
    assert pbo(noise(64, 20, 0), 16).notes == ()
    few, odd, blocks = pbo(noise(64, 9, 0), 8).notes
    assert few.startswith("only 9 trials")
    assert odd.startswith("9 trials is odd")
    assert blocks.startswith("only 8 blocks")


@pytest.mark.parametrize("blocks", [0, -2, 1, 7, 22, 4.5])
def test_blocks_that_cannot_be_halved_are_refused(blocks):
    with pytest.raises(ConfigError, match=f"blocks is {blocks}; it must be even, from 2 to 20"):
        pbo(noise(60, 4, 0), blocks)


@pytest.mark.parametrize(
    ("returns", "what"),
    [
        (noise(7, 4, 0), "a row for each of 8 blocks, has 7"),
        (noise(20, 1, 0), "2 or more trials to choose from, has 1"),
        (noise(20, 2, 0)[:, 0], r"one column a trial; given: float64 of shape \(20,\)"),
        (np.array([["a"]]), "a table of numbers"),
        (np.zeros((0, 3)), r"shape \(0, 3\)"),
        (np.where(np.eye(20, 3) > 0, np.nan, 0.0), r"row 0 of trial 0 is nan \(numbers like it: 3\)"),
        (np.full((20, 2), np.inf), "finite and at least -1; row 0 of trial 0 is inf"),
        (np.full((20, 2), -2.0), "row 0 of trial 0 is -2"),
    ],
)
def test_returns_that_cannot_be_are_refused(returns, what):
    with pytest.raises(DataError, match=what):
        pbo(returns, 8)


def test_a_half_of_one_return_has_no_ratio():
    with pytest.raises(DataError, match="each half of the blocks needs 2 or more returns"):
        pbo(noise(3, 4, 0), 2)


@pytest.mark.parametrize("edges", [[0, 5, 5], [-1, 5, 10], [0, 5, 11], [5, 2, 10]])
def test_edges_must_rise_within_the_rows(edges):
    with pytest.raises(DataError, match="edges must rise from 0 or above to 10 or below"):
        BlockSums.of(noise(10, 3, 0), edges)


def test_sums_that_cannot_be_are_refused():
    sums = np.ones((3, 2))
    with pytest.raises(DataError, match=r"must have the shapes \(S,\), \(N, S\) and \(N, S\); given: \(3,\), \(3, 2\)"):
        BlockSums(np.ones(3, int), sums, sums)
    with pytest.raises(DataError, match="each block needs one or more returns and finite sums"):
        BlockSums(np.array([3, 0]), sums, sums)
    with pytest.raises(DataError, match="each block needs one or more returns and finite sums"):
        BlockSums(np.array([3, 3]), sums * np.nan, sums)
    with pytest.raises(DataError, match="finite sums"):
        pbo(np.full((20, 2), 1e200), 4)
    with pytest.raises(ConfigError, match="blocks is 3"):
        BlockSums(np.ones(3, int), np.ones((4, 3)), np.ones((4, 3)))
