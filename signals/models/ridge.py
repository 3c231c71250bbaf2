"""A ridge regression (Hoerl & Kennard 1970) by scikit-learn."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from pydantic import PositiveFloat

from core.progress import Progress, ProgressCallback, no_progress
from core.types import Rows, Vector
from signals.stored import Stored, restored_fields, stored_fields

from .base import Fitted, Samples, TrainedModel


class Ridge(TrainedModel):
    """A linear model with a penalty on its coefficients, in closed form: the yardstick for anything that bends.

    The penalty is `alpha` times the number of training rows, so that it means the same in every fold; the features are
    those of the fold's scaler.

    Examples
    --------
    >>> Ridge(alpha=0.1).kind
    'ridge'
    """

    reads_last: ClassVar[bool] = False
    uses_seed: ClassVar[bool] = False

    alpha: PositiveFloat = 0.01
    """Penalty on the squared coefficients, per training row."""

    def fit(
        self, samples: Samples, train: Rows, stop: Rows, seed: int, on_progress: ProgressCallback = no_progress
    ) -> "FittedRidge":
        """Solve on the training rows; the stop rows and the seed are not used."""
        del stop, seed
        from sklearn.linear_model import Ridge as Regression

        regression = Regression(alpha=self.alpha * len(train), solver="cholesky")
        regression.fit(samples.X[train], samples.y[train], sample_weight=samples.weights(train))
        on_progress(Progress(self.kind, 1, 1))
        return FittedRidge(np.asarray(regression.coef_, dtype=np.float64), float(regression.intercept_))

    def store(self, fitted: Fitted) -> Stored:
        """The coefficients and the intercept."""
        return stored_fields(fitted)

    def restore(self, stored: Stored) -> "FittedRidge":
        """The linear model of a stored one."""
        return restored_fields(FittedRidge, stored)


@dataclass(frozen=True, eq=False)
class FittedRidge:
    """(F,) coefficients on the scaled features, and the intercept."""

    coefficients: Vector
    intercept: float

    @property
    def details(self) -> Mapping[str, Any]:
        """The coefficients in the features' order, and the intercept."""
        return {"coefficients": self.coefficients.tolist(), "intercept": self.intercept}

    def predict(self, samples: Samples, rows: Rows) -> Vector:
        """The linear combination; never NaN. Added up column by column: no row changes the prediction of another."""
        prediction = np.full(len(rows), self.intercept)
        for column, coefficient in enumerate(self.coefficients):
            prediction += coefficient * samples.X[rows, column]
        return prediction
