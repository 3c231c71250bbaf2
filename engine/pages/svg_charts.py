"""Pictures as inline SVG: drawn once, small, with a text for who cannot see them, in the page's own font.

matplotlib is imported where a picture is drawn.
"""

import io
import math
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from html import escape
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import numpy as np

from core.types import Vector

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, OCHRE, GREY, RED, INK, MUTED, RULE = "#1b5e9c", "#c4841a", "#8d97a3", "#b5382f", "#22272e", "#5f6b7a", "#e4e8ed"
GREEN, VIOLET = "#2f7d5b", "#7b5bb5"
STRATEGY_COLOUR = BLUE
AT_EXPOSURE_COLOUR = OCHRE
BENCHMARK_COLOUR = GREY

_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",  # text stays text: it can be read aloud, searched, and is small
    "svg.hashsalt": "backtrader-ml",  # equal pictures are equal bytes
    "path.simplify": True,
    "path.simplify_threshold": 0.4,
    "text.parse_math": False,  # a symbol may hold a dollar sign
    "axes.unicode_minus": False,
}
PIXELS = 900
_NAMES = {
    BLUE: "blue",
    OCHRE: "ochre",
    GREY: "grey",
    RED: "red",
    GREEN: "green",
    VIOLET: "violet",
    INK: "ink",
    MUTED: "muted",
    RULE: "rule",
    "#ffffff": "page",
}
_NAMES |= {  # of quantstats' pictures, and of matplotlib
    "#348dc1": "blue",
    "#fedd78": "ochre",
    "#ba516b": "red",
    "#ff0000": "red",
    "#000000": "ink",
    "#333333": "ink",
    "#666666": "muted",
    "#808080": "muted",
    "#cccccc": "rule",
    "#dddddd": "rule",
    "#d5e3f0": "card",
}
_COLOUR = re.compile("|".join(_NAMES))
_NO_METADATA = dict.fromkeys(("Creator", "Date", "Format", "Type"))
_CLEANING = tuple(
    (re.compile(pattern, re.DOTALL), replacement)
    for pattern, replacement in (
        (r"<metadata>.*?</metadata>", ""),
        (r"<style.*?</style>", ""),  # would hold for the whole page, which says the same for all pictures
        (r'<g id="[^"]*"', "<g"),  # nothing refers to the groups; their names repeat in every picture
        (r"xlink:href", "href"),
        (r"font-family: [^;\"]*;? ?", ""),  # the page's own font
        (r"font: (?:bold|700) ([\d.]+px) [^;\"]*", r"font-size: \1; font-weight: 600"),
        (r"font: ([\d.]+px) [^;\"]*", r"font-size: \1"),
        (r' transform="rotate\(-?0 [^)]*\)"', ""),
        (r">\s+<", "><"),
        (r"<g/>|<defs></defs>", ""),
    )
)
_LAYOUT: dict[Any, Any] = {
    "font.family": ["DejaVu Sans"],  # matplotlib ships it: measuring text never looks for a font
    "font.size": 10.0,
    "text.color": INK,
    "axes.edgecolor": RULE,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "grid.color": RULE,
    "grid.linewidth": 0.6,
    "date.autoformatter.day": "%d %b",  # a whole date is wider than the space between two ticks
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.major.size": 0.0,
    "xtick.minor.size": 0.0,
    "ytick.minor.size": 0.0,
    "ytick.major.size": 0.0,
    "lines.linewidth": 1.1,
    "legend.frameon": False,
    "legend.fontsize": 10.0,
    "legend.handlelength": 1.4,
}


_P = ParamSpec("_P")
_R = TypeVar("_R")


_IN_STYLE: ContextVar[bool] = ContextVar("_IN_STYLE", default=False)


@contextmanager
def page_style() -> Iterator[None]:
    """The pages' style for everything drawn inside, whatever matplotlib's settings are.

    To set it takes a twentieth of a second, so a page with many pictures is drawn inside one.
    """
    import matplotlib as mpl

    if _IN_STYLE.get():
        yield
        return
    token = _IN_STYLE.set(True)
    try:
        with mpl.rc_context({**mpl.rcParamsDefault, **_LAYOUT, **_STYLE, "backend": mpl.rcParams["backend"]}):
            yield
    finally:
        _IN_STYLE.reset(token)


