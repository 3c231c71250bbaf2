"""The charts of a tear-sheet in order, and what is said of them."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from engine.backtest.account_returns import AT_EXPOSURE, BENCHMARK, STRATEGY
from engine.pages.svg_charts import svg
from engine.pages.templates import safe
from risk.periods import adjective, period_rate

from .charts import (
    compounded,
    draw_distribution,
    draw_lines,
    draw_log,
    draw_longest,
    draw_quantiles,
    draw_returns,
    draw_under_water,
    draw_yearly,
    rolling_beta,
    rolling_sharpe,
    rolling_sortino,
    rolling_volatility,
    yearly,
)
from .key_figures import Terms
from .sheet_input import TearsheetInput

if TYPE_CHECKING:
    from matplotlib.figure import Figure


MONTHS = 6
"""Months below which a distribution of monthly returns says nothing."""


@dataclass(frozen=True)
class Picture:
    """A picture of the page; ``svg`` is the element, safe to stand in it."""

    title: str
    svg: str
    caption: str = ""


def _picture(title: str, figure: "Figure", alt: str, caption: str = "") -> Picture:
    return Picture(title, safe(svg(figure, f"{title}: {alt}")), caption)


class Album:
    """The pictures of one tear-sheet.

    Attributes
    ----------
    pictures : in order.
    omitted : why pictures are missing, in words.
    """

    def __init__(self, sheet: TearsheetInput, terms: Terms) -> None:
        self._terms = terms
        self._names = sheet.names
        self._series: dict[str, pd.Series] = {name: sheet.daily[name] for name in sheet.names}
        self._year = max(2, round(terms.periods))
        self._half = max(2, math.ceil(terms.periods / 2))
        self.omitted: list[str] = []
        self.pictures = [*self._growth(), *self._periods(), *self._rolling(), *self._falls()]

    def _pair(self, other: str = AT_EXPOSURE) -> dict[str, pd.Series]:
        return {self._names[name]: self._series[name] for name in (STRATEGY, other)}

    def _growth(self) -> Iterator[Picture]:
        strategy = self._series[STRATEGY]
        full = self._series[BENCHMARK]
        wealth = {label: (1.0 + returns).cumprod() for label, returns in self._pair().items()}
        both = f"of {' and of '.join(wealth)}"
        gained = {label: series - 1.0 for label, series in wealth.items()}
        yield _picture("Cumulative return", draw_lines(gained), f"compounded returns {both}")
        yield _picture("Growth of 1, log scale", draw_log(wealth), f"growth {both}")
        if np.ptp(strategy) == 0:
            self.omitted.append("No chart at equal volatility: the strategy's returns do not vary.")
            return
        scaled = {**self._pair(BENCHMARK), self._names[STRATEGY]: strategy * (full.std() / strategy.std())}
        figure = draw_lines({label: (1.0 + series).cumprod() - 1.0 for label, series in scaled.items()})
        caption = (
            f"The strategy scaled to the volatility of {self._names[BENCHMARK]}: a comparison of skill, not of money."
        )
        yield _picture(
            "Cumulative return at equal volatility", figure, "the scaled strategy and the benchmark", caption
        )

    def _periods(self) -> Iterator[Picture]:
        years = yearly(pd.DataFrame(self._pair()))
        yield _picture("Returns by year", draw_yearly(years), f"a pair of bars a year, {' and '.join(years.columns)}")
        months = {label: compounded(returns, "ME") for label, returns in self._pair().items()}
        if len(months[self._names[STRATEGY]]) >= MONTHS:
            figure = draw_distribution(months)
            yield _picture("Distribution of monthly returns", figure, f"histograms of {' and of '.join(months)}")
        else:
            self.omitted.append(f"No distribution of monthly returns: it needs {MONTHS} months.")
        name = f"{adjective(self._terms.period).capitalize()} returns"
        yield _picture(name, draw_returns(self._series[STRATEGY]), "a bar from zero for each session")

    def _rolling(self) -> Iterator[Picture]:
        strategy = self._series[STRATEGY]
        count = len(self._series[STRATEGY])
        if count <= self._half:
            self.omitted.append(f"No rolling figures: they need more than {self._half} returns, there are {count}.")
            return
        betas = {f"{n} sessions": rolling_beta(strategy, self._series[BENCHMARK], n) for n in (self._half, self._year)}
        name = f"Rolling beta to {self._names[BENCHMARK]}"
        yield _picture(name, draw_lines(betas, percent=False), "beta over windows of half a year and of a year")
        rolled = {
            label: rolling_volatility(returns, self._half, self._terms.periods)
            for label, returns in self._pair().items()
        }
        window = f"{self._half} sessions"
        yield _picture(
            f"Rolling volatility, {window}", draw_lines(rolled), f"annual volatility of {' and '.join(rolled)}"
        )
        yield from self._ratios(strategy, window)

    def _ratios(self, strategy: pd.Series, window: str) -> Iterator[Picture]:
        terms = self._terms
        for name, roll in (("Sharpe", rolling_sharpe), ("Sortino", rolling_sortino)):
            rolled = roll(strategy - period_rate(terms.risk_free, terms.periods), self._half, terms.periods)
            if rolled.empty:
                self.omitted.append(f"No rolling {name} ratio: the returns do not vary.")
                continue
            figure = draw_lines({name: rolled}, percent=False, mean=True)
            yield _picture(
                f"Rolling {name}, {window}", figure, f"annual {name} ratio of the strategy", "Dashed: the mean."
            )

    def _falls(self) -> Iterator[Picture]:
        strategy = self._series[STRATEGY]
        yield _picture("Longest 5 drawdowns", draw_longest(strategy), "compounded return, longest drawdowns shaded")
        yield _picture(
            "Underwater plot", draw_under_water(strategy), "distance below the last high", "Dashed: the mean."
        )
        text = "boxes of the returns of sessions and of calendar periods"
        yield _picture("Return quantiles", draw_quantiles(strategy, self._terms.period), text)
