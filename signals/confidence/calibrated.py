"""The probability that a prediction has the sign right, calibrated and shrunk to the base rate."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from core.types import Vector
from signals.stored import Stored, restored_fields

from .base import Block, Confidence, Judged, Predicted, nowhere, plain, sided

MIN_ROWS = 20  # in a half of the block: two parameters on fewer rows are noise
RIDGE = 1.0  # of the slope; enough to keep it finite when the block is separable, little against a hundred rows


class Calibrated(Confidence):
    """P(sign right) by logistic calibration before each cut, shrunk to the base rate as far as it gains nothing.

    Platt's logistic regression of (label > 0) on the standardised prediction is fitted on the first half of the block
    (in time, purged by ``known_at``); the weight that minimises the Brier score against the base rate is then found in
    closed form on the second half; with that weight the regression is fitted again on the whole block. Where the block
    cannot be calibrated (too few rows, one prediction, one class), the weight is 0 with the reason.

    References
    ----------
    Platt, J. (1999), Probabilistic outputs for support vector machines, in Advances in Large Margin Classifiers,
    section 2.1. Instead of his smoothed targets, the slope has a ridge of 1 (on ``slope ** 2 / 2``).

    Examples
    --------
    >>> Calibrated().kind
    'calibrated'
    """

    def fit(self, block: Block) -> "Platt":
        """Fit on the block's rows that have a prediction."""
        block = block.with_prediction()
        prediction = block.predicted.forecast.prediction
        up = (block.y > 0).astype(np.float64)
        early, late = block.halves()
        if reason := _degenerate(prediction[early], up[early], len(late)):
            return Platt(block.up_share, rows=len(up), reason=reason)
        trial = _fit(prediction[early], up[early], block.up_share, weight=1.0)
        weight = _best_weight(trial.p_up(prediction[late]), up[late], block.up_share)
        if weight == 0:
            reason = "calibration gains nothing over the base rate on the second half of the block"
            return Platt(block.up_share, rows=len(up), reason=reason)
        return _fit(prediction, up, block.up_share, weight)

    def restore(self, stored: Stored) -> "Platt":
        """The fitted confidence of a stored one."""
        return restored_fields(Platt, stored)


@dataclass(frozen=True)
class Platt:
    """Logistic calibration, shrunk to the base rate.

    With ``z = (prediction - center) / scale``, P(up) is
    ``weight * sigmoid(intercept + slope * z) + (1 - weight) * up_share``.

    Attributes
    ----------
    up_share : share of labels above 0 in the training window.
    weight : in [0, 1]; 0 where calibration gains nothing.
    rows : rows of the calibration block that had a prediction.
    reason : why the weight is 0; empty otherwise.
    """

    up_share: float
    weight: float = 0.0
    center: float = 0.0
    scale: float = 1.0
    intercept: float = 0.0
    slope: float = 0.0
    rows: int = 0
    reason: str = ""

    def p_up(self, prediction: Vector) -> Vector:
        """Probability that the label is above 0."""
        z = (prediction - self.center) / self.scale
        return self.weight * _sigmoid(self.intercept + self.slope * z) + (1 - self.weight) * self.up_share

    def judge(self, predicted: Predicted) -> Judged:
        """The probability, and the confidence that follows from it."""
        prediction = predicted.forecast.prediction
        p_up = self.p_up(prediction)
        return Judged(sided(p_up, prediction), p_up, nowhere(len(prediction)))

    def dump(self) -> dict[str, Any]:
        """A plain mapping."""
        return plain(asdict(self), "calibrated")


def _degenerate(prediction: Vector, up: Vector, late: int) -> str | None:
    """The reason why these rows cannot be calibrated on; None where they can."""
    if min(len(up), late) < MIN_ROWS:
        return f"the block's halves have {len(up)} and {late} rows, fewer than {MIN_ROWS}"
    if np.ptp(prediction) == 0:
        return "the prediction is constant in the first half of the block"
    if np.ptp(up) == 0:
        return "all labels have one sign in the first half of the block"
    return None


def _best_weight(calibrated: Vector, up: Vector, up_share: float) -> float:
    """The weight in [0, 1] of the least Brier score: a regression of (up - base) on (calibrated - base) through 0."""
    move = calibrated - up_share
    power = float(np.sum(move * move))
    return min(max(float(np.sum(move * (up - up_share))) / power, 0.0), 1.0) if power > 0 else 0.0


def _fit(prediction: Vector, up: Vector, up_share: float, weight: float) -> Platt:
    center = float(np.mean(prediction))
    scale = float(np.std(prediction))
    intercept, slope = _logistic((prediction - center) / scale, up)
    return Platt(up_share, weight, center, scale, intercept, slope, rows=len(up))


def _logistic(z: Vector, up: Vector) -> tuple[float, float]:
    """Intercept and slope of a logistic regression with a ridge on the slope, by Newton's method."""
    beta = np.zeros(2)
    for _ in range(100):
        p = _sigmoid(beta[0] + beta[1] * z)
        variance = p * (1 - p)
        gradient = np.array([np.sum(p - up), np.sum((p - up) * z) + RIDGE * beta[1]])
        cross = np.sum(variance * z)
        step = np.linalg.solve([[np.sum(variance), cross], [cross, np.sum(variance * z * z) + RIDGE]], gradient)
        beta -= step
        if np.max(np.abs(step)) < 1e-12:
            break
    return float(beta[0]), float(beta[1])


def _sigmoid(x: Vector) -> Vector:
    return 0.5 * (1 + np.tanh(x / 2))  # no overflow, unlike 1 / (1 + exp(-x))
