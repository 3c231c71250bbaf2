"""Exposure over time, and turnover."""

import numpy as np
import pandas as pd

from engine.backtest.account_returns import session_exposure
from engine.pages.report.overview.answers import find
from engine.pages.report.section import Section, fill
from engine.pages.time_charts import Line, Panel, stride, stride_note, time_chart
from engine.results.measure_inputs import traded
from engine.results.outcome import Outcome

ORDER = 44


def section(outcome: Outcome) -> Section:
    """Mean gross and net exposure, the time in the market, and both over time."""
    return fill(
        "exposure.html",
        "Exposure and turnover",
        exposure=outcome.exposure,
        turnover=find(outcome, "turnover"),
        chart=exposure_chart(outcome),
    )


def exposure_chart(outcome: Outcome) -> str:
    """Exposure of each session, the mean at its closes, and what was traded in the sessions of the month before it."""
    days = pd.DatetimeIndex(outcome.daily.index)
    month = max(1, round(outcome.periods_per_year / 12))
    moved = pd.Series(traded(outcome.result, days)).rolling(month, min_periods=1).sum()
    step = stride(len(days))
    moved = moved[::-step][::-1]
    days = days[::-step][::-1]
    lines = [
        Line("gross", session_exposure(outcome.result, days), "blue", fill=True),
        Line("net", session_exposure(outcome.result, days, "net_exposure"), "ochre"),
    ]
    turnover = Line("traded", np.asarray(moved, dtype=np.float64), "grey", fill=True)
    return time_chart(
        days,
        [
            Panel("Exposure, share of the account", lines, height=130, zero=True),
            Panel(f"Traded in {month} sessions, share of the account", [turnover], height=80, zero=True),
        ],
        f"Gross and net exposure of {outcome.name} by session, and the value traded.",
        note=stride_note(step),
    )
