"""The page of a review: one file that needs no server, or the same page served with marks that can be saved."""

import base64
import json
import math
import os
import struct
from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from engine.pages.templates import CHARTS, TABLES, asset, render, safe, save_page
from engine.sweep.storage.file_names import WINNERS

from .collection import Review
from .columns import COLUMNS
from .reviewed import Reviewed
from .row import Curve

SCRIPTS = tuple(f"review/{name}.js" for name in ("data", "statistics", "marks", "table", "compare"))
STEPS = 65_535
FRAMES = "frame-src 'self' file:; "
SAVES = "connect-src 'self'; "
"""Rules of the content policy: the runs' own pages side by side, and the marks that the server saves."""
PAGE_NAMES = {
    "report.html": "report",
    "tearsheet.html": "tear-sheet",
    "sweep.html": "sweep",
    WINNERS: "winner's report",
}
"""What the pages of a run are called, by the first part of their path."""
DIGITS = 7
"""Significant digits of the numbers on the page, which shows four."""


def write_page(review: Review, path: Path, *, pinned: Sequence[Path] = ()) -> None:
    """Write the page; the pages of its runs are linked from where it lies.

    Parameters
    ----------
    pinned : folders that are ticked at first; the first is the base of comparisons.

    Raises
    ------
    StoreError
        The file cannot be written.
    """
    save_page(page(review, link_base=path.parent, pinned=pinned), path)


def page(
    review: Review, *, link_base: Path = Path(), pinned: Sequence[Path] = (), served: Sequence[Path] | None = None
) -> str:
    """The page as text.

    Parameters
    ----------
    link_base : the folder that links are relative to.
    pinned : as for :func:`write_page`.
    served : the folders of the server's runs, by their number in its paths; None for a page without a server.
    """
    parents = sorted({str(Path(item.row.folder).parent) for item in review.rows})
    return render(
        "review/page.html",
        scripts=(*TABLES, *CHARTS, *SCRIPTS),
        allowed=FRAMES + (SAVES if served is not None else ""),
        count=len(review.rows),
        made_at=f"{review.made_at:%Y-%m-%d %H:%M}",
        review_styles=safe(asset("review/style.css")),
        served=served is not None,
        refused=review.refused,
        columns=COLUMNS,
        data=safe(_script_json(_data(review.rows, link_base, pinned, served))),
        folders=", ".join(parents) if len(parents) <= 5 else f"{len(parents)} folders",
    )


def _script_json(value: object) -> str:
    """JSON that cannot end the script element that it stands in."""
    text = json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _data(
    rows: Sequence[Reviewed], link_base: Path, pinned: Sequence[Path], served: Sequence[Path] | None
) -> Mapping[str, Any]:
    chosen = [str(path.resolve()) for path in pinned]
    marked = any(item.mark.mark for item in rows)
    numbers = {item.row.folder: number for number, item in enumerate(rows)}
    return {
        "columns": [
            {
                "key": column.key,
                "title": column.title,
                "unit": column.unit,
                "meaning": column.meaning,
                "first": column.first and (column.key != "mark" or marked or served is not None),
            }
            for column in COLUMNS
        ],
        "rows": [[_number(column.value(item)) for column in COLUMNS] for item in rows],
        "ids": [item.row.id for item in rows],
        "pages": [[PAGE_NAMES[Path(name).parts[0]] for name in item.row.pages] for item in rows],
        "links": [_links(item, link_base, served) for item in rows],
        "doubts": ["; ".join(item.row.flags) for item in rows],
        "revisions": [item.mark.revision for item in rows],
        "pinned": [numbers[folder] for folder in chosen if folder in numbers],
        "served": served is not None,
        "curves": _curves([item.row.curve for item in rows]),
        "settings": _settings([item.row.config for item in rows]),
    }


def _number(value: Any) -> Any:
    return float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value


def _links(item: Reviewed, link_base: Path, served: Sequence[Path] | None) -> list[str]:
    folder = Path(item.row.folder)
    if served is not None:
        return [f"run/{served.index(folder)}/{name}" for name in item.row.pages] if folder in served else []
    try:
        paths = [Path(os.path.relpath(folder / name, link_base.resolve())).as_posix() for name in item.row.pages]
        return [quote(path, errors="surrogateescape") for path in paths]
    except ValueError:  # on another drive
        return [(folder / name).as_uri() for name in item.row.pages]


def _curves(curves: Sequence[Curve | None]) -> Mapping[str, Any]:
    """Weekly log wealth in 65,535 steps between each run's lowest and highest."""
    content = bytearray()
    low = array("d")
    high = array("d")
    for curve in curves:
        logs = [math.log(max(value, 1e-12)) for value in curve.wealth] if curve else [0.0]
        low.append(min(logs))
        high.append(max(logs))
        span = (high[-1] - low[-1]) or 1.0
        content += struct.pack(f"<{len(logs)}H", *(round((value - low[-1]) / span * STEPS) for value in logs))
    return {
        "first": [curve.first_week if curve else 0 for curve in curves],
        "weeks": [len(curve.wealth) if curve else 1 for curve in curves],
        "low": list(low),
        "high": list(high),
        "steps": base64.b64encode(bytes(content)).decode(),
    }


def _settings(configs: Sequence[Mapping[str, str]]) -> Mapping[str, Any]:
    """The most frequent value of each setting once, and for each run the settings in which it differs."""
    values: dict[str, Counter[str | None]] = {}
    for config in configs:
        for path, text in config.items():
            values.setdefault(path, Counter())[text] += 1
    for counter in values.values():
        counter[None] = len(configs) - counter.total()
    usual = {path: counter.most_common(1)[0][0] for path, counter in values.items()}
    texts: dict[tuple[str, str | None], int] = {}
    differing = [
        [
            texts.setdefault((path, config.get(path)), len(texts))
            for path, text in usual.items()
            if config.get(path) != text
        ]
        for config in configs
    ]
    return {
        "common": {path: text for path, text in usual.items() if text is not None},
        "texts": [list(setting) for setting in texts],
        "own": differing,
    }
