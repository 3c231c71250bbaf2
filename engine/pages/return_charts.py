"""Pictures of returns, for the report and for the tear-sheet. No quantstats in this module.

The tear-sheet takes those that quantstats 0.0.86 draws wrongly on pandas 3: yearly bars, a log axis, returns by
session, rolling beta, the deepest drawdowns, quantiles of longer periods.
"""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from engine.pages.svg_charts import (
    AT_EXPOSURE_COLOUR,
    BENCHMARK_COLOUR,
    RED,
    STRATEGY_COLOUR,
    bars,
    canvas,
    percent_axis,
    styled,
    zero,
)
from engine.results.drawdowns import stretches
from risk.periods import adjective

from .period_returns import EVERY, compounded

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = (STRATEGY_COLOUR, AT_EXPOSURE_COLOUR, BENCHMARK_COLOUR)
BAR = 0.38
HEIGHT = 2.5


@styled
def draw_lines(lines: Mapping[str, pd.Series], *, percent: bool = True, mean: bool = False) -> "Figure":
    """Up to three series over time.

    Parameters
    ----------
    lines : by label; an empty series is left out.
    mean : a dashed line at the first one's mean.
    """
    figure, (axis,) = canvas(HEIGHT)
    _plot(axis, lines)
    zero(axis)
    first = next(iter(lines.values()))
    if mean and not first.empty:
        axis.axhline(float(first.mean()), color=RED, linewidth=0.8, linestyle="--")
    if percent:
        percent_axis(axis)
    return figure


def _plot(axis: "Axes", lines: Mapping[str, pd.Series]) -> None:
    drawn = {}
    for order, ((label, series), colour) in enumerate(zip(lines.items(), COLOURS, strict=False)):
        if not series.empty:  # the first line lies on top
            (drawn[label],) = axis.plot(series.index, series.to_numpy(), color=colour, zorder=3 - 0.1 * order)
    if drawn and len(lines) > 1:
        _legend(axis, drawn)


def _legend(axis: "Axes", drawn: Mapping[str, Any]) -> None:
    """A legend of what is given, by label: matplotlib itself would pass over labels that begin with an underscore."""
    axis.legend(list(drawn.values()), list(drawn), loc="best")


@styled
def draw_log(wealth: Mapping[str, pd.Series]) -> "Figure":
    """Growth of 1 on a log axis."""
    from matplotlib.ticker import FuncFormatter, NullLocator

    figure, (axis,) = canvas(HEIGHT)
    _plot(axis, wealth)
    axis.set_yscale("log")
    values = pd.concat(list(wealth.values()))
    axis.set_yticks(log_ticks(float(values.min()), float(values.max())))
    axis.yaxis.set_minor_locator(NullLocator())
    axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.4g}"))
    return figure


def log_ticks(low: float, high: float) -> list[float]:
    """Ticks of a log axis: 1, 2, 5 in each decade when the span is wide, else an even grid."""
    from matplotlib.ticker import MaxNLocator

    low = max(low, high * 1e-6)
    if high / low > 10:
        decades = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
        return [step * 10.0**power for power in decades for step in (1, 2, 5) if low <= step * 10.0**power <= high]
    return [float(tick) for tick in MaxNLocator(5).tick_values(low, high) if low <= tick <= high]


@styled
def draw_yearly(years: pd.DataFrame) -> "Figure":
    """Bars by calendar year, the first column left and the second right of each year's tick; columns are labels."""
    figure, (axis,) = canvas(HEIGHT)
    positions = np.arange(len(years))
    drawn = {
        column: axis.bar(positions + offset, years[column].to_numpy(), BAR, color=colour)
        for offset, column, colour in zip((-BAR / 2, BAR / 2), years.columns, COLOURS, strict=False)
    }
    step = math.ceil(len(years) / 12)
    axis.set_xticks(positions[::step], [str(year) for year in years.index[::step]])
    axis.grid(visible=False, axis="x")
    _legend(axis, drawn)
    zero(axis)
    percent_axis(axis)
    return figure


@styled
def draw_distribution(samples: Mapping[str, pd.Series]) -> "Figure":
    """Histograms on common bins, as shares of each sample; the height of a bar is the share of periods in it."""
    from matplotlib.ticker import PercentFormatter

    figure, (axis,) = canvas(HEIGHT)
    edges = np.histogram_bin_edges(np.concatenate([sample.to_numpy() for sample in samples.values()]), bins=24)
    drawn = {}
    for (label, sample), colour in zip(samples.items(), COLOURS, strict=False):
        shares = np.histogram(sample.to_numpy(), bins=edges)[0] / len(sample)
        axis.stairs(shares, edges, fill=True, color=colour, alpha=0.28)
        drawn[label] = axis.stairs(shares, edges, color=colour, label=label)
    _legend(axis, drawn)
    percent_axis(axis)
    axis.xaxis.set_major_formatter(PercentFormatter(xmax=1.0, decimals=None, symbol=" %"))
    return figure


@styled
def draw_returns(returns: pd.Series) -> "Figure":
    """Each session's return as a thin bar from zero."""
    figure, (axis,) = canvas(HEIGHT)
    bars(axis, returns, STRATEGY_COLOUR)
    zero(axis)
    percent_axis(axis)
    return figure


@styled
def draw_worst(returns: pd.Series, count: int = 5) -> "Figure":
    """The compounded return with the deepest drawdowns shaded."""
    figure, (axis,) = canvas(HEIGHT)
    deepest = stretches(returns).nsmallest(count, "depth")
    for start, end in zip(deepest["start"], deepest["end"].fillna(returns.index[-1]), strict=True):
        axis.axvspan(start, end, color=RED, alpha=0.1, linewidth=0)
    axis.plot(returns.index, ((1.0 + returns).cumprod() - 1.0).to_numpy(), color=STRATEGY_COLOUR)
    zero(axis)
    percent_axis(axis)
    return figure


@styled
def draw_quantiles(returns: pd.Series, period: str) -> "Figure":
    """Boxes of the returns by session and by each longer calendar period, each once; whiskers at 1 % and 99 %.

    Parameters
    ----------
    period : of one return, as in :class:`risk.periods.Calendar`.
    """
    figure, (axis,) = canvas(HEIGHT)
    longer = list(EVERY)[list(EVERY).index(period) + 1 :] if period in EVERY else list(EVERY)
    names = {adjective(name).capitalize(): EVERY[name] for name in longer}
    every = {adjective(period).capitalize(): None, **names}
    groups = {name: compounded(returns, length).to_numpy() for name, length in every.items()}
    _boxes(axis, list(groups.values()))
    axis.set_xticks(range(1, len(groups) + 1), [f"{name} ({len(values):,})" for name, values in groups.items()])
    axis.grid(visible=False, axis="x")
    zero(axis)
    percent_axis(axis)
    return figure


def _boxes(axis: "Axes", groups: list[np.ndarray]) -> None:
    axis.boxplot(
        groups,
        widths=0.5,
        whis=(1.0, 99.0),
        showfliers=False,
        patch_artist=True,
        boxprops={"facecolor": "#d5e3f0", "edgecolor": STRATEGY_COLOUR},
        medianprops={"color": RED, "linewidth": 1.4},
        whiskerprops={"color": STRATEGY_COLOUR},
        capprops={"color": STRATEGY_COLOUR},
    )
