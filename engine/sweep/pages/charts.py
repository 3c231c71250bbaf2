"""Charts of a sweep: distribution, heatmaps and parallel coordinates of its trials, and growth of the best ones."""

import re
from collections.abc import Callable, Mapping, Sequence
from colorsys import hls_to_rgb, rgb_to_hls
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from core.number_format import format_4sig, title
from core.types import Matrix, Rows, Vector
from engine.pages.svg_charts import BLUE, GREY, INK, MUTED, RED, RULE, canvas, styled, svg
from engine.sweep.judgement.parameter_stability import positions
from engine.sweep.space.dimensions import Columns, Dimension, Discrete

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LABEL_BOX: Any = {"facecolor": "#ffffff", "edgecolor": "none", "pad": 1.0}
BINS = 12
"""Cells on a continuous axis."""
ALL_LABELLED = 6
"""Values of an axis of the parallel coordinates up to which each has a label."""
LINES = 400
"""Trials in parallel coordinates."""


@dataclass(frozen=True, eq=False)
class TrialPoints:
    """The trials of the charts, as points of the unit cube.

    Attributes
    ----------
    axes : the varied keys.
    positions : (P, D) coordinates.
    objective : (P,) NaN where a trial has none.
    name : of the objective.
    sign : 1 where more of it is better, else -1.
    winner : (D,) its coordinates; None where there is none.
    """

    axes: Sequence[Dimension]
    positions: Matrix
    objective: Vector
    name: str
    sign: float
    winner: Vector | None

    @classmethod
    def from_columns(
        cls,
        axes: Sequence[Dimension],
        columns: Columns,
        objective: Vector,
        *,
        name: str,
        sign: float,
        winner: Mapping[str, Any] | None,
    ) -> "TrialPoints":
        """The trials of some columns of points.

        Parameters
        ----------
        winner : its point; None where there is none.
        """
        position = None
        if winner is not None:
            position = positions(axes, {path: [value] for path, value in winner.items()})[0]
        return cls(axes, positions(axes, columns), objective, name, sign, position)

    @property
    def finite_objective(self) -> Vector:
        """The objective of the trials that have one."""
        return self.objective[np.isfinite(self.objective)]


@styled
def distribution(values: Vector, lines: Sequence[tuple[str, float, str]], name: str) -> "Figure":
    """Histogram of a measure over the trials.

    Parameters
    ----------
    values : finite.
    lines : marked values: text, value, colour.
    """
    figure, (axis,) = canvas(2.9, width=9.6)
    figure.subplots_adjust(bottom=0.17)
    marks = [value for _, value, _ in lines]
    low = min([*values, *marks])
    high = max([*values, *marks])
    margin = 0.03 * (high - low) or 1.0
    axis.hist(values, bins=np.linspace(low, high + 1e-12, 61).tolist(), color=BLUE, alpha=0.45)
    axis.set_xlim(low - margin, high + margin)
    top = axis.get_ylim()[1] * (1 + 0.13 * len(lines))  # room for the labels above the bars
    axis.set_ylim(0, top)
    for index, (text, value, colour) in enumerate(lines):
        axis.axvline(value, color=colour, linewidth=1.5)
        side: Literal["left", "right"] = "left" if value < (low + high) / 2 else "right"
        height = top * (0.99 - 0.11 * index)
        words = f"{text} {format_4sig(value)}"
        shift = (6, 0) if side == "left" else (-6, 0)
        axis.annotate(
            words, (value, height), shift, textcoords="offset points", color=colour, ha=side, va="top", bbox=LABEL_BOX
        )
    axis.set_xlabel(name, color=MUTED)
    axis.set_ylabel("trials", color=MUTED)
    axis.yaxis.set_major_formatter("{x:,.0f}")
    return figure


@styled
def heatmap(trials: TrialPoints, pair: tuple[int, int], colour_range: tuple[float, float]) -> "Figure":
    """The median objective over all other parameters, at each pair of values of two."""
    figure, (axis,) = canvas(3.3, width=4.7)
    figure.subplots_adjust(left=0.24, bottom=0.2, right=0.97, top=0.97)
    first, second = pair
    cells, across, up = _cells(trials, first, second)
    low, high = colour_range
    axis.grid(visible=False)
    axis.pcolormesh(cells, cmap=_colours(trials.sign), vmin=low, vmax=high, edgecolors="white", linewidth=0.6)
    _few_ticks(axis.set_xticks, across, 6)
    _few_ticks(axis.set_yticks, up, 9)
    axis.set_xlabel(trials.axes[first].path, color=MUTED)
    axis.set_ylabel(trials.axes[second].path, color=MUTED)
    if trials.winner is not None:
        from matplotlib.patches import Rectangle

        corner = (_code(trials.winner[first], len(across)), _code(trials.winner[second], len(up)))
        axis.add_patch(Rectangle(corner, 1, 1, fill=False, edgecolor=INK, linewidth=1.8))
    return figure


