"""Conformal prediction with errors measured in units of volatility."""

import math
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from core.spec import Part
from core.types import Bars, Vector, read_only
from signals.rolling_windows import rolling_std, simple_returns
from signals.stored import Stored, restored_fields

from .base import Block, Confidence, Judged, Predicted, nowhere, plain, sided

MIN_ROWS = 20


class Conformal(Confidence):
    """Split conformal prediction: how often past errors, by the volatility, were so large that the sign would flip.

    On the calibration block the errors ``y - prediction`` are divided by the volatility known at each decision. A new
    prediction's interval is ``+- q x volatility``, where ``q`` is the error of rank ``ceil((n + 1) coverage)`` by
    size; its P(up) is the share of the errors that would leave the outcome above 0. An interval that is not scaled
    covers too little exactly when it matters, in volatile stretches.

    References
    ----------
    Lei, J., G'Sell, M., Rinaldo, A., Tibshirani, R. and Wasserman, L. (2018), Distribution-free predictive inference
    for regression, JASA 113(523): split conformal prediction, and its locally weighted form. Vovk, V., Shen, J.,
    Manokhin, V. and Xie, M. (2019), Nonparametric predictive distributions based on conformal prediction, Machine
    Learning 108: the share of errors as a distribution, here at its middle.

    Examples
    --------
    >>> Conformal(coverage=0.8, window=10).warmup
    10
    """

    coverage: Part = 0.9
    """Share of the outcomes that the interval is to cover."""
    window: Annotated[int, Field(ge=2)] = 20
    """One-bar returns in the volatility."""

    @property
    def warmup(self) -> int:
        """Rows before there is a volatility."""
        return self.window

    def spread(self, bars: Bars) -> Vector:
        """(T,) standard deviation of the last one-bar returns; NaN where nothing moved."""
        volatility = rolling_std(simple_returns(bars.close), self.window)
        return np.where(volatility > 0, volatility, np.nan)

    def fit(self, block: Block) -> "Errors":
        """Keep the block's errors, each by the volatility at its decision."""
        block = block.with_prediction()
        scores = (block.y - block.predicted.forecast.prediction) / block.predicted.spread
        scores = np.sort(scores[np.isfinite(scores)])
        if len(scores) < MIN_ROWS:
            reason = f"the block has {len(scores)} rows with a volatility, fewer than {MIN_ROWS}"
            return Errors(read_only([]), math.nan, block.up_share, reason)
        return Errors(read_only(scores), _quantile(np.sort(np.abs(scores)), self.coverage), block.up_share)

    def restore(self, stored: Stored) -> "Errors":
        """The fitted confidence of a stored one."""
        return restored_fields(Errors, stored)


@dataclass(frozen=True, eq=False)
class Errors:
    """The calibration block's errors.

    Attributes
    ----------
    scores : (n,) errors in units of volatility, rising.
    quantile : half-width of the interval in the same units; infinite where the block is too short for the coverage.
    up_share : the probability where the block has too few errors.
    reason : why there are no errors; empty otherwise.
    """

    scores: Vector
    quantile: float
    up_share: float
    reason: str = ""

    def judge(self, predicted: Predicted) -> Judged:
        """P(up) from the share of errors, and the interval; the base rate where the volatility is not known."""
        prediction = predicted.forecast.prediction
        if self.reason:
            p_up = np.where(np.isnan(prediction), np.nan, self.up_share)
            return Judged(sided(p_up, prediction), p_up, nowhere(len(prediction)))
        needed = -prediction / predicted.spread
        # Half a rank for the new error itself, which is as likely to lie in any gap between the old ones.
        below = np.searchsorted(self.scores, needed) + 0.5
        p_up = 1 - below / (len(self.scores) + 1)
        p_up = np.where(np.isnan(needed), np.where(np.isnan(prediction), np.nan, self.up_share), p_up)
        return Judged(sided(p_up, prediction), p_up, self.quantile * predicted.spread)

    def dump(self) -> dict[str, Any]:
        """A plain mapping."""
        quantile = self.quantile if math.isfinite(self.quantile) else None
        return plain({"rows": len(self.scores), "quantile": quantile, "reason": self.reason}, "conformal")


def _quantile(sizes: Vector, coverage: float) -> float:
    """The size of rank ceil((n + 1) coverage); infinite where there is no such rank."""
    rank = math.ceil((len(sizes) + 1) * coverage)
    return float(sizes[rank - 1]) if rank <= len(sizes) else math.inf
