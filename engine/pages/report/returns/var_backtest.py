"""VaR backtest: forecasts of value at risk made at the close before, compared with the returns."""

from typing import Any

import numpy as np
import pandas as pd

from core.number_format import format_4sig, p_value, percent, title
from core.types import Vector
from engine.backtest.account_returns import BENCHMARK, STRATEGY
from engine.pages.report.section import Section, fill
from engine.pages.time_charts import Colour, Line, Marks, Panel, time_chart
from engine.results.outcome import Outcome
from risk.var.var_backtest import VarBacktest, VarTest

ORDER = 27
LINES: tuple[tuple[str, Colour], ...] = (("historical", "red"), ("ewma", "ochre"))
"""The forecasts that are drawn where they were made: one that moves slowly, and a quick one."""
RESULTS = {
    "passes": "passes",
    "too many hits": "too many",
    "too few hits": "too few",
    "hits cluster": "clustered",
    "shortfall too small": "ES too small",
}
"""The phrases of a recorded verdict, as the table shows them."""


def section(outcome: Outcome) -> Section:
    """A table of tests for the strategy and for the benchmark, and a picture of the strategy's forecasts."""
    names = {STRATEGY: outcome.name, BENCHMARK: outcome.market.benchmark}
    strategy = outcome.exams[STRATEGY]
    days = pd.DatetimeIndex(outcome.daily.index)
    picture = time_chart(days, [forecast_panel(strategy)], f"{_alt(outcome, strategy)}.") if strategy.results else ""
    return fill(
        "var_exam.html",
        "VaR backtest",
        exams=[(names[column], exam, [_row(test) for test in exam.results]) for column, exam in outcome.exams.items()],
        picture=picture,
        window=strategy.window,
        adjective=outcome.calendar.adjective,
        papers=any(exam.results for exam in outcome.exams.values()),
        remarks=[(names[column], flag) for column, exam in outcome.exams.items() for flag in _flags(exam)],
    )


def _flags(exam: VarBacktest) -> list[str]:
    """Each remark once, with the forecasts that it is about."""
    about: dict[str, list[str]] = {}
    for test in exam.results:
        for flag in test.flags:
            about.setdefault(flag, []).append(f"{title(test.method)} {100 * test.level:.10g} %")
    return [f"{', '.join(papers)}: {flag}" for flag, papers in about.items()]


def _row(test: VarTest) -> dict[str, Any]:
    return {
        "name": f"{title(test.method)} {100 * test.level:.10g} %",
        "n": test.n,
        "hits": test.hits,
        "expected": f"{test.expected:.1f}",
        "forecasts": [percent(test.mean_var), percent(test.mean_es)],
        "tests": [p_value(result.p_value) for result in (test.kupiec, test.independence, test.z2)],
        "z2": format_4sig(test.z2.statistic),
        "basel": test.basel or "",
        "loss": format_4sig(10_000 * test.tick_loss),
        "verdict": _result(test.verdict),
    }


def _result(verdict: str) -> str:
    """The verdict in the words of the table.

    >>> _result("too many hits, hits cluster")
    'too many, clustered'
    """
    return ", ".join(RESULTS[phrase] for phrase in verdict.split(", "))


def _alt(outcome: Outcome, exam: VarBacktest) -> str:
    counts = ", ".join(
        f"{title(test.method)} {test.hits} exceedances, {test.expected:.0f} expected" for test in exam.results
    )
    returns = f"{outcome.calendar.adjective.capitalize()} returns of {outcome.name}"
    return f"{returns} and the value at risk forecast for each {outcome.calendar.period}: {counts}"


def forecast_panel(exam: VarBacktest) -> Panel:
    """Returns as bars, forecasts at the first level as lines, and a mark for each exceedance of the first line."""
    level = exam.results[0].level
    forecasts = exam.forecasts.var if exam.forecasts else {}
    drawn = [
        (f"{title(method)} {100 * level:.10g} %", forecasts[method, level], colour)
        for method, colour in LINES
        if (method, level) in forecasts
    ]
    lines = [Line("Return", exam.returns, "grey", bars=True), *(Line(*line) for line in drawn)]
    marks = tuple(_exceedances(exam.returns, values, name) for name, values, _ in drawn[:1])
    return Panel("Return and forecast", lines, height=220, marks=marks)


def _exceedances(returns: Vector, forecast: Vector, name: str) -> Marks:
    rows = np.flatnonzero(returns < forecast)
    none = np.full(len(rows), np.nan)
    words = ["return below the value at risk:"] * len(rows)
    return Marks(f"Exceedances of {name}", rows, returns[rows], words, none, none, "dot", "ink")
