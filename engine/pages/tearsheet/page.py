"""The tear-sheet's page: what stands where. No quantstats in this module; it is handed in."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from core.number_format import format_value, percent, title
from engine.backtest.account_returns import BENCHMARK, COLUMNS, STRATEGY
from engine.pages.measure_warnings import flagged
from engine.pages.templates import render
from risk.periods import adjective
from risk.returns import warnings_of

from .chart_list import Album
from .charts import monthly_table, yearly
from .key_figures import Series, Terms, against, groups
from .quantstats_differences import Annualisation, Compared, compare, signed
from .sheet_input import TearsheetInput

IN_MARKET = "Time in market"
GAIN, LOSS = "27, 94, 156", "181, 56, 47"


@dataclass(frozen=True)
class Line:
    """A line of the headline table.

    Attributes
    ----------
    cells : one text a column of ``daily``.
    quantstats : its figure of the strategy; empty where it has none.
    differs : whether it reads otherwise than ours.
    about : period, sample and formula.
    """

    name: str
    cells: tuple[str, ...]
    quantstats: str
    differs: bool
    about: str


def page(sheet: TearsheetInput, quantstats: Any) -> str:
    """The whole page; ``quantstats`` is the module."""
    terms = Terms(sheet.risk_free, sheet.periods_per_year, sheet.period)
    columns = {name: Series.of(sheet.daily[name], terms) for name in COLUMNS}
    album = Album(sheet, terms)
    days = sheet.daily.index
    compared = list(_compared(sheet, quantstats.stats))
    return render(
        "tearsheet.html",
        sheet=sheet,
        returns=f"{adjective(sheet.period)} returns",
        names=sheet.names,
        first=f"{days[0]:%F}",
        last=f"{days[-1]:%F}",
        headline=[*_exposures(sheet, compared[0]), *_headline(sheet, compared)],
        differing=[item for item in compared if item.differs],
        alike=[item.name for item in compared if not item.differs],
        remarks=flagged(sheet.measures, sheet.names),
        warnings=warnings_of(columns[STRATEGY].values, terms.periods),
        pictures=album.pictures,
        omitted=album.omitted,
        months=_months(sheet.daily[STRATEGY]),
        groups=list(groups(list(columns.values()), terms)),
        against=against(columns[STRATEGY], columns[BENCHMARK]),
        years=yearly(sheet.daily).reset_index(names="year").to_dict("records"),
        drawdowns=columns[STRATEGY].falls.nsmallest(10, "depth").to_dict("records"),
        version=quantstats.__version__,
    )


def _compared(sheet: TearsheetInput, stats: Any) -> Iterator[Compared]:
    """Our figures beside those of quantstats: the time in the market, and the measures."""
    terms = Annualisation(sheet.risk_free, max(1, round(sheet.periods_per_year)))
    strategy = sheet.daily[STRATEGY]
    benchmark = sheet.daily[BENCHMARK]
    our_time = sheet.exposure.time_in_market
    quantstats_time = float(stats.exposure(strategy, False))
    why = "quantstats has no data on positions: it counts sessions with a return, and rounds up to whole per cent"
    texts = percent(our_time), percent(quantstats_time)
    yield Compared(IN_MARKET, *texts, signed(quantstats_time - our_time, "fraction"), texts[0] != texts[1], why)
    measures = (*sheet.measures[STRATEGY], *sheet.further)
    yield from compare(measures, (strategy, benchmark), terms, sheet.periods_per_year, stats)


def _exposures(sheet: TearsheetInput, time: Compared) -> Iterator[Line]:
    invested = sheet.exposure
    mean = percent(invested.gross_mean)
    full = percent(1.0)
    n = invested.n
    about = f"whole span, n = {n} closes: sum of |position value| / account value; quantstats has no data on positions"
    yield Line("Average gross exposure", (mean, full, mean), "", False, about)
    about = f"whole span, n = {n}: closes with a position / closes"
    yield Line(time.name, (time.ours, full, full), time.quantstats, time.differs, about)


def _headline(sheet: TearsheetInput, compared: list[Compared]) -> Iterator[Line]:
    by_name = {item.name: item for item in compared}
    for items in zip(*(sheet.measures[name] for name in COLUMNS), strict=True):
        first = items[0]
        name = title(items[0].name)
        other = by_name.get(name)
        cells = tuple(format_value(item.value, item.unit) for item in items)
        about = f"{first.period}, n = {first.n}: {first.formula}"
        yield Line(name, cells, other.quantstats if other else "", bool(other and other.differs), about)


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
