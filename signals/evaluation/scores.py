"""Scores of predictions: error, direction and probability; each is a number or the reason why there is none."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from core.types import Vector

Score: TypeAlias = float | str  # the number, or why it is undefined


@dataclass(frozen=True, eq=False)
class ForecastSample:
    """K out-of-sample predictions with their outcomes.

    Attributes
    ----------
    label : (K,) outcomes, finite, above -1.
    prediction : (K,) finite.
    mean : (K,) mean label of the training window that each prediction comes from; NaN if there was none.
    p_up : (K,) probability that the label is above 0; NaN where the confidence is no probability.
    up_share : (K,) share of labels above 0 in the training window; NaN if there was none.
    strength : the predictions are signed strengths, not expected returns, so that errors mean nothing.
    returns : the labels are returns, from which a price follows.
    """

    label: Vector
    prediction: Vector
    mean: Vector
    p_up: Vector
    up_share: Vector
    strength: bool = False
    returns: bool = True

    @property
    def up(self) -> Vector:
        """(K,) 1 where the label is above 0, else 0."""
        return (self.label > 0).astype(np.float64)


@dataclass(frozen=True)
class Scores:
    """The scores of one set of predictions; None where undefined, with the reason in ``reasons``.

    Attributes
    ----------
    n : predictions scored.
    mse, mae : mean squared and mean absolute error, in (squared) fractions.
    r2 : 1 - squared error / that of the labels' own mean, as scikit-learn's ``r2_score``.
    r2_mean : 1 - squared error / that of the training window's mean, which was known in time.
    mape : mean of |implied price - price| / price, a fraction.
    hit_rate : share of predictions with the label's sign. A prediction or a label of exactly 0 is never a hit.
    ic : information coefficient: Spearman's rank correlation of predictions and labels, all rows pooled, ties at their
        mean rank.
    brier : mean squared error of the probability that the label is above 0.
    brier_skill : 1 - brier / that of the training window's up-share; at most 0 is no better than the base rate.
    reasons : by score, why it is None.
    """

    n: int
    mse: float | None = None
    mae: float | None = None
    r2: float | None = None
    r2_mean: float | None = None
    mape: float | None = None
    hit_rate: float | None = None
    ic: float | None = None
    brier: float | None = None
    brier_skill: float | None = None
    reasons: Mapping[str, str] = field(default_factory=dict)

    def dump(self) -> dict[str, Any]:
        """A plain mapping."""
        return asdict(self)


FORMULAS: Mapping[str, str] = {
    "mse": "mean((label - prediction)^2)",
    "mae": "mean(|label - prediction|)",
    "r2": "1 - sum((label - prediction)^2) / sum((label - mean(label))^2)",
    "r2_mean": "1 - sum((label - prediction)^2) / sum((label - mean label of the training window)^2)",
    "mape": "mean(|implied price - price| / price), price = close x (1 + label)",
    "hit_rate": "share of predictions with the label's sign; a 0 on either side is no hit",
    "ic": "Spearman rank correlation of predictions and labels, all rows pooled",
    "brier": "mean((P(label > 0) - [label > 0])^2)",
    "brier_skill": "1 - brier / that of the training window's up-share",
}
"""Each score in one line; one prediction a symbol and bar, out of sample."""


def score(sample: ForecastSample) -> Scores:
    """Every score of a sample."""
    if not len(sample.label):
        return Scores(0, reasons=dict.fromkeys(SCORES, "no prediction with a known outcome"))
    values = {name: function(sample) for name, function in SCORES.items()}
    numbers = {name: None if isinstance(value, str) else float(value) for name, value in values.items()}
    return Scores(
        n=len(sample.label),
        mse=numbers["mse"],
        mae=numbers["mae"],
        r2=numbers["r2"],
        r2_mean=numbers["r2_mean"],
        mape=numbers["mape"],
        hit_rate=numbers["hit_rate"],
        ic=numbers["ic"],
        brier=numbers["brier"],
        brier_skill=numbers["brier_skill"],
        reasons={name: value for name, value in values.items() if isinstance(value, str)},
    )


def hits(sample: ForecastSample) -> Vector:
    """(K,) 1 where prediction and label have one sign, else 0; a 0 on either side is never a hit."""
    same = np.sign(sample.prediction) == np.sign(sample.label)
    return np.asarray(same & (sample.label != 0), dtype=np.float64)


def squared_errors(sample: ForecastSample) -> Vector:
    """(K,) squared errors of the predictions."""
    return np.square(sample.label - sample.prediction)


def brier_losses(sample: ForecastSample) -> Vector:
    """(K,) squared errors of the probabilities; NaN where there is none."""
    return np.square(sample.p_up - sample.up)


def _mse(sample: ForecastSample) -> Score:
    return float(np.mean(squared_errors(sample)))


def _mae(sample: ForecastSample) -> Score:
    return float(np.mean(np.abs(sample.label - sample.prediction)))


def _r2(sample: ForecastSample) -> Score:
    if np.ptp(sample.label) == 0:
        return "the labels do not vary"
    return 1 - float(np.sum(squared_errors(sample)) / np.sum((sample.label - np.mean(sample.label)) ** 2))


def _r2_mean(sample: ForecastSample) -> Score:
    if np.isnan(sample.mean).any():
        return "there is no training mean"
    base = float(np.sum((sample.label - sample.mean) ** 2))
    return 1 - float(np.sum(squared_errors(sample))) / base if base > 0 else "the training mean has no error"


def _mape(sample: ForecastSample) -> Score:
    if not sample.returns:
        return "the label is no return, so no price follows from it"
    # |close (1 + prediction) - close (1 + label)| / (close (1 + label)): the close cancels.
    return float(np.mean(np.abs(sample.prediction - sample.label) / (1 + sample.label)))


def _hit_rate(sample: ForecastSample) -> Score:
    return float(np.mean(hits(sample))) if sample.prediction.any() else "every prediction is 0, which has no sign"


def _ic(sample: ForecastSample) -> Score:
    if np.ptp(sample.prediction) == 0 or np.ptp(sample.label) == 0:
        return "the predictions or the labels do not vary"
    return float(np.corrcoef(ranks(sample.prediction), ranks(sample.label))[0, 1])


def ranks(values: Vector) -> Vector:
    """(K,) ranks from 1, ties at their mean rank."""
    return np.asarray(pd.Series(values).rank(), dtype=np.float64)


def _brier(sample: ForecastSample) -> Score:
    losses = brier_losses(sample)
    return "the confidence is no probability" if np.isnan(losses).any() else float(np.mean(losses))


def _brier_skill(sample: ForecastSample) -> Score:
    brier = _brier(sample)
    if isinstance(brier, str):
        return brier
    if np.isnan(sample.up_share).any():
        return "there is no training up-share"
    base = float(np.mean((sample.up_share - sample.up) ** 2))
    return 1 - brier / base if base > 0 else "the training up-share has no error"


def _of_returns(function: Callable[[ForecastSample], Score]) -> Callable[[ForecastSample], Score]:
    """The score, but only of predictions that are expected returns."""

    def guarded(sample: ForecastSample) -> Score:
        return "the prediction is a signed strength, not an expected return" if sample.strength else function(sample)

    return guarded


SCORES: Mapping[str, Callable[[ForecastSample], Score]] = {
    "mse": _of_returns(_mse),
    "mae": _of_returns(_mae),
    "r2": _of_returns(_r2),
    "r2_mean": _of_returns(_r2_mean),
    "mape": _of_returns(_mape),
    "hit_rate": _hit_rate,
    "ic": _ic,
    "brier": _brier,
    "brier_skill": _brier_skill,
}
