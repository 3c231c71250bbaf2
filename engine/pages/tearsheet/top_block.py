"""The template of the tear-sheet: our block on top, and below it the markers that quantstats fills.

No quantstats in this module; its statistics are handed in.
"""

from collections.abc import Iterator
from typing import Any

from core.number_format import format_value, percent, title
from engine.backtest.account_returns import BENCHMARK, COLUMNS, STRATEGY
from engine.pages.measure_warnings import flagged
from engine.pages.templates import render, render_part
from risk.periods import adjective

from .quantstats_differences import OTHER_FORMULAS, UNDEFINED, Annualisation, Compared, compare, signed
from .sheet_input import TearsheetInput

IN_MARKET = "Time in market"
VISIBLE = tuple(title(name) for name in ("alpha", "beta", "information_ratio", "profit_factor"))
"""Measures that the table of quantstats shows under the same name; where they differ, the page says so in the open."""
MENDED = (
    (
        "Cumulative Returns",
        "ticks of the axes have the decimals that they need: quantstats cuts them to whole per cent",
    ),
    ("Cumulative Returns (Log Scaled)", "the axis is logarithmic: that of quantstats is linear up to 200 %"),
    ("EOY Returns", "each pair of bars stands at its year; on pandas 3 quantstats draws them beside it"),
    ("Daily Returns", "returns of sessions: quantstats draws a running sum that falls to 0 on days without a session"),
    ("Rolling Beta", "begins with the first full window; quantstats begins with zeros"),
    ("Rolling Volatility, Sharpe, Sortino", "ticks have the decimals that they need"),
    ("Worst 5 Drawdown Periods", "the deepest ones are shaded; quantstats shades the longest"),
    (
        "Worst 10 Drawdowns, Max DD Period End",
        "the session at the former high, and “not yet” where there is none, as in the report; quantstats has the last "
        "session below it. Days are calendar days from the first to the last session below",
    ),
    ("Monthly Returns", "months outside the run are empty; quantstats shows 0 %"),
    ("Return Quantiles", "each period is counted once; quantstats repeats some and loses others"),
)
"""The pictures and dates that are not as quantstats has them, each with the reason. ``docs/reading.md`` lists them."""


def template(sheet: TearsheetInput, stats: Any) -> str:
    """The text that :func:`quantstats.reports.html` reads as its template; ``stats`` is `quantstats.stats`.

    What stands in it of the run cannot be taken for one of its markers: braces of a name are written as entities.
    """
    days = sheet.daily.index
    compared = list(_compared(sheet, stats))
    markers = [f"PLACE-{name}-" for name in SLOTS]
    page = render(
        "tearsheet.html",
        sheet=sheet,
        returns=f"{adjective(sheet.period)} returns",
        strategy=sheet.names[STRATEGY],
        benchmark=sheet.names[sheet.compared_with],
        first=f"{days[0]:%F}",
        last=f"{days[-1]:%F}",
        rows=list(_headline(sheet)),
        differing=[item for item in compared if item.differs],
        visible=[item for item in compared if item.differs and item.name in VISIBLE],
        alike=[item.name for item in compared if not item.differs],
        remarks=flagged(sheet.measures, sheet.names),
        mended=MENDED,
        other_formulas=OTHER_FORMULAS,
        undefined=UNDEFINED,
        marker=dict(zip(SLOTS, markers, strict=True)),
    )
    page = page.replace("{{", "&#123;&#123;")
    for name, marker in zip(SLOTS, markers, strict=True):
        page = page.replace(marker, "{{" + name + "}}")
    return page


def without_quantstats(text: str, reason: str) -> str:
    """The template with empty markers, and the reason in the first of them."""
    first, *others = SLOTS
    text = text.replace("{{" + first + "}}", render_part("tearsheet_missing.html", title="Tear-sheet", reason=reason))
    for name in others:
        text = text.replace("{{" + name + "}}", "")
    return text


SLOTS = (
    *("returns", "log_returns", "vol_returns", "eoy_returns", "monthly_dist", "daily_returns", "rolling_beta"),
    *("rolling_vol", "rolling_sharpe", "rolling_sortino", "dd_periods", "dd_plot", "monthly_heatmap", "returns_dist"),
    *("metrics", "eoy_title", "eoy_table", "dd_info", "v"),
)
"""The markers of quantstats' template, by name."""


def _headline(sheet: TearsheetInput) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Our measures, a text for each column."""
    yield (
        "Average gross exposure",
        tuple(percent(value) for value in (sheet.exposure.gross_mean, 1.0, sheet.exposure.gross_mean)),
    )
    for items in zip(*(sheet.measures[name] for name in COLUMNS), strict=True):
        yield title(items[0].name), tuple(format_value(item.value, item.unit) for item in items)


def _compared(sheet: TearsheetInput, stats: Any) -> Iterator[Compared]:
    """Our figures beside those of quantstats: the time in the market, and the measures."""
    terms = Annualisation(sheet.risk_free, max(1, round(sheet.periods_per_year)))
    strategy = sheet.daily[STRATEGY]
    our_time = sheet.exposure.time_in_market
    quantstats_time = float(stats.exposure(strategy, False))
    why = "quantstats has no data on positions: it counts sessions with a return, and rounds up to whole per cent"
    texts = percent(our_time), percent(quantstats_time)
    yield Compared(IN_MARKET, *texts, signed(quantstats_time - our_time, "fraction"), texts[0] != texts[1], why)
    measures = (*sheet.measures[STRATEGY], *sheet.further)
    given = sheet.daily[sheet.compared_with]
    yield from compare(measures, (strategy, given), terms, sheet.periods_per_year, stats, _benchmarks(sheet))


def _benchmarks(sheet: TearsheetInput) -> str:
    """That the page compares with another benchmark than our measures; empty where it is the same."""
    if sheet.compared_with == BENCHMARK:
        return ""
    return f"quantstats' benchmark is {sheet.names[sheet.compared_with]}, ours {sheet.names[BENCHMARK]} fully invested"
