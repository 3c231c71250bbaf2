"""The pictures of a sweep: how its trials are spread, where the good ones lie, and how the best ones fared."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from core.number_format import format_4sig, title
from core.types import Matrix, Rows, Vector
from engine.pages.svg_charts import BLUE, GREY, INK, MUTED, OCHRE, RED, RULE, canvas, styled
from engine.sweep.judgement.parameter_stability import positions
from engine.sweep.space.dimensions import Dimension, Discrete

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_PAPER: Any = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1.0}
BINS = 12
"""Cells on an axis of any value in between."""
LINES = 400
"""Trials that parallel coordinates show."""


@dataclass(frozen=True, eq=False)
class Cloud:
    """The trials that pictures show.

    Attributes
    ----------
    axes : what was tried.
    places : (P, D) in the unit cube.
    objective : (P,) NaN where a trial has none.
    name : of the objective.
    sign : 1 where more of it is better, else -1.
    winner : (D,) its place; None where there is none.
    """

    axes: Sequence[Dimension]
    places: Matrix
    objective: Vector
    name: str
    sign: float
    winner: Vector | None

    @classmethod
    def of(
        cls, axes: Sequence[Dimension], columns: Any, objective: Vector, about: tuple[str, float], winner: Any
    ) -> "Cloud":
        """The trials of some columns of points.

        Parameters
        ----------
        about : the name of the objective, and its sign.
        winner : the winner's point; None where there is none.
        """
        own = None if winner is None else positions(axes, {path: [value] for path, value in winner.items()})[0]
        return cls(axes, positions(axes, columns), objective, *about, own)


@styled
def distribution(values: Vector, lines: Sequence[tuple[str, float, str]], name: str) -> "Figure":
    """How many trials reached what.

    Parameters
    ----------
    values : finite.
    lines : what is marked: text, value, colour.
    """
    figure, (axis,) = canvas(2.9, width=9.6)
    figure.subplots_adjust(bottom=0.17)
    marks = [value for _, value, _ in lines]
    low, high = min([*values, *marks]), max([*values, *marks])
    room = 0.03 * (high - low) or 1.0
    axis.hist(values, bins=np.linspace(low, high + 1e-12, 61).tolist(), color=BLUE, alpha=0.45)
    axis.set_xlim(low - room, high + room)
    top = axis.get_ylim()[1]
    for number, (text, value, colour) in enumerate(lines):
        axis.axvline(value, color=colour, linewidth=1.5)
        right = value < (low + high) / 2
        place: Any = {"ha": "left" if right else "right", "va": "top"}
        axis.text(value, top * (0.98 - 0.11 * number), f"  {text} {format_4sig(value)}  ", color=colour, **place)
    axis.set_xlabel(name, color=MUTED)
    axis.set_ylabel("trials", color=MUTED)
    return figure


@styled
def heatmap(cloud: Cloud, pair: tuple[int, int], limits: tuple[float, float]) -> "Figure":
    """The median objective over all other parameters, at each pair of values of two."""
    figure, (axis,) = canvas(3.3, width=4.7)
    figure.subplots_adjust(left=0.24, bottom=0.2, right=0.97, top=0.97)
    first, second = pair
    cells, across, up = _cells(cloud, first, second)
    axis.grid(visible=False)
    axis.pcolormesh(cells, cmap=_colours(cloud.sign), vmin=limits[0], vmax=limits[1], edgecolors="white", linewidth=0.6)
    _few_ticks(axis.set_xticks, across, 6)
    _few_ticks(axis.set_yticks, up, 9)
    axis.set_xlabel(_short(cloud.axes[first]), color=MUTED)
    axis.set_ylabel(_short(cloud.axes[second]), color=MUTED)
    if cloud.winner is not None:
        from matplotlib.patches import Rectangle

        corner = (_code(cloud.winner[first], len(across)), _code(cloud.winner[second], len(up)))
        axis.add_patch(Rectangle(corner, 1, 1, fill=False, edgecolor=INK, linewidth=1.8))
    return figure


def limits_of(cloud: Cloud) -> tuple[float, float]:
    """The colours' range, the same in every heatmap."""
    values = cloud.objective[np.isfinite(cloud.objective)]
    low, high = (float(bound) for bound in np.quantile(values, [0.02, 0.98]))
    return (low, high) if high > low else (low - 1e-9, high + 1e-9)


