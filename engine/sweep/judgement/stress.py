"""The winner of a sweep under worse conditions: with doubled costs, and with every decision one bar late."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from core.clock import sessions
from core.types import Market, RunResult, SignalFrame
from engine.audit.trading_tests import one_bar_late
from engine.backtest.account_returns import cash_returns
from engine.backtest.bt import engine
from engine.backtest.engine_output import BacktestInput

if TYPE_CHECKING:
    from engine.config.run_config import RunConfig


@dataclass(frozen=True)
class Stress:
    """Total returns over the swept span under worse conditions, less what the account earns untraded.

    None where the account was ruined.
    """

    doubled_costs: float | None
    one_bar_late: float | None


def stress_test(market: Market, config: "RunConfig", signals: SignalFrame) -> Stress:
    """Run a config with doubled costs, and with its signals one bar late."""
    expensive = config.model_copy(update={"broker": config.broker.with_costs(2)})
    return Stress(
        doubled_costs=_total_return(market, expensive, signals),
        one_bar_late=_total_return(market, config, one_bar_late(signals)),
    )


def _total_return(market: Market, config: "RunConfig", signals: SignalFrame) -> float | None:
    """The total return of a backtest; None if the account was ruined."""
    task = BacktestInput.from_config(market, signals, config)
    result = engine.run_task(task, solvent=False)
    equity = result.equity["equity"]
    if (equity <= 0).any():
        return None
    return float(equity.iloc[-1] / config.broker.cash - 1.0) - _untraded(result, config)


def _untraded(result: RunResult, config: "RunConfig") -> float:
    """The total return of the same account in cash."""
    times = pd.DatetimeIndex(result.equity["time"])
    days = sessions(times, result.zone).unique()
    return float(np.prod(1.0 + cash_returns(times, days, result.zone, config.broker.cash_interest)) - 1.0)
