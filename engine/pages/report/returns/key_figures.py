"""The key figures of the tear-sheet, by group: the account's measures, and simple figures of its returns.

All of them are this project's own. quantstats has figures of most of these names, many of them by another formula:
see "Differences from quantstats" in docs/measures.md.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import pandas as pd

from core.number_format import format_value
from core.types import Vector
from engine.pages.period_returns import compounded
from engine.results.drawdowns import stretches
from risk.measures.base import Measure, Sample
from risk.measures.beta import beta
from risk.measures.cagr import Cagr
from risk.measures.calmar import Calmar
from risk.measures.correlation import correlation
from risk.measures.expected_shortfall import ExpectedShortfall
from risk.measures.kurtosis import Kurtosis
from risk.measures.max_drawdown import MaxDrawdown
from risk.measures.omega import Omega
from risk.measures.probabilistic_sharpe import ProbabilisticSharpe
from risk.measures.sharpe import Sharpe
from risk.measures.skew import Skew
from risk.measures.sortino import Sortino
from risk.measures.tail_ratio import TailRatio
from risk.measures.total_return import TotalReturn
from risk.measures.ulcer_index import UlcerIndex
from risk.measures.value_at_risk import ValueAtRisk
from risk.measures.volatility import Volatility
from risk.periods import ADJECTIVES
from risk.returns import excess

from .key_formulas import (
    gain_to_loss,
    gain_to_pain,
    kelly,
    longest_streak,
    mean_gain,
    mean_growth,
    mean_loss,
    payoff,
    share_of_gains,
)

Row: TypeAlias = tuple[str, tuple[str, ...]]
Figure: TypeAlias = tuple[str, str, Callable[["Series"], float]]

MONTHS_PER_YEAR = 12
LONGER = {
    **dict.fromkeys(("session", "day", "week"), ("month", "year")),
    **dict.fromkeys(("month", "quarter"), ("year",)),
}
"""Calendar periods that are longer than one return's period, by that period."""


@dataclass(frozen=True)
class Terms:
    """The conventions of the figures: the risk-free rate a year, sessions a year, and the period of one return."""

    risk_free: float
    periods: float
    period: str


@dataclass(frozen=True, eq=False)
class Series:
    """One column's simple returns, by session and compounded by calendar period, with its drawdowns.

    Attributes
    ----------
    returns : by session.
    falls : :func:`engine.results.drawdowns.stretches`.
    """

    returns: pd.Series
    month: Vector
    quarter: Vector
    year: Vector
    falls: pd.DataFrame
    terms: Terms

    @classmethod
    def of(cls, returns: pd.Series, terms: Terms) -> "Series":
        """Everything from the returns by session."""
        month, quarter, year = (compounded(returns, every).to_numpy() for every in ("ME", "QE", "YE"))
        return cls(returns, month, quarter, year, stretches(returns), terms)

    @property
    def values(self) -> Vector:
        """(T,) the returns by session."""
        return np.asarray(self.returns, dtype=np.float64)

    def measure(self, measure: Measure) -> float:
        """A measure of the returns; NaN where it is undefined."""
        sample = Sample(self.values, periods_per_year=self.terms.periods, risk_free=self.terms.risk_free)
        value = measure.estimate(sample).value
        return math.nan if value is None else value

    def trailing(self, months: int) -> float:
        """The compounded return of the last calendar months, a year's where they are more; NaN for a shorter run.

        The years are those of the calendar, so that a hole in the data is time in which nothing was gained.
        """
        first = self.returns.index[-1] - pd.DateOffset(months=months)
        if self.returns.index[0] > first:
            return math.nan
        growth = float((1.0 + self.returns[self.returns.index > first]).prod())
        return float(growth ** (1.0 / max(1.0, months / MONTHS_PER_YEAR)) - 1.0)


def groups_of(terms: Terms) -> Iterator[tuple[Figure, ...]]:
    """Label, unit and formula of each figure, group by group; labels name the period of the returns."""
    yield GROWTH
    yield RATIOS
    yield FALLS
    yield _tails(terms)
    yield _expected(terms)
    yield TRAILING
    yield _extremes(terms)


def groups(columns: Sequence[Series], terms: Terms) -> Iterator[tuple[Row, ...]]:
    """The table's rows, group by group: a label and one text for each column; `n/a` where there is no value."""
    for group in groups_of(terms):
        yield tuple((label, tuple(format_value(make(s), unit) for s in columns)) for label, unit, make in group)


def against(strategy: Series, benchmark: Series) -> tuple[Row, ...]:
    """The figures that compare the strategy with one benchmark, session by session; none if one never varies."""
    pair = strategy.values, benchmark.values
    if min(np.ptp(pair[0]), np.ptp(pair[1])) == 0:
        return ()
    terms = strategy.terms
    slope = beta(*pair, terms.periods, terms.risk_free).value or math.nan
    together = correlation(*pair).value
    mean, reference = (float(excess(x, terms.periods, terms.risk_free).mean()) * terms.periods for x in pair)
    figures = (
        ("Beta", "ratio", slope),
        ("Alpha (ann., arithmetic)", "fraction", mean - slope * reference),
        ("Correlation", "ratio", together),
        ("R²", "ratio", None if together is None else together**2),
        ("Treynor ratio (ann., arithmetic)", "fraction", mean / slope),
    )
    return tuple((label, (format_value(value, unit),)) for label, unit, value in figures)


GROWTH: tuple[Figure, ...] = (
    ("Cumulative return", "fraction", lambda s: s.measure(TotalReturn())),
    ("CAGR", "fraction", lambda s: s.measure(Cagr())),
    ("Volatility (ann.)", "fraction", lambda s: s.measure(Volatility())),
)