def styled(draw: Callable[_P, _R]) -> Callable[_P, _R]:
    """Draw in the pages' style, whatever matplotlib's settings are at the time."""

    @wraps(draw)
    def in_style(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        with page_style():
            return draw(*args, **kwargs)

    return in_style


def canvas(height: float, rows: tuple[float, ...] = (1.0,), width: float = 7.2) -> "tuple[Figure, list[Axes]]":
    """An empty figure with one column of axes that share their x axis; for functions that are :func:`styled`.

    Parameters
    ----------
    height, width : inches; the page scales the picture to its column.
    rows : relative heights.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height))
    grid = figure.subplots(len(rows), 1, sharex=True, squeeze=False, height_ratios=rows)
    margins(figure)
    return figure, [row[0] for row in grid]


def margins(figure: "Figure") -> None:
    """The same margins in every picture, so that their axes line up on the page."""
    height = figure.get_size_inches()[1]
    figure.subplots_adjust(left=0.1, right=0.985, top=1 - 0.1 / height, bottom=0.3 / height, hspace=0.12)


def zero(axis: "Axes") -> None:
    """A line at 0."""
    axis.axhline(0.0, color=INK, linewidth=0.8)


def bars(axis: "Axes", series: "pd.Series", colour: str) -> None:
    """A thin bar from 0 for each value, as one path: thousands of them would each be an element of the page.

    Values that share a pixel are drawn as one bar from the lowest to the highest.
    """
    positions, low, high = envelope(series)
    heights = np.column_stack([low, high, np.full(len(low), np.nan)]).ravel()
    axis.plot(np.repeat(positions, 3), heights, color=colour, linewidth=0.9)


def envelope(series: "pd.Series") -> tuple[Any, Vector, Vector]:
    """The begin and end of bars from 0, those that share a pixel taken together.

    Returns
    -------
    The first index value, the lowest (at most 0) and the highest (at least 0) of each bar.
    """
    starts = np.arange(0, len(series), math.ceil(len(series) / PIXELS))
    values = series.to_numpy()
    low = np.minimum.reduceat(np.minimum(values, 0.0), starts)
    return series.index[starts], low, np.maximum.reduceat(np.maximum(values, 0.0), starts)


def percent_axis(axis: "Axes") -> None:
    """Write a y axis of fractions as per cent, with as many decimals as its ticks need."""
    from matplotlib.ticker import PercentFormatter

    axis.yaxis.set_major_formatter(PercentFormatter(xmax=1.0, decimals=None, symbol=" %"))


def svg(figure: "Figure", alt: str) -> str:
    """The figure as an ``<svg>`` element that fits any page.

    Parameters
    ----------
    alt : what the picture shows, in a sentence.
    """
    import matplotlib as mpl
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    target = io.StringIO()
    with mpl.rc_context(_STYLE), warnings.catch_warnings():
        # Text stays text: a sign that matplotlib's font lacks, a symbol's say, is drawn in the reader's.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        # `savefig` would draw it three times.
        FigureCanvasSVG(figure).print_svg(target, metadata=_NO_METADATA)  # type: ignore[no-untyped-call]
    return _inline(target.getvalue(), alt)


def _inline(text: str, alt: str) -> str:
    box = re.search(r'viewBox="[^"]*"', text)
    body = text[text.index("<g") if box is None else text.index(">", text.index("<svg")) + 1 :]
    for pattern, replacement in _CLEANING:
        body = pattern.sub(replacement, body)
    body = re.sub(r' d="([^"]*)"', _short_path, body)
    body = _COLOUR.sub(lambda match: f"var(--{_NAMES[match[0]]})", body)  # light or dark, as the page is
    words = escape(alt, quote=True)
    head = f'<svg role="img" aria-label="{words}" {box.group() if box else ""}>'
    return f"{head}<title>{words}</title>{body.strip()}"


def _short_path(match: re.Match[str]) -> str:
    """Coordinates to a tenth of a point, as far as a reader can tell."""
    path = re.sub(r"(\.\d)\d+", r"\1", match[1])
    return ' d="' + re.sub(r"\s+", " ", path).strip() + '"'
