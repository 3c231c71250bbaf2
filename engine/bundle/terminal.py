"""Decisions as a table on the terminal."""

import math

from rich.console import Console
from rich.table import Table

from core.number_format import money, percent

from .decide import Decision, Decisions

HEADINGS = ("symbol", "close", "prediction", "interval", "confidence", "side", "value", "units", "stop", "target")
"""Of the columns; those without a cell are left out."""
SIDES = {1: "long", -1: "short", 0: "flat"}


def show_decisions(decisions: Decisions, name: str, console: Console | None = None) -> None:
    """Print decisions, a row for each symbol, and every warning below them."""
    console = console or Console(highlight=False)
    console.print(f"{name}: at {decisions.time:%Y-%m-%d %H:%M} UTC, sizes for an account of {money(decisions.account)}")
    cells = [_cells(row) for row in decisions.rows]
    used = [column for column in range(len(HEADINGS)) if any(row[column] for row in cells)]
    table = Table(box=None, pad_edge=False)
    for column in used:
        table.add_column(HEADINGS[column], justify="right" if column else "left", overflow="fold")
    for texts in cells:
        table.add_row(*(texts[column] for column in used))
    console.print(table)
    for row in decisions.rows:
        for text in row.warnings:
            console.print(f"warning   {row.symbol}: {text}")
    for text in decisions.warnings:
        console.print(f"warning   {text}")


def _cells(row: Decision) -> tuple[str, ...]:
    interval = "" if math.isnan(row.low) else f"{percent(row.low)} to {percent(row.high)}"
    return (
        row.symbol,
        f"{row.close:.6g}",
        "none" if math.isnan(row.prediction) else percent(row.prediction),
        interval,
        "" if math.isnan(row.confidence) else f"{row.confidence:.3f}",
        SIDES[row.side],
        money(row.value) if row.side else "",
        f"{row.units:.6g}" if row.side else "",
        "" if math.isnan(row.stop) else f"{row.stop:.6g}",
        "" if math.isnan(row.target) else f"{row.target:.6g}",
    )
