"""Trials on backtrader, for strategies and costs that the compiled engine does not support; run in worker processes."""

from collections.abc import Mapping
from multiprocessing.connection import Connection
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from core.errors import WorkbenchError
from core.types import Market, Rows, RunResult, SignalFrame
from engine.backtest.account_returns import STRATEGY, daily_returns, session_equity
from engine.backtest.engine_output import BacktestInput
from engine.config.run_config import RunConfig
from engine.results.measure_inputs import samples
from engine.run_folder.child_process import live_with_parent
from risk.periods import periods_per_year

from .compiled_trials import TrialOutputs, add_returns
from .trial_scores import DONE, FAILED, RUINED, Scores, scores_without_returns, unmeasured_scores

TrialContext: TypeAlias = tuple[Market, SignalFrame, TrialOutputs]
"""Market, signals and outputs of the trials of a group."""
Job: TypeAlias = tuple[int, RunConfig]
"""A trial's number and its config."""
READY = "ready"
"""The first message of a worker, sent once its imports are done."""


def work(pipe: Connection) -> None:
    """The loop of a worker process: receives trials and sends scores or error messages, until the pipe ends."""
    live_with_parent()
    from engine.backtest.bt import engine  # noqa: F401 - the import takes a second, which no trial's time-out includes

    context: TrialContext | None = None
    try:
        pipe.send(READY)
        while True:
            new_context, job = pipe.recv()
            context = new_context or context
            pipe.send(_scores_or_error(job, context))
    except (EOFError, OSError):  # the parent process has ended
        return


def _scores_or_error(job: Job, context: TrialContext | None) -> Scores | str:
    assert context is not None  # noqa: S101 - it is sent with the first trial
    try:
        number, config = job
        market, signals, outputs = context
        return run_trial(number, config, market, signals, outputs)
    except Exception as error:  # a user's strategy may raise anything
        return f"{type(error).__name__}: {error}"


def run_trial(number: int, config: RunConfig, market: Market, signals: SignalFrame, outputs: TrialOutputs) -> Scores:
    """Run one trial; a :class:`~core.errors.WorkbenchError` becomes the reason of a failed one."""
    from engine.backtest.bt import engine

    numbers = np.array([number])
    task = BacktestInput.of(market, signals, config.strategy, config.risk, config.broker, config.id)
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
    rejected = (orders["kind"] == "market") & orders["status"].isin(["margin", "rejected"])
    return {
        "fills": len(result.fills),
        "trades": int(result.trades["exited_at"].notna().sum()),
        "rejections": int(rejected.sum()),
    }


def _scores(numbers: Rows, status: str, reason: str, values: Mapping[str, float], outputs: TrialOutputs) -> Scores:
    arrays = {name: np.array([value], dtype=np.float64) for name, value in values.items()}
    return scores_without_returns(numbers, np.array([status]), np.array([reason], dtype=np.str_), arrays, outputs.shape)
