"""A random forest regression (Breiman 2001) by scikit-learn."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, cast

import numpy as np
from pydantic import PositiveInt

from core.progress import Progress, ProgressCallback, no_progress
from core.spec import Share
from core.types import Rows, Vector
from signals.stored import Stored

from ._tree_arrays import LEAF, Node, StoredTrees, TreeArrays
from .base import Fitted, Samples, TrainedModel, seed32


class RandomForest(TrainedModel):
    """Mean of many trees, each grown on its own draw of rows and features.

    Examples
    --------
    >>> RandomForest(trees=50).kind
    'random_forest'
    """

    reads_last: ClassVar[bool] = False

    trees: PositiveInt = 100
    """Number of trees."""
    min_samples_leaf: PositiveInt = 20
    """Rows that a leaf must hold; daily returns are noise to anything finer."""
    max_features: Share = 0.4
    """Share of the features that a split chooses from; less makes trees less alike, and faster."""
    max_samples: Share = 0.5
    """Share of the training rows that each tree is grown on, drawn with replacement."""

    def fit(
        self, samples: Samples, train: Rows, stop: Rows, seed: int, on_progress: ProgressCallback = no_progress
    ) -> "FittedForest":
        """Grow the forest on the training rows; the stop rows are not used."""
        del stop
        from sklearn.ensemble import RandomForestRegressor

        forest = RandomForestRegressor(
            n_estimators=self.trees,
            min_samples_leaf=self.min_samples_leaf,
            max_features=self.max_features,
            max_samples=max(1, int(self.max_samples * len(train))),  # what a share means, without its warning
            random_state=seed32(seed),
            n_jobs=1,  # with more, the order in which trees are added up changes the last bit of a prediction
        )
        forest.fit(samples.X[train], samples.y[train], sample_weight=samples.weights(train))
        on_progress(Progress(self.kind, 1, 1))
        return FittedForest(forest)

    def store(self, fitted: Fitted) -> Stored:
        """The trees as arrays."""
        forest = cast(FittedForest, fitted)
        trees = TreeArrays.of([_nodes(tree.tree_) for tree in forest.forest.estimators_], np.float64, np.float64)
        return Stored({"details": dict(forest.details)}, trees.store())

    def restore(self, stored: Stored) -> StoredTrees:
        """The mean over stored trees; features are compared in single precision, as scikit-learn does."""
        trees = TreeArrays.restored(stored, "float64", "float64")
        return StoredTrees(trees, True, False, stored.fact("details"), divisor=len(trees.roots))


@dataclass(frozen=True, eq=False)
class FittedForest:
    """A grown forest."""

    forest: Any

    @property
    def details(self) -> Mapping[str, Any]:
        """The number of trees and their mean number of leaves."""
        trees = self.forest.estimators_
        return {"trees": len(trees), "mean_leaves": sum(int(tree.get_n_leaves()) for tree in trees) / len(trees)}

    def predict(self, samples: Samples, rows: Rows) -> Vector:
        """Mean over the trees' leaves; never NaN."""
        prediction: Vector = self.forest.predict(samples.X[rows])
        return prediction


def _nodes(tree: Any) -> Callable[[Any], Node]:
    """The nodes of a tree of scikit-learn, by their numbers."""

    def node(key: Any) -> Node:
        number = key or 0
        if tree.children_left[number] == LEAF:
            return Node(LEAF, value=float(tree.value[number, 0, 0]))
        children = [int(side[number]) for side in (tree.children_left, tree.children_right)]
        return Node(int(tree.feature[number]), float(tree.threshold[number]), *children)

    return node
