"""The same confidence for every prediction."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from core.spec import Share
from signals.models.base import Model
from signals.stored import Stored, restored_fields

from .base import Block, Confidence, Judged, Predicted, nowhere, plain


class Constant(Confidence):
    """Always the same number: the size of a position then does not depend on how sure the model is.

    Examples
    --------
    >>> Constant(value=0.5).value
    0.5
    """

    value: Share = 1.0
    """The confidence of every prediction."""

    def refusal(self, model: Model) -> str:
        """It can always be had."""
        del model
        return ""

    def fit(self, block: Block) -> "Always":
        """Nothing is fitted."""
        del block
        return Always(self.value)

    def restore(self, stored: Stored) -> "Always":
        """The fitted confidence of a stored one."""
        return restored_fields(Always, stored)


@dataclass(frozen=True)
class Always:
    """The confidence ``value``."""

    value: float

    def judge(self, predicted: Predicted) -> Judged:
        """``value`` wherever there is a prediction; a constant is no probability."""
        prediction = predicted.forecast.prediction
        none = nowhere(len(prediction))
        return Judged(np.where(np.isnan(prediction), np.nan, self.value), none, none)

    def dump(self) -> dict[str, Any]:
        """A plain mapping."""
        return plain(asdict(self), "constant")
