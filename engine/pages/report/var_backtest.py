"""The exam of value at risk: forecasts of the evening before, held to what happened."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from core.number_format import format_4sig, p_value, percent, title
from engine.backtest.account_returns import BENCHMARK, STRATEGY
from engine.pages.svg_charts import GREY, INK, OCHRE, RED, bars, canvas, percent_axis, styled, svg
from engine.pages.templates import safe
from engine.results.outcome import Outcome
from risk.var.var_backtest import VarBacktest, VarTest

from . import Section, fill

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ORDER = 27
LINES = (("historical", RED), ("ewma", OCHRE))
"""The forecasts that are drawn where they were made: one that moves slowly, and a quick one."""


def section(outcome: Outcome) -> Section:
    """A table of tests for the strategy and for the benchmark, and a picture of the strategy's forecasts."""
    names = {STRATEGY: outcome.name, BENCHMARK: outcome.market.benchmark}
    strategy = outcome.exams[STRATEGY]
    picture = svg(draw(outcome.daily.index, strategy), _alt(outcome.name, strategy)) if strategy.results else ""
    return fill(
        "var_exam.html",
        "The exam of value at risk",
        exams=[
            (names[column], exam, [_row(paper) for paper in exam.results]) for column, exam in outcome.exams.items()
        ],
        picture=safe(picture),
        window=strategy.window,
        papers=any(exam.results for exam in outcome.exams.values()),
        remarks=[(names[column], flag) for column, exam in outcome.exams.items() for flag in _flags(exam)],
    )


def _flags(exam: VarBacktest) -> list[str]:
    """Each remark once, with the forecasts that it is about."""
    about: dict[str, list[str]] = {}
    for paper in exam.results:
        for flag in paper.flags:
            about.setdefault(flag, []).append(f"{title(paper.method)} {100 * paper.level:.10g} %")
    return [f"{', '.join(papers)}: {flag}" for flag, papers in about.items()]


def _row(paper: VarTest) -> dict[str, Any]:
    return {
        "name": f"{title(paper.method)} {100 * paper.level:.10g} %",
        "n": paper.n,
        "hits": paper.hits,
        "expected": f"{paper.expected:.1f}",
        "forecasts": [percent(paper.mean_var), percent(paper.mean_es)],
        "tests": [p_value(test.p_value) for test in (paper.kupiec, paper.independence, paper.z2)],
        "z2": format_4sig(paper.z2.statistic),
        "basel": paper.basel or "",
        "loss": format_4sig(10_000 * paper.tick_loss),
        "verdict": paper.verdict,
    }


def _alt(name: str, exam: VarBacktest) -> str:
    counts = ", ".join(
        f"{title(paper.method)} {paper.hits} hits, {paper.expected:.0f} expected" for paper in exam.results
    )
    return f"Daily returns of {name} and the value at risk forecast for each day: {counts}"


@styled
def draw(days: pd.Index, exam: VarBacktest) -> "Figure":
    """Returns as bars, forecasts at the first level as lines, and a dot for each hit of the first line."""
    figure, (axis,) = canvas(3.0, width=9.6)
    returns, level = pd.Series(exam.returns, index=days), exam.results[0].level
    found = exam.forecasts.var if exam.forecasts else {}
    lines = [(found[method, level], title(method), colour) for method, colour in LINES if (method, level) in found]
    bars(axis, returns, GREY)
    for line, name, colour in lines:
        axis.plot(days, line, color=colour, linewidth=0.9, label=f"{name} {100 * level:.10g} %")
    if lines:
        hits, label = exam.returns < lines[0][0], f"Hit of {lines[0][1]}"
        axis.plot(days[hits], exam.returns[hits], linestyle="", marker=".", markersize=3, color=INK, label=label)
        axis.legend(loc="upper left", ncols=3)
    low, high = np.quantile(exam.returns, [0.0005, 0.9995])
    if low < high:
        axis.set_ylim(1.25 * min(low, 0.0), 1.9 * max(high, 0.0))
    percent_axis(axis)
    return figure
