"""The last outcome repeats itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from core.errors import ModelError
from core.progress import Progress, ProgressCallback, no_progress
from core.types import Rows, Vector
from signals.stored import Stored

from .base import Fitted, Samples, TrainedModel


class Persistence(TrainedModel):
    """Predicts the symbol's latest label that is known at the decision: the yardstick of anything that learns.

    It learns nothing, but goes through the same folds, calibration and evaluation as a model that does, and can be a
    member of an ensemble.

    Examples
    --------
    >>> Persistence().learns
    False
    """

    uses_seed: ClassVar[bool] = False
    learns: ClassVar[bool] = False

    def fit(
        self, samples: Samples, train: Rows, stop: Rows, seed: int, on_progress: ProgressCallback = no_progress
    ) -> "Repeats":
        """There is nothing to fit."""
        del samples, train, stop, seed
        on_progress(Progress(self.kind, 1, 1))
        return Repeats()

    def store(self, fitted: Fitted) -> Stored:
        """Nothing is learnt, so nothing is kept."""
        del fitted
        return Stored()

    def restore(self, stored: Stored) -> "Repeats":
        """The rule."""
        del stored
        return Repeats()


@dataclass(frozen=True)
class Repeats:
    """The rule itself."""

    @property
    def details(self) -> Mapping[str, Any]:
        """Nothing."""
        return {}

    def predict(self, samples: Samples, rows: Rows) -> Vector:
        """The latest known label of each row; NaN before the symbol's first."""
        if samples.last is None:
            raise ModelError(
                "persistence: the samples do not say which outcomes are known; build them with build_panel"
            )
        return np.array(samples.last[rows])
