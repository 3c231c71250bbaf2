"""How many different trials there are among many that are much alike."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from core.errors import ConfigError, DataError
from core.types import Matrix, Rows, Vector, read_only

from .trial_matrix import checked_trials, slabs, spreads

SAME = 1e-10
"""A correlation this close to 1 is 1: the rest is rounding."""
STRUCTURE = 0.25
"""A mean silhouette up to this means that there are no clusters worth the name (Kaufman and Rousseeuw)."""


@dataclass(frozen=True, eq=False)
class EffectiveTrials:
    """Clusters of trials, and how good each cluster is.

    Attributes
    ----------
    count : number of clusters, at least 1.
    labels : (N,) the cluster of each trial, numbered by their first trial from 0; -1 for one that does not vary.
    sharpes : (count,) Sharpe ratio per period (ddof 1) of each cluster's return: the mean of its trials', weighted by
        one over the variance. 0 if trials cancel out.
    notes : what a reader of the count should know.
    """

    count: int
    labels: Rows = field(repr=False)
    sharpes: Vector = field(repr=False)
    notes: tuple[str, ...] = ()

    @property
    def variance(self) -> float:
        """Of the clusters' Sharpe ratios per period, ddof 1; 0 for a single cluster."""
        return float(self.sharpes.var(ddof=1)) if self.count > 1 else 0.0


def effective_trials(returns: npt.ArrayLike, most: int = 1000) -> EffectiveTrials:
    """The number of clusters among trials, by the correlation of their returns.

    Trials are as far apart as ``sqrt((1 - correlation) / 2)`` and are joined by average linkage. The number of clusters
    is the one whose silhouettes have the highest mean over standard deviation, of those whose mean is above 0.25: small
    silhouettes can be alike, too. Perfectly correlated trials are one before that. Silhouettes cannot tell one cluster,
    or clusters of one each: where none has such a mean the count is ``r + (1 - r) N``, rounded, r the mean correlation
    of the N trials.

    Parameters
    ----------
    returns : (T, N) simple returns per period, fractions, T at least 3. NaN is an error.
    most : trials that are clustered, at least 2; of more, that many are picked evenly, and each other one joins the
        cluster whose mean return is correlated most with its own, even if it has little to do with it. The time goes
        with the cube of it.

    Returns
    -------
    Clusters; the same input gives the same bits.

    Raises
    ------
    DataError
        NaN, infinity, a return below -1, fewer than 3 rows, or no trial that varies.
    ConfigError
        ``most`` is below 2.

    References
    ----------
    Lopez de Prado, M. and Lewis, M. J. (2019), Detection of false investment strategies using unsupervised learning
    methods, Quantitative Finance 19(9): the distance, the quality, and the clusters' returns. Rousseeuw, P. J. (1987),
    Silhouettes. Kaufman, L. and Rousseeuw, P. J. (1990), Finding groups in data: the bound of 0.25. Bailey, D. H. and
    Lopez de Prado, M. (2014), The deflated Sharpe ratio: the count by mean correlation.

    >>> rng = np.random.default_rng(1)
    >>> ideas = rng.normal(0, 0.01, (300, 3))
    >>> found = effective_trials(ideas[:, [0, 0, 1, 1, 1, 2, 2]] + rng.normal(0, 0.002, (300, 7)))
    >>> found.count, found.labels.tolist()
    (3, [0, 0, 1, 1, 1, 2, 2])
    """
    if most < 2:
        raise ConfigError(f"most is {most}; it must be 2 or more, such as 1000")
    values = checked_trials(returns)
    if len(values) < 3:
        raise DataError(f"needs 3 or more rows, has {len(values)}")
    varying = np.flatnonzero(spreads(values))
    if len(varying) == 0:
        raise DataError("no trial's returns vary: there is nothing to tell apart")
    labels = np.full(values.shape[1], -1, dtype=np.intp)
    labels[varying] = _labels(values, varying, most)
    sharpes = _sharpes(values, labels)
    notes = _notes(values.shape[1] - len(varying), len(varying), most)
    return EffectiveTrials(len(sharpes), read_only(labels, np.intp), read_only(sharpes), notes)


def _notes(constant: int, varying: int, most: int) -> tuple[str, ...]:
    said = (
        (constant, f"{constant} trial(s) whose returns do not vary are left out"),
        (
            varying > most,
            f"{most} of {varying} trials were clustered, the others joined the nearest: there may be more clusters",
        ),
    )
    return tuple(note for holds, note in said if holds)