def _colours(sign: float) -> Any:
    """From red to blue, which is the better end."""
    from matplotlib.colors import LinearSegmentedColormap

    steps = ["#b5382f", "#f3d9c8", "#f6f8fa", "#c5d8ea", "#1b5e9c"]
    return LinearSegmentedColormap.from_list("", steps if sign > 0 else steps[::-1])


def _cells(cloud: Cloud, first: int, second: int) -> tuple[Any, list[str], list[str]]:
    names = [_ticks(cloud.axes[number]) for number in (first, second)]
    codes = [_codes(cloud.places[:, number], len(own)) for number, own in zip((first, second), names, strict=True)]
    cells = np.full((len(names[1]), len(names[0])), np.nan)
    flat = codes[1] * len(names[0]) + codes[0]
    known = np.isfinite(cloud.objective)
    for cell in np.unique(flat[known]):
        cells[divmod(int(cell), len(names[0]))] = np.median(cloud.objective[known & (flat == cell)])
    return np.ma.masked_invalid(cells), names[0], names[1]


def _ticks(axis: Dimension) -> list[str]:
    """A label for each cell of an axis."""
    if isinstance(axis, Discrete):
        return [text(value) for value in axis.values]
    middles = axis.from_unit((np.arange(BINS) + 0.5) / BINS)
    return [text(value) for value in middles]


def _codes(places: Vector, count: int) -> Rows:
    return np.array([_code(place, count) for place in places.tolist()], dtype=np.int64)


def _code(place: float, count: int) -> int:
    """The cell of a place: values of a list lie at the middle of theirs."""
    return min(int(place * (count - 1) + 0.5), count - 1)


def text(value: Any) -> str:
    """A value of an axis in as few signs as will do."""
    if isinstance(value, dict):
        return " ".join(text(item) for item in value.values())
    if isinstance(value, list):
        return ", ".join(text(item) for item in value)[:22]
    return "none" if value is None else f"{value:.3g}" if isinstance(value, float) else str(value)


