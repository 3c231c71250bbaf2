"""The pictures of quantstats' page: its own where it draws them right, each drawn once, and ours under the same titles.

:func:`drawn_once` stands in for quantstats' public plot functions while :func:`quantstats.reports.html` runs. No
quantstats in this module; it is handed in.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from engine.pages.month_cells import month_rows
from engine.pages.period_returns import monthly_table, yearly
from engine.pages.return_charts import (
    draw_lines,
    draw_log,
    draw_quantiles,
    draw_returns,
    draw_worst,
    draw_yearly,
)
from engine.pages.rolling_figures import rolling_beta
from engine.pages.svg_charts import page_style, styled, svg
from engine.pages.templates import render_part
from engine.pages.time_charts import TWIN_STRETCHES, extremes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

STRATEGY, BENCHMARK = "Strategy", "Benchmark"
"""The names that quantstats is given: the page says above its pictures what they stand for."""
OPEN = "not yet"
"""In place of the date of a recovery."""
FONT = "DejaVu Sans"
FRACTIONS = ("returns", "drawdown", "rolling_volatility")
QUANTSTATS_PICTURES = {
    "returns": "Cumulative returns of the strategy and the benchmark",
    "histogram": "Distribution of monthly returns",
    "rolling_volatility": "Rolling volatility of the strategy and the benchmark",
    "rolling_sharpe": "Rolling Sharpe ratio of the strategy",
    "rolling_sortino": "Rolling Sortino ratio of the strategy",
    "drawdown": "Underwater plot: drawdowns of the strategy",
}
"""The plot functions of quantstats that are called, each with the text of its picture."""


@contextmanager
def drawn_once(quantstats: Any, period: str) -> Iterator[None]:
    """Put our functions in the place of quantstats' public ones, and take them away again.

    Parameters
    ----------
    period : of one return, as in :class:`risk.periods.Calendar`.
    """
    plots = quantstats.plots
    functions: dict[str, Callable[..., None]] = {
        name: _quantstats_picture(getattr(plots, name), name) for name in QUANTSTATS_PICTURES
    }
    functions |= _ours(period)
    before = {name: getattr(plots, name) for name in functions}
    details = quantstats.stats.drawdown_details
    grouped = quantstats.utils.group_returns
    without = quantstats.stats.remove_outliers
    try:
        for name, function in functions.items():
            setattr(plots, name, function)
        quantstats.stats.drawdown_details = lambda drawdown: recovered(drawdown, details(drawdown))
        quantstats.utils.group_returns = _grouped
        quantstats.stats.remove_outliers = _without_outliers
        yield
    finally:
        for name, function in before.items():
            setattr(plots, name, function)
        quantstats.stats.drawdown_details = details
        quantstats.utils.group_returns = grouped
        quantstats.stats.remove_outliers = without


def recovered(drawdown: "pd.Series | pd.DataFrame", details: pd.DataFrame) -> pd.DataFrame:
    """The result of `quantstats.stats.drawdown_details` with the recoveries of the report as the ends.

    The end is the session that reached the former high, "not yet" where none has; quantstats gives the last session
    below it, and of a drawdown that goes on the last session.
    """
    if isinstance(drawdown, pd.DataFrame):
        for name in drawdown.columns:
            if (name, "end") in details:
                details[name, "end"] = _recoveries(drawdown.index, details[name, "end"])
    elif len(details):
        details["end"] = _recoveries(drawdown.index, details["end"])
    return details


def _recoveries(days: pd.Index, ends: pd.Series) -> pd.Series:
    dates = [f"{day:%F}" for day in days]
    after = dict(zip(dates, [*dates[1:], OPEN], strict=True))
    return ends.map(after)


def _grouped(returns: Any, groupby: Any, compounded: bool = False) -> Any:
    """The result of `quantstats.utils.group_returns`, in one pass; that one calls a function for each group."""
    groups = returns.groupby(groupby)
    return (1.0 + returns).groupby(groupby).prod() - 1.0 if compounded else groups.sum()


def _without_outliers(returns: pd.Series, quantile: float = 0.95) -> pd.Series:
    """The result of `quantstats.stats.remove_outliers`, without pandas' quantile: it is called once a drawdown."""
    values = returns.to_numpy()
    below: pd.Series = returns[values < np.quantile(values, quantile)]
    return below


def _quantstats_picture(plot: Callable[..., Any], name: str) -> Callable[..., None]:
    """A plot of quantstats, with axes that can be read at any exposure; it would draw the figure three times."""

    def draw(*args: Any, savefig: Mapping[str, Any], **settings: Any) -> None:
        title = QUANTSTATS_PICTURES[name] + (" at equal volatility" if settings.get("match_volatility") else "")
        try:
            figure = plot(*args, **{**settings, "savefig": None, "show": False, "fontname": FONT})
            _mend_axes(figure, name)
            text = svg(figure, title)
        except (ValueError, TypeError, IndexError, ZeroDivisionError, FloatingPointError) as error:
            text = _missing(title, f"quantstats could not draw it from these returns: {error}")
        savefig["fname"].write(text.encode())

    return draw


