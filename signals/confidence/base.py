"""The contract of confidence plug-ins: a number for the certainty of a prediction, before its outcome is known."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Protocol, Self

import numpy as np
import pandas as pd

from core.deprecated_members import warn_renamed
from core.errors import StoreError
from core.plugins import PluginSpec
from core.types import Bars, Rows, Vector
from signals.models.base import Forecast, Model
from signals.stored import Stored, stored_fields

__all__ = ["Block", "Calibrator", "Confidence", "Judged", "Predicted", "nowhere", "plain", "sided"]


@dataclass(frozen=True, eq=False)
class Predicted:
    """K predictions of one fold's model, with all that a confidence may use.

    Attributes
    ----------
    forecast : the model's predictions and their parts.
    spread : (K,) the values of :meth:`Confidence.spread` at each decision.
    """

    forecast: Forecast
    spread: Vector

    def take(self, rows: Rows) -> Self:
        """Some of them."""
        return replace(self, forecast=self.forecast.take(rows), spread=self.spread[rows])


@dataclass(frozen=True, eq=False)
class Block:
    """C predictions with their outcomes, all known at the fold's cut: the rows that a confidence is fitted on.

    Attributes
    ----------
    predicted : the predictions; NaN where the model had no prediction.
    y : (C,) outcomes, finite, in the model's units.
    times, known_at : (C,) the time of each decision, and the time at which its outcome was known.
    up_share : share of labels above 0 in the fold's full training window.
    """

    predicted: Predicted
    y: Vector
    times: pd.DatetimeIndex
    known_at: pd.DatetimeIndex
    up_share: float

    def take(self, rows: Rows) -> Self:
        """Some of them."""
        return replace(
            self,
            predicted=self.predicted.take(rows),
            y=self.y[rows],
            times=self.times[rows],
            known_at=self.known_at[rows],
        )

    def with_prediction(self) -> Self:
        """The rows for which the model has a prediction."""
        return self.take(np.flatnonzero(~np.isnan(self.predicted.forecast.prediction)))

    def told(self) -> Self:
        """Deprecated: :meth:`with_prediction`."""
        warn_renamed("Block.told", "Block.with_prediction", since="0.2")
        return self.with_prediction()

    def halves(self) -> tuple[Rows, Rows]:
        """The rows before the block's middle whose outcome is known by then, and those from it on."""
        distinct = self.times.unique().sort_values()
        if not len(distinct):
            return np.zeros(0, dtype=np.intp), np.zeros(0, dtype=np.intp)
        middle = distinct[len(distinct) // 2]
        return np.flatnonzero(self.known_at <= middle), np.flatnonzero(self.times >= middle)


@dataclass(frozen=True, eq=False)
class Judged:
    """K predictions with their confidence; NaN where the prediction is.

    Attributes
    ----------
    confidence : (K,) in [0, 1].
    p_up : (K,) probability that the label is above 0; NaN throughout where the confidence is no probability.
    half_width : (K,) half of the width of the interval around the prediction, in the model's units; NaN throughout
        where there is none.
    """

    confidence: Vector
    p_up: Vector
    half_width: Vector


class Calibrator(Protocol):
    """A fitted confidence; it does not change after the fit."""

    def judge(self, predicted: Predicted) -> Judged:
        """The confidence of some predictions."""
        ...

    def dump(self) -> dict[str, Any]:
        """A plain mapping for the fold's report; its ``kind`` is the confidence's."""
        ...


class Confidence(PluginSpec):
    """The parameters of a way to compute the confidence of predictions."""

    family: ClassVar[str] = "confidence"

    @property
    def warmup(self) -> int:
        """Rows at the start for which there is no :meth:`spread` yet."""
        return 0

    def spread(self, bars: Bars) -> Vector:
        """(T,) a scale of the errors to expect, known at each close; NaN where it is not known or not used."""
        return np.full(len(bars), np.nan)

    def refusal(self, model: Model) -> str:
        """The reason why it cannot be used with a model; empty where it can."""
        return "" if model.trains else "does not train: remove `confidence`, or take kind constant"

    def store(self, calibrator: Calibrator) -> Stored:
        """The content of a fitted confidence that a bundle keeps; by default the fields of its dataclass."""
        return stored_fields(calibrator)

    def restore(self, stored: Stored) -> Calibrator:
        """The fitted confidence that was stored: its answers have the same bits.

        Raises
        ------
        StoreError
            The content is not that of such a confidence, or ones of this kind cannot be kept.
        """
        del stored
        raise StoreError(f"confidence {self.kind}: its file has no `restore`, so it cannot be kept in a bundle")

    @abstractmethod
    def fit(self, block: Block) -> Calibrator:
        """Fit on a fold's calibration block.

        Parameters
        ----------
        block : rows whose outcomes are known at the cut; it may be empty.
        """


def nowhere(count: int) -> Vector:
    """(K,) NaN, for a quantity that a confidence does not have."""
    return np.full(count, np.nan)


def sided(p_up: Vector, prediction: Vector) -> Vector:
    """(K,) the probability that a prediction has the sign right: P(up) if it is above 0, else 1 - P(up)."""
    return np.where(prediction > 0, p_up, 1 - p_up)


def plain(mapping: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """A calibrator's mapping with its kind in front."""
    return {"kind": kind, **mapping}
