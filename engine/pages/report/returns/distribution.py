"""The distribution of the returns, with value at risk and expected shortfall marked."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from core.number_format import percent
from engine.backtest.account_returns import AT_EXPOSURE, STRATEGY
from engine.pages.period_returns import compounded
from engine.pages.report.section import Section, fill
from engine.pages.return_charts import draw_distribution, draw_quantiles
from engine.pages.svg_charts import BLUE, INK, RED, canvas, styled, svg
from engine.pages.templates import safe
from engine.results.outcome import Outcome

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ORDER = 24
MONTHS = 6
"""Months below which a distribution of monthly returns says nothing."""


def section(outcome: Outcome) -> Section:
    """Histogram of the sessions' returns, of the months', and boxes of longer periods."""
    return fill(
        "distribution.html",
        "Distribution of returns",
        pictures=[(title, safe(picture)) for title, picture in _pictures(outcome)],
        marks=[(name, percent(value)) for name, value, _ in _marks(outcome)],
        period=outcome.calendar.period,
    )


def _pictures(outcome: Outcome) -> Iterator[tuple[str, str]]:
    returns = outcome.daily[STRATEGY]
    name = f"{outcome.calendar.adjective.capitalize()} returns"
    marks = _marks(outcome)
    words = ", ".join(f"{mark} {percent(value)}" for mark, value, _ in marks)
    yield f"{name} of {outcome.name}", svg(draw_histogram(returns, marks), f"{name} as a histogram; {words}")
    months = {outcome.names[column]: compounded(outcome.daily[column], "ME") for column in (STRATEGY, AT_EXPOSURE)}
    if len(months[outcome.names[STRATEGY]]) >= MONTHS:
        yield (
            "Monthly returns",
            svg(draw_distribution(months), f"Histograms of the monthly returns of {' and '.join(months)}"),
        )
    text = "Boxes of the returns of sessions and of calendar periods"
    yield "Return quantiles", svg(draw_quantiles(returns, outcome.calendar.period), text)


def _marks(outcome: Outcome) -> list[tuple[str, float, str]]:
    """Name, value and line style of the headline value at risk and expected shortfall."""
    styles = {"value_at_risk": ("VaR", "-"), "expected_shortfall": ("ES", ":")}
    return [
        (f"{styles[kind][0]} {level} %", item.value, styles[kind][1])
        for item in outcome.measures[STRATEGY]
        for kind, _, level in [item.name.rpartition("_")]
        if kind in styles and item.value is not None
    ]


@styled
def draw_histogram(returns: pd.Series, marks: Sequence[tuple[str, float, str]]) -> "Figure":
    """Shares of the sessions in equal bins; values beyond the 0.05 % quantiles are in the outermost bins.

    Parameters
    ----------
    marks : name, value and line style of each line.
    """
    from matplotlib.ticker import PercentFormatter

    figure, (axis,) = canvas(2.5)
    values = returns.to_numpy()
    low, high = np.quantile(values, [0.0005, 0.9995])
    if low >= high:
        low, high = float(values.min()) - 1e-4, float(values.max()) + 1e-4
    counts, edges = np.histogram(np.clip(values, low, high), bins=np.linspace(low, high, 61))
    axis.stairs(counts / len(values), edges, fill=True, color=BLUE, alpha=0.5)
    for (name, value, style), colour in zip(marks, (RED, RED, INK, INK), strict=False):
        axis.axvline(value, color=colour, linestyle=style, linewidth=1.3, label=f"{name} {percent(value)}")
    if marks:
        axis.legend(loc="upper right")
    for side in (axis.xaxis, axis.yaxis):
        side.set_major_formatter(PercentFormatter(xmax=1.0, decimals=None, symbol=" %"))
    return figure
