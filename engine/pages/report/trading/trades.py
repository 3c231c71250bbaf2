"""Trades on the price chart of each symbol."""

import numpy as np
import pandas as pd

from core.clock import sessions
from core.types import Bars
from engine.pages.report.section import Section, fill
from engine.pages.time_charts import Line, Panel, time_chart
from engine.results.outcome import Outcome

from .trade_marks import fill_kinds, marks

ORDER = 40
ALL_POINTS = 16_000
"""Points of all price charts together, so that the page stays small with many symbols."""
LEAST_POINTS = 400
MOST_CHARTS = 12
MOST_MARKS = 1000
"""Fills in the charts of the page, all symbols together."""


def section(outcome: Outcome) -> Section:
    """A chart for each of the symbols with the max_marks fills; a sentence where nothing was filled."""
    counts = outcome.result.fills["symbol"].value_counts()
    shown = [str(symbol) for symbol in counts.index[:MOST_CHARTS]]
    max_marks = max(1, MOST_MARKS // max(1, len(shown)))
    charts = [(symbol, price_chart(outcome, symbol, max_marks, ALL_POINTS // len(shown))) for symbol in shown]
    return fill("trades.html", "Trades on the price chart", charts=charts, symbols=len(counts))


def price_chart(outcome: Outcome, symbol: str, max_marks: int, points: int) -> str:
    """Close of a symbol from the first decision on, with its fills.

    Parameters
    ----------
    max_marks : fills in the chart; of more, the last ones.
    points : bars in the chart; more are reduced.
    """
    bars = outcome.market.bars[symbol].between(*outcome.span)
    kinds = fill_kinds(outcome.result, symbol)
    last = kinds.tail(max_marks)
    note = (
        f"The last {len(last):,} of {len(kinds):,} fills; all are in fills.parquet." if len(last) < len(kinds) else ""
    )
    panel = Panel(
        f"{symbol}, close",
        [Line("Close", np.asarray(bars.close, dtype=np.float64), "grey")],
        unit="price",
        height=240,
        log=True,
        marks=list(marks(last, bars)),
    )
    sentence = f"Closes of {symbol} with {len(last):,} fills: entries, exits, stops and changes of size."
    return time_chart(_days(bars, outcome), [panel], sentence, note=note, points=max(LEAST_POINTS, points))


def _days(bars: Bars, outcome: Outcome) -> pd.DatetimeIndex:
    """Sessions for daily bars, closes in UTC for several bars a session."""
    days = pd.DatetimeIndex(sessions(bars.times, outcome.market.zone))
    return days if days.is_unique else bars.times.tz_localize(None)
