"""The key figures of the tear-sheet, as quantstats computes them, with our number of digits; it is handed in.

quantstats' own table rounds to two decimals, which leaves nothing of an account that is 1 % invested.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from core.number_format import format_value
from engine.results.drawdowns import stretches

from .charts import compounded

Row: TypeAlias = tuple[str, tuple[str, ...]]


@dataclass(frozen=True)
class Annualisation:
    """The conventions of annual figures: the risk-free rate a year, and whole periods a year, for quantstats."""

    risk_free: float
    periods: int


@dataclass(frozen=True, eq=False)
class Series:
    """One column's simple returns, by session and compounded by calendar period, with its drawdowns.

    Attributes
    ----------
    falls : :func:`engine.results.drawdowns.stretches`.
    """

    day: pd.Series
    month: pd.Series
    quarter: pd.Series
    year: pd.Series
    falls: pd.DataFrame

    @classmethod
    def of(cls, returns: pd.Series) -> "Series":
        """Everything from the daily returns."""
        month, quarter, year = (compounded(returns, every) for every in ("ME", "QE", "YE"))
        return cls(returns, month, quarter, year, stretches(returns))

    def since(self, months: int) -> pd.Series:
        """The last months' returns; empty where the run is shorter."""
        first = self.day.index[-1] - pd.DateOffset(months=months)
        return self.day[self.day.index > first] if self.day.index[0] <= first else self.day.iloc[:0]


def _grown(stats: Any, returns: pd.Series, periods: int = 0) -> float:
    """The compounded return, a year's if ``periods`` make one; NaN of no returns."""
    if returns.empty:
        return math.nan
    return float(stats.cagr(returns, 0.0, True, periods) if periods else stats.comp(returns))


Figure: TypeAlias = tuple[str, str, Callable[[Any, Series, Annualisation], float]]

