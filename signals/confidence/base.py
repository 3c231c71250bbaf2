"""What every confidence is: a way to say, before the outcome is known, how sure a prediction is."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Protocol, Self

import numpy as np
import pandas as pd

from core.plugins import PluginSpec
from core.types import Bars, Rows, Vector
from signals.models.base import Forecast, Model


@dataclass(frozen=True, eq=False)
class Predicted:
    """K predictions of one fold's model, with all that a confidence may look at.

    Attributes
    ----------
    forecast : what the model said of each.
    spread : (K,) what :meth:`Confidence.spread` found at each decision.
    """

    forecast: Forecast
    spread: Vector

    def take(self, rows: Rows) -> Self:
        """Some of them."""
        return replace(self, forecast=self.forecast.take(rows), spread=self.spread[rows])


@dataclass(frozen=True, eq=False)
class Block:
    """C predictions with their outcomes, all known at the fold's cut: what a confidence is fitted on.

    Attributes
    ----------
    predicted : the predictions; NaN where the model had no opinion.
    y : (C,) outcomes, finite, in the model's units.
    times, known_at : (C,) when each was decided, and when its outcome was known.
    up_share : share of labels above 0 in the fold's whole training window.
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

    def told(self) -> Self:
        """Those of which the model had an opinion."""
        return self.take(np.flatnonzero(~np.isnan(self.predicted.forecast.prediction)))

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
    """A fitted confidence; it does not change any more."""

    def judge(self, predicted: Predicted) -> Judged:
        """How sure some predictions are."""
        ...

    def dump(self) -> dict[str, Any]:
        """A plain mapping for the fold's report; its ``kind`` is the confidence's."""
        ...


class Confidence(PluginSpec):
    """How the confidence of a prediction is made."""

    family: ClassVar[str] = "confidence"

    @property
    def warmup(self) -> int:
        """Rows at the start for which there is no :meth:`spread` yet."""
        return 0

    def spread(self, bars: Bars) -> Vector:
        """(T,) a scale of the errors to expect, known at each close; NaN where it is not known or not wanted."""
        return np.full(len(bars), np.nan)

    def refusal(self, model: Model) -> str:
        """Why it cannot be had with a model; empty where it can."""
        return "" if model.trains else "does not train: remove `confidence`, or take kind constant"

    @abstractmethod
    def fit(self, block: Block) -> Calibrator:
        """Fit on a fold's calibration block.

        Parameters
        ----------
        block : rows whose outcomes are known at the cut; it may be empty.
        """


def nowhere(count: int) -> Vector:
    """(K,) NaN: what a confidence does not say."""
    return np.full(count, np.nan)


def sided(p_up: Vector, prediction: Vector) -> Vector:
    """(K,) the probability that a prediction has the sign right: P(up) if it is above 0, else 1 - P(up)."""
    return np.where(prediction > 0, p_up, 1 - p_up)


def plain(mapping: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """A calibrator's mapping with its kind in front."""
    return {"kind": kind, **mapping}
