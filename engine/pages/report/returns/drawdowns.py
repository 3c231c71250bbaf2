"""The deepest drawdowns of the strategy and of the benchmark at its exposure."""

from typing import Any

from engine.backtest.account_returns import AT_EXPOSURE, STRATEGY
from engine.pages.report.section import Section, fill
from engine.results.drawdowns import stretches
from engine.results.outcome import Outcome

ORDER = 26
DEEPEST = 10


def section(outcome: Outcome) -> Section:
    """A table for each."""
    tables = [(outcome.names[column], _deepest(outcome, column)) for column in (STRATEGY, AT_EXPOSURE)]
    return fill("drawdowns.html", "Drawdowns", tables=tables)


def _deepest(outcome: Outcome, column: str) -> list[dict[str, Any]]:
    rows = stretches(outcome.daily[column]).nsmallest(DEEPEST, "depth").to_dict("records")
    return [{str(key): value for key, value in row.items()} for row in rows]
