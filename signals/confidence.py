"""Confidence: the probability that a prediction has the sign right, calibrated and shrunk to the base rate."""

from dataclasses import asdict, dataclass
from typing import Any, Literal, Protocol, Self, TypeAlias

import numpy as np
import numpy.typing as npt
from pydantic import model_validator
from pydantic_core import PydanticCustomError

from core.spec import Share, Spec
from core.types import Rows, Vector

from .panel import Panel

Mask: TypeAlias = npt.NDArray[np.bool_]

MIN_ROWS = 20  # in a half of the block: two parameters on fewer rows are noise
RIDGE = 1.0  # of the slope; enough to keep it finite when the block is separable, little against a hundred rows


class ConfidenceSpec(Spec):
    """How the confidence of a prediction is made."""

    kind: Literal["calibrated", "constant"] = "calibrated"
    """``calibrated``: probability that the sign is right, fitted before each cut; ``constant``: always ``value``."""

    value: Share = 1.0
    """The confidence of every prediction; for ``constant`` only."""

    @model_validator(mode="after")
    def _value_has_an_effect(self) -> Self:
        if self.kind == "calibrated" and self.value != 1:
            raise PydanticCustomError(
                "confidence_value",
                "value {value} has no effect with kind calibrated; remove it or take kind constant",
                {"value": self.value, "path": ["value"]},
            )
        return self


class Calibrator(Protocol):
    """What turns predictions into confidence. NaN predictions, no opinion, give NaN."""

    def p_up(self, prediction: Vector) -> Vector:
        """Probability that the label is above 0; NaN throughout where the confidence is no probability."""

    def confidence(self, prediction: Vector) -> Vector:
        """In [0, 1], one a prediction."""

    def dump(self) -> dict[str, Any]:
        """A plain mapping for the fold's report."""


@dataclass(frozen=True)
class Constant:
    """The same confidence for every prediction."""

    value: float

    def p_up(self, prediction: Vector) -> Vector:
        """NaN throughout: a constant is no probability."""
        return np.full(len(prediction), np.nan)

    def confidence(self, prediction: Vector) -> Vector:
        """``value`` wherever there is a prediction."""
        return np.where(np.isnan(prediction), np.nan, self.value)

    def dump(self) -> dict[str, Any]:
        """A plain mapping."""
        return {"kind": "constant", **asdict(self)}


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

    def confidence(self, prediction: Vector) -> Vector:
        """Probability that the sign is right: P(up) if the prediction is above 0, else 1 - P(up)."""
        p_up = self.p_up(prediction)
        return np.where(prediction > 0, p_up, 1 - p_up)

    def dump(self) -> dict[str, Any]:
        """A plain mapping."""
        return {"kind": "calibrated", **asdict(self)}


def fit_confidence(spec: ConfidenceSpec, prediction: Vector, panel: Panel, rows: Rows, up_share: float) -> Calibrator:
    """Fit the confidence on a fold's calibration block.

    Platt's logistic regression of (label > 0) on the standardised prediction is fitted on the first half of the block
    (in time, purged by ``known_at``); the weight that minimises the Brier score against the base rate is then found in
    closed form on the second half; with that weight the regression is fitted again on the whole block.

    Parameters
    ----------
    prediction : (C,) the fitted model's predictions of ``rows``; NaN rows are left out.
    panel, rows : the panel and its C calibration rows, whose labels are all known.
    up_share : share of labels above 0 in the training window.

    Returns
    -------
    Where the block cannot be calibrated (too few rows, one prediction, one class), the weight is 0 with the reason.

    References
    ----------
    Platt, J. (1999), Probabilistic outputs for support vector machines, in Advances in Large Margin Classifiers,
    section 2.1. Instead of his smoothed targets, the slope has a ridge of 1 (on ``slope ** 2 / 2``).
    """
    if spec.kind == "constant":
        return Constant(spec.value)
    rows, prediction = rows[~np.isnan(prediction)], prediction[~np.isnan(prediction)]
    up = (panel.y[rows] > 0).astype(np.float64)
    early, late = _halves(panel, rows)
    if reason := _degenerate(prediction[early], up[early], int(late.sum())):
        return Platt(up_share, rows=len(rows), reason=reason)
    trial = _fit(prediction[early], up[early], up_share, weight=1.0)
    weight = _best_weight(trial.p_up(prediction[late]), up[late], up_share)
    if weight == 0:
        reason = "calibration gains nothing over the base rate on the second half of the block"
        return Platt(up_share, rows=len(rows), reason=reason)
    return _fit(prediction, up, up_share, weight)


def _halves(panel: Panel, rows: Rows) -> tuple[Mask, Mask]:
    """Masks of the rows before the block's middle whose label is known by then, and of those from it on."""
    times = panel.times[rows]
    distinct = times.unique().sort_values()
    if not len(distinct):
        return np.zeros(0, dtype=bool), np.zeros(0, dtype=bool)
    middle = distinct[len(distinct) // 2]
    return np.asarray(panel.known_at[rows] <= middle), np.asarray(times >= middle)


def _degenerate(prediction: Vector, up: Vector, late: int) -> str | None:
    """Why these rows cannot be calibrated on, if they cannot."""
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
    center, scale = float(np.mean(prediction)), float(np.std(prediction))
    intercept, slope = _logistic((prediction - center) / scale, up)
    return Platt(up_share, weight, center, scale, intercept, slope, rows=len(up))


def _logistic(z: Vector, up: Vector) -> tuple[float, float]:
    """Intercept and slope of a logistic regression with a ridge on the slope, by Newton's method."""
    beta = np.zeros(2)
    for _ in range(100):
        p = _sigmoid(beta[0] + beta[1] * z)
        spread = p * (1 - p)
        gradient = np.array([np.sum(p - up), np.sum((p - up) * z) + RIDGE * beta[1]])
        cross = np.sum(spread * z)
        step = np.linalg.solve([[np.sum(spread), cross], [cross, np.sum(spread * z * z) + RIDGE]], gradient)
        beta -= step
        if np.max(np.abs(step)) < 1e-12:
            break
    return float(beta[0]), float(beta[1])


def _sigmoid(x: Vector) -> Vector:
    return 0.5 * (1 + np.tanh(x / 2))  # no overflow, unlike 1 / (1 + exp(-x))
