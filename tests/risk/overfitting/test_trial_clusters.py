"""Clusters of trials: planted ones, scikit-learn's silhouettes, the extremes, and cases by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import ConfigError, DataError
from risk.overfitting import deflated_sharpe
from risk.overfitting.trial_clusters import clustered, effective_trials, silhouettes


def noise(rows, trials, seed):
    return np.random.default_rng(seed).normal(0, 0.01, (rows, trials))


def planted(sizes, correlation, seed, rows=400):
    """Blocks of trials; trials of a block have the correlation with each other, others none."""
    independent = noise(rows, sum(sizes), seed)
    common = np.repeat(noise(rows, len(sizes), seed + 1000), sizes, axis=1)
    return np.sqrt(correlation) * common + np.sqrt(1 - correlation) * independent


def members(sizes):
    return np.repeat(np.arange(len(sizes)), sizes)


@pytest.mark.parametrize("sizes", [[5, 5], [10, 3, 7, 20], [4] * 12, [30, 2, 2]])
@pytest.mark.parametrize("correlation", [0.7, 0.95])
def test_planted_clusters_are_found(sizes, correlation):
    clusters = effective_trials(planted(sizes, correlation, sum(sizes)))
    assert clusters.count == len(sizes)
    assert clusters.labels.tolist() == members(sizes).tolist()
    assert clusters.notes == ()


@pytest.mark.parametrize("seed", range(3))
def test_loners_among_clusters_do_not_hide_them(seed):
    # 10 clusters of 10 and 30 on their own: the silhouettes of a loner are 0, and it may join a cluster.
    clusters = effective_trials(planted([10] * 10 + [1] * 30, 0.8, seed, rows=1000))
    assert 20 <= clusters.count <= 40
    labels = clusters.labels[:100].reshape(10, 10)
    assert (labels == labels[:, :1]).all()
    assert len(set(labels[:, 0].tolist())) == 10


@settings(max_examples=15)
@given(st.integers(0, 99), st.permutations(range(12)))
def test_the_order_of_the_trials_only_renames_them(seed, order):
    returns = planted([3, 4, 5], 0.8, seed)[:, order]
    clusters = effective_trials(returns)
    assert clusters.count == 3
    truth = members([3, 4, 5])[list(order)]
    assert {(label, block) for label, block in zip(clusters.labels, truth, strict=True)} == set(
        zip(range(3), dict.fromkeys(truth.tolist()), strict=True)
    )


@settings(max_examples=15)
@given(st.integers(0, 99), st.lists(st.floats(0.05, 20), min_size=9, max_size=9))
def test_leverage_does_not_matter(seed, leverage):
    returns = planted([2, 3, 4], 0.8, seed)
    one = effective_trials(returns)
    other = effective_trials(returns * leverage)
    assert one.labels.tolist() == other.labels.tolist()
    # One over the variance takes leverage out of all but the scale of the parts.
    alone = effective_trials(planted([1, 1, 1], 0.8, seed) * leverage[:3])
    assert alone.sharpes == pytest.approx(effective_trials(planted([1, 1, 1], 0.8, seed)).sharpes)


def test_silhouettes_are_scikit_learns():
    from scipy.cluster.hierarchy import cut_tree, linkage
    from scipy.spatial.distance import squareform
    from sklearn.metrics import silhouette_samples

    correlation = np.corrcoef(planted([3, 5, 1, 6], 0.6, 2), rowvar=False)
    distance = np.sqrt(((1 - correlation) / 2).clip(0))
    np.fill_diagonal(distance, 0.0)
    tree = linkage(squareform(distance, checks=False), "average")
    counts = []
    for count, widths in silhouettes(distance, tree):
        labels = cut_tree(tree, n_clusters=count)[:, 0]
        assert widths == pytest.approx(silhouette_samples(distance, labels, metric="precomputed"), abs=1e-12)
        counts.append(count)
    assert counts == list(range(14, 1, -1))


def test_trials_without_a_thing_in_common_count_each():
    clusters = effective_trials(noise(1000, 40, 3))
    assert clusters.count == 40
    assert clusters.labels.tolist() == list(range(40))


@pytest.mark.parametrize(("trials", "correlation", "count"), [(20, 0.9, 3), (10, 0.95, 1), (40, 0.5, 20)])
def test_without_structure_the_mean_correlation_counts(trials, correlation, count):
    # r + (1 - r) N of one block: 2.9, 1.45, 20.5
    assert abs(effective_trials(planted([trials], correlation, 1, rows=3000)).count - count) <= 1


def test_copies_and_leverage_of_a_trial_are_one():
    returns = noise(100, 1, 0)
    assert effective_trials(returns).count == 1
    clusters = effective_trials(returns * [1, 0.3, 2, 1] + [0, 0.001, 0, 0])
    assert (clusters.count, clusters.labels.tolist(), clusters.variance) == (1, [0, 0, 0, 0], 0.0)
    assert effective_trials(returns * [1, -1]).count == 2
    two = noise(100, 2, 1)
    assert effective_trials(two[:, [0, 1, 0, 1, 1]]).labels.tolist() == [0, 1, 0, 1, 1]


def test_copies_do_not_weigh_in():
    returns = planted([4, 4, 4], 0.7, 5)
    copied = returns[:, [0] * 30 + list(range(12))]
    assert effective_trials(copied).count == effective_trials(returns).count == 3


def test_a_clusters_ratio_by_hand():
    # Deviations of 1 and 2: weights 4 / 5 and 1 / 5.
    one = np.array([0.01, 0.03, -0.01, 0.02, 0.0])
    returns = np.column_stack([one, 2 * one - 0.01, [0.0, 0.0, 0.05, 0.0, 0.01]])
    clusters = effective_trials(returns)
    assert clusters.labels.tolist() == [0, 0, 1]
    joined = 0.8 * returns[:, 0] + 0.2 * returns[:, 1]
    expected = [column.mean() / column.std(ddof=1) for column in (joined, returns[:, 2])]
    assert clusters.sharpes == pytest.approx(expected)
    assert clusters.variance == pytest.approx((expected[0] - expected[1]) ** 2 / 2)


def test_they_deflate_less_than_the_raw_number():
    returns = planted([20] * 5, 0.9, 7)
    returns += 0.001
    clusters = effective_trials(returns)
    assert clusters.count == 5
    best = returns[:, (returns.mean(axis=0) / returns.std(axis=0)).argmax()]
    variance = (returns.mean(axis=0) / returns.std(axis=0, ddof=1)).var(ddof=1)
    raw = deflated_sharpe(best, 100, variance).value
    assert raw < deflated_sharpe(best, clusters.count, variance).value


def test_trials_that_do_not_vary_are_left_out_and_said():
    returns = planted([3, 3], 0.9, 1)
    clusters = effective_trials(np.column_stack([np.zeros(400), returns, np.full(400, 0.1)]))
    assert clusters.labels.tolist() == [-1, 0, 0, 0, 1, 1, 1, -1]
    assert clusters.sharpes == pytest.approx(effective_trials(returns).sharpes)
    assert clusters.notes == ("2 trial(s) whose returns do not vary are left out",)
    with pytest.raises(DataError, match="no trial's returns vary: there is nothing to tell apart"):
        effective_trials(np.full((50, 3), 0.1))


def test_of_many_some_are_clustered_and_the_others_join():
    sizes = [30, 50, 20, 60]
    returns = planted(sizes, 0.8, 3)
    clusters = effective_trials(returns, max_clustered=40)
    assert clusters.count == 4
    assert clusters.labels.tolist() == members(sizes).tolist()
    assert clusters.notes == (
        "40 of 160 trials were clustered, the others joined the nearest: there may be more clusters",
    )


def test_many_trials_are_worked_through_in_parts(monkeypatch):
    returns = planted([6, 9, 5], 0.8, 3)
    full = effective_trials(returns, max_clustered=10)
    monkeypatch.setattr("risk.overfitting.trial_matrix.SLAB", 900)
    parts = effective_trials(returns, max_clustered=10)
    assert parts.labels.tolist() == full.labels.tolist()
    assert parts.sharpes == pytest.approx(full.sharpes)


def test_the_same_input_gives_the_same_bits():
    returns = planted([5, 7, 9], 0.5, 8)
    one = effective_trials(returns)
    other = effective_trials(returns.copy())
    assert one.labels.tobytes() == other.labels.tobytes()
    assert one.sharpes.tobytes() == other.sharpes.tobytes()
    assert not one.labels.flags.writeable
    assert not one.sharpes.flags.writeable


def test_equal_distances_are_no_structure():
    assert clustered(np.eye(6)).tolist() == list(range(6))
    assert len(set(clustered(np.full((5, 5), 0.5) + 0.5 * np.eye(5)).tolist())) == 3  # 0.5 + 0.5 x 5


def test_what_cannot_be_clustered_is_refused():
    with pytest.raises(ConfigError, match="max_clustered is 1; it must be 2 or more, such as 1000"):
        effective_trials(noise(40, 3, 0), max_clustered=1)
    with pytest.raises(DataError, match="needs 3 or more rows, has 2"):
        effective_trials(noise(2, 3, 0))
    with pytest.raises(DataError, match="returns must be finite and at least -1; row 0 of trial 1 is nan"):
        effective_trials([[0.1, np.nan]] * 5)
