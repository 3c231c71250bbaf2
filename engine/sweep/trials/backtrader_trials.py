"""Trials on backtrader, for strategies and costs that the compiled engine does not support; run in worker processes."""

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from core.errors import WorkbenchError
from core.progress import ProgressCallback, no_progress
from core.types import Market, Rows, RunResult, SignalFrame
from engine.backtest.account_returns import STRATEGY, daily_returns, session_equity
from engine.backtest.engine_output import BacktestInput
from engine.config.run_config import RunConfig
from engine.results.measure_inputs import samples
from engine.results.order_audit import is_market
from risk.periods import periods_per_year

from .compiled_trials import TrialOutputs, add_returns
from .trial_scores import DONE, FAILED, RUINED, Scores, scores_without_returns, unmeasured_scores

TrialContext: TypeAlias = tuple[Market, SignalFrame, TrialOutputs]
"""Market, signals and outputs of the trials of a group."""
Job: TypeAlias = tuple[int, RunConfig]
"""A trial's number and its config."""


def perform(context: TrialContext, job: Job, on_progress: ProgressCallback = no_progress) -> Scores:
    """Run one trial in a worker process; a trial reports no steps of its own."""
    del on_progress
    market, signals, outputs = context
    number, config = job
    return run_trial(number, config, market, signals, outputs)


def run_trial(number: int, config: RunConfig, market: Market, signals: SignalFrame, outputs: TrialOutputs) -> Scores:
    """Run one trial; a :class:`~core.errors.WorkbenchError` becomes the reason of a failed one."""
    from engine.backtest.bt import engine

    numbers = np.array([number])
    task = BacktestInput.from_config(market, signals, config)
    try:
        result = engine.run_task(task, solvent=False)
        account_value = result.equity["equity"].to_numpy()
        if (account_value <= 0).any():
            return _ruined_scores(numbers, result, int(np.argmax(account_value <= 0)), outputs)
        daily = daily_returns(result, market)
    except WorkbenchError as error:
        return unmeasured_scores(numbers, FAILED, [error.line], outputs.names, outputs.shape)
    return _done_scores(numbers, result, daily, outputs)


def _done_scores(numbers: Rows, result: RunResult, daily: pd.DataFrame, outputs: TrialOutputs) -> Scores:
    """The scores of a trial that ran to its end."""
    sessions = pd.DatetimeIndex(daily.index)
    sample = samples(daily, result, periods_per_year(sessions, outputs.per_year), outputs.risk_free)[STRATEGY]
    measured = [measure.of(sample) for measure in outputs.measures]
    values: dict[str, Any] = {"final_value": float(result.equity["equity"].iloc[-1])}
    values |= {item.name: np.nan if item.value is None else item.value for item in measured}
    values |= _counts(result)
    reasons = [f"{item.name}: {item.reason}" for item in measured if item.value is None]
    scores = _scores(numbers, DONE, "; ".join(reasons), values, outputs)
    return add_returns(scores, session_equity(result, sessions)[None, :], numbers, sessions, outputs)


def _ruined_scores(numbers: Rows, result: RunResult, bar: int, outputs: TrialOutputs) -> Scores:
    """The scores of an account that lost more than it had: its value at that bar, and nothing later."""
    last = result.equity.iloc[bar]
    values = {**dict.fromkeys(outputs.names, np.nan), "final_value": float(last["equity"])}
    reason = f"the account lost more than it had at {last['time']:%F %T}"
    sessions = outputs.span.sessions
    equity = np.full((1, len(sessions) + 1), np.nan)
    return add_returns(_scores(numbers, RUINED, reason, values, outputs), equity, numbers, sessions, outputs)


def _counts(result: RunResult) -> dict[str, int]:
    """Fills, closed trades and rejected market orders."""
    orders = result.orders
    rejected = is_market(orders) & orders["status"].isin(["margin", "rejected"])
    return {
        "fills": len(result.fills),
        "trades": int(result.trades["exited_at"].notna().sum()),
        "rejections": int(rejected.sum()),
    }


def _scores(numbers: Rows, status: str, reason: str, values: Mapping[str, float], outputs: TrialOutputs) -> Scores:
    arrays = {name: np.array([value], dtype=np.float64) for name, value in values.items()}
    return scores_without_returns(numbers, np.array([status]), np.array([reason], dtype=np.str_), arrays, outputs.shape)
