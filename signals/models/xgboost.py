"""Gradient-boosted trees (Chen & Guestrin 2016) by XGBoost."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, cast

import numpy as np
from pydantic import NonNegativeFloat, PositiveInt

from core.errors import StoreError
from core.progress import Progress, ProgressCallback, no_progress
from core.spec import Share
from core.types import Rows, Vector
from signals.stored import Stored

from ._native_imports import native
from ._tree_arrays import LEAF, Node, StoredTrees, TreeArrays
from .base import Fitted, Samples, TrainedModel, seed32


class XGBoost(TrainedModel):
    """Boosted trees on the squared error; the stop rows choose the number of rounds.

    Examples
    --------
    >>> XGBoost(max_depth=2).kind
    'xgboost'
    """

    reads_last: ClassVar[bool] = False
    single_precision: ClassVar[bool] = True

    rounds: PositiveInt = 300
    """Most trees to add."""
    patience: PositiveInt = 20
    """Rounds without a better error on the stop rows after which it stops."""
    learning_rate: Share = 0.05
    """How much of each new tree is added."""
    max_depth: PositiveInt = 3
    """Depth of each tree."""
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
    ) -> "FittedXGBoost":
        """Boost on the training rows until the stop rows get no better."""
        xgb = native("xgboost")

        losses: dict[str, dict[str, list[float]]] = {}
        booster = xgb.train(
            self._parameters(seed),
            xgb.DMatrix(samples.X[train], samples.y[train], weight=samples.weights(train), nthread=1),
            num_boost_round=self.rounds,
            evals=[(xgb.DMatrix(samples.X[stop], samples.y[stop], nthread=1), "stop")],
            early_stopping_rounds=self.patience,
            evals_result=losses,
            verbose_eval=False,
        )
        on_progress(Progress(self.kind, 1, 1, f"{booster.best_iteration + 1} rounds"))
        return FittedXGBoost(booster, tuple(float(loss) for loss in losses["stop"]["rmse"]))

    def store(self, fitted: Fitted) -> Stored:
        """The trees up to the best round, as arrays, and the value that they are added to."""
        model = cast(FittedXGBoost, fitted)
        used = model.booster[: model.booster.best_iteration + 1]
        learner = json.loads(bytes(used.save_raw("json")))["learner"]
        described = learner["gradient_booster"]["model"]["trees"]
        trees = TreeArrays.of([_nodes(tree) for tree in described], np.float32, np.float32)
        start = float(np.float32(learner["learner_model_param"]["base_score"].strip("[]")))
        return Stored({"details": dict(model.details), "start": start}, trees.store())

    def restore(self, stored: Stored) -> StoredTrees:
        """The sum of stored trees, in single precision, as XGBoost adds them."""
        trees = TreeArrays.restored(stored, "float32", "float32")
        start = stored.fact("start")
        if not isinstance(start, float):
            raise StoreError(f"the value 'start' is {start!r}")
        return StoredTrees(trees, True, True, stored.fact("details"), start)

    def _parameters(self, seed: int) -> dict[str, Any]:
        return {
            "objective": "reg:squarederror",
            "eval_metric": "rmse",
            "tree_method": "hist",
            "learning_rate": self.learning_rate,
            "max_depth": self.max_depth,
            "min_child_weight": self.min_samples_leaf,
            "subsample": self.subsample,
            "colsample_bytree": self.colsample_bytree,
            "reg_lambda": self.reg_lambda,
            "seed": seed32(seed),
            "nthread": 1,
            "verbosity": 0,
        }


@dataclass(frozen=True, eq=False)
class FittedXGBoost:
    """A boosted model, used up to its best round."""

    booster: Any
    stop_losses: tuple[float, ...]

    @property
    def details(self) -> Mapping[str, Any]:
        """The rounds used, the rounds tried and the root mean squared error on the stop rows at the best one."""
        best = int(self.booster.best_iteration)
        return {"rounds": best + 1, "rounds_tried": len(self.stop_losses), "stop_loss": self.stop_losses[best]}

    def predict(self, samples: Samples, rows: Rows) -> Vector:
        """Sum of the trees up to the best round; never NaN."""
        xgb = native("xgboost")

        used = (0, self.booster.best_iteration + 1)
        prediction = self.booster.predict(xgb.DMatrix(samples.X[rows], nthread=1), iteration_range=used)
        return np.asarray(prediction, dtype=np.float64)


def _nodes(tree: Mapping[str, Any]) -> Callable[[Any], Node]:
    """The nodes of a tree of XGBoost, by their numbers; a leaf's value stands in place of a threshold."""

    def node(key: Any) -> Node:
        number = key or 0
        left = tree["left_children"][number]
        right = tree["right_children"][number]
        condition = float(tree["split_conditions"][number])
        return (
            Node(LEAF, value=condition) if left == LEAF else Node(tree["split_indices"][number], condition, left, right)
        )

    return node