def _mend_axes(figure: "Figure", name: str) -> None:
    from matplotlib.ticker import PercentFormatter, ScalarFormatter

    height = figure.get_size_inches()[1]
    figure.subplots_adjust(left=0.11, right=0.985, top=1 - 0.6 / height, bottom=0.32 / height)
    for axis in figure.axes:
        for label in axis.get_xticklabels():
            label.set(rotation=0, horizontalalignment="center")
        axis.tick_params(labelsize=10)
        for line in axis.lines:
            heights = np.asarray(line.get_ydata(), dtype=np.float64)
            if len(heights) > 2 * TWIN_STRETCHES:
                rows = extremes(heights, TWIN_STRETCHES)
                line.set_data(np.asarray(line.get_xdata())[rows], heights[rows])
        _name_the_mean(axis)
        if name in FRACTIONS:
            axis.yaxis.set_major_formatter(PercentFormatter(xmax=1.0, decimals=None, symbol=" %"))
        elif name == "histogram":
            axis.xaxis.set_major_formatter(PercentFormatter(xmax=1.0, decimals=None, symbol=" %"))
            axis.set_ylabel("density")
        else:
            axis.yaxis.set_major_formatter(ScalarFormatter(useOffset=False))


def _name_the_mean(axis: "Axes") -> None:
    """A legend for the dashed line of a mean, which quantstats draws without one."""
    dashed = [line for line in axis.lines if line.get_linestyle() == "--" and np.any(line.get_ydata())]  # no line at 0
    if not dashed:
        return
    handles, labels = axis.get_legend_handles_labels()
    named = {label: handle for handle, label in zip(handles, labels, strict=True) if handle not in dashed}
    axis.legend([*named.values(), dashed[0]], [*named, "mean of the strategy"], loc="best", fontsize=10)


def _ours(period: str) -> dict[str, Callable[..., None]]:
    """By the name of the plot function that they stand for."""
    return {
        "log_returns": _drawn(_log, "Cumulative returns on a log axis"),
        "yearly_returns": _drawn(_years, "Returns of both by calendar year"),
        "daily_returns": _drawn(
            lambda returns, _, __: _titled(draw_returns(returns), "Daily Returns"), "Returns of the strategy by session"
        ),
        "rolling_beta": _drawn(_beta, "Rolling beta to the benchmark"),
        "drawdowns_periods": _drawn(
            lambda returns, _, __: _titled(draw_worst(returns), "Worst 5 Drawdown Periods"),
            "Cumulative return with the five deepest drawdowns shaded",
        ),
        "distribution": _drawn(
            lambda returns, _, __: _titled(draw_quantiles(returns, period), "Return Quantiles"),
            "Boxes of the returns of sessions and of calendar periods",
        ),
        "monthly_heatmap": _months,
    }


def _drawn(draw: Callable[..., "Figure | str"], text: str) -> Callable[..., None]:
    def write(
        returns: pd.Series, benchmark: pd.Series | None = None, *, savefig: Mapping[str, Any], **settings: Any
    ) -> None:
        with page_style():
            figure = draw(returns, benchmark, settings)
            savefig["fname"].write((figure if isinstance(figure, str) else svg(figure, text)).encode())

    return write


@styled
def _titled(figure: "Figure", title: str) -> "Figure":
    """With the title that quantstats gives it, at the same place."""
    height = figure.get_size_inches()[1]
    figure.set_size_inches(8.0, height + 0.4, forward=False)
    figure.suptitle(title, y=0.985, fontweight="bold", fontsize=14)
    figure.subplots_adjust(top=1 - 0.45 / (height + 0.4))
    return figure


def _log(returns: pd.Series, benchmark: pd.Series, _: Mapping[str, Any]) -> "Figure | str":
    wealth = {STRATEGY: (1.0 + returns).cumprod(), BENCHMARK: (1.0 + benchmark).cumprod()}
    title = "Cumulative Returns vs Benchmark (Log Scaled)"
    if min(float(series.min()) for series in wealth.values()) <= 0.0:
        return _missing(title, "an account at 0 or below has no logarithm")
    return _titled(draw_log(wealth), title)


def _years(returns: pd.Series, benchmark: pd.Series, _: Mapping[str, Any]) -> "Figure":
    both = pd.DataFrame({STRATEGY: returns, BENCHMARK: benchmark})
    return _titled(draw_yearly(yearly(both)), "EOY Returns vs Benchmark")


def _beta(returns: pd.Series, benchmark: pd.Series, settings: Mapping[str, Any]) -> "Figure | str":
    title = "Rolling Beta to Benchmark"
    lines = {
        f"{window} sessions": rolling_beta(returns, benchmark, window)
        for window in (settings["window1"], settings["window2"])
    }
    if all(line.empty for line in lines.values()):
        return _missing(title, f"it needs more than {settings['window1']} returns, there are {len(returns)}")
    return _titled(draw_lines(lines, percent=False), title)


def _missing(title: str, reason: str) -> str:
    return render_part("tearsheet_missing.html", title=title, reason=reason)


def _months(returns: pd.Series, _: pd.Series | None = None, *, savefig: Mapping[str, Any], **__: Any) -> None:
    text = render_part("tearsheet_months.html", rows=heat_rows(returns))
    savefig["fname"].write(text.encode())


def heat_rows(returns: pd.Series) -> list[dict[str, Any]]:
    """The rows of a monthly table in per cent, each cell with its text and the strength of its colour."""
    return month_rows(monthly_table(returns))
