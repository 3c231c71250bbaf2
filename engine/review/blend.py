"""Several runs on a common base: correlations of their weekly returns, and an equal-risk blend."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.errors import DataError
from core.types import Matrix, Vector

from .row import ReviewRow

WEEKS_PER_YEAR = 52.0
TINY = 1e-12
"""A weekly deviation up to which returns do not vary but for rounding."""
MIN_WEEKS = 8
"""Common weeks below which correlations and volatilities say nothing."""


@dataclass(frozen=True, eq=False)
class Common:
    """Weekly returns of some runs over the weeks that all of them cover.

    Attributes
    ----------
    names : of the runs, K of them.
    first_week : as in :class:`engine.review.row.Curve`, of the week before the first return.
    returns : (W, K) simple returns, fractions.
    """

    names: tuple[str, ...]
    first_week: int
    returns: Matrix

    @property
    def correlation(self) -> Matrix:
        """(K, K) Pearson correlations; NaN for a run whose returns do not vary."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.atleast_2d(np.corrcoef(self.returns, rowvar=False))


@dataclass(frozen=True, eq=False)
class Blend:
    """An equal-risk blend: weights in proportion to 1 / volatility, restored each week, without costs.

    The weights are computed from the same weeks as the results, so the results are those of hindsight.

    Attributes
    ----------
    weights : (K,) that sum to 1.
    wealth : (W + 1,) from 1.
    volatility, sharpe : annual, of 52 weekly returns a year, risk-free rate 0.
    max_drawdown : of the wealth at the weeks' ends, at most 0.
    risk_shares : (K,) each run's covariance with the blend x weight / variance of the blend; they sum to 1.
    sharpe_without : (K,) Sharpe ratio of the blend of the others; NaN for a single run.
    """

    weights: Vector
    wealth: Vector
    volatility: float
    sharpe: float
    max_drawdown: float
    risk_shares: Vector
    sharpe_without: Vector


def common_weeks(rows: Sequence[ReviewRow]) -> Common:
    """Weekly returns of runs over the weeks that all of them cover.

    Raises
    ------
    DataError
        Fewer than two runs, or fewer than 8 weeks in common.
    """
    curves = [(row.name, row.curve) for row in rows if row.curve is not None]
    if len(curves) < 2:
        raise DataError("a comparison needs two or more runs")
    first = max(curve.first_week for _, curve in curves)
    end = min(curve.first_week + len(curve.wealth) for _, curve in curves)
    if end - first <= MIN_WEEKS:
        raise DataError(f"the runs have {max(end - first - 1, 0)} weeks in common; {MIN_WEEKS} or more are needed")
    wealth = np.array([curve.wealth[first - curve.first_week : end - curve.first_week] for _, curve in curves]).T
    return Common(tuple(name for name, _ in curves), first, wealth[1:] / wealth[:-1] - 1.0)


def equal_risk(common: Common) -> Blend:
    """The equal-risk blend of runs.

    Raises
    ------
    DataError
        The returns of a run do not vary, so that its risk is 0.
    """
    deviations = common.returns.std(axis=0, ddof=1)
    if not (deviations > TINY).all():
        still = common.names[int(np.argmin(deviations))]
        raise DataError(f"the weekly returns of {still} do not vary: a blend by risk cannot contain it")
    weights = (1.0 / deviations) / (1.0 / deviations).sum()
    blended = common.returns @ weights
    wealth = np.concatenate([[1.0], np.cumprod(1.0 + blended)])
    covariances = ((common.returns - common.returns.mean(axis=0)) * (blended - blended.mean())[:, None]).sum(axis=0)
    return Blend(
        weights,
        wealth,
        float(blended.std(ddof=1) * WEEKS_PER_YEAR**0.5),
        _sharpe(blended),
        float((wealth / np.maximum.accumulate(wealth) - 1.0).min()),
        weights * covariances / ((blended - blended.mean()) ** 2).sum(),
        np.array([_sharpe_without(common.returns, weights, left) for left in range(len(weights))]),
    )


def _sharpe(returns: Vector) -> float:
    return float(returns.mean() / returns.std(ddof=1) * WEEKS_PER_YEAR**0.5)


def _sharpe_without(returns: Matrix, weights: Vector, left: int) -> float:
    others = np.delete(weights, left)
    return _sharpe(np.delete(returns, left, axis=1) @ (others / others.sum()))
