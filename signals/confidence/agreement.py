"""The agreement of an ensemble's members."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from core.types import Vector
from signals.models.base import Model
from signals.stored import Stored, restored_fields

from .base import Block, Confidence, Judged, Predicted, nowhere, plain


class Agreement(Confidence):
    """The weight of the ensemble's members whose prediction has the ensemble's sign.

    It is fitted on nothing and is no probability: members that learn from the same rows are wrong together, so the
    report does not judge it. It needs a model with members.

    Examples
    --------
    >>> Agreement().kind
    'agreement'
    """

    def refusal(self, model: Model) -> str:
        """It needs members."""
        return "" if hasattr(model, "members") else "has no members that could agree: take kind calibrated"

    def fit(self, block: Block) -> "Votes":
        """Nothing is fitted."""
        del block
        return Votes()

    def restore(self, stored: Stored) -> "Votes":
        """The fitted confidence of a stored one."""
        return restored_fields(Votes, stored)


@dataclass(frozen=True)
class Votes:
    """The votes of the members, each with the member's weight."""

    def judge(self, predicted: Predicted) -> Judged:
        """The share of the weight that votes with the ensemble; a prediction of exactly 0 has no vote."""
        forecast = predicted.forecast
        sign = np.sign(forecast.prediction)
        votes = np.zeros(len(forecast.prediction))
        for name, part in forecast.parts.items():
            votes += forecast.weights[name] * _agrees(part, sign)
        confidence = np.where(np.isnan(sign), np.nan, np.minimum(votes, 1.0))
        return Judged(confidence, nowhere(len(sign)), nowhere(len(sign)))

    def dump(self) -> dict[str, Any]:
        """A plain mapping."""
        return plain({}, "agreement")


def _agrees(part: Vector, sign: Vector) -> Vector:
    return np.asarray((np.sign(part) == sign) & (sign != 0), dtype=np.float64)
