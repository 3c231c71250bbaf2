"""The first screen: verdict, five answers, and the account over time beside the benchmark."""

import numpy as np
import pandas as pd

from core.number_format import money
from core.types import Vector
from engine.backtest.account_returns import AT_EXPOSURE, BENCHMARK, STRATEGY
from engine.pages.report.section import Section, fill
from engine.pages.time_charts import Colour, Line, Panel, time_chart
from engine.results.drawdowns import under_water
from engine.results.outcome import Outcome

from .answers import answers

ORDER = 0


def section(outcome: Outcome) -> Section:
    """The verdict in one sentence, the answers, and one chart of two panels."""
    return fill(
        "overview.html",
        "",
        verdict=outcome.verdict,
        warnings=outcome.market.warnings,
        notes=outcome.market.notes,
        answers=answers(outcome),
        names=outcome.names,
        chart=account_chart(outcome),
    )


def account_chart(outcome: Outcome) -> str:
    """Equity and drawdown, of the strategy and of the benchmark at the same exposure; the full benchmark by a tick."""
    days = pd.DatetimeIndex(outcome.daily.index)
    final = float(outcome.result.equity["equity"].iloc[-1])
    strategy, full, scaled = (outcome.names[column] for column in (STRATEGY, BENCHMARK, AT_EXPOSURE))
    columns: tuple[tuple[str, str, Colour, bool], ...] = (
        (strategy, STRATEGY, "blue", False),
        (scaled, AT_EXPOSURE, "ochre", False),
        (full, BENCHMARK, "grey", True),
    )
    equity = [Line(label, _wealth(outcome, column), colour, hidden) for label, column, colour, hidden in columns]
    falls = [
        Line(label, _fall(outcome, column), colour, hidden, fill=column == STRATEGY, fall_of=label)
        for label, column, colour, hidden in columns
    ]
    sentence = (
        f"Equity of {strategy} from {money(outcome.result.cash)} to {money(final)}, beside {scaled}, "
        f"and the drawdown of both, {days[0]:%F} to {days[-1]:%F}."
    )
    return time_chart(
        days,
        [
            Panel("Equity, money", equity, unit="money", height=160, log=True),
            Panel("Drawdown from the last high", falls, height=76, zero=True, short="drawdown"),
        ],
        sentence,
        start=outcome.result.cash,
    )


def _wealth(outcome: Outcome, column: str) -> Vector:
    return np.asarray(outcome.result.cash * (1.0 + outcome.daily[column]).cumprod(), dtype=np.float64)


def _fall(outcome: Outcome, column: str) -> Vector:
    return np.asarray(under_water(outcome.daily[column]), dtype=np.float64)
