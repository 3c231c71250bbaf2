"""Inputs of the measures: a run's daily returns, exposure, trading, costs and trades."""

import numpy as np
import pandas as pd

from core.clock import sessions
from core.types import RunResult, Vector
from engine.backtest.account_returns import BENCHMARK, COLUMNS, STRATEGY, account_before, exposure, session_exposure
from risk.measures.base import Sample

from .costs_paid import EARNED, session_costs


def samples(daily: pd.DataFrame, result: RunResult, per_year: float, risk_free: float) -> dict[str, Sample]:
    """One sample a column of the daily returns; only the strategy's has trades, trading and costs.

    Parameters
    ----------
    daily : as :func:`engine.backtest.account_returns.daily_returns` gives it.
    per_year : sessions in a year.
    risk_free : the annual rate.
    """
    days = pd.DatetimeIndex(daily.index)
    mean = exposure(result).gross_mean
    fully_invested = np.ones(len(daily))
    invested = dict(zip(COLUMNS, (session_exposure(result, days), fully_invested, mean * fully_invested), strict=True))
    paid = np.asarray(session_costs(result, days).drop(columns=EARNED).sum(axis=1, skipna=False))
    account_inputs = {
        "traded": traded(result, days),
        "costs": None if result.costs["amount"].isna().any() else paid,
        "trades": closed_trades(result),
    }
    benchmark = daily[BENCHMARK].to_numpy()
    return {
        column: Sample(
            daily[column].to_numpy(),
            periods_per_year=per_year,
            exposure=invested[column],
            benchmark=benchmark,
            risk_free=risk_free,
            **(account_inputs if column == STRATEGY else {}),
        )
        for column in COLUMNS
    }


def traded(result: RunResult, days: pd.DatetimeIndex) -> Vector:
    """(T,) value of each session's fills, bought and sold together, over the account at the session before."""
    fills = result.fills
    value = fills["size"].abs() * fills["price"]
    if result.multipliers:
        value = value * fills["symbol"].map(dict(result.multipliers)).fillna(1.0)
    day = sessions(pd.DatetimeIndex(fills["time"]), result.zone)
    moved = value.groupby(day).sum().reindex(days, fill_value=0.0)
    return np.asarray(moved / account_before(result, days), dtype=np.float64)


def closed_trades(result: RunResult) -> Vector:
    """(K,) net results of the trades that have ended, account currency."""
    trades = result.trades
    return np.asarray(trades.loc[trades["exited_at"].notna(), "pnl"], dtype=np.float64)
