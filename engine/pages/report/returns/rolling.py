"""Rolling Sharpe ratio, volatility and beta over half a year."""

import math

import numpy as np
import pandas as pd

from core.types import Vector
from engine.backtest.account_returns import AT_EXPOSURE, BENCHMARK, STRATEGY
from engine.pages.report.section import Section, fill
from engine.pages.rolling_figures import rolling_beta, rolling_sharpe, rolling_volatility
from engine.pages.time_charts import Colour, Line, Panel, stride, stride_note, time_chart
from engine.results.outcome import Outcome
from risk.periods import period_rate

ORDER = 23


def section(outcome: Outcome) -> Section:
    """One chart of three panels; a sentence where the run is too short for it."""
    window = max(2, math.ceil(outcome.periods_per_year / 2))
    returns = len(outcome.daily)
    chart = rolling_chart(outcome, window) if returns > window else ""
    return fill("rolling.html", "Rolling figures", chart=chart, window=window, returns=returns)


def rolling_chart(outcome: Outcome, window: int) -> str:
    """Sharpe ratio and volatility of the strategy and of the benchmark at its exposure; beta to the benchmark."""
    every = stride(len(outcome.daily))
    days = pd.DatetimeIndex(outcome.daily.index)[::-every][::-1]
    year = outcome.periods_per_year
    rate = period_rate(outcome.risk_free, year)
    columns: tuple[tuple[str, Colour], ...] = ((STRATEGY, "blue"), (AT_EXPOSURE, "ochre"))
    strategy = outcome.daily[STRATEGY]
    benchmark = outcome.daily[BENCHMARK]
    sharpes = [
        Line(outcome.names[column], _on(days, rolling_sharpe(outcome.daily[column] - rate, window, year)), colour)
        for column, colour in columns
    ]
    volatilities = [
        Line(outcome.names[column], _on(days, rolling_volatility(outcome.daily[column], window, year)), colour)
        for column, colour in columns
    ]
    beta = Line(outcome.names[STRATEGY], _on(days, rolling_beta(strategy, benchmark, window)), "blue")
    return time_chart(
        days,
        [
            Panel("Sharpe ratio, a year", sharpes, unit="ratio", height=130, short="Sharpe"),
            Panel("Volatility, a year", volatilities, height=110, zero=True, short="volatility"),
            Panel(f"Beta to {outcome.market.benchmark}", [beta], unit="ratio", height=110, short="beta"),
        ],
        f"Sharpe ratio, volatility and beta over the last {window} sessions.",
        note=stride_note(every),
    )


def _on(days: pd.DatetimeIndex, series: pd.Series) -> Vector:
    return np.asarray(series.reindex(days), dtype=np.float64)
