"""Gradient-boosted trees (Ke et al. 2017) by LightGBM."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, cast

import numpy as np
from pydantic import Field, NonNegativeFloat, PositiveInt

from core.errors import ModelError
from core.progress import Progress, ProgressCallback, no_progress
from core.spec import Share
from core.types import Rows, Vector
from signals.stored import Stored

from ._native_imports import native
from ._tree_arrays import LEAF, Node, StoredTrees, TreeArrays
from .base import Fitted, Samples, TrainedModel, seed32


class LightGBM(TrainedModel):
    """Boosted trees grown leaf by leaf on the squared error; the stop rows choose the number of rounds.

    Examples
    --------
    >>> LightGBM(leaves=4).kind
    'lightgbm'
    """

    reads_last: ClassVar[bool] = False
    single_precision: ClassVar[bool] = True

    rounds: PositiveInt = 300
    """Most trees to add."""
    patience: PositiveInt = 20
    """Rounds without a better error on the stop rows after which it stops."""
    learning_rate: Share = 0.05
    """How much of each new tree is added."""
    leaves: int = Field(default=8, ge=2)
    """Most leaves of each tree."""
    min_samples_leaf: PositiveInt = 20
    """Rows that a leaf must hold."""
    subsample: Share = 0.8
    """Share of the rows that each tree sees."""
    colsample_bytree: Share = 0.8
    """Share of the features that each tree sees."""
    reg_lambda: NonNegativeFloat = 1.0
    """L2 penalty on leaf values."""

    def fit(
        self, samples: Samples, train: Rows, stop: Rows, seed: int, on_progress: ProgressCallback = no_progress
    ) -> "FittedLightGBM":
        """Boost on the training rows until the stop rows get no better."""
        self.check(samples, train, stop)
        lgb = native("lightgbm")

        losses: dict[str, dict[str, list[float]]] = {}
        parameters = self._parameters(seed)
        training_set = lgb.Dataset(samples.X[train], samples.y[train], weight=samples.weights(train), params=parameters)
        booster = lgb.train(
            parameters,
            training_set,
            num_boost_round=self.rounds,
            valid_sets=[lgb.Dataset(samples.X[stop], samples.y[stop], reference=training_set)],
            valid_names=["stop"],
            callbacks=[lgb.early_stopping(self.patience, verbose=False), lgb.record_evaluation(losses)],
        )
        on_progress(Progress(self.kind, 1, 1, f"{booster.best_iteration} rounds"))
        return FittedLightGBM(booster, tuple(float(loss) for loss in losses["stop"]["rmse"]))

    def check(self, samples: Samples, train: Rows, stop: Rows) -> None:
        """Refuse a subsample without a row: LightGBM would write of it to stderr on its own."""
        del samples, stop
        if int(self.subsample * len(train)) < 1:
            raise ModelError(
                f"lightgbm: subsample {self.subsample:g} of {len(train)} training rows is no row; raise it"
            )

    def store(self, fitted: Fitted) -> Stored:
        """The trees up to the best round, as arrays."""
        model = cast(FittedLightGBM, fitted)
        described = model.booster.dump_model(num_iteration=model.booster.best_iteration)["tree_info"]
        trees = TreeArrays.of([_nodes(tree["tree_structure"]) for tree in described], np.float64, np.float64)
        return Stored({"details": dict(model.details)}, trees.store())

    def restore(self, stored: Stored) -> StoredTrees:
        """The sum of stored trees."""
        trees = TreeArrays.restored(stored, "float64", "float64")
        return StoredTrees(trees, False, False, stored.fact("details"))

    def _parameters(self, seed: int) -> dict[str, Any]:
        return {
            "objective": "regression",
            "metric": "rmse",
            "learning_rate": self.learning_rate,
            "num_leaves": self.leaves,
            "min_data_in_leaf": self.min_samples_leaf,
            "bagging_fraction": self.subsample,
            "bagging_freq": 1,
            "feature_fraction": self.colsample_bytree,
            "lambda_l2": self.reg_lambda,
            "seed": seed32(seed),
            "deterministic": True,
            "force_row_wise": True,
            "num_threads": 1,
            "verbosity": -1,
        }


@dataclass(frozen=True, eq=False)
class FittedLightGBM:
    """A boosted model, used up to its best round."""

    booster: Any
    stop_losses: tuple[float, ...]

    @property
    def details(self) -> Mapping[str, Any]:
        """The rounds used, the rounds tried and the root mean squared error on the stop rows at the best one."""
        best = int(self.booster.best_iteration)
        return {"rounds": best, "rounds_tried": len(self.stop_losses), "stop_loss": self.stop_losses[best - 1]}

    def predict(self, samples: Samples, rows: Rows) -> Vector:
        """Sum of the trees up to the best round; never NaN."""
        prediction: Vector = self.booster.predict(
            samples.X[rows], num_iteration=self.booster.best_iteration, num_threads=1
        )
        return prediction


def _nodes(root: Mapping[str, Any]) -> Callable[[Any], Node]:
    """The nodes of a tree of LightGBM, by the mappings that describe them."""

    def node(key: Any) -> Node:
        described = root if key is None else key
        if "leaf_value" in described:
            return Node(LEAF, value=float(described["leaf_value"]))
        if described["decision_type"] != "<=":
            raise ModelError(f"lightgbm: a tree decides by {described['decision_type']!r}, which cannot be kept")
        children = described["left_child"], described["right_child"]
        return Node(int(described["split_feature"]), float(described["threshold"]), *children)

    return node
