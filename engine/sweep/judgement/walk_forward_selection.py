"""Walk-forward selection: the returns of always trading the trial that was best until then."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from core.clock import sessions
from core.errors import WorkbenchError
from core.types import Matrix, Rows, Vector
from engine.backtest.account_returns import daily_returns
from engine.backtest.bt import engine
from engine.backtest.engine_output import BacktestInput
from engine.config.sweep_spec import SweepSpec
from engine.sweep.space.space_check import trial_config
from engine.sweep.trials.ranking import constraint_violation
from risk.measures._running_totals import Totals
from risk.measures._tail import TailMeasure
from risk.measures.base import Measure, Sample
from risk.measures.sharpe import Sharpe
from risk.periods import Year

from .confirm import Confirmation, Confirmed
from .overfitting_tests import TrialSample
from .untraded import or_untraded, untraded

DEFAULT = -1
"""The number of the config without any point."""
RULE_WINDOW = 252
"""Sessions in a block of a rule, which has no test windows."""


@dataclass(frozen=True, eq=False)
class Selection:
    """The curve of "always pick the best so far", which uses no later knowledge.

    Attributes
    ----------
    returns : (D,) daily returns over the shared span, costs of switching deducted.
    chosen : (B,) the trial of each block; -1 for the config without any point.
    edges : (B + 1,) first sessions of the blocks, and the end of the last.
    judged_by : the measure that chose.
    """

    returns: Vector
    chosen: Rows
    edges: Rows
    judged_by: str


def select_walk_forward(confirmation: Confirmation, sample: TrialSample, year: Year) -> Selection | None:
    """Walk-forward selection among the trials whose returns are stored; None where there are fewer than two."""
    sweep_plan = confirmation.plan
    if sample.returns.shape[1] < 2:
        return None
    walk_forward = sweep_plan.config.walk_forward
    default = _run_default(confirmation)
    default_returns = untraded(sweep_plan)
    if default is not None:  # where it begins later than the others, it is cash until then
        default_returns = or_untraded(default.returns_over(sweep_plan.span.sessions), sweep_plan)
    return select(
        sweep_plan.spec,
        np.ascontiguousarray(sample.returns.T),
        sample.with_returns,
        default_returns,
        walk_forward.test if walk_forward else RULE_WINDOW,
        year,
        SwitchingCosts(confirmation, default),
    )


def _run_default(confirmation: Confirmation) -> Confirmed | None:
    """The config without any point, where the sweep has trained its signals; else None, which is cash."""
    sweep_plan = confirmation.plan
    config = trial_config(sweep_plan.config, {})
    for group in sweep_plan.groups.by_key.values():
        if (
            group.config is not None
            and group.config.signals == config.signals
            and type(group.config.strategy) is type(config.strategy)
        ):
            try:
                signals = confirmation.runner.signals(group)
                task = BacktestInput.from_config(sweep_plan.market, signals.frame, config)
                result = engine.run_task(task)
            except WorkbenchError:
                return None
            daily = daily_returns(result, sweep_plan.market, config.broker.cash_interest)
            return Confirmed(DEFAULT, {}, config, signals, result, daily)
    return None


class SwitchingCosts:
    """Costs of closing one trial's position and opening another's before a session, as a fraction of the account.

    Parameters
    ----------
    confirmation : runs trials on backtrader; here, each at most once.
    default : the config without any point; None for cash.
    """

    def __init__(self, confirmation: Confirmation, default: Confirmed | None) -> None:
        self._confirmation = confirmation
        self._default = default
        self._confirmed: dict[int, Confirmed] = {}

    def __call__(self, before: int, after: int, session: int) -> float:
        """The costs of going from one trial to another; numbers as in :class:`Selection`, session by its index."""
        return self._one_way(before, session) + self._one_way(after, session)

    def _one_way(self, trial_number: int, session: int) -> float:
        if trial_number != DEFAULT:
            if trial_number not in self._confirmed:
                self._confirmed[trial_number] = self._confirmation.compare(trial_number)
            return self._trading_cost(self._confirmed[trial_number], session)
        return 0.0 if self._default is None else self._trading_cost(self._default, session)

    def _trading_cost(self, confirmed: Confirmed, session: int) -> float:
        """The cost of trading the position that was held at the end of the session before."""
        previous = self._confirmation.plan.span.sessions[session - 1]
        equity = confirmed.result.equity
        days = sessions(pd.DatetimeIndex(equity["time"]), confirmed.result.zone)
        exposures = equity["gross_exposure"][np.asarray(days <= previous)]
        broker = confirmed.config.broker
        return float(exposures.iloc[-1]) * (broker.commission + broker.slippage) if len(exposures) else 0.0


def select(
    spec: SweepSpec,
    returns: Matrix,
    trials: Rows,
    default: Vector,
    window: int,
    year: Year,
    cost: Callable[[int, int, int], float],
) -> Selection:
    """Choose on the past, earn on the next block.

    Parameters
    ----------
    returns : (R, D) daily returns of the trials that may be chosen; none is NaN.
    trials : (R,) their numbers.
    default : (D,) of the config without any point, which is traded until there is a past.
    window : sessions in a block.
    year : sessions in a year, and the annual risk-free rate.
    cost : of going from one trial to another (-1: the config without any point) before a session, as a fraction of
        the account.
    """
    session_count = returns.shape[1]
    edges = np.unique(np.append(np.arange(0, session_count, window), session_count))
    measure = selection_measure(spec, returns[:, :window], year)
    earned = np.empty(session_count)
    chosen = np.full(len(edges) - 1, DEFAULT)
    for block, (first, last) in enumerate(pairwise(edges)):
        best = None if block == 0 else _best_row(spec, measure, returns[:, :first], year)
        chosen[block] = DEFAULT if best is None else trials[best]
        earned[first:last] = default[first:last] if best is None else returns[best, first:last]
        if block and chosen[block] != chosen[block - 1]:
            switching_cost = cost(int(chosen[block - 1]), int(chosen[block]), int(first))
            earned[first] = (1.0 + earned[first]) * (1.0 - switching_cost) - 1.0
    return Selection(earned, chosen, edges, measure.name)


def selection_measure(spec: SweepSpec, returns: Matrix, year: Year) -> Measure:
    """The objective, if it can be computed from returns alone; else the Sharpe ratio."""
    objective = spec.objective.measure
    return objective if _values(objective, returns, year) is not None else Sharpe()


def _best_row(spec: SweepSpec, measure: Measure, past: Matrix, year: Year) -> int | None:
    """The row of the trial that was best; None if the measure is undefined for all that are allowed."""
    values = _values(measure, past, year)
    if values is None:  # it was defined in the first block, but not on this longer past
        return None
    allowed = np.isfinite(values)
    for constraint in spec.constraints:
        constrained = _values(constraint.measure, past, year)
        if constrained is not None:
            allowed &= constraint_violation(constraint, {constraint.measure.name: constrained}) <= 0
    if not allowed.any():
        return None
    is_minimised = spec.objective.direction == "min" and measure is spec.objective.measure
    sign = -1.0 if is_minimised else 1.0
    return int(np.argmax(np.where(allowed, sign * values, -np.inf)))


def _values(measure: Measure, returns: Matrix, year: Year) -> Vector | None:
    """(R,) a measure of each trial's past, NaN where it is undefined; None if it needs more than returns."""
    if measure.kind == "turnover":
        return None
    estimates = measure.from_totals(totals_of(returns, year, (measure,)))
    if estimates is not None:
        return estimates.values
    values = np.full(len(returns), np.nan)
    for row, past in enumerate(returns):
        estimate = measure.estimate(Sample(past, periods_per_year=year.periods, risk_free=year.risk_free))
        values[row] = np.nan if estimate.value is None else estimate.value
    return values if np.isfinite(values).any() else None


def totals_of(returns: Matrix, year: Year, measures: Sequence[Measure] = ()) -> Totals:
    """The totals of (R, D) returns from which measures are computed."""
    mean = returns.mean(axis=1)
    wealth = np.cumprod(1.0 + returns, axis=1)
    peak = np.maximum(np.maximum.accumulate(wealth, axis=1), 1.0)
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
        downside=(np.minimum(returns - year.rate, 0.0) ** 2).sum(axis=1),
        extreme=np.abs(returns).max(axis=1),
        drawdown=(wealth / peak - 1.0).min(axis=1),
        traded=np.full(len(returns), np.nan),
        tails=tails,
        periods_per_year=year.periods,
        risk_free=year.risk_free,
    )
