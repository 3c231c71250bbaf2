"""Charts over time: series as a block that ``charts.js`` draws with uPlot, and the same picture as SVG for print.

    lines = [Line("Strategy", equity, "blue"), Line("Benchmark", other, "grey", hidden=True)]
    figure = time_chart(days, [Panel("Equity", lines, unit="money", log=True)], "Equity of x.")

gives a ``<figure>`` for a page that is rendered with the scripts :data:`engine.pages.templates.CHARTS`. All charts of a
page share cursor and zoom. More points than a screen has are reduced to the lowest and the highest of each stretch.
"""

import base64
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import pandas as pd

from core.types import Rows, Vector

from .svg_charts import BLUE, GREY, INK, OCHRE, RED, canvas, percent_axis, styled, svg
from .templates import render_part, safe

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Colour: TypeAlias = Literal["blue", "ochre", "grey", "red", "ink"]
Shape: TypeAlias = Literal["up", "down", "cross", "diamond", "dot"]
HEX = {"blue": BLUE, "ochre": OCHRE, "grey": GREY, "red": RED, "ink": INK}
POINTS = 12_000
"""Points of time that a chart holds; a longer series is reduced to :data:`STRETCHES` stretches."""
STRETCHES = 1_500
"""More than a screen has pixels in a chart's width."""
TWIN_STRETCHES = 320
MARKERS = {"up": "^", "down": "v", "cross": "x", "diamond": "D", "dot": "."}
DAY = 86_400
MOST_CENTS = 2.0e7
"""Money whose cents fit into 32 bits."""


@dataclass(frozen=True, eq=False)
class Line:
    """A line of a chart.

    Attributes
    ----------
    label : lines of one label, in any panel, are shown and hidden together.
    values : (T,) one for each time; NaN is a gap.
    hidden : whether it is drawn only when its box is ticked.
    fill : whether the area between the line and 0 is filled.
    bars : whether each value is a bar from 0.
    """

    label: str
    values: Vector
    colour: Colour = "blue"
    hidden: bool = False
    fill: bool = False
    bars: bool = False


@dataclass(frozen=True, eq=False)
class Marks:
    """Points on a chart, all of one kind.

    Attributes
    ----------
    rows : (K,) the rows of the times at which they stand.
    heights : (K,) values on the panel's axis.
    words : (K,) what is said of each before its size.
    sizes : (K,) units.
    gains : (K,) money of the trade that ends there; NaN where none does.
    """

    label: str
    rows: Rows
    heights: Vector
    words: Sequence[str]
    sizes: Vector
    gains: Vector
    shape: Shape
    colour: Colour


@dataclass(frozen=True, eq=False)
class Panel:
    """One set of axes; panels of a chart lie above each other and share the time axis.

    Attributes
    ----------
    unit : of its values: ``money``, ``fraction`` or ``ratio``.
    height : pixels.
    log : whether the reader can switch to a log axis.
    zero : whether the axis begins or ends at 0 where no value crosses it.
    """

    title: str
    lines: Sequence[Line]
    unit: Literal["money", "fraction", "ratio"] = "fraction"
    height: int = 200
    log: bool = False
    zero: bool = False
    marks: Sequence[Marks] = field(default=())