RATIOS: tuple[Figure, ...] = (
    ("Sharpe", "ratio", lambda s: s.measure(Sharpe())),
    ("Probabilistic Sharpe ratio above 0", "fraction", lambda s: s.measure(ProbabilisticSharpe())),
    ("Sortino", "ratio", lambda s: s.measure(Sortino())),
    ("Sortino / √2", "ratio", lambda s: s.measure(Sortino()) / math.sqrt(2.0)),
    ("Omega", "ratio", lambda s: s.measure(Omega())),
    ("Calmar", "ratio", lambda s: s.measure(Calmar())),
    ("Gain / pain", "ratio", lambda s: gain_to_pain(s.values)),
    ("Gain / pain (months)", "ratio", lambda s: gain_to_pain(s.month)),
)

FALLS: tuple[Figure, ...] = (
    ("Max drawdown", "fraction", lambda s: s.measure(MaxDrawdown())),
    ("Average drawdown", "fraction", lambda s: s.falls["depth"].mean()),
    ("Longest drawdown, sessions", "count", lambda s: s.falls["sessions"].max()),
    ("Average drawdown, sessions", "count", lambda s: s.falls["sessions"].mean()),
    ("Recovery factor", "ratio", lambda s: _ratio(s.measure(TotalReturn()), -s.measure(MaxDrawdown()))),
    ("Ulcer index", "fraction", lambda s: s.measure(UlcerIndex())),
    (
        "Ulcer performance index",
        "ratio",
        lambda s: _ratio(s.measure(Cagr()) - s.terms.risk_free, s.measure(UlcerIndex())),
    ),
)

TRAILING: tuple[Figure, ...] = (
    ("Last month", "fraction", lambda s: s.trailing(1)),
    ("Last 3 months", "fraction", lambda s: s.trailing(3)),
    ("Last 6 months", "fraction", lambda s: s.trailing(6)),
    ("Last year", "fraction", lambda s: s.trailing(12)),
    ("Last 3 years (ann.)", "fraction", lambda s: s.trailing(36)),
    ("Last 5 years (ann.)", "fraction", lambda s: s.trailing(60)),
    ("Last 10 years (ann.)", "fraction", lambda s: s.trailing(120)),
)


def _tails(terms: Terms) -> tuple[Figure, ...]:
    name = _adjective(terms)
    return (
        (f"{name.capitalize()} VaR 95 % (Gaussian)", "fraction", lambda s: s.measure(ValueAtRisk(method="gaussian"))),
        (
            f"{name.capitalize()} ES 95 % (Gaussian)",
            "fraction",
            lambda s: s.measure(ExpectedShortfall(method="gaussian")),
        ),
        ("Skew", "ratio", lambda s: s.measure(Skew())),
        ("Excess kurtosis", "ratio", lambda s: s.measure(Kurtosis())),
        ("Tail ratio", "ratio", lambda s: s.measure(TailRatio())),
        (f"Payoff ratio ({name} returns)", "ratio", lambda s: payoff(s.values)),
        (f"Profit factor ({name} returns)", "ratio", lambda s: gain_to_loss(s.values)),
    )


def _expected(terms: Terms) -> tuple[Figure, ...]:
    sessions = {"month": terms.periods / MONTHS_PER_YEAR, "year": terms.periods}
    means = (_mean(f"Expected {ADJECTIVES[name]}", sessions[name]) for name in _longer(terms))
    return (_mean(f"Expected {_adjective(terms)}", 1.0), *means, ("Kelly criterion", "fraction", _kelly))


def _mean(label: str, periods: float) -> Figure:
    return label, "fraction", lambda s: mean_growth(s.values, periods)


def _extremes(terms: Terms) -> tuple[Figure, ...]:
    longer = _longer(terms)
    names = (terms.period, *longer)
    means = [name for name in names if name != "year" or not longer]
    winning = [*means, *(["quarter"] if "month" in names else []), *(["year"] if longer else [])]
    return (
        *(figure for name in names for figure in _best_and_worst(name, _column(name, terms))),
        *(figure for name in means for figure in _means(name, _column(name, terms))),
        *(_winning(name, _column(name, terms)) for name in winning),
        ("Most wins in a row", "count", lambda s: longest_streak(s.values > 0)),
        ("Most losses in a row", "count", lambda s: longest_streak(s.values < 0)),
    )


def _column(name: str, terms: Terms) -> Callable[[Series], Vector]:
    """The returns of a period: each return's own, or a calendar period's."""
    return lambda s: s.values if name == terms.period else np.asarray(getattr(s, name), dtype=np.float64)


def _best_and_worst(name: str, column: Callable[[Series], Vector]) -> tuple[Figure, Figure]:
    return (
        (f"Best {name}", "fraction", lambda s: float(column(s).max())),
        (f"Worst {name}", "fraction", lambda s: float(column(s).min())),
    )


def _means(name: str, column: Callable[[Series], Vector]) -> tuple[Figure, Figure]:
    return (
        (f"Average up {name}", "fraction", lambda s: mean_gain(column(s))),
        (f"Average down {name}", "fraction", lambda s: mean_loss(column(s))),
    )


def _winning(name: str, column: Callable[[Series], Vector]) -> Figure:
    return f"Winning {name}s", "fraction", lambda s: share_of_gains(column(s))


def _kelly(series: Series) -> float:
    terms = series.terms
    return kelly(excess(series.values, terms.periods, terms.risk_free))


def _longer(terms: Terms) -> tuple[str, ...]:
    return LONGER.get(terms.period, ())


def _adjective(terms: Terms) -> str:
    return ADJECTIVES.get(terms.period, terms.period)


def _ratio(numerator: float, denominator: float) -> float:
    return numerator / denominator if denominator > 0 else math.nan
