"""The tear-sheet: quantstats' own report of one run, guarded and mended. The only importer of quantstats.

quantstats is imported, and the page is made, in a child process while the run goes on: see :func:`background`.
"""

import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from core.errors import DataError
from engine.run_folder.child_process import helper

from .figures import BENCHMARK, STRATEGY, drawn_once
from .sheet_input import TearsheetInput
from .top_block import template, without_quantstats

MIN_RETURNS = 22
"""Returns below which quantstats' annual figures are noise: a month of sessions."""
NOT_DRAWN = "the process that draws the tear-sheet died; if memory ran out, free some, or set report.tearsheet=false"


def problem(daily: pd.DataFrame) -> str:
    """The reason why these returns have no tear-sheet; empty if there can.

    quantstats would answer all of these with numbers: it drops NaN, replaces infinity, and takes returns that are never
    negative and somewhere above 1 for prices.
    """
    if len(daily) < MIN_RETURNS:
        return f"{len(daily)} returns are fewer than {MIN_RETURNS}; run it over a longer span"
    for column in daily.columns:
        values = daily[column].to_numpy()
        bad = ~np.isfinite(values) | (values < -1.0)
        if bad.any():
            row = int(bad.argmax())
            return f"the {column} return of {daily.index[row]:%F} is {values[row]}; it must be finite and at least -1"
        if values.min() >= 0.0 and values.max() > 1.0:
            highest = f"{values.max():.4g}"
            return f"the {column} returns are never negative and reach {highest}; quantstats takes such for prices"
    return ""


def write_tearsheet(sheet: TearsheetInput, path: Path) -> Path:
    """Write the tear-sheet's page.

    Raises
    ------
    DataError
        The returns are not such as quantstats reads rightly; see :func:`problem`.
    """
    reason = problem(sheet.daily)
    if reason:
        raise DataError(f"no tear-sheet of {sheet.name}: {reason}")
    with _quiet():
        path.write_text(page(sheet, _load()), encoding="utf-8")
    return path


def page(sheet: TearsheetInput, quantstats: Any) -> str:
    """The whole page, as :func:`quantstats.reports.html` makes it from our template.

    Where quantstats fails on unusual returns, as on those of an account that never traded, our part stands alone and
    says so.
    """
    text = template(sheet, quantstats.stats)
    try:
        return _filled(sheet, quantstats, text)
    except Exception as error:  # whatever it raises: the page says it, and the run goes on
        reason = (
            f"quantstats cannot make its part of this page from these returns: {str(error) or type(error).__name__}"
        )
        return without_quantstats(text, reason)


def _filled(sheet: TearsheetInput, quantstats: Any, text: str) -> str:
    with TemporaryDirectory() as folder, drawn_once(quantstats, sheet.period):
        source = Path(folder) / "template.html"
        target = Path(folder) / "page.html"
        source.write_text(text, encoding="utf-8")
        quantstats.reports.html(
            sheet.daily["strategy"].copy(),
            sheet.daily[sheet.compared_with].copy(),
            rf=sheet.risk_free,
            title="",
            output=str(target),
            periods_per_year=max(1, round(sheet.periods_per_year)),
            template_path=str(source),
            match_dates=False,
            strategy_title=STRATEGY,
            benchmark_title=BENCHMARK,
        )
        return target.read_text(encoding="utf-8").replace("\ufe6a", "")  # a sign behind CAGR that fonts lack


Submit: TypeAlias = Callable[[TearsheetInput, Path], "Future[Path]"]


@contextmanager
def background() -> Iterator[Submit]:
    """A child process that imports quantstats at once and writes tear-sheets when they are submitted.

    The import takes about 2 s; see :func:`engine.run_folder.child_process.helper`.

    Raises
    ------
    StoreError
        The process died.
    """
    with helper(_load_quietly, NOT_DRAWN) as pool:
        yield lambda sheet, path: pool.submit(write_tearsheet, sheet, path)


def _load_quietly() -> None:
    with _quiet():
        _load()


def _load() -> Any:
    """The module quantstats; its pictures are not used, so it needs no screen."""
    import matplotlib as mpl

    mpl.use("svg")
    import quantstats

    return quantstats


@contextmanager
def _quiet() -> Iterator[None]:
    """Let pass what quantstats and its imports warn of on today's pandas, and its 0 / 0: the page says `n/a` there."""
    with warnings.catch_warnings(), np.errstate(divide="ignore", invalid="ignore"):
        for package in ("quantstats", "yfinance", "seaborn"):
            warnings.filterwarnings("ignore", module=rf"{package}(\.|$)")
        yield
