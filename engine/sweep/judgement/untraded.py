"""The account of a sweep untraded: what cash earns over the span that all trials share."""

import numpy as np
import pandas as pd

from core.types import Vector
from engine.backtest.account_returns import cash_returns
from engine.sweep.trials.plan import Plan


def untraded(sweep_plan: Plan) -> Vector:
    """(D,) returns of cash in the sessions of the shared span; 0 where cash earns nothing."""
    market = sweep_plan.market
    span = sweep_plan.span
    closes = pd.DatetimeIndex(market.times[market.times >= span.start])
    return cash_returns(closes, span.sessions, market.zone, sweep_plan.config.broker.cash_interest)


def or_untraded(returns: Vector, sweep_plan: Plan) -> Vector:
    """(D,) returns of an account that is cash where it has none, before it begins."""
    return np.where(np.isnan(returns), untraded(sweep_plan), returns)
