"""Costs that a run paid for trading, as money and as drag on the return. Pure functions of the tables."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.clock import sessions
from core.types import RunResult
from engine.backtest.account_returns import account_before

KINDS = {
    "commission": "paid to the broker at the fills",
    "slippage": "sum of size x (price - the market's price), before impact",
    "impact": "sum of size x (price - price before impact)",
    "short_interest": "paid on the entry value of shorts",
    "cash_interest": "earned on idle cash, so it is negative; not a part of the total",
}
"""The kinds of cost, each with how it is counted."""
EARNED = "cash_interest"
UNKNOWN = "the broker keeps no record of slippage"
"""The reason for costs that are not known."""


@dataclass(frozen=True)
class Costs:
    """The costs of trading; all of it is already in the equity.

    Attributes
    ----------
    money : by kind, account currency; what was earned is negative. NaN if an amount is not known: that of slippage
        under a broker that keeps no record of it.
    drag : by kind: what it took from the return, a fraction of the account per year.
    fills : number of fills.
    sessions : number of daily returns that the drag is over.
    """

    money: Mapping[str, float]
    drag: Mapping[str, float]
    fills: int
    sessions: int

    @property
    def total(self) -> float:
        """The sum paid, account currency; interest earned is left out."""
        return sum(value for kind, value in self.money.items() if kind != EARNED)

    @property
    def total_drag(self) -> float:
        """The sum paid, a fraction of the account per year; interest earned is left out."""
        return sum(value for kind, value in self.drag.items() if kind != EARNED)


def session_costs(result: RunResult, days: pd.DatetimeIndex) -> pd.DataFrame:
    """Costs by session and kind, as a fraction of the account at the session before.

    Parameters
    ----------
    days : (T,) the sessions that have a return, naive midnights.

    Returns
    -------
    (T, K) frame, a column for each of :data:`KINDS`; 0 where there were none, NaN where an amount is not known.
    """
    table = result.costs.assign(session=sessions(pd.DatetimeIndex(result.costs["time"]), result.zone))
    paid = table.pivot_table(index="session", columns="kind", values="amount", aggfunc="sum")
    paid = paid.reindex(index=days, columns=list(KINDS)).fillna(0.0)
    for _, row in table[table["amount"].isna()].iterrows():
        if row["session"] in paid.index:
            paid.loc[row["session"], row["kind"]] = np.nan
    return paid.div(account_before(result, days), axis=0)


def costs(result: RunResult, days: pd.DatetimeIndex, periods_per_year: float) -> Costs:
    """Costs of a run by kind, and their drag on the return.

    Parameters
    ----------
    days : (T,) the sessions that have a return.
    periods_per_year : sessions in a year.
    """
    paid = result.costs.groupby("kind")["amount"].apply(lambda amounts: amounts.sum(skipna=False))
    drag = session_costs(result, days).mean() * periods_per_year
    money = {kind: float(paid.get(kind, 0.0)) for kind in KINDS}
    return Costs(
        money=money,
        drag={kind: math.nan if math.isnan(money[kind]) else float(np.nan_to_num(drag[kind])) for kind in KINDS},
        fills=len(result.fills),
        sessions=len(days),
    )
