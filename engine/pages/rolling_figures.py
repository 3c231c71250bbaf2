"""Figures over a window that moves with the sessions; only full windows have one."""

import math

import pandas as pd

TINY = 1e-12
"""A deviation that is the rounding of a rolling sum."""


def rolling_beta(strategy: pd.Series, benchmark: pd.Series, window: int) -> pd.Series:
    """Covariance with the benchmark / its variance over the last ``window`` days; only full windows."""
    return (strategy.rolling(window).cov(benchmark) / benchmark.rolling(window).var()).dropna()


def rolling_volatility(returns: pd.Series, window: int, periods: float) -> pd.Series:
    """Annual volatility over the last ``window`` returns, ddof = 1; only full windows."""
    return returns.rolling(window).std().dropna() * math.sqrt(periods)


def rolling_sharpe(excess: pd.Series, window: int, periods: float) -> pd.Series:
    """Annual Sharpe ratio over the last ``window`` excess returns; only full windows whose returns vary."""
    rolled = excess.rolling(window)
    deviation = rolled.std()
    return (rolled.mean() / deviation)[deviation > TINY] * math.sqrt(periods)


def rolling_sortino(excess: pd.Series, window: int, periods: float) -> pd.Series:
    """Annual Sortino ratio over the last ``window`` excess returns; only full windows with a loss."""
    downside = (excess.clip(upper=0.0) ** 2).rolling(window).mean() ** 0.5
    return (excess.rolling(window).mean() / downside)[downside > TINY] * math.sqrt(periods)
