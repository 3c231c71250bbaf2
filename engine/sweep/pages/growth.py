"""Growth of a sweep's winner beside the benchmark, by the two rules that the page and its tests compare by."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from core.number_format import percent
from core.types import Vector
from engine.backtest.account_returns import AT_EXPOSURE, STRATEGY
from engine.pages.time_charts import Colour, Line, Panel, time_chart
from engine.sweep.judgement.assess import SweepAssessment, WinnerTests


def growth(assessment: SweepAssessment) -> str:
    """Growth of 1: the best trials, the selection and the benchmark, and where nine in ten stored trials lie."""
    if assessment.winner_tests is None:
        return ""
    days = pd.DatetimeIndex(assessment.plan.span.sessions)
    lines = [
        Line(name, np.asarray(np.cumprod(1.0 + returns), dtype=np.float64), colour, hidden=hidden)
        for name, returns, colour, hidden in curves(assessment, assessment.winner_tests)
    ]
    returns = assessment.sample.returns
    if returns.shape[1] > 1:
        low, high = np.quantile(np.cumprod(1.0 + returns, axis=0), [0.05, 0.95], axis=1)
        lines += [Line("1 in 20 trials lies below", low, "violet"), Line("1 in 20 trials lies above", high, "green")]
    text = "Growth of the winner, of the walk-forward selection and of the benchmark at the winner's exposure."
    return time_chart(days, [Panel("Growth of 1", lines, unit="price", height=260, log=True)], text)


def curves(assessment: SweepAssessment, winner_tests: WinnerTests) -> Iterator[tuple[str, Vector, Colour, bool]]:
    """Name, daily returns and colour of each line of the growth chart, and whether it is hidden at first."""
    sessions = assessment.plan.span.sessions
    symbol = assessment.plan.market.benchmark
    yield "winner", assessment.winner.returns_over(sessions), "blue", False
    if winner_tests.selection is not None:
        yield "walk-forward selection", winner_tests.selection.returns, "ochre", False
    yield f"{symbol} at the winner's exposure", _at_exposure(assessment), "ink", False
    at_volatility = _at_volatility(assessment)
    if at_volatility is not None:
        yield f"{symbol} at the winner's volatility", at_volatility, "red", True


def _at_exposure(assessment: SweepAssessment) -> Vector:
    """(D,) returns of the benchmark held at the winner's exposure of each session."""
    returns = assessment.winner.daily[AT_EXPOSURE].reindex(assessment.plan.span.sessions)
    return np.asarray(returns, dtype=np.float64)


def _at_volatility(assessment: SweepAssessment) -> Vector | None:
    """(D,) returns of the benchmark, scaled to the winner's volatility; None if they do not vary."""
    deviation = float(assessment.benchmark.std(ddof=1))
    wanted = float(assessment.winner.daily[STRATEGY].reindex(assessment.plan.span.sessions).std(ddof=1))
    return assessment.benchmark * wanted / deviation if deviation > 0 else None


def benchmarks(assessment: SweepAssessment) -> str:
    """The winner beside the benchmark at equal exposure, as on the page, and at equal volatility, as in a test."""
    at_volatility = _at_volatility(assessment) if assessment.winners else None
    if at_volatility is None:
        return ""
    sessions = assessment.plan.span.sessions
    winner, exposed, scaled = (
        float(np.nanprod(1.0 + returns) - 1.0)
        for returns in (assessment.winner.returns_over(sessions), _at_exposure(assessment), at_volatility)
    )
    return benchmarks_in_words(assessment.plan.market.benchmark, winner, exposed, scaled)


def benchmarks_in_words(symbol: str, winner: float, exposed: float, scaled: float) -> str:
    """Total returns of the winner and of the benchmark by two rules, so that neither is taken for the other.

    >>> benchmarks_in_words("index", 0.0075, 0.0014, 0.0113)
    "Over the shared span the winner has a total return of 0.7500 %: more than index at the winner's exposure of each \
session (0.1400 %), less than index at the winner's volatility (1.130 %), a position of one small size held all the \
time, with which the test “superiority to buy and hold” compares."
    """
    first, second = (
        "more" if winner > other else "not more" if winner == other else "less" for other in (exposed, scaled)
    )
    return (
        f"Over the shared span the winner has a total return of {percent(winner)}: {first} than {symbol} at the "
        f"winner's exposure of each session ({percent(exposed)}), {second} than {symbol} at the winner's volatility "
        f"({percent(scaled)}), a position of one small size held all the time, with which the test “superiority to buy "
        "and hold” compares."
    )
