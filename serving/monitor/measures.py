"""Scores of served predictions, overall and over the last sessions, beside those of the walk-forward."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from core.types import Vector
from signals.evaluation.scores import FORMULAS

from .observations import Observations

RECENT = 60
BANDS = (0.05, 0.95)
COVERAGE = "share of outcomes inside the prediction's interval"
CALIBRATION = "mean of confidence - hit, hit 1 for the right sign, 0 for the wrong one, 0.5 where either is 0"
FORMULA = {
    **{name: FORMULAS[name] for name in ("mse", "mae", "r2", "mape", "hit_rate", "ic")},
    "coverage": COVERAGE,
    "calibration": CALIBRATION,
}
MINIMUM = 5
"""Known outcomes below which a score is not computed."""


@dataclass(frozen=True)
class Score:
    """A score of served predictions.

    Attributes
    ----------
    name : of :data:`FORMULA`.
    overall, recent : over all served sessions, and the last 60; None where too few outcomes are known.
    reference : over the walk-forward.
    low, high : 5 % and 95 % quantile of the score over windows of 60 sessions of the walk-forward.
    n, n_recent : outcomes behind ``overall`` and ``recent``.
    """

    name: str
    overall: float | None
    recent: float | None
    reference: float | None
    low: float | None
    high: float | None
    n: int
    n_recent: int

    def dump(self) -> dict[str, Any]:
        """Plain values, with the formula."""
        return {**vars(self), "formula": FORMULA[self.name]}


def scores_of(live: Observations, reference: Observations) -> tuple[Score, ...]:
    """The scores of served predictions beside those of the walk-forward."""
    recent = live.take(np.arange(max(len(live) - RECENT, 0), len(live)))
    windows = [
        _scores(reference.take(np.arange(start, start + RECENT)))
        for start in range(0, len(reference) - RECENT + 1, RECENT // 4)
    ]
    overall, last, base = (_scores(part) for part in (live, recent, reference))
    return tuple(
        Score(
            name,
            overall[name],
            last[name],
            base[name],
            *_band([window[name] for window in windows]),
            _count_of(live, name),
            _count_of(recent, name),
        )
        for name in FORMULA
    )


def _band(values: list[float | None]) -> tuple[float | None, float | None]:
    has_outcome = [value for value in values if value is not None]
    if len(has_outcome) < MINIMUM:
        return None, None
    low, high = np.quantile(has_outcome, BANDS)
    return float(low), float(high)


def _count_of(observed: Observations, name: str) -> int:
    values = observed.covered if name == "coverage" else observed.outcome
    return int((np.isfinite(values) & np.isfinite(observed.prediction)).sum())


def _scores(observed: Observations) -> dict[str, float | None]:
    has_outcome = np.isfinite(observed.outcome) & np.isfinite(observed.prediction)
    covered = observed.covered[np.isfinite(observed.covered)]
    if has_outcome.sum() < MINIMUM:
        return dict.fromkeys(FORMULA)
    outcome = observed.outcome[has_outcome]
    prediction = observed.prediction[has_outcome]
    error = outcome - prediction
    hit = 0.5 + 0.5 * np.sign(prediction) * np.sign(outcome)
    confidence = observed.confidence[has_outcome]
    gap = (confidence - hit)[np.isfinite(confidence)]
    spread = float(((outcome - outcome.mean()) ** 2).sum())
    return {
        "mse": float(np.mean(error**2)),
        "mae": float(np.mean(np.abs(error))),
        "r2": 1.0 - float((error**2).sum()) / spread if spread > 0.0 else None,
        "mape": float(np.mean(np.abs(error) / (1.0 + outcome))),
        "hit_rate": float(np.mean((np.sign(prediction) == np.sign(outcome)) & (outcome != 0.0) & (prediction != 0.0))),
        "ic": rank_correlation(prediction, outcome),
        "coverage": float(covered.mean()) if len(covered) >= MINIMUM else None,
        "calibration": float(gap.mean()) if len(gap) >= MINIMUM else None,
    }


def rank_correlation(one: Vector, other: Vector) -> float | None:
    """Spearman's correlation, ties at their mean rank; None where either does not vary."""
    ranks = [pd.Series(values).rank() for values in (one, other)]
    if any(column.nunique() < 2 for column in ranks):
        return None
    return float(ranks[0].corr(ranks[1]))
