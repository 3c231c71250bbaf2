"""Walk-forward selection: what somebody would have earned who always traded the trial that was best until then."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from core.types import Matrix, Rows, Vector
from engine.config.sweep_spec import SweepSpec
from engine.sweep.trials.ranking import constraint_violation
from risk.measures._running_totals import Totals
from risk.measures._tail import TailMeasure
from risk.measures.base import Measure, Sample
from risk.measures.sharpe import Sharpe


@dataclass(frozen=True, eq=False)
class Selection:
    """The honest curve of "always pick the best so far".

    Attributes
    ----------
    returns : (D,) daily returns over the shared span, costs of switching deducted.
    chosen : (B,) the trial of each block; -1 for the config as it stands.
    edges : (B + 1,) where the blocks begin, and the end of the last.
    judged_by : the measure that chose.
    """

    returns: Vector
    chosen: Rows
    edges: Rows
    judged_by: str


def select(
    spec: SweepSpec,
    returns: Matrix,
    numbers: Rows,
    default: Vector,
    window: int,
    year: tuple[float, float],
    cost: Callable[[int, int, int], float],
) -> Selection:
    """Choose on the past, earn on the next block.

    Parameters
    ----------
    returns : (R, D) daily returns of the trials that may be chosen; none is NaN.
    numbers : (R,) their numbers.
    default : (D,) of the config as it stands, which is traded until there is a past.
    window : sessions in a block.
    year : sessions in a year, and the annual risk-free rate.
    cost : of going from one trial to another (-1: the config as it stands) before a session, a fraction of the account.
    """
    days = returns.shape[1]
    edges = np.unique(np.append(np.arange(0, days, window), days))
    measure = judge_of(spec, returns[:, :window], year)
    made, chosen = np.empty(days), np.full(len(edges) - 1, -1)
    for block, (first, last) in enumerate(pairwise(edges)):
        place = -1 if block == 0 else _best(spec, measure, returns[:, :first], year)
        chosen[block] = numbers[place] if place >= 0 else -1
        made[first:last] = returns[place, first:last] if place >= 0 else default[first:last]
        if block and chosen[block] != chosen[block - 1]:
            made[first] = (1.0 + made[first]) * (
                1.0 - cost(int(chosen[block - 1]), int(chosen[block]), int(first))
            ) - 1.0
    return Selection(made, chosen, edges, measure.name)


def judge_of(spec: SweepSpec, returns: Matrix, year: tuple[float, float]) -> Measure:
    """The objective, if returns alone tell it; else the Sharpe ratio."""
    own = spec.objective.measure
    return own if _values(own, returns, year) is not None else Sharpe()


def _best(spec: SweepSpec, measure: Measure, past: Matrix, year: tuple[float, float]) -> int:
    """The place of the trial that was best; -1 if nothing can be said of any."""
    values = _values(measure, past, year)
    if values is None:  # there was something to say of the first block, but of no longer past
        return -1
    allowed = np.isfinite(values)
    for constraint in spec.constraints:
        found = _values(constraint.measure, past, year)
        if found is not None:
            allowed &= constraint_violation(constraint, {constraint.measure.name: found}) <= 0
    if not allowed.any():
        return -1
    least = spec.objective.direction == "min" and measure is spec.objective.measure
    sign = -1.0 if least else 1.0
    return int(np.argmax(np.where(allowed, sign * values, -np.inf)))


def _values(measure: Measure, returns: Matrix, year: tuple[float, float]) -> Vector | None:
    """(R,) a measure of each trial's past, NaN where it is undefined; None if it needs more than returns."""
    if measure.kind == "turnover":
        return None
    found = measure.from_totals(totals_of(returns, year, (measure,)))
    if found is not None:
        return found.values
    values = np.full(len(returns), np.nan)
    for row, own in enumerate(returns):
        estimate = measure.estimate(Sample(own, periods_per_year=year[0], risk_free=year[1]))
        values[row] = np.nan if estimate.value is None else estimate.value
    return values if np.isfinite(values).any() else None


def totals_of(returns: Matrix, year: tuple[float, float], measures: Sequence[Measure] = ()) -> Totals:
    """What measures need to know of (R, D) returns."""
    mean = returns.mean(axis=1)
    wealth = np.cumprod(1.0 + returns, axis=1)
    peak = np.maximum(np.maximum.accumulate(wealth, axis=1), 1.0)
    rate = float((1.0 + year[1]) ** (1.0 / year[0]) - 1.0)
    tails: dict[float, Any] = {}
    for measure in measures:
        if isinstance(measure, TailMeasure) and measure.method == "historical":
            quantile = np.quantile(returns, measure.share, axis=1)
            beyond = np.where(returns <= quantile[:, None], returns, np.nan)
            tails[measure.share] = np.column_stack([quantile, np.nanmean(beyond, axis=1)])
    return Totals(
        n=returns.shape[1],
        growth=np.asarray(wealth[:, -1], dtype=np.float64),
        mean=mean,
        squares=((returns - mean[:, None]) ** 2).sum(axis=1),
        downside=(np.minimum(returns - rate, 0.0) ** 2).sum(axis=1),
        extreme=np.abs(returns).max(axis=1),
        drawdown=(wealth / peak - 1.0).min(axis=1),
        traded=np.full(len(returns), np.nan),
        tails=tails,
        periods_per_year=year[0],
        risk_free=year[1],
    )
