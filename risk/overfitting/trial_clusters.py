"""The effective number of trials: clusters of trials by the correlation of their returns."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from core.errors import ConfigError, DataError
from core.types import Matrix, Rows, Vector, read_only

from .trial_matrix import checked_trials, deviations_of, slabs

SAME = 1e-10
"""A correlation this close to 1 is 1: the rest is rounding."""
STRUCTURE = 0.25
"""A mean silhouette up to this means that there is no substantial cluster structure (Kaufman and Rousseeuw)."""


@dataclass(frozen=True, eq=False)
class EffectiveTrials:
    """Clusters of trials with the Sharpe ratio of each.

    Attributes
    ----------
    count : number of clusters, at least 1.
    labels : (N,) the cluster of each trial, numbered by their first trial from 0; -1 for one that does not vary.
    sharpes : (count,) Sharpe ratio per period (ddof 1) of each cluster's return: the mean of its trials', weighted by
        one over the variance. 0 if trials cancel out.
    notes : for the reader of the count.
    """

    count: int
    labels: Rows = field(repr=False)
    sharpes: Vector = field(repr=False)
    notes: tuple[str, ...] = ()

    @property
    def variance(self) -> float:
        """The variance of the clusters' Sharpe ratios per period, ddof 1; 0 for a single cluster."""
        return float(self.sharpes.var(ddof=1)) if self.count > 1 else 0.0


def effective_trials(returns: npt.ArrayLike, max_clustered: int = 1000) -> EffectiveTrials:
    """The number of clusters among trials, by the correlation of their returns.

    The distance of two trials is ``sqrt((1 - correlation) / 2)``; they are joined by average linkage. The number of
    clusters is the one whose silhouettes have the highest mean over standard deviation, of those whose mean is above
    0.25: small silhouettes can be alike, too. Perfectly correlated trials are one before that. Silhouettes cannot
    detect a single cluster, or clusters of one trial each: where none has such a mean the count is ``r + (1 - r) N``,
    rounded, r the mean correlation of the N trials.

    Parameters
    ----------
    returns : (T, N) simple returns per period, fractions, T at least 3. NaN is an error.
    max_clustered : trials that are clustered, at least 2; of more, that many are picked evenly, and each other one
        joins the cluster whose mean return is correlated most with its own, even if it has little to do with it. The
        time grows with the cube of it.

    Returns
    -------
    Clusters; the same input gives the same bits.

    Raises
    ------
    DataError
        NaN, infinity, a return below -1, fewer than 3 rows, or no trial that varies.
    ConfigError
        ``max_clustered`` is below 2.

    References
    ----------
    Lopez de Prado, M. and Lewis, M. J. (2019), Detection of false investment strategies using unsupervised learning
    methods, Quantitative Finance 19(9): the distance, the quality, and the clusters' returns. Rousseeuw, P. J. (1987),
    Silhouettes. Kaufman, L. and Rousseeuw, P. J. (1990), Finding groups in data: the bound of 0.25. Bailey, D. H. and
    Lopez de Prado, M. (2014), The deflated Sharpe ratio: the count by mean correlation.

    >>> rng = np.random.default_rng(1)
    >>> ideas = rng.normal(0, 0.01, (300, 3))
    >>> effective = effective_trials(ideas[:, [0, 0, 1, 1, 1, 2, 2]] + rng.normal(0, 0.002, (300, 7)))
    >>> effective.count, effective.labels.tolist()
    (3, [0, 0, 1, 1, 1, 2, 2])
    """
    if max_clustered < 2:
        raise ConfigError(f"max_clustered is {max_clustered}; it must be 2 or more, such as 1000")
    values = checked_trials(returns)
    if len(values) < 3:
        raise DataError(f"needs 3 or more rows, has {len(values)}")
    varying = np.flatnonzero(deviations_of(values))
    if len(varying) == 0:
        raise DataError("no trial's returns vary: there is nothing to tell apart")
    labels = np.full(values.shape[1], -1, dtype=np.intp)
    labels[varying] = _labels(values, varying, max_clustered)
    sharpes = _sharpes(values, labels)
    notes = _notes(values.shape[1] - len(varying), len(varying), max_clustered)
    return EffectiveTrials(len(sharpes), read_only(labels, np.intp), read_only(sharpes), notes)


def _notes(constant: int, varying: int, max_clustered: int) -> tuple[str, ...]:
    conditions = (
        (constant, f"{constant} trial(s) whose returns do not vary are left out"),
        (
            varying > max_clustered,
            f"{max_clustered} of {varying} trials were clustered, the others joined the nearest: "
            "there may be more clusters",
        ),
    )
    return tuple(note for holds, note in conditions if holds)


def _labels(values: Matrix, varying: Rows, max_clustered: int) -> Rows:
    """The clusters of the columns that vary, numbered by their first trial."""
    picked = np.arange(len(varying))
    if len(varying) > max_clustered:
        picked = np.linspace(0, len(varying) - 1, max_clustered).round().astype(np.intp)
    units = _units(values[:, varying[picked]])
    labels = np.empty(len(varying), dtype=np.intp)
    picked_labels = clustered(units.T @ units)
    labels[picked] = picked_labels
    others = np.setdiff1d(np.arange(len(varying)), picked)
    if len(others):
        labels[others] = _nearest(values, varying[others], units, picked_labels)
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    return np.asarray(first.argsort().argsort()[inverse], dtype=np.intp)


