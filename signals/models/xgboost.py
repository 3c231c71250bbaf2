"""Gradient-boosted trees (Chen & Guestrin 2016) by XGBoost."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from pydantic import NonNegativeFloat, PositiveInt

from core.progress import Progress, ProgressCallback, no_progress
from core.spec import Share
from core.types import Rows, Vector

from ._native_imports import native
from .base import Samples, TrainedModel, seed32


class XGBoost(TrainedModel):
    """Boosted trees on the squared error; the stop rows choose the number of rounds.

    Examples
    --------
    >>> XGBoost(max_depth=2).kind
    'xgboost'
    """

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
