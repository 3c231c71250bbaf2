"""Decisions as a table on the terminal."""

import math
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from core.number_format import money
from serving.decisions import Decision, Decisions
from strategies._rule_calls import SIGNAL

MAIN = ("symbol", "close", "prediction", "confidence", "side", "value", "units")
MORE = ("interval", "entry", "stop", "target", "reason")
"""Headings of columns; those of ``MORE`` without a cell are left out."""
WIDE = 110
"""Columns of a terminal that is wide enough for all in one table."""
SIDES = {1: "long", -1: "short", 0: "flat"}


def show_decisions(decisions: Decisions, name: str, console: Console | None = None) -> None:
    """Print decisions, a row for each symbol, and every warning below them."""
    console = console or Console(highlight=False)
    console.print(f"{name}: at {decisions.time:%Y-%m-%d %H:%M} UTC, sizes for an account of {money(decisions.account)}")
    cells = [_cells(row) for row in decisions.rows]
    more = [heading for heading in MORE if any(row[heading] for row in cells)]
    if console.width >= WIDE or not more:
        console.print(_table(cells, (*MAIN, *more)))
    else:
        console.print(_table(cells, MAIN))
        console.print(_table(cells, (MAIN[0], *more)))
    for row in decisions.rows:
        for text in row.warnings:
            console.print(f"warning   {row.symbol}: {text}")
    for text in decisions.warnings:
        console.print(f"warning   {text}")


def _table(cells: Sequence[dict[str, str]], headings: Sequence[str]) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in headings:
        table.add_column(heading, justify="left" if heading in ("symbol", "reason") else "right", overflow="fold")
    for row in cells:
        table.add_row(*(row[heading] for heading in headings))
    return table


def _cells(row: Decision) -> dict[str, str]:
    """The texts of a row, by heading; empty for what is not known."""
    prices = {"entry": row.entry, "stop": row.stop, "target": row.target}
    return {
        "symbol": row.symbol,
        "close": f"{row.close:.6g}",
        "prediction": "none" if math.isnan(row.prediction) else f"{100 * row.prediction:.3g} %",
        "confidence": "" if math.isnan(row.confidence) else f"{row.confidence:.3f}",
        "side": SIDES[row.side] if row.weight in (0.0, 1.0) else f"{SIDES[row.side]} {row.weight:.3g}",
        "value": money(row.value) if row.side else "",
        "units": f"{row.units:.6g}" if row.side else "",
        "interval": "" if math.isnan(row.low) else f"{100 * row.low:.3g} to {100 * row.high:.3g} %",
        **{heading: "" if math.isnan(price) else f"{price:.6g}" for heading, price in prices.items()},
        "reason": "" if row.reason == SIGNAL else row.reason,
    }