def _units(columns: Matrix) -> Matrix:
    """The centred columns, scaled to length 1: their products are correlations."""
    centred = columns - columns.mean(axis=0)
    units: Matrix = centred / np.sqrt((centred**2).sum(axis=0))
    return units


def _nearest(values: Matrix, columns: Rows, units: Matrix, labels: Rows) -> Rows:
    """For each of the columns the cluster whose mean return is correlated most with it."""
    means = np.stack([units[:, labels == label].mean(axis=1) for label in range(labels.max() + 1)], axis=1)
    length = np.sqrt((means**2).sum(axis=0))
    means /= np.where(length > SAME, length, np.inf)
    parts = [means.T @ _units(values[:, columns[slab]]) for slab in slabs(len(values), len(columns))]
    return np.asarray(np.concatenate(parts, axis=1).argmax(axis=0), dtype=np.intp)


def clustered(correlation: Matrix) -> Rows:
    """(N,) clusters from 0 of trials with an (N, N) correlation; see :func:`effective_trials`.

    >>> clustered(np.array([[1.0, 1.0, 0.1], [1.0, 1.0, 0.1], [0.1, 0.1, 1.0]])).tolist()
    [0, 0, 1]
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    alike = coo_array(correlation >= 1.0 - SAME)
    count, same = connected_components(alike, directed=False)
    first = np.array([int((same == one).argmax()) for one in range(count)], dtype=np.intp)
    if count == 1:
        return np.asarray(same, dtype=np.intp)
    labels: Rows = _joined(correlation[np.ix_(first, first)])[same]
    return labels


def _joined(correlation: Matrix) -> Rows:
    """The clusters of distinct trials."""
    from scipy.cluster.hierarchy import cut_tree, linkage
    from scipy.spatial.distance import squareform

    distance = np.sqrt(((1.0 - correlation) / 2.0).clip(0.0, 1.0))
    distance = (distance + distance.T) / 2.0
    np.fill_diagonal(distance, 0.0)
    tree = linkage(squareform(distance), "average")
    return np.asarray(cut_tree(tree, n_clusters=_count(correlation, distance, tree))[:, 0], dtype=np.intp)


def _count(correlation: Matrix, distance: Matrix, tree: Matrix) -> int:
    """The number of clusters with the best silhouettes, or the number that the mean correlation implies."""
    rated = [(_quality(widths), count) for count, widths in silhouettes(distance, tree) if widths.mean() > STRUCTURE]
    if rated:
        return max(rated)[1]
    n = len(correlation)
    mean = (correlation.sum() - np.trace(correlation)) / (n * (n - 1))
    return int(np.clip(np.round(mean + (1.0 - mean) * n), 1, n))


def _quality(widths: Vector) -> float:
    """The mean, which is above 0, over the standard deviation."""
    deviation = float(widths.std())
    return float(widths.mean()) / deviation if deviation > SAME else np.inf


def silhouettes(distance: Matrix, tree: Matrix) -> Iterator[tuple[int, Vector]]:
    """Each number of clusters from N - 1 down to 2 with the (N,) silhouettes of the trials; 0 for one on its own.

    Each step joins two clusters, so that only the mean distances to those two change.

    Parameters
    ----------
    distance : (N, N) distances, 0 on the diagonal only.
    tree : (N - 1, 4) from scipy's ``linkage``.
    """
    n = len(distance)
    labels = np.arange(n)
    sizes = np.ones(n)
    means = distance.copy()
    column_of = list(range(n))  # the column of each cluster of the tree
    for count, (left, right) in zip(range(n - 1, 1, -1), tree[:, :2].astype(int), strict=False):
        target = column_of[left]
        merged = column_of[right]
        column_of.append(target)
        joined = means[:, target] * sizes[target] + means[:, merged] * sizes[merged]
        sizes[target] += sizes[merged]
        means[:, target] = joined / sizes[target]
        means[:, merged] = np.inf
        labels[labels == merged] = target
        yield count, _widths(means, labels, sizes[labels])


def _widths(means: Matrix, labels: Rows, sizes: Vector) -> Vector:
    """(N,) silhouettes from the mean distances to each cluster and the trials' cluster labels."""
    rows = np.arange(len(labels))
    inside = means[rows, labels].copy()
    means[rows, labels] = np.inf
    nearest = means.min(axis=1)
    means[rows, labels] = inside
    within = inside * sizes / np.maximum(sizes - 1.0, 1.0)  # the mean counted the trial itself, at distance 0
    return np.where(sizes > 1.0, (nearest - within) / np.maximum(nearest, within), 0.0)


def _sharpes(values: Matrix, labels: Rows) -> Vector:
    """(clusters,) Sharpe ratios of the clusters' returns."""
    returns = np.zeros((len(values), labels.max() + 1))
    for label in range(returns.shape[1]):
        returns[:, label] = _weighted(values, np.flatnonzero(labels == label))
    deviations = deviations_of(returns)
    ratios = np.divide(returns.mean(axis=0), deviations, out=np.zeros_like(deviations), where=deviations > 0.0)
    return np.asarray(ratios)


def _weighted(values: Matrix, columns: Rows) -> Vector:
    """(T,) the mean of columns, weighted by one over their variance."""
    total = np.zeros(len(values))
    weights = 0.0
    for slab in slabs(len(values), len(columns)):
        trials = values[:, columns[slab]]
        weight = 1.0 / trials.var(axis=0)
        total = total + trials @ weight
        weights = weights + float(weight.sum())
    return total / weights
