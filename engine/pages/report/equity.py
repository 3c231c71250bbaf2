"""The account over time: equity, drawdown, exposure."""

from typing import TYPE_CHECKING

import pandas as pd

from core.number_format import money, percent
from core.types import Vector
from engine.backtest.account_returns import AT_EXPOSURE, STRATEGY, session_exposure
from engine.pages.svg_charts import AT_EXPOSURE_COLOUR, STRATEGY_COLOUR, canvas, percent_axis, shade, styled, svg
from engine.pages.templates import safe
from engine.results.drawdowns import under_water
from engine.results.outcome import Outcome

from . import Section, fill

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ORDER = 30


def section(outcome: Outcome) -> Section:
    """One picture of three parts."""
    final = float(outcome.result.equity["equity"].iloc[-1])
    other = f"{outcome.market.benchmark} at {percent(outcome.exposure.gross_mean)}"
    growth = f"from {money(outcome.result.cash)} to {money(final)}"
    alt = f"Equity of {outcome.name} {growth}, beside {other}; drawdown; exposure"
    figure = draw(outcome.daily, outcome.result.cash, session_exposure(outcome.result, outcome.daily.index), other)
    return fill("equity.html", "Equity", picture=safe(svg(figure, alt)), outcome=outcome, final=final, other=other)


@styled
def draw(daily: pd.DataFrame, cash: float, exposure: Vector, other: str) -> "Figure":
    """Equity, drawdown and gross exposure by session, on one time axis.

    Parameters
    ----------
    cash : the account before the first return.
    exposure : (T,) gross, at each session's close, a fraction.
    other : what the benchmark at the strategy's exposure is called.
    """
    figure, (top, middle, bottom) = canvas(4.6, rows=(3.0, 1.3, 1.0), width=9.6)
    _equity(top, daily, cash, other)
    water = under_water(daily[STRATEGY])
    shade(middle, water, STRATEGY_COLOUR)
    middle.plot(water.index, water.to_numpy(), color=STRATEGY_COLOUR)
    shade(bottom, pd.Series(exposure, index=daily.index), STRATEGY_COLOUR)
    for axis, name in ((middle, "Drawdown"), (bottom, "Exposure")):
        percent_axis(axis)
        axis.text(0.01, 0.08, name, transform=axis.transAxes)
    bottom.set_ylim(bottom=0.0)
    return figure


def _equity(axis: "Axes", daily: pd.DataFrame, cash: float, other: str) -> None:
    from matplotlib.ticker import StrMethodFormatter

    for column, label, colour, order in (
        (STRATEGY, "Strategy", STRATEGY_COLOUR, 2.5),
        (AT_EXPOSURE, other, AT_EXPOSURE_COLOUR, 2.0),
    ):
        wealth = cash * (1.0 + daily[column]).cumprod()
        axis.plot(wealth.index, wealth.to_numpy(), color=colour, label=label, zorder=order)
    axis.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axis.legend(loc="upper left")
