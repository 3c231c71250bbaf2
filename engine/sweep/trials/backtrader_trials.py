"""One trial on backtrader, for strategies and costs that the compiled engine does not know; run in a worker process."""

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

from .compiled_trials import TrialOutputs, evidence
from .trial_scores import DONE, FAILED, RUINED, Scores, unmeasured_scores

TrialContext: TypeAlias = tuple[Market, SignalFrame, TrialOutputs]
"""What the trials of a group share."""
Job: TypeAlias = tuple[int, RunConfig]
"""A trial's number and its config."""
READY = "ready"
"""What a worker says first, once it has imported what it needs."""


def work(pipe: Connection) -> None:
    """A worker's life: trials in, scores or the reason why there are none out, until the pipe ends."""
    live_with_parent()
    from engine.backtest.bt import engine  # noqa: F401 - takes a second, which is no trial's

    common: TrialContext | None = None
    try:
        pipe.send(READY)
        while True:
            news, job = pipe.recv()
            common = news or common
            pipe.send(_answer(job, common))
    except (EOFError, OSError):  # the parent is gone
        return


def _answer(job: Job, common: TrialContext | None) -> Scores | str:
    assert common is not None  # noqa: S101 - it comes with the first trial
    try:
        (number, config), (market, signals, wants) = job, common
        return run_trial(number, config, market, signals, wants)
    except Exception as error:  # a strategy of anyone's may raise anything
        return f"{type(error).__name__}: {error}"


def run_trial(number: int, config: RunConfig, market: Market, signals: SignalFrame, wants: TrialOutputs) -> Scores:
    """Run one trial; what goes wrong in it is its reason."""
    from engine.backtest.bt import engine

    numbers = np.array([number])
    task = BacktestInput.of(market, signals, config.strategy, config.risk, config.broker, config.id)
    try:
        result = engine.run_task(task, solvent=False)
        value = result.equity["equity"].to_numpy()
        if (value <= 0).any():
            return _ruined(numbers, result, int(np.argmax(value <= 0)), wants)
        daily = daily_returns(result, market)
    except WorkbenchError as error:
        return unmeasured_scores(numbers, FAILED, [error.line], wants.names, wants.shape)
    sessions = pd.DatetimeIndex(daily.index)
    sample = samples(daily, result, periods_per_year(sessions, wants.per_year), wants.risk_free)[STRATEGY]
    measured = [measure.of(sample) for measure in wants.measures]
    values: dict[str, Any] = {
        "final_value": float(value[-1]),
        **{item.name: np.nan if item.value is None else item.value for item in measured},
        **_counts(result),
    }
    reasons = [f"{item.name}: {item.reason}" for item in measured if item.value is None]
    sums = evidence(session_equity(result, sessions)[None, :], numbers, sessions, wants)
    return _scores(numbers, DONE, "; ".join(reasons), values, sums)


def _ruined(numbers: Rows, result: RunResult, bar: int, wants: TrialOutputs) -> Scores:
    """What is left to say of an account that lost more than it had at a bar; what came later has no meaning."""
    last = result.equity.iloc[bar]
    values = {**dict.fromkeys(wants.names, np.nan), "final_value": float(last["equity"])}
    days = wants.span.sessions
    sums = evidence(np.full((1, len(days) + 1), np.nan), numbers, days, wants)
    return _scores(numbers, RUINED, f"the account lost more than it had at {last['time']:%F %T}", values, sums)


def _counts(result: RunResult) -> dict[str, int]:
    """Fills, closed trades and rejected market orders."""
    orders = result.orders
    bad = (orders["kind"] == "market") & orders["status"].isin(["margin", "rejected"])
    return {
        "fills": len(result.fills),
        "trades": int(result.trades["exited_at"].notna().sum()),
        "rejections": int(bad.sum()),
    }


def _scores(numbers: Rows, status: str, reason: str, values: Mapping[str, float], sums: dict[str, Any]) -> Scores:
    return Scores(
        numbers=numbers,
        status=np.array([status]),
        reason=np.array([reason], dtype=np.str_),
        values={name: np.array([value], dtype=np.float64) for name, value in values.items()},
        **sums,
    )
