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

from .svg_charts import BLUE, GREEN, GREY, INK, MUTED, OCHRE, RED, VIOLET, canvas, percent_axis, styled, svg
from .templates import render_part, safe

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Colour: TypeAlias = Literal["blue", "ochre", "grey", "red", "ink", "muted", "green", "violet"]
Shape: TypeAlias = Literal["up", "down", "cross", "diamond", "dot"]
HEX = {
    "blue": BLUE,
    "ochre": OCHRE,
    "grey": GREY,
    "red": RED,
    "ink": INK,
    "muted": MUTED,
    "green": GREEN,
    "violet": VIOLET,
}
POINTS = 12_000
"""Points of time that a chart holds; a longer series is reduced to :data:`STRETCHES` stretches."""
STRETCHES = 1_500
"""More than a screen has pixels in a chart's width."""
TWIN_STRETCHES = 140
TWIN_MARKS = 300
"""Marks of a kind in the picture for print: the last ones."""
DAY = 86_400


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
    fall_of : the label of a line of money in the chart's first panel: ``values`` are its drawdowns, which the page
        works out from it.
    """

    label: str
    values: Vector
    colour: Colour = "blue"
    hidden: bool = False
    fill: bool = False
    bars: bool = False
    fall_of: str = ""


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
    unit : of its values: ``money``, ``price``, ``fraction`` or ``ratio``.
    short : what its values are, for the legend; empty where the title of the chart says it.
    height : pixels.
    log : whether the reader can switch to a log axis.
    zero : whether the axis begins or ends at 0 where no value crosses it.
    """

    title: str
    lines: Sequence[Line]
    unit: Literal["money", "fraction", "ratio", "price"] = "fraction"
    height: int = 200
    log: bool = False
    zero: bool = False
    marks: Sequence[Marks] = field(default=())
    short: str = ""


def time_chart(
    times: pd.DatetimeIndex,
    panels: Sequence[Panel],
    sentence: str,
    *,
    title: str = "",
    note: str = "",
    points: int = POINTS,
    start: float = 0.0,
) -> str:
    """A figure with a chart, its text and its twin for print, safe to stand in a page.

    Parameters
    ----------
    times : (T,) sessions, or closes in UTC.
    sentence : what the chart shows, in one sentence.
    title, note : above and below the chart.
    points : the number of times above which the series are reduced.
    start : the money before the first time, which drawdowns count as a high.
    """
    rows = kept_rows(panels, len(times), points)
    return safe(
        render_part(
            "theme/time_chart.html",
            spec=safe(
                json.dumps(_block(times, panels, rows, start), separators=(",", ":"), allow_nan=False).replace(
                    "<", "\\u003c"
                )
            ),
            twin=safe(svg(draw(times, panels), sentence)),
            sentence=sentence,
            height=sum(panel.height for panel in panels) + 58,
            title=title,
            note=" ".join(text for text in (note, _reduction(len(times), rows)) if text),
        )
    )


