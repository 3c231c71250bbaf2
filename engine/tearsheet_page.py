"""The tear-sheet's page: what stands where. No quantstats in this module; it is handed in."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import pandas as pd

from engine.accounts import BENCHMARK, COLUMNS, STRATEGY
from engine.flags import flagged
from engine.numerals import percent, shown, title
from engine.page import render
from engine.tearsheet_album import Album
from engine.tearsheet_figures import Series, Terms, against, groups
from engine.tearsheet_pictures import monthly_table, yearly

if TYPE_CHECKING:
    from engine.tearsheet import TearsheetInput

GAIN, LOSS = "27, 94, 156", "181, 56, 47"
Stat: TypeAlias = Callable[[Any, pd.Series, Terms], float]
THEIRS: Mapping[str, Stat] = {
    "total_return": lambda q, daily, _: q.comp(daily),
    "cagr": lambda q, daily, t: q.cagr(daily, 0.0, True, t.periods),
    "volatility": lambda q, daily, t: q.volatility(daily, t.periods, True, False),
    "sharpe": lambda q, daily, t: q.sharpe(daily, t.risk_free, t.periods, True),
    "sortino": lambda q, daily, t: q.sortino(daily, t.risk_free, t.periods, True),
    "max_drawdown": lambda q, daily, _: q.max_drawdown(daily),
    "calmar": lambda q, daily, t: q.calmar(daily, False, t.periods),
}
"""What quantstats calls by the same name as our measures."""
TAILS = {"value_at_risk": "value_at_risk", "expected_shortfall": "conditional_value_at_risk"}
"""The same for measures whose name ends in their level; quantstats' functions."""


@dataclass(frozen=True)
class Line:
    """A line of the headline table.

    Attributes
    ----------
    cells : one text a column of ``daily``.
    theirs : quantstats' figure of the strategy; empty where it has none.
    differs : whether it reads otherwise than ours.
    about : period, sample and formula.
    """

    name: str
    cells: tuple[str, ...]
    theirs: str
    differs: bool
    about: str


def page(sheet: "TearsheetInput", quantstats: Any) -> str:
    """The whole page; ``quantstats`` is the module."""
    terms = Terms(sheet.risk_free, max(1, round(sheet.periods_per_year)))
    columns = [Series.of(sheet.daily[name]) for name in COLUMNS]
    album = Album(sheet, terms, quantstats.stats)
    days = sheet.daily.index
    return render(
        "tearsheet.html",
        sheet=sheet,
        terms=terms,
        names=sheet.names,
        first=f"{days[0]:%F}",
        last=f"{days[-1]:%F}",
        headline=[*_exposures(sheet, quantstats.stats), *_headline(sheet, terms, quantstats.stats)],
        remarks=flagged(sheet.measures, sheet.names),
        pictures=album.pictures,
        omitted=album.omitted,
        months=_months(sheet.daily[STRATEGY]),
        groups=list(groups(columns, terms, quantstats.stats)),
        against=against(sheet.daily[STRATEGY], sheet.daily[BENCHMARK], terms, quantstats.stats),
        years=yearly(sheet.daily).reset_index(names="year").to_dict("records"),
        drawdowns=columns[0].falls.nsmallest(10, "depth").to_dict("records"),
        version=quantstats.__version__,
    )


def _exposures(sheet: "TearsheetInput", stats: Any) -> Iterator[Line]:
    invested = sheet.exposure
    mean, n = percent(invested.gross_mean), invested.n
    about = (
        f"whole span, n = {n} closes: sum of |position value| / account value; quantstats does not know the positions"
    )
    yield Line("Average gross exposure", (mean, percent(1.0), mean), "", False, about)
    ours, theirs = percent(invested.time_in_market), percent(float(stats.exposure(sheet.daily[STRATEGY], False)))
    about = f"whole span, n = {n} closes with a position; quantstats: days with a return, rounded up to whole per cent"
    yield Line("Time in market", (ours, percent(1.0), percent(1.0)), theirs, theirs != ours, about)


def _headline(sheet: "TearsheetInput", terms: Terms, stats: Any) -> Iterator[Line]:
    for items in zip(*(sheet.measures[name] for name in COLUMNS), strict=True):
        first = items[0]
        found = _theirs(first.name, sheet.daily[STRATEGY], terms, stats)
        theirs = "" if found is None else shown(found, first.unit)
        cells = tuple(shown(item.value, item.unit) for item in items)
        about = f"{first.period}, n = {first.n}: {first.formula}"
        yield Line(title(first.name), cells, theirs, bool(theirs) and theirs != cells[0], about)


def _theirs(name: str, daily: pd.Series, terms: Terms, stats: Any) -> float | None:
    """The figure that quantstats has by the same name; None if it has none."""
    kind, _, level = name.rpartition("_")
    if kind in TAILS:
        return float(getattr(stats, TAILS[kind])(daily, 1, float(level) / 100.0, False))
    return float(THEIRS[name](stats, daily, terms)) if name in THEIRS else None


def _months(strategy: pd.Series) -> list[dict[str, Any]]:
    """The monthly table's rows, with colours by size."""
    table = monthly_table(strategy) * 100.0
    largest = float(table.drop(columns="year").abs().max().max()) or 1.0
    digits = min(4, max(0, 2 - math.floor(math.log10(largest))))
    return [
        {"year": year, "cells": [_cell(value, largest, digits) for value in row]}
        for year, row in zip(table.index, table.to_numpy(), strict=True)
    ]


def _cell(value: float, largest: float, digits: int) -> dict[str, str]:
    if math.isnan(value):
        return {"text": "", "colour": ""}
    strength = min(1.0, abs(value) / largest) ** 0.7 * 0.5
    colour = f"rgba({GAIN if value > 0 else LOSS}, {strength:.2f})" if strength >= 0.01 else ""
    return {"text": f"{value:.{digits}f}", "colour": colour}
