"""Pictures of the tear-sheet that quantstats draws wrongly or not legibly, drawn here. No quantstats in this module.

Against quantstats 0.0.86 on pandas 3: the yearly bars stand beside their years; the "log scaled" axis is linear up to
200 %; the daily returns are a cumulative sum that falls to 0 on every day without a session; the rolling beta begins
with zeros and its axis with -1; the quantiles of weeks to years repeat some periods and lose others; months outside
the run count as 0 %.
"""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from engine.picture import AT_EXPOSURE_COLOUR, BLUE, GREY, INK, RED, STRATEGY_COLOUR, canvas, percent_axis

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

GROUPS = {"Daily": None, "Weekly": "W-FRI", "Monthly": "ME", "Quarterly": "QE", "Yearly": "YE"}
BAR = 0.38


def compounded(returns: pd.Series, every: str | None) -> pd.Series:
    """Simple returns of calendar periods, by the period's end; each period once, those without a session left out.

    Parameters
    ----------
    every : a pandas offset (``ME``); None leaves the returns as they are.
    """
    if every is None:
        return returns
    groups = (1.0 + returns).groupby(pd.Grouper(freq=every))
    return (groups.prod() - 1.0)[groups.size() > 0]


def yearly(daily: pd.DataFrame) -> pd.DataFrame:
    """Compounded returns by calendar year; index: the years."""
    return (1.0 + daily).groupby(pd.DatetimeIndex(daily.index).year).prod() - 1.0


def monthly_table(returns: pd.Series) -> pd.DataFrame:
    """Compounded returns; one row a year, columns 1 to 12 and `year`; NaN for months without a session."""
    month = compounded(returns, "ME")
    index = pd.DatetimeIndex(month.index)
    long = pd.DataFrame({"year": index.year, "month": index.month, "return": month.to_numpy()})
    table = long.pivot_table(index="year", columns="month", values="return").reindex(columns=range(1, 13))
    return table.assign(year=yearly(returns.to_frame("year"))["year"])


def rolling_beta(strategy: pd.Series, benchmark: pd.Series, window: int) -> pd.Series:
    """Covariance with the benchmark / its variance over the last ``window`` days; only full windows."""
    return (strategy.rolling(window).cov(benchmark) / benchmark.rolling(window).var()).dropna()


def draw_yearly(years: pd.DataFrame, labels: tuple[str, str]) -> "Figure":
    """Bars by calendar year, benchmark left and strategy right of each year's tick.

    Parameters
    ----------
    years : :func:`yearly` of two columns: benchmark, strategy.
    """
    figure, (axis,) = canvas(2.7)
    places = np.arange(len(years))
    for offset, column, label, colour in zip(
        (-BAR / 2, BAR / 2), years.columns, labels, (AT_EXPOSURE_COLOUR, STRATEGY_COLOUR), strict=True
    ):
        axis.bar(places + offset, years[column].to_numpy(), BAR, label=label, color=colour)
    step = max(1, round(len(years) / 14))
    axis.set_xticks(places[::step], [str(year) for year in years.index[::step]])
    axis.axhline(0.0, color=INK, linewidth=0.8)
    axis.grid(visible=False, axis="x")
    axis.legend(loc="best")
    percent_axis(axis)
    return figure


def draw_log(wealth: pd.DataFrame) -> "Figure":
    """Growth of 1 on a log axis; one line a column, strategy first."""
    from matplotlib.ticker import FuncFormatter, NullFormatter

    figure, (axis,) = canvas(2.7)
    for column, colour in zip(wealth.columns, (STRATEGY_COLOUR, AT_EXPOSURE_COLOUR), strict=True):
        axis.plot(wealth.index, wealth[column].to_numpy(), label=column, color=colour)
    axis.set_yscale("log")
    axis.set_yticks(_log_ticks(float(wealth.min().min()), float(wealth.max().max())))
    axis.yaxis.set_minor_formatter(NullFormatter())
    axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.4g}"))
    axis.legend(loc="best")
    return figure


def _log_ticks(low: float, high: float) -> list[float]:
    """About five ticks: 1, 2, 5 per decade when the span is wide, else an even grid."""
    from matplotlib.ticker import MaxNLocator

    if high / low > 10:
        decades = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
        return [step * 10.0**power for power in decades for step in (1, 2, 5) if low <= step * 10.0**power <= high]
    return [float(tick) for tick in MaxNLocator(5).tick_values(low, high) if low <= tick <= high]


def draw_daily(returns: pd.Series) -> "Figure":
    """Each session's return as a thin bar from zero."""
    figure, (axis,) = canvas(2.2)
    values = returns.to_numpy()
    axis.vlines(returns.index, np.minimum(values, 0.0), np.maximum(values, 0.0), colors=STRATEGY_COLOUR, linewidth=0.5)
    axis.axhline(0.0, color=INK, linewidth=0.8)
    percent_axis(axis)
    return figure


def draw_beta(betas: dict[str, pd.Series]) -> "Figure":
    """Rolling betas; an empty series (the run is shorter than its window) is left out."""
    figure, (axis,) = canvas(2.2)
    for (label, beta), colour in zip(betas.items(), (BLUE, GREY), strict=True):
        if not beta.empty:
            axis.plot(beta.index, beta.to_numpy(), label=label, color=colour)
            axis.axhline(float(beta.mean()), color=colour, linewidth=0.8, linestyle="--")
    axis.axhline(0.0, color=INK, linewidth=0.8)
    if axis.get_legend_handles_labels()[0]:
        axis.legend(loc="best")
    return figure


def draw_quantiles(returns: pd.Series) -> "Figure":
    """Boxes of the returns of days, weeks, months, quarters and years, each period counted once."""
    figure, (axis,) = canvas(2.7)
    groups = {name: compounded(returns, every).to_numpy() for name, every in GROUPS.items()}
    labels = [f"{name} ({len(values)})" for name, values in groups.items()]
    _boxes(axis, list(groups.values()))
    axis.set_xticks(range(1, len(groups) + 1), labels)
    axis.axhline(0.0, color=INK, linewidth=0.8)
    axis.grid(visible=False, axis="x")
    percent_axis(axis)
    return figure


def _boxes(axis: "Axes", groups: list[np.ndarray]) -> None:
    axis.boxplot(
        groups,
        widths=0.5,
        patch_artist=True,
        boxprops={"facecolor": "#d5e3f0", "edgecolor": STRATEGY_COLOUR},
        medianprops={"color": RED, "linewidth": 1.4},
        whiskerprops={"color": STRATEGY_COLOUR},
        capprops={"color": STRATEGY_COLOUR},
        flierprops={"marker": ".", "markersize": 3, "markeredgecolor": "none", "markerfacecolor": GREY},
    )
