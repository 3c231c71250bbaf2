"""Decision trees as arrays: how random forests and boosted trees are kept, and how they predict without their library.

The libraries' own formats are read by native parsers that can be made to end the process. Arrays cannot: every index is
checked, and children come after their parents, so that no walk can run in a circle.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from core.errors import StoreError
from core.types import Matrix, Rows, Vector
from signals.kernels import tree_sums
from signals.stored import Stored
from signals.tree_walks import Numbers

from .base import Samples

LEAF = -1
BLOCK = 4096
"""Rows that are walked down at a time."""


@dataclass(frozen=True)
class Node:
    """One node of a tree as a library describes it; ``feature`` is LEAF in a leaf, whose ``value`` counts.

    ``left`` and ``right`` are whatever the library finds the children by.
    """

    feature: int
    threshold: float = 0.0
    left: Any = None
    right: Any = None
    value: float = 0.0


@dataclass(frozen=True, eq=False)
class TreeArrays:
    """T trees of N nodes in all, each tree's nodes in a row, parents before their children.

    Attributes
    ----------
    roots : (T,) the node at which each tree begins.
    feature : (N,) the column that a node looks at; LEAF in a leaf.
    threshold : (N,) the value that it is compared with; its dtype is that in which features are compared.
    left, right : (N,) the nodes to go on to.
    value : (N,) the answer of a leaf; its dtype is that in which answers are added.
    """

    roots: Rows
    feature: Rows
    threshold: Numbers
    left: Rows
    right: Rows
    value: Numbers

    @classmethod
    def of(cls, trees: Sequence[Callable[[Any], Node]], threshold: Any, value: Any) -> "TreeArrays":
        """The arrays of trees.

        Parameters
        ----------
        trees : each a function from a node's key to the node; the key of a root is None.
        threshold, value : their dtypes.
        """
        nodes: list[tuple[int, float, int, int, float]] = []
        roots = []
        for tree in trees:
            roots.append(len(nodes))
            nodes += _in_order(tree, len(nodes))
        columns = list(zip(*nodes, strict=True))
        integers = [np.array(columns[index], dtype=np.int64) for index in (0, 2, 3)]
        return cls(
            np.array(roots, dtype=np.int64),
            integers[0],
            np.array(columns[1], dtype=threshold),
            integers[1],
            integers[2],
            np.array(columns[4], dtype=value),
        )

    @classmethod
    def restored(cls, stored: Stored, threshold: str, value: str) -> "TreeArrays":
        """Trees from arrays that may come from a stranger.

        Raises
        ------
        StoreError
            An array is missing or of another type, or an index leads out of the trees or back.
        """
        feature = stored.array("feature", "i", (None,))
        length = (len(feature),)
        trees = cls(
            stored.array("roots", "i", (None,)),
            feature,
            stored.array("threshold", "f", length),
            stored.array("left", "i", length),
            stored.array("right", "i", length),
            stored.array("value", "f", length),
        )
        if trees.threshold.dtype != np.dtype(threshold) or trees.value.dtype != np.dtype(value):
            raise StoreError(f"the trees' numbers are {trees.threshold.dtype} and {trees.value.dtype}")
        trees._require_sound()
        return trees

    def store(self) -> dict[str, Numbers]:
        """The arrays by name."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    def _require_sound(self) -> None:
        count = len(self.feature)
        inner = np.flatnonzero(self.feature != LEAF)
        children = np.concatenate([self.left[inner], self.right[inner]])
        parents = np.concatenate([inner, inner])
        starts = self.roots
        if not len(starts) or starts[0] != 0 or (np.diff(starts) <= 0).any() or starts[-1] >= count:
            raise StoreError("the trees' roots are not in order")
        if (self.feature < LEAF).any() or (children <= parents).any() or (children >= count).any():
            raise StoreError("a node of a tree leads to a node that is not below it")
        if not (np.isfinite(self.threshold[inner]).all() and np.isfinite(self.value).all()):
            raise StoreError("a number in a tree is not finite")

    @property
    def features(self) -> int:
        """The least number of columns that a table of features must have."""
        return int(self.feature.max(initial=LEAF)) + 1

    def sums(self, X: Numbers, *, below: bool, start: float) -> Numbers:
        """(R,) the sum of the trees' answers for each row of (R, F) features, from a start on.

        Parameters
        ----------
        below : a feature goes to the left if it is below the threshold; else, if it is not above it.
        """
        if X.shape[1] < self.features:
            raise StoreError(f"the trees look at {self.features} features; there are {X.shape[1]}")
        columns, children = self._walk
        sums = np.full(len(X), start, dtype=self.value.dtype)
        tree_sums(X, self.roots, columns, self.threshold, children, self.value, below, sums)
        return sums

    @cached_property
    def _walk(self) -> tuple[Rows, Rows]:
        """(N,) the column of each node, and (2 N,) its right and its left child; a leaf is its own child."""
        leaf = self.feature == LEAF
        numbers = np.arange(len(self.feature))
        children = np.column_stack([np.where(leaf, numbers, self.right), np.where(leaf, numbers, self.left)])
        return np.where(leaf, 0, self.feature), children.ravel()


@dataclass(frozen=True, eq=False)
class StoredTrees:
    """Restored trees: their answers added one tree after the other, as their library adds them.

    Attributes
    ----------
    trees : the arrays.
    single : features are rounded to float32 first.
    below : as in :meth:`TreeArrays.sums`.
    details : of the fit.
    start : what is added to.
    divisor : what the sum is divided by.
    """

    trees: TreeArrays
    single: bool
    below: bool
    details: Mapping[str, Any]
    start: float = 0.0
    divisor: int = 1

    def predict(self, samples: Samples, rows: Rows) -> Vector:
        """The sum of the trees' answers; never NaN."""
        blocks = [self._predicted(samples.X[rows[first : first + BLOCK]]) for first in range(0, len(rows), BLOCK)]
        return np.concatenate(blocks)

    def _predicted(self, X: Matrix) -> Vector:
        X = X.astype(np.float32) if self.single else X
        sums = self.trees.sums(X, below=self.below, start=self.start)
        return np.asarray(sums.astype(np.float64) / self.divisor)


def _in_order(tree: Callable[[Any], Node], first: int) -> Iterator[tuple[int, float, int, int, float]]:
    """The nodes of a tree, level by level, with their numbers in place of the library's keys."""
    waiting = [tree(None)]
    following = first + 1
    while waiting:
        node = waiting.pop(0)
        if node.feature == LEAF:
            yield LEAF, 0.0, LEAF, LEAF, node.value
            continue
        yield node.feature, node.threshold, following, following + 1, 0.0
        following += 2
        waiting += [tree(node.left), tree(node.right)]
