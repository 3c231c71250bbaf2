"""Figures of quantstats beside our measures of the same name, with the reason where they differ."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import pandas as pd

from core.number_format import NONE, format_value, title
from risk.measures.base import Measured


@dataclass(frozen=True)
class Annualisation:
    """The conventions of annual figures: the risk-free rate a year, and whole periods a year, for quantstats."""

    risk_free: float
    periods: int


Stat: TypeAlias = Callable[[Any, pd.Series, pd.Series, Annualisation], float]


@dataclass(frozen=True)
class QuantstatsFigure:
    """A figure of quantstats.

    Attributes
    ----------
    figure : of `quantstats.stats`, the strategy's and the benchmark's returns by session, and the terms.
    why : why it differs from ours; empty where it should not.
    yearly : whether it rests on the number of sessions a year.
    relative : whether it rests on the benchmark.
    """

    figure: Stat
    why: str = ""
    yearly: bool = False
    relative: bool = False


NORMAL = "quantstats assumes normal returns; ours is counted in the returns themselves, whose tails are fatter"

FIGURES: Mapping[str, QuantstatsFigure] = {
    "total_return": QuantstatsFigure(lambda q, s, _, __: q.comp(s)),
    "cagr": QuantstatsFigure(lambda q, s, _, t: q.cagr(s, 0.0, True, t.periods), yearly=True),
    "volatility": QuantstatsFigure(lambda q, s, _, t: q.volatility(s, t.periods, True, False), yearly=True),
    "sharpe": QuantstatsFigure(lambda q, s, _, t: q.sharpe(s, t.risk_free, t.periods, True), yearly=True),
    "sortino": QuantstatsFigure(lambda q, s, _, t: q.sortino(s, t.risk_free, t.periods, True), yearly=True),
    "max_drawdown": QuantstatsFigure(lambda q, s, _, __: q.max_drawdown(s)),
    "calmar": QuantstatsFigure(lambda q, s, _, t: q.calmar(s, False, True, t.periods), yearly=True),
    "skew": QuantstatsFigure(lambda q, s, _, __: q.skew(s, False)),
    "kurtosis": QuantstatsFigure(lambda q, s, _, __: q.kurtosis(s, False)),
    "omega": QuantstatsFigure(lambda q, s, _, t: q.omega(s, t.risk_free, 0.0, t.periods), yearly=True),
    "hit_rate": QuantstatsFigure(
        lambda q, s, _, __: q.win_rate(s, prepare_returns=False),
        "quantstats leaves flat sessions out of the count; ours counts them as sessions without a gain",
    ),
    "ulcer_index": QuantstatsFigure(
        lambda q, s, _, __: q.ulcer_index(s), "quantstats divides the sum of squares by n - 1, ours by n"
    ),
    "win_rate": QuantstatsFigure(
        lambda q, s, _, __: q.win_rate(s, prepare_returns=False),
        "quantstats counts sessions; ours counts closed trades",
    ),
    "profit_factor": QuantstatsFigure(
        lambda q, s, _, __: q.profit_factor(s, False),
        "quantstats sums the gains and losses of sessions; ours those of closed trades",
    ),
    "alpha": QuantstatsFigure(
        lambda q, s, b, t: q.greeks(s, b, t.periods, prepare_returns=False)["alpha"],
        "quantstats regresses the returns themselves, ours those above the risk-free rate",
        yearly=True,
        relative=True,
    ),
    "beta": QuantstatsFigure(
        lambda q, s, b, t: q.greeks(s, b, t.periods, prepare_returns=False)["beta"], relative=True
    ),
    "information_ratio": QuantstatsFigure(
        lambda q, s, b, _: q.information_ratio(s, b, prepare_returns=False),
        "quantstats' is per session; ours is annualised, by the square root of the sessions a year",
        relative=True,
    ),
    "probabilistic_sharpe": QuantstatsFigure(
        lambda q, s, _, t: q.probabilistic_sharpe_ratio(s, t.risk_free, t.periods),
        "quantstats takes unbiased estimates of skewness and kurtosis; ours the sample's own, as the paper does",
    ),
}
"""By the name of our measure."""

LEVELLED: Mapping[str, Callable[[float], QuantstatsFigure]] = {
    "value_at_risk": lambda level: QuantstatsFigure(lambda q, s, _, __: q.value_at_risk(s, 1, level, False), NORMAL),
    "expected_shortfall": lambda level: QuantstatsFigure(
        lambda q, s, _, __: q.conditional_value_at_risk(s, 1, level, False), NORMAL
    ),
    "tail_ratio": lambda level: QuantstatsFigure(lambda q, s, _, __: q.tail_ratio(s, level, False)),
}
"""The same for measures whose name ends in their level."""


OTHER_FORMULAS = (
    ("Treynor ratio", "the total return of the whole span, not an annual one, is divided by beta; 0 where beta is 0"),
    ("ulcer performance index", "the total return of the whole span again"),
    ("recovery factor", "the sum of the returns without its sign: above 0 for a loser"),
    (
        "Kelly criterion",
        "the formula of a bet with two outcomes: 0.95 % for returns whose optimum is 18 times the positions",
    ),
    ("gain / pain of months", "adds the days of a month instead of compounding them"),
    ("expected month, year", "the mean of calendar periods, incomplete ones included: the total of 59 days as a year"),
    ("years of trailing spans", "counted in sessions: a hole shortens them"),
    ("win rate of months, of years", "leaves flat ones out; 0 where nothing was traded"),
    ("profit factor", "infinite without a loss, and 0 where nothing was traded"),
)
"""Figures of quantstats that no measure of a run stands beside, each with what differs from its definition."""

UNDEFINED = (
    "risk of ruin",
    "profit ratio",
    "CPC index",
    "common sense ratio",
    "outlier ratios",
    "serenity index",
    '"smart" Sharpe and Sortino ratios',
)
"""Figures of quantstats whose formula does not measure what the name says, or has no published definition."""


@dataclass(frozen=True)
class Compared:
    """One of our measures beside quantstats' figure of the same name.

    Attributes
    ----------
    name, ours, quantstats, difference : as the page shows them; the difference is quantstats - ours.
    differs : whether the two read otherwise.
    why : why they do, if they do.
    """

    name: str
    ours: str
    quantstats: str
    difference: str
    differs: bool
    why: str


def signed(value: float, unit: str) -> str:
    """A number in its unit with its sign.

    >>> signed(0.01, "fraction"), signed(-2.0, "ratio")
    ('+1.000 %', '-2.000')
    """
    sign = "+" if value > 0 else ""
    return sign + format_value(value, unit)


def quantstats_figure(name: str) -> QuantstatsFigure | None:
    """The figure of quantstats by the name of a measure; None if it has none.

    >>> quantstats_figure("value_at_risk_95").why == NORMAL, quantstats_figure("value_at_risk_95_ewma")
    (True, None)
    """
    kind, _, level = name.rpartition("_")
    if kind in LEVELLED and level.replace(".", "").isdigit():
        return LEVELLED[kind](float(level) / 100.0)
    return FIGURES.get(name)


def compare(
    measures: Iterable[Measured],
    daily: tuple[pd.Series, pd.Series],
    terms: Annualisation,
    per_year: float,
    q: Any,
    benchmarks: str = "",
) -> Iterator[Compared]:
    """Every measure that quantstats has, too.

    Parameters
    ----------
    daily : the returns of the strategy and of the benchmark, as quantstats is given them.
    per_year : sessions a year, as ours are made with; those of ``terms`` are whole.
    q : `quantstats.stats`.
    benchmarks : that quantstats' benchmark is another than ours, with the name of each; empty where it is the same.
    """
    rounding = "" if terms.periods == per_year else f"quantstats takes {terms.periods} sessions a year, a whole number"
    for ours in measures:
        quantstats = quantstats_figure(ours.name)
        if quantstats:
            other = benchmarks if quantstats.relative else ""
            yield _compared(ours, float(quantstats.figure(q, *daily, terms)), quantstats, (rounding, other))


def _compared(ours: Measured, figure: float, quantstats: QuantstatsFigure, terms: tuple[str, str]) -> Compared:
    texts = format_value(ours.value, ours.unit), format_value(figure, ours.unit)
    differs = texts[0] != texts[1]
    return Compared(
        name=title(ours.name),
        ours=texts[0],
        quantstats=texts[1],
        difference=NONE if ours.value is None else signed(figure - ours.value, ours.unit),
        differs=differs,
        why=_why(ours, quantstats, *terms) if differs else "",
    )


def _why(ours: Measured, quantstats: QuantstatsFigure, rounding: str, benchmarks: str) -> str:
    if ours.value is None:
        return f"ours has no value: {ours.reason}"
    reasons = (benchmarks, quantstats.why, rounding if quantstats.yearly else "")
    return "; ".join(reason for reason in reasons if reason)