def heatmap_svg(figure: "Figure", alt: str) -> str:
    """The picture of a heatmap: on a dark page its cells are as dark as they are light on a light one."""
    return re.sub(r"fill: (#[0-9a-f]{6})", lambda found: f"{found[0]}; fill: {_either(found[1])}", svg(figure, alt))


def _either(colour: str) -> str:
    hue, light, saturation = rgb_to_hls(*(int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)))
    red, green, blue = (round(255 * part) for part in hls_to_rgb(hue, 0.15 + 0.8 * (1 - light), saturation))
    return f"light-dark({colour}, #{red:02x}{green:02x}{blue:02x})"


def colour_range(trials: TrialPoints) -> tuple[float, float]:
    """The lowest and the highest objective of the colour scale, equal in every heatmap."""
    low, high = (float(bound) for bound in np.quantile(trials.finite_objective, [0.02, 0.98]))
    return (low, high) if high > low else (low - 1e-9, high + 1e-9)


def _colours(sign: float) -> Any:
    """From red to blue, which is the better end."""
    from matplotlib.colors import LinearSegmentedColormap

    steps = ["#b43930", "#f3d9c8", "#f6f8fa", "#c5d8ea", "#1c5f9d"]
    return LinearSegmentedColormap.from_list("", steps if sign > 0 else steps[::-1])


def _cells(trials: TrialPoints, first: int, second: int) -> tuple[Any, list[str], list[str]]:
    """The masked medians of two axes, and the labels of the cells across and up."""
    across = _ticks(trials.axes[first])
    up = _ticks(trials.axes[second])
    columns = _codes(trials.positions[:, first], len(across))
    rows = _codes(trials.positions[:, second], len(up))
    cells = np.full((len(up), len(across)), np.nan)
    flat = rows * len(across) + columns
    is_finite = np.isfinite(trials.objective)
    for cell in np.unique(flat[is_finite]):
        cells[divmod(int(cell), len(across))] = np.median(trials.objective[is_finite & (flat == cell)])
    return np.ma.masked_invalid(cells), across, up


def _ticks(axis: Dimension) -> list[str]:
    """A label for each cell of an axis."""
    if isinstance(axis, Discrete):
        return [text(value) for value in axis.values]
    middles = axis.from_unit((np.arange(BINS) + 0.5) / BINS)
    return [text(value) for value in middles]


def _codes(coordinates: Vector, count: int) -> Rows:
    return np.array([_code(coordinate, count) for coordinate in coordinates.tolist()], dtype=np.int64)


def _code(coordinate: float, count: int) -> int:
    """The cell of a coordinate: values of a list lie at the middle of theirs."""
    return min(int(coordinate * (count - 1) + 0.5), count - 1)


SHORT: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "percent": lambda stop: f"{100 * stop['value']:.3g} %",
    "atr": lambda stop: f"{stop['multiple']:.3g} x ATR({stop['window']})",
}
"""Texts of stops by their kind; of any other mapping, its values in their order."""