def stride(sessions: int) -> int:
    """The step at which a figure that moves little in a session is drawn, so that about 1,200 values remain.

    >>> stride(400), stride(5000)
    (1, 4)
    """
    return max(1, sessions // 1200)


def stride_note(step: int) -> str:
    """The note below the chart; empty for a step of 1."""
    return f"Drawn for one session in {step}." if step > 1 else ""


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
    parts = []
    for gap, choose in ((np.inf, np.argmin), (-np.inf, np.argmax)):
        padded = np.full(len(first) * width, gap)
        padded[: len(values)] = np.where(np.isfinite(values), values, gap)
        parts.append(first + choose(padded.reshape(-1, width), axis=1))
    rows: Rows = np.unique(np.concatenate(parts))
    return rows[np.isfinite(values[rows])]


def _block(times: pd.DatetimeIndex, panels: Sequence[Panel], rows: Rows, start: float) -> dict[str, Any]:
    seconds = times.as_unit("s").asi8[rows]
    unit = DAY if (seconds % DAY == 0).all() else 60 if (seconds % 60 == 0).all() else 1
    return {
        "unit": unit,
        **_times(seconds // unit),
        "start": start,
        "panels": [_panel(panel, rows) for panel in panels],
    }


def _times(units: "np.ndarray[tuple[int], np.dtype[np.int64]]") -> dict[str, Any]:
    """The first time and the steps to the others, in one byte each where they fit."""
    steps = np.diff(units)
    kind = "<u1" if steps.max(initial=0) < 256 else "<u4"
    return {"first": int(units[0]), "steps": _packed(steps, kind), "stepKind": kind[1:]}


def _panel(panel: Panel, rows: Rows) -> dict[str, Any]:
    return {
        "title": panel.title,
        **({"short": panel.short} if panel.short else {}),
        "unit": panel.unit,
        "height": panel.height,
        "log": panel.log and all(_above_zero(line.values) for line in panel.lines),
        "zero": panel.zero,
        "lines": [
            {
                "label": line.label,
                "colour": line.colour,
                **_values(line, rows, panel.unit),
                **{key: True for key in ("hidden", "fill", "bars") if getattr(line, key)},
            }
            for line in panel.lines
        ],
        "marks": [_marks(marks, rows) for marks in panel.marks],
    }


def _values(line: Line, rows: Rows, unit: str) -> dict[str, Any]:
    """The values of a line: money as whole 32-bit steps of a power of ten; anything else in 65,534 steps of its range.

    A screen shows a thousandth of that; what is read off the chart has three digits, money all of its cents.
    """
    if line.fall_of:
        return {"fallOf": line.fall_of}
    values = line.values[rows]
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 0.0)
    if unit in ("money", "price") and len(finite) == len(values):
        step = 10.0 ** math.ceil(math.log10(max(abs(low), abs(high), 1e-6) / 2.0e9))
        kind, base = "<i4", 0.0
    else:
        step = (high - low) / 65_534 or max(abs(high), 1.0) * 1e-6  # a constant: the reader takes half a step for 0
        kind = "<u2"
        base = low - step  # so that a value is never 0 steps, which is a gap
    steps = np.where(np.isfinite(values), np.round((values - base) / step), 0)
    return {"data": _packed(steps, kind), "kind": kind[1:], "step": step, "base": base}


def _marks(marks: Marks, rows: Rows) -> dict[str, Any]:
    words = sorted(set(marks.words))
    return {
        "label": marks.label,
        "shape": marks.shape,
        "colour": marks.colour,
        "at": np.searchsorted(rows, marks.rows).tolist(),
        "y": [_digits(value) for value in marks.heights],
        **{
            key: [_digits(value) for value in values]
            for key, values in (("size", marks.sizes), ("gain", marks.gains))
            if np.isfinite(values).any()
        },
        "words": words,
        "word": [words.index(word) for word in marks.words],
    }


def _digits(value: float) -> float | None:
    return float(f"{value:.4g}") if np.isfinite(value) else None


def _above_zero(values: Vector) -> bool:
    finite = values[np.isfinite(values)]
    return bool(len(finite)) and bool((finite > 0).all())


def _packed(values: Any, kind: str) -> str:
    return base64.b64encode(np.ascontiguousarray(values, dtype=kind).tobytes()).decode()


@styled
def draw(times: pd.DatetimeIndex, panels: Sequence[Panel]) -> "Figure":
    """The picture for print and for readers without JavaScript."""
    heights = tuple(panel.height / 100 for panel in panels)
    height = 0.35 + 0.8 * sum(heights) + 0.25 * len(panels)
    figure, axes = canvas(height, rows=heights, width=9.6)
    figure.subplots_adjust(top=1 - 0.28 / height, hspace=0.4)
    for index, (axis, panel) in enumerate(zip(axes, panels, strict=True)):
        drawn = _draw_panel(axis, times, panel)
        if index == 0 and len(drawn) > 1:
            above: dict[str, Any] = {"loc": "lower right", "bbox_to_anchor": (1.0, 1.0), "borderaxespad": 0.0}
            axis.legend(list(drawn.values()), list(drawn), ncols=len(drawn), **above)
    return figure


def _draw_panel(axis: "Axes", times: pd.DatetimeIndex, panel: Panel) -> dict[str, Any]:
    """The lines that were drawn, by label."""
    from matplotlib.ticker import StrMethodFormatter

    drawn = {line.label: _draw_line(axis, times, line) for line in panel.lines if not line.hidden}
    for marks in panel.marks:
        _draw_marks(axis, times, marks)
    axis.grid(visible=False, axis="x")
    axis.set_title(panel.title, loc="left", fontsize=10, pad=3)
    if panel.unit == "fraction":
        percent_axis(axis)
    elif panel.unit == "money":
        axis.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    return drawn


def _draw_marks(axis: "Axes", times: pd.DatetimeIndex, marks: Marks) -> None:
    """Short strokes upwards or downwards from the price, all of a kind as one path."""
    low, high = axis.get_ylim()
    length = {"up": -0.03, "down": 0.03}.get(marks.shape, 0.012) * (high - low)
    heights = marks.heights[-TWIN_MARKS:]
    ends = np.column_stack([heights, heights + length, np.full(len(heights), np.nan)]).ravel()
    stroke_times = np.repeat(times[marks.rows[-TWIN_MARKS:]].to_numpy(), 3)
    axis.plot(stroke_times, ends, color=HEX[marks.colour], linewidth=1.3)


def _draw_line(axis: "Axes", times: pd.DatetimeIndex, line: Line) -> Any:
    rows = extremes(line.values, TWIN_STRETCHES) if len(times) > 2 * TWIN_STRETCHES else np.arange(len(times))
    colour = HEX[line.colour]
    (drawn,) = axis.plot(times[rows], line.values[rows], color=colour, linewidth=1.0)
    return drawn