def _few_ticks(set_ticks: Any, names: list[str], most: int) -> None:
    step = max(1, -(-len(names) // most))
    places = range(0, len(names), step)
    set_ticks([place + 0.5 for place in places], [names[place] for place in places])


def _short(axis: Dimension) -> str:
    return axis.path


@styled
def parallel(cloud: Cloud) -> "Figure":
    """One line a trial over all parameters to its objective; the best tenth in colour, the winner in front."""
    figure, (axis,) = canvas(4.2, width=9.6)
    figure.subplots_adjust(bottom=0.12, left=0.06, right=0.94, top=0.9)
    order = np.flatnonzero(np.isfinite(cloud.objective))
    order = order[np.argsort(cloud.sign * cloud.objective[order], kind="stable")]
    shown = order[np.unique(np.linspace(0, len(order) - 1, min(LINES, len(order))).astype(int))]
    values = cloud.objective[shown]
    low, high = float(values.min()), float(values.max())
    heights = np.column_stack([_spread(cloud, shown), (values - low) / ((high - low) or 1.0)])
    _draw_lines(axis, heights)
    if cloud.winner is not None:
        best = int(order[-1])
        own = np.append(_spread(cloud, np.array([best]))[0], (cloud.objective[best] - low) / ((high - low) or 1.0))
        axis.plot(own, color=RED, linewidth=2.2, zorder=5)
    for number, each in enumerate(cloud.axes):
        ticks = _ticks(each)
        for place in sorted({0, len(ticks) // 2, len(ticks) - 1}):
            height = place / max(len(ticks) - 1, 1)
            axis.text(number + 0.02, height, ticks[place], bbox=_PAPER, color=INK, va="center", fontsize=9, zorder=6)
    for height, value in ((0.0, low), (1.0, high)):
        axis.text(len(cloud.axes), height, f" {format_4sig(value)}", color=INK, va="center", fontsize=9)
    axis.set_xticks(range(len(cloud.axes) + 1), [*(each.path for each in cloud.axes), cloud.name])
    axis.set_yticks([])
    axis.set_xlim(-0.05, len(cloud.axes) + 0.25)
    axis.grid(visible=False)
    for number in range(len(cloud.axes) + 1):
        axis.axvline(number, color=RULE, linewidth=1.0, zorder=0)
    return figure


def _spread(cloud: Cloud, rows: Rows) -> Matrix:
    """Places with a little of their number added, so that lines through the same value can be told apart."""
    shift = ((rows * 0.618034) % 1.0 - 0.5) * 0.03
    return np.asarray(cloud.places[rows] + shift[:, None])


def _draw_lines(axis: "Axes", heights: Matrix) -> None:
    from matplotlib.collections import LineCollection

    best = len(heights) - max(1, len(heights) // 10)
    for part, colour, width in ((heights[:best], GREY, 0.35), (heights[best:], BLUE, 0.8)):
        lines = [np.column_stack([np.arange(heights.shape[1]), own]) for own in part]
        axis.add_collection(LineCollection(lines, colors=colour, linewidths=width, alpha=0.55))
    axis.set_ylim(-0.06, 1.06)


@styled
def fan(days: Any, returns: Matrix, curves: Sequence[tuple[str, Vector]]) -> "Figure":
    """Growth of 1: the spread of all trials behind the best ones, the walk-forward selection and the benchmark.

    Parameters
    ----------
    returns : (D, R) of the trials that were kept.
    curves : name and (D,) returns of each line.
    """
    figure, (axis,) = canvas(4.0, width=9.6)
    if returns.shape[1] > 1:
        wealth = np.cumprod(1.0 + returns, axis=0)
        step = max(1, len(days) // 450)
        bands = np.quantile(wealth[::step], [0.05, 0.25, 0.75, 0.95], axis=1)
        axis.fill_between(days[::step], bands[0], bands[3], color=GREY, alpha=0.18, linewidth=0, label="9 in 10 trials")
        axis.fill_between(days[::step], bands[1], bands[2], color=GREY, alpha=0.28, linewidth=0, label="half of them")
    styles = {"walk-forward selection": (OCHRE, 1.8), "winner": (BLUE, 1.6)}
    for name, own in curves:
        colour, width = styles.get(name, (MUTED if "volatility" in name else BLUE, 0.7))
        axis.plot(days, np.cumprod(1.0 + own), color=colour, linewidth=width, label=name or None)
    axis.legend(loc="upper left", ncols=2)
    return figure


@styled
def logits(values: Vector, share: float) -> "Figure":
    """Where the best trial of one half stands in the other; left of 0 it is in the lower half."""
    figure, (axis,) = canvas(2.4, width=9.6)
    figure.subplots_adjust(bottom=0.2)
    edge = float(np.abs(values).max()) or 1.0
    bins = np.linspace(-edge, edge, 42).tolist()
    axis.hist(values[values <= 0], bins=bins, color=RED, alpha=0.5, label=f"overfitted, {100 * share:.1f} %")
    axis.hist(values[values > 0], bins=bins, color=BLUE, alpha=0.45)
    axis.axvline(0.0, color=INK, linewidth=0.8)
    axis.set_xlabel("logit of the rank in the other half", color=MUTED)
    axis.legend(loc="upper left")
    return figure


def told(cloud: Cloud, pair: tuple[int, int]) -> str:
    """What a heatmap shows, in words."""
    first, second = (cloud.axes[number].path for number in pair)
    return f"Median {title(cloud.name)} by {first} and {second}"
