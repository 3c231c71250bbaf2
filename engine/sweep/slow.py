"""One trial on backtrader, for strategies and costs that the compiled engine does not know; run in a worker process."""

from multiprocessing.connection import Connection
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from core.errors import WorkbenchError
from core.types import Market, SignalFrame
from engine.accounts import STRATEGY, daily_returns
from engine.background import live_with_parent
from engine.books import Task
from engine.config import RunConfig
from engine.samples import samples
from risk.year import periods_per_year

from .policies import Wants, evidence
from .scores import DONE, FAILED, NOTHING, RUINED, Scores, without

Common: TypeAlias = tuple[Market, SignalFrame, Wants]
"""What the trials of a group share."""
Job: TypeAlias = tuple[int, RunConfig]
"""A trial's number and its config."""
READY = "ready"
"""What a worker says first, once it has imported what it needs."""


def work(pipe: Connection) -> None:
    """A worker's life: trials in, scores or the reason why there are none out, until the pipe ends."""
    live_with_parent()
    from engine import bt_engine  # noqa: F401 - takes a second, which is no trial's

    common: Common | None = None
    try:
        pipe.send(READY)
        while True:
            news, job = pipe.recv()
            common = news or common
            pipe.send(_answer(job, common))
    except (EOFError, OSError):  # the parent is gone
        return


def _answer(job: Job, common: Common | None) -> Scores | str:
    assert common is not None  # noqa: S101 - it comes with the first trial
    try:
        (number, config), (market, signals, wants) = job, common
        return trial(number, config, market, signals, wants)
    except Exception as error:  # a strategy of anyone's may raise anything
        return f"{type(error).__name__}: {error}"


def trial(number: int, config: RunConfig, market: Market, signals: SignalFrame, wants: Wants) -> Scores:
    """Run one trial; what goes wrong in it is its reason."""
    from engine import bt_engine

    numbers = np.array([number])
    task = Task.of(market, signals, config.strategy, config.risk, config.broker, config.id)
    try:
        result = bt_engine.carry_out(task, solvent=False)
        value = result.equity["equity"].to_numpy()
        if (value <= 0).any():
            at = result.equity["time"].iloc[int(np.argmax(value <= 0))]
            reason = f"the account lost more than it had at {at:%F %T}"
            return without(numbers, RUINED, [reason], wants.names, wants.shape)
        daily = daily_returns(result, market)
    except WorkbenchError as error:
        return without(numbers, FAILED, [error.line], wants.names, wants.shape)
    sessions = pd.DatetimeIndex(daily.index)
    sample = samples(daily, result, periods_per_year(sessions, wants.per_year), wants.risk_free)[STRATEGY]
    measured = [measure.of(sample) for measure in wants.measures]
    orders = result.orders
    values: dict[str, Any] = {
        "final_value": float(value[-1]),
        **{item.name: np.nan if item.value is None else item.value for item in measured},
        "fills": len(result.fills),
        "trades": int(result.trades["exited_at"].notna().sum()),
        "rejections": int(((orders["kind"] == "market") & (orders["status"] == "margin")).sum()),
    }
    reasons = [f"{item.name}: {item.reason}" for item in measured if item.value is None]
    blank: dict[str, Any] = {"total": np.empty((0, wants.shape[0])), "squares": np.empty((0, wants.shape[0]))}
    blank |= {"summed": NOTHING, "returns": np.empty((0, wants.shape[1])), "kept": NOTHING}
    found = evidence(np.asarray(daily[STRATEGY])[None, :], numbers, sessions, wants)
    return Scores(
        numbers=numbers,
        status=np.array([DONE]),
        reason=np.array(["; ".join(reasons)], dtype=np.str_),
        values={name: np.array([value], dtype=np.float64) for name, value in values.items()},
        **(blank | found),
    )