def _labels(values: Matrix, varying: Rows, most: int) -> Rows:
    """The clusters of the columns that vary, numbered by their first trial."""
    picked = np.arange(len(varying))
    if len(varying) > most:
        picked = np.linspace(0, len(varying) - 1, most).round().astype(np.intp)
    units = _units(values[:, varying[picked]])
    labels = np.empty(len(varying), dtype=np.intp)
    labels[picked] = own = clustered(units.T @ units)
    others = np.setdiff1d(np.arange(len(varying)), picked)
    if len(others):
        labels[others] = _nearest(values, varying[others], units, own)
    _, first, number = np.unique(labels, return_index=True, return_inverse=True)
    return np.asarray(first.argsort().argsort()[number], dtype=np.intp)


def _units(columns: Matrix) -> Matrix:
    """The columns less their means, of length 1: their products are correlations."""
    apart = columns - columns.mean(axis=0)
    made: Matrix = apart / np.sqrt((apart**2).sum(axis=0))
    return made


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
    """The clusters of trials none of which are the same."""
    from scipy.cluster.hierarchy import cut_tree, linkage
    from scipy.spatial.distance import squareform

    apart = np.sqrt(((1.0 - correlation) / 2.0).clip(0.0, 1.0))
    apart = (apart + apart.T) / 2.0
    np.fill_diagonal(apart, 0.0)
    tree = linkage(squareform(apart), "average")
    return np.asarray(cut_tree(tree, n_clusters=_count(correlation, apart, tree))[:, 0], dtype=np.intp)


def _count(correlation: Matrix, apart: Matrix, tree: Matrix) -> int:
    """The number of clusters whose silhouettes are the best, or the one that the mean correlation implies."""
    judged = [(_quality(widths), count) for count, widths in silhouettes(apart, tree) if widths.mean() > STRUCTURE]
    if judged:
        return max(judged)[1]
    n = len(correlation)
    mean = (correlation.sum() - np.trace(correlation)) / (n * (n - 1))
    return int(np.clip(np.round(mean + (1.0 - mean) * n), 1, n))


def _quality(widths: Vector) -> float:
    """The mean, which is above 0, over the standard deviation."""
    spread = float(widths.std())
    return float(widths.mean()) / spread if spread > SAME else np.inf


def silhouettes(apart: Matrix, tree: Matrix) -> Iterator[tuple[int, Vector]]:
    """Each number of clusters from N - 1 down to 2 with the (N,) silhouettes of the trials; 0 for one on its own.

    Each step joins two clusters, so that only the mean distances to those two change.

    Parameters
    ----------
    apart : (N, N) distances, 0 on the diagonal only.
    tree : (N - 1, 4) what scipy's ``linkage`` made of them.
    """
    n = len(apart)
    own, sizes, means = np.arange(n), np.ones(n), apart.copy()
    place = list(range(n))  # the column in which a cluster of the tree is
    for count, (left, right) in zip(range(n - 1, 1, -1), tree[:, :2].astype(int), strict=False):
        kept, gone = place[left], place[right]
        place.append(kept)
        joined = means[:, kept] * sizes[kept] + means[:, gone] * sizes[gone]
        sizes[kept] += sizes[gone]
        means[:, kept], means[:, gone] = joined / sizes[kept], np.inf
        own[own == gone] = kept
        yield count, _widths(means, own, sizes[own])


def _widths(means: Matrix, own: Rows, sizes: Vector) -> Vector:
    """(N,) silhouettes from the mean distances to each cluster, of which ``own`` is each trial's own."""
    rows = np.arange(len(own))
    inside = means[rows, own].copy()
    means[rows, own] = np.inf
    nearest = means.min(axis=1)
    means[rows, own] = inside
    within = inside * sizes / np.maximum(sizes - 1.0, 1.0)  # the mean counted the trial itself, at distance 0
    return np.where(sizes > 1.0, (nearest - within) / np.maximum(nearest, within), 0.0)


def _sharpes(values: Matrix, labels: Rows) -> Vector:
    """(clusters,) Sharpe ratios of the clusters' returns."""
    made = np.zeros((len(values), labels.max() + 1))
    for label in range(made.shape[1]):
        made[:, label] = _weighted(values, np.flatnonzero(labels == label))
    spread = spreads(made)
    return np.asarray(np.divide(made.mean(axis=0), spread, out=np.zeros_like(spread), where=spread > 0.0))


def _weighted(values: Matrix, columns: Rows) -> Vector:
    """(T,) the mean of columns, weighted by one over their variance."""
    total, weights = np.zeros(len(values)), 0.0
    for slab in slabs(len(values), len(columns)):
        part = values[:, columns[slab]]
        weight = 1.0 / part.var(axis=0)
        total, weights = total + part @ weight, weights + float(weight.sum())
    return total / weights
