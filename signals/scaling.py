"""Scalers: fitted on a fold's training rows, applied to everything that fold's models see."""

from dataclasses import dataclass
from typing import Literal, Self, TypeAlias

import numpy as np

from core.types import Matrix, Rows, Vector, read_only

ScalerName: TypeAlias = Literal["minmax", "standard", "robust", "none"]


@dataclass(frozen=True, eq=False)
class Scaler:
    """``(x - center) / scale``, column by column.

    Attributes
    ----------
    center, scale : (F,); the scale is 1 for a column that is constant in the training rows.
    """

    center: Vector
    scale: Vector

    @classmethod
    def fit(cls, name: ScalerName, X: Matrix, train: Rows) -> Self:
        """The scaler of some rows.

        Parameters
        ----------
        name : ``minmax`` maps the rows' range to 0..1; ``standard`` takes mean and standard deviation; ``robust``
            median and interquartile range; ``none`` leaves everything as it is.
        X : (R, F) finite features.
        train : the only rows that are used; at least one.
        """
        center, scale = _CENTER_AND_SCALE[name](X[train])
        return cls(read_only(center), read_only(np.where(scale > 0, scale, 1.0)))

    def dump(self) -> dict[str, list[float]]:
        """A plain mapping."""
        return {"center": self.center.tolist(), "scale": self.scale.tolist()}

    def apply(self, X: Matrix) -> Matrix:
        """(R, F) scaled, read-only. Rows outside the fitted ones may leave the range: nothing is clipped."""
        return read_only((X - self.center) / self.scale)


def _minmax(rows: Matrix) -> tuple[Vector, Vector]:
    return rows.min(axis=0), np.ptp(rows, axis=0)


def _standard(rows: Matrix) -> tuple[Vector, Vector]:
    # A constant column has a spread of some 1e-17 by rounding; it must count as 0.
    return rows.mean(axis=0), np.where(np.ptp(rows, axis=0) > 0, rows.std(axis=0), 0.0)


def _robust(rows: Matrix) -> tuple[Vector, Vector]:
    low, middle, high = np.percentile(rows, [25, 50, 75], axis=0)
    return middle, high - low


def _none(rows: Matrix) -> tuple[Vector, Vector]:
    return np.zeros(rows.shape[1]), np.ones(rows.shape[1])


_CENTER_AND_SCALE = {"minmax": _minmax, "standard": _standard, "robust": _robust, "none": _none}