def text(value: Any) -> str:
    """A value of an axis as a short text."""
    if isinstance(value, dict):
        short = SHORT.get(value.get("kind", ""))
        if short:
            return short(value)
        return " ".join(text(item) for item in value.values())
    if isinstance(value, list):
        return ", ".join(text(item) for item in value)[:22]
    if value is None:
        return "none"
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _few_ticks(set_ticks: Any, names: list[str], max_ticks: int) -> None:
    """Label every n-th cell, so that at most ``max_ticks`` are labelled."""
    step = max(1, -(-len(names) // max_ticks))
    cells = range(0, len(names), step)
    set_ticks([cell + 0.5 for cell in cells], [names[cell] for cell in cells])


@styled
def parallel(trials: TrialPoints) -> "Figure":
    """One line for each trial over all parameters to its objective; the best tenth in colour, the winner in front."""
    figure, (axis,) = canvas(4.2, width=9.6)
    figure.subplots_adjust(bottom=0.12, left=0.06, right=0.94, top=0.9)
    order = np.flatnonzero(np.isfinite(trials.objective))
    order = order[np.argsort(trials.sign * trials.objective[order], kind="stable")]
    drawn = order[np.unique(np.linspace(0, len(order) - 1, min(LINES, len(order))).astype(int))]
    low = float(trials.objective[drawn].min())
    high = float(trials.objective[drawn].max())
    _draw_lines(axis, _heights(trials, drawn, low, high))
    if trials.winner is not None:
        winner = _heights(trials, order[-1:], low, high)[0]
        axis.plot(winner, color=RED, linewidth=2.2, zorder=5)
    _label_axes(axis, trials, low, high)
    return figure


def _heights(trials: TrialPoints, rows: Rows, low: float, high: float) -> Matrix:
    """(R, D + 1) heights of trials at each axis and at the objective's."""
    objective = (trials.objective[rows] - low) / ((high - low) or 1.0)
    return np.column_stack([_shifted(trials, rows), objective])


def _label_axes(axis: "Axes", trials: TrialPoints, low: float, high: float) -> None:
    for index, dimension in enumerate(trials.axes):
        ticks = _ticks(dimension)
        for tick in _labelled(len(ticks)):
            height = tick / max(len(ticks) - 1, 1)
            axis.text(index + 0.02, height, ticks[tick], bbox=LABEL_BOX, color=INK, va="center", fontsize=9, zorder=6)
    for height, value in ((0.0, low), (1.0, high)):
        axis.text(len(trials.axes), height, f" {format_4sig(value)}", color=INK, va="center", fontsize=9)
    axis.set_xticks(range(len(trials.axes) + 1), [*(dimension.path for dimension in trials.axes), trials.name])
    axis.set_yticks([])
    axis.set_xlim(-0.05, len(trials.axes) + 0.25)
    axis.grid(visible=False)
    for index in range(len(trials.axes) + 1):
        axis.axvline(index, color=RULE, linewidth=1.0, zorder=0)


def _shifted(trials: TrialPoints, rows: Rows) -> Matrix:
    """Coordinates with a small shift for each trial, so that lines through equal values can be told apart."""
    shift = ((rows * 0.618034) % 1.0 - 0.5) * 0.03
    return np.asarray(trials.positions[rows] + shift[:, None])


def _draw_lines(axis: "Axes", heights: Matrix) -> None:
    from matplotlib.collections import LineCollection

    best = len(heights) - max(1, len(heights) // 10)
    for rows, colour, width in ((heights[:best], GREY, 0.35), (heights[best:], BLUE, 0.8)):
        lines = [np.column_stack([np.arange(heights.shape[1]), row]) for row in rows]
        axis.add_collection(LineCollection(lines, colors=colour, linewidths=width, alpha=0.55))
    axis.set_ylim(-0.06, 1.06)


@styled
def logits(values: Vector, pbo: float) -> "Figure":
    """Histogram of the rank in the other half of the trial that is best in one; left of 0 in the lower half."""
    figure, (axis,) = canvas(2.4, width=9.6)
    figure.subplots_adjust(bottom=0.2)
    edge = float(np.abs(values).max()) or 1.0
    bins = np.linspace(-edge, edge, 41).tolist()  # one of the edges is 0, so that no bar has both colours
    lower = np.minimum(values[values <= 0], -1e-9)
    axis.hist(lower, bins=bins, color=RED, alpha=0.5, label=f"in the lower half, {format_4sig(100 * pbo)} %")
    label = f"in the upper half, {format_4sig(100 * (1 - pbo))} %"
    axis.hist(values[values > 0], bins=bins, color=BLUE, alpha=0.45, label=label)
    axis.axvline(0.0, color=INK, linewidth=0.8)
    axis.set_xlabel("logit of the rank in the other half", color=MUTED)
    axis.set_ylim(0, 1.5 * axis.get_ylim()[1])  # room for the legend above the bars
    axis.yaxis.set_major_formatter("{x:,.0f}")
    axis.legend(loc="upper left")
    return figure


def heatmap_title(trials: TrialPoints, pair: tuple[int, int]) -> str:
    """The title of a heatmap."""
    first, second = (trials.axes[index].path for index in pair)
    return f"Median {title(trials.name)} by {first} and {second}"


def axis_ticks(axis: Dimension) -> list[list[Any]]:
    """Height from 0 to 1 and label of the values of an axis: all of a few, else the first, the middle and the last."""
    labels = _ticks(axis)
    cells = _labelled(len(labels))
    return [[round(cell / max(len(labels) - 1, 1), 4), labels[cell]] for cell in cells]


def _labelled(count: int) -> list[int]:
    """The cells of an axis that have a label."""
    return list(range(count)) if count <= ALL_LABELLED else [0, count // 2, count - 1]


def spread(trials: TrialPoints, pair: tuple[int, int]) -> float:
    """The standard deviation of a heatmap's cells: how much the objective depends on these two parameters."""
    cells, _, _ = _cells(trials, *pair)
    return float(cells.std()) if cells.count() > 1 else 0.0


def four(value: float) -> str:
    """Four significant digits."""
    return format_4sig(value)
