"""Predictions beside their inputs and outcomes, by session and symbol: of the walk-forward, and as served."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from core.types import Matrix

Cube = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Observations:
    """T sessions of N symbols.

    Attributes
    ----------
    sessions : (T,) naive dates, ascending.
    symbols : N names.
    names : F names of the model's inputs.
    features : (T, N, F) inputs of the model at the session's last bar.
    prediction, confidence : (T, N); expected return over the horizon, a fraction, and the confidence in it, in [0, 1].
    outcome : (T, N) the return that came; NaN until it is known.
    sigma : (T, N) forecast of the outcome's standard deviation from what was known at the prediction.
    covered : (T, N) 1 where the outcome lay in the prediction's interval, 0 where it did not; NaN without an interval.

    NaN stands for no prediction of that symbol in that session, everywhere.
    """

    sessions: pd.DatetimeIndex
    symbols: tuple[str, ...]
    names: tuple[str, ...]
    features: Cube
    prediction: Matrix
    confidence: Matrix
    outcome: Matrix
    sigma: Matrix
    covered: Matrix

    def __len__(self) -> int:
        return len(self.sessions)

    @property
    def has_intervals(self) -> bool:
        """True if some outcome is known to lie in its prediction's interval, or outside."""
        return bool(np.isfinite(self.covered).any())

    @property
    def standardised_error(self) -> Matrix:
        """(T, N) (outcome - prediction) / sigma."""
        return (self.outcome - self.prediction) / self.sigma

    def take(self, rows: npt.NDArray[np.intp], sessions: pd.DatetimeIndex | None = None) -> Self:
        """Whole sessions by number, in that order."""
        arrays: dict[str, Any] = {name: getattr(self, name)[rows] for name in ARRAYS}
        return replace(self, sessions=self.sessions[rows] if sessions is None else sessions, **arrays)

    def followed_by(self, later: Self) -> Self:
        """These sessions and then others of the same symbols and inputs."""
        arrays: dict[str, Any] = {name: np.concatenate([getattr(self, name), getattr(later, name)]) for name in ARRAYS}
        return replace(self, sessions=pd.DatetimeIndex(self.sessions.append(later.sessions)), **arrays)


ARRAYS: Sequence[str] = tuple(
    item.name for item in fields(Observations) if item.name not in ("sessions", "symbols", "names")
)


def width_of(observed: Observations, coverage: float) -> float:
    """The absolute standardised error that a share ``coverage`` of the errors does not exceed."""
    error = np.abs(observed.standardised_error)
    defined = error[~np.isnan(error)]
    return float(np.quantile(defined, coverage, method="lower")) if len(defined) else np.nan


def covered_by(error: Matrix, width: float) -> Matrix:
    """(T, N) 1 where a standardised error is at most ``width``, else 0; NaN without either.

    It stands for the intervals of a walk-forward, of which the share of outcomes inside is known and not their limits:
    the intervals are taken as ``width`` forecasts of the deviation wide.
    """
    covered = np.where(np.abs(error) <= width, 1.0, 0.0)
    return np.where(np.isnan(error) | np.isnan(width), np.nan, covered)