def time_chart(
    times: pd.DatetimeIndex,
    panels: Sequence[Panel],
    sentence: str,
    *,
    title: str = "",
    note: str = "",
    points: int = POINTS,
) -> str:
    """A figure with a chart, its text and its twin for print, safe to stand in a page.

    Parameters
    ----------
    times : (T,) sessions, or closes in UTC.
    sentence : what the chart shows, in one sentence.
    title, note : above and below the chart.
    points : the number of times above which the series are reduced.
    """
    rows = kept_rows(panels, len(times), points)
    return safe(
        render_part(
            "theme/time_chart.html",
            spec=safe(
                json.dumps(_block(times, panels, rows), separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
            ),
            twin=safe(svg(draw(times, panels), sentence)),
            sentence=sentence,
            title=title,
            note=" ".join(text for text in (note, _reduction(len(times), rows)) if text),
        )
    )


def _reduction(total: int, rows: Rows) -> str:
    if len(rows) == total:
        return ""
    return (
        f"Drawn from {len(rows):,} of {total:,} points: the lowest and the highest of each line in {STRETCHES:,} equal "
        "stretches of the span."
    )


def kept_rows(panels: Sequence[Panel], total: int, points: int) -> Rows:
    """(K,) rows of the times that are kept: all, or each stretch's lowest and highest of every line, and all marks."""
    if total <= points:
        return np.arange(total)
    stretches = max(1, min(STRETCHES, points // 2))
    lines = [line.values for panel in panels for line in panel.lines]
    marks = [marks.rows for panel in panels for marks in panel.marks]
    ends = np.array([0, total - 1])
    return np.unique(np.concatenate([ends, *(extremes(values, stretches) for values in lines), *marks])).astype(
        np.int64
    )


def extremes(values: Vector, stretches: int) -> Rows:
    """(K,) the rows of the lowest and the highest value in each of some equal stretches; NaN is neither.

    >>> extremes(np.array([1.0, 3.0, 2.0, 0.0, 5.0, 4.0]), 2).tolist()
    [0, 1, 3, 4]
    """
    width = math.ceil(len(values) / stretches)
    first = np.arange(0, len(values), width)
    found = []
    for gap, choose in ((np.inf, np.argmin), (-np.inf, np.argmax)):
        padded = np.full(len(first) * width, gap)
        padded[: len(values)] = np.where(np.isfinite(values), values, gap)
        found.append(first + choose(padded.reshape(-1, width), axis=1))
    rows: Rows = np.unique(np.concatenate(found))
    return rows[np.isfinite(values[rows])]


def _block(times: pd.DatetimeIndex, panels: Sequence[Panel], rows: Rows) -> dict[str, Any]:
    seconds = times.as_unit("s").asi8[rows]
    unit = DAY if (seconds % DAY == 0).all() else 60 if (seconds % 60 == 0).all() else 1
    return {
        "unit": unit,
        "times": _packed(seconds // unit, "<i4"),
        "panels": [_panel(panel, rows) for panel in panels],
    }


def _panel(panel: Panel, rows: Rows) -> dict[str, Any]:
    return {
        "title": panel.title,
        "unit": panel.unit,
        "height": panel.height,
        "log": panel.log and all(_above_zero(line.values) for line in panel.lines),
        "zero": panel.zero,
        "lines": [
            {
                "label": line.label,
                "colour": line.colour,
                **_values(line.values[rows], panel.unit),
                **{key: True for key in ("hidden", "fill", "bars") if getattr(line, key)},
            }
            for line in panel.lines
        ],
        "marks": [_marks(marks, rows) for marks in panel.marks],
    }


def _values(values: Vector, unit: str) -> dict[str, str]:
    """Seven digits are enough for all but money, which is shown to the cent: whole cents where they fit, else more."""
    if unit != "money":
        return {"data": _packed(values, "<f4"), "kind": "f4"}
    if np.isfinite(values).all() and np.abs(values).max(initial=0.0) < MOST_CENTS:
        return {"data": _packed(np.round(values * 100.0), "<i4"), "kind": "cents"}
    return {"data": _packed(values, "<f8"), "kind": "f8"}


def _marks(marks: Marks, rows: Rows) -> dict[str, Any]:
    words = sorted(set(marks.words))
    return {
        "label": marks.label,
        "shape": marks.shape,
        "colour": marks.colour,
        "at": np.searchsorted(rows, marks.rows).tolist(),
        "y": [_digits(value) for value in marks.heights],
        "size": [_digits(value) for value in marks.sizes],
        "gain": [_digits(value) for value in marks.gains],
        "words": words,
        "word": [words.index(word) for word in marks.words],
    }


def _digits(value: float) -> float | None:
    return float(f"{value:.5g}") if np.isfinite(value) else None


def _above_zero(values: Vector) -> bool:
    known = values[np.isfinite(values)]
    return bool(len(known)) and bool((known > 0).all())


def _packed(values: Any, kind: str) -> str:
    return base64.b64encode(np.ascontiguousarray(values, dtype=kind).tobytes()).decode()


@styled
def draw(times: pd.DatetimeIndex, panels: Sequence[Panel]) -> "Figure":
    """The picture for print and for readers without JavaScript."""
    heights = tuple(panel.height / 100 for panel in panels)
    figure, axes = canvas(0.35 + 0.8 * sum(heights), rows=heights, width=9.6)
    for axis, panel in zip(axes, panels, strict=True):
        _draw_panel(axis, times, panel)
    return figure


def _draw_panel(axis: "Axes", times: pd.DatetimeIndex, panel: Panel) -> None:
    from matplotlib.ticker import StrMethodFormatter

    drawn = {line.label: _draw_line(axis, times, line) for line in panel.lines if not line.hidden}
    for marks in panel.marks:
        axis.plot(
            times[marks.rows],
            marks.heights,
            linestyle="",
            marker=MARKERS[marks.shape],
            markersize=3,
            color=HEX[marks.colour],
        )
    axis.set_title(panel.title, loc="left", fontsize=10, pad=3)
    if panel.unit == "fraction":
        percent_axis(axis)
    elif panel.unit == "money":
        axis.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    if len(drawn) > 1:
        axis.legend(list(drawn.values()), list(drawn), loc="upper left")


def _draw_line(axis: "Axes", times: pd.DatetimeIndex, line: Line) -> Any:
    rows = extremes(line.values, TWIN_STRETCHES) if len(times) > 2 * TWIN_STRETCHES else np.arange(len(times))
    colour = HEX[line.colour]
    if line.fill:
        axis.fill_between(times[rows], 0.0, line.values[rows], color=colour, alpha=0.15, linewidth=0)
    (drawn,) = axis.plot(times[rows], line.values[rows], color=colour, linewidth=1.0)
    return drawn