GROUPS: tuple[tuple[Figure, ...], ...] = (
    (
        ("Cumulative return", "fraction", lambda q, s, _: q.comp(s.day)),
        ("CAGR", "fraction", lambda q, s, t: q.cagr(s.day, 0.0, True, t.periods)),
        ("Volatility (ann.)", "fraction", lambda q, s, t: q.volatility(s.day, t.periods, True, False)),
    ),
    (
        ("Sharpe", "ratio", lambda q, s, t: q.sharpe(s.day, t.risk_free, t.periods, True)),
        (
            "Probabilistic Sharpe ratio above 0",
            "fraction",
            lambda q, s, t: q.probabilistic_sharpe_ratio(s.day, t.risk_free, t.periods),
        ),
        ("Smart Sharpe", "ratio", lambda q, s, t: q.smart_sharpe(s.day, t.risk_free, t.periods, True)),
        ("Sortino", "ratio", lambda q, s, t: q.sortino(s.day, t.risk_free, t.periods, True)),
        ("Smart Sortino", "ratio", lambda q, s, t: q.smart_sortino(s.day, t.risk_free, t.periods, True)),
        ("Sortino / √2", "ratio", lambda q, s, t: q.adjusted_sortino(s.day, t.risk_free, t.periods, True)),
        ("Omega", "ratio", lambda q, s, t: q.omega(s.day, t.risk_free, 0.0, t.periods)),
        ("Calmar", "ratio", lambda q, s, t: q.calmar(s.day, False, True, t.periods)),
        ("Gain / pain", "ratio", lambda q, s, t: q.gain_to_pain_ratio(s.day, t.risk_free)),
        ("Gain / pain (months)", "ratio", lambda q, s, t: q.gain_to_pain_ratio(s.day, t.risk_free, "ME")),
    ),
    (
        ("Max drawdown", "fraction", lambda q, s, _: q.max_drawdown(s.day)),
        ("Average drawdown", "fraction", lambda _, s, __: s.falls["depth"].mean()),
        ("Longest drawdown, sessions", "count", lambda _, s, __: s.falls["sessions"].max()),
        ("Average drawdown, sessions", "count", lambda _, s, __: s.falls["sessions"].mean()),
        ("Recovery factor", "ratio", lambda q, s, _: q.recovery_factor(s.day, prepare_returns=False)),
        ("Ulcer index", "ratio", lambda q, s, _: q.ulcer_index(s.day)),
        ("Ulcer performance index", "ratio", lambda q, s, t: q.ulcer_performance_index(s.day, t.risk_free)),
        ("Serenity index", "ratio", lambda q, s, t: q.serenity_index(s.day, t.risk_free)),
    ),
    (
        ("Daily VaR 95 % (Gaussian)", "fraction", lambda q, s, _: q.value_at_risk(s.day, 1, 0.95, False)),
        ("Daily ES 95 % (Gaussian)", "fraction", lambda q, s, _: q.conditional_value_at_risk(s.day, 1, 0.95, False)),
        ("Skew", "ratio", lambda q, s, _: q.skew(s.day, False)),
        ("Excess kurtosis", "ratio", lambda q, s, _: q.kurtosis(s.day, False)),
        ("Tail ratio", "ratio", lambda q, s, _: q.tail_ratio(s.day, 0.95, False)),
        ("Outlier win ratio", "ratio", lambda q, s, _: q.outlier_win_ratio(s.day, 0.99, False)),
        ("Outlier loss ratio", "ratio", lambda q, s, _: q.outlier_loss_ratio(s.day, 0.01, False)),
    ),
    (
        ("Expected daily", "fraction", lambda q, s, _: q.expected_return(s.day, prepare_returns=False)),
        ("Expected monthly", "fraction", lambda q, s, _: q.expected_return(s.month, prepare_returns=False)),
        ("Expected yearly", "fraction", lambda q, s, _: q.expected_return(s.year, prepare_returns=False)),
        ("Kelly criterion", "fraction", lambda q, s, _: q.kelly_criterion(s.day, False)),
        ("Risk of ruin", "fraction", lambda q, s, _: q.risk_of_ruin(s.day, False)),
        ("Payoff ratio", "ratio", lambda q, s, _: q.payoff_ratio(s.day, False)),
        ("Profit factor", "ratio", lambda q, s, _: q.profit_factor(s.day, False)),
        ("Profit ratio", "ratio", lambda q, s, _: q.profit_ratio(s.day, False)),
        ("Common sense ratio", "ratio", lambda q, s, _: q.common_sense_ratio(s.day, False)),
        ("CPC index", "ratio", lambda q, s, _: q.cpc_index(s.day, False)),
    ),
    (
        ("Last month", "fraction", lambda q, s, _: _grown(q, s.since(1))),
        ("Last 3 months", "fraction", lambda q, s, _: _grown(q, s.since(3))),
        ("Last 6 months", "fraction", lambda q, s, _: _grown(q, s.since(6))),
        ("Last year", "fraction", lambda q, s, _: _grown(q, s.since(12))),
        ("Last 3 years (ann.)", "fraction", lambda q, s, t: _grown(q, s.since(36), t.periods)),
        ("Last 5 years (ann.)", "fraction", lambda q, s, t: _grown(q, s.since(60), t.periods)),
        ("Last 10 years (ann.)", "fraction", lambda q, s, t: _grown(q, s.since(120), t.periods)),
    ),
    (
        ("Best day", "fraction", lambda q, s, _: q.best(s.day, prepare_returns=False)),
        ("Worst day", "fraction", lambda q, s, _: q.worst(s.day, prepare_returns=False)),
        ("Best month", "fraction", lambda q, s, _: q.best(s.month, prepare_returns=False)),
        ("Worst month", "fraction", lambda q, s, _: q.worst(s.month, prepare_returns=False)),
        ("Best year", "fraction", lambda q, s, _: q.best(s.year, prepare_returns=False)),
        ("Worst year", "fraction", lambda q, s, _: q.worst(s.year, prepare_returns=False)),
        ("Average up day", "fraction", lambda q, s, _: q.avg_win(s.day, prepare_returns=False)),
        ("Average down day", "fraction", lambda q, s, _: q.avg_loss(s.day, prepare_returns=False)),
        ("Average up month", "fraction", lambda q, s, _: q.avg_win(s.month, prepare_returns=False)),
        ("Average down month", "fraction", lambda q, s, _: q.avg_loss(s.month, prepare_returns=False)),
        ("Winning days", "fraction", lambda q, s, _: q.win_rate(s.day, prepare_returns=False)),
        ("Winning months", "fraction", lambda q, s, _: q.win_rate(s.month, prepare_returns=False)),
        ("Winning quarters", "fraction", lambda q, s, _: q.win_rate(s.quarter, prepare_returns=False)),
        ("Winning years", "fraction", lambda q, s, _: q.win_rate(s.year, prepare_returns=False)),
        ("Most wins in a row", "count", lambda q, s, _: q.consecutive_wins(s.day, prepare_returns=False)),
        ("Most losses in a row", "count", lambda q, s, _: q.consecutive_losses(s.day, prepare_returns=False)),
    ),
)


def groups(columns: Sequence[Series], terms: Annualisation, stats: Any) -> Iterator[tuple[Row, ...]]:
    """The table's rows, group by group: a label and one text for each column.

    Parameters
    ----------
    stats : `quantstats.stats`.
    """
    for group in GROUPS:
        yield tuple(
            (label, tuple(format_value(float(make(stats, s, terms)), unit) for s in columns))
            for label, unit, make in group
        )


def against(strategy: pd.Series, benchmark: pd.Series, terms: Annualisation, stats: Any) -> tuple[Row, ...]:
    """The figures that compare the strategy with one benchmark, session by session; none if one never varies."""
    if min(np.ptp(strategy), np.ptp(benchmark)) == 0:
        return ()
    greeks = stats.greeks(strategy, benchmark, terms.periods, prepare_returns=False)
    figures = (
        ("Beta", "ratio", greeks["beta"]),
        ("Alpha (ann., arithmetic)", "fraction", greeks["alpha"]),
        ("Correlation", "ratio", strategy.corr(benchmark)),
        ("R²", "ratio", stats.r_squared(strategy, benchmark, prepare_returns=False)),
        (
            "Information ratio, per session",
            "ratio",
            stats.information_ratio(strategy, benchmark, prepare_returns=False),
        ),
        ("Treynor ratio", "ratio", stats.treynor_ratio(strategy, benchmark, terms.periods, terms.risk_free)),
    )
    return tuple((label, (format_value(float(value), unit),)) for label, unit, value in figures)
