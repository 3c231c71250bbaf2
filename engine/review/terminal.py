"""A review as text: the table on the terminal with small curves, and the same rows as CSV and JSON."""

import csv
import io
import json
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from core.errors import ConfigError
from core.number_format import format_value, spreadsheet_cell

from .collection import Review
from .columns import COLUMNS, KEYS, Column
from .reviewed import Reviewed
from .row import Curve

NARROW = ("mark", "name", "cagr", "sharpe", "max_drawdown", "tries", "deflated_sharpe")
MIDDLE = (*NARROW[:2], "to", *NARROW[2:], "verdict")
WIDE = (*MIDDLE[:2], "universe", "from", *MIDDLE[2:5], "volatility", "max_drawdown", "average_exposure", *MIDDLE[6:])
TABLES = ((150, WIDE), (105, MIDDLE), (0, NARROW))
"""The columns by the characters of a line from which they are printed."""
NAME_WIDTH = 12
BARS = "▁▂▃▄▅▆▇█"
SPARK = 8
LONGEST = 60
"""Characters of a text that are printed."""
SHORT = {"average_exposure": "Exposure", "deflated_sharpe": "DSR", "max_drawdown": "Max DD", "volatility": "Vol."}
COLOURS = {"keep": "green", "maybe": "yellow", "reject": "dim"}


def sorted_rows(rows: Sequence[Reviewed], key: str) -> list[Reviewed]:
    """Rows by a column: largest numbers first, texts in the alphabet's order; rows without a value last.

    A ``-`` in front of the key reverses the order.

    Raises
    ------
    ConfigError
        There is no such column.
    """
    name = key.removeprefix("-")
    column = next((column for column in COLUMNS if column.key == name), None)
    if column is None:
        raise ConfigError(f"--sort {key}: there is no such column; columns: {', '.join(KEYS)}")
    numbers = column.unit not in ("text", "date")
    filled = [item for item in rows if column.value(item) not in (None, "")]
    empty = [item for item in rows if column.value(item) in (None, "")]
    return [*sorted(filled, key=lambda item: _order(column, item), reverse=numbers != key.startswith("-")), *empty]


def _order(column: Column, item: Reviewed) -> Any:
    return column.value(item)


def show(review: Review, rows: Sequence[Reviewed], console: Console | None = None, *, limit: int = 0) -> None:
    """Print the table, a definition of what it cannot spell out, and the folders without figures.

    Parameters
    ----------
    limit : the number of rows that are printed; 0 prints all.
    """
    console = console or Console(highlight=False)
    names = next(names for width, names in TABLES if console.width >= width)
    columns = [column for name in names for column in COLUMNS if column.key == name]
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    for column in columns:
        plain = column.unit in ("text", "date")
        table.add_column(
            Text(SHORT.get(column.key, column.title)),
            justify="left" if plain else "right",
            overflow="fold" if column.key in ("name", "verdict", "universe") else "ellipsis",
            no_wrap=column.key not in ("name", "verdict", "universe"),
            min_width=NAME_WIDTH if column.key == "name" else None,
        )
    table.add_column(Text("Equity"), no_wrap=True)
    for item in rows[:limit] if limit else rows:
        cells = [Text(text_of(column, item), style=COLOURS.get(text_of(column, item), "")) for column in columns]
        table.add_row(*cells, Text(sparkline(item.row.curve)))
    console.print(table)
    if limit and len(rows) > limit:
        console.print(Text(f"{len(rows) - limit:,} more; `review --text --limit 0` prints all"))
    if "deflated_sharpe" in names:
        console.print(Text("DSR: deflated Sharpe ratio as in each run's own report, over its own tries.", style="dim"))
    for left in review.refused:
        console.print(Text(f"not shown: {left.folder}: {left.reason}", style="yellow"), soft_wrap=True)


def text_of(column: Column, item: Reviewed) -> str:
    """A value as a reader wants it; ``-`` for none."""
    value = column.value(item)
    if value is None:
        return "-"
    if isinstance(value, str):
        return value if len(value) <= LONGEST else f"{value[: LONGEST - 3]}..."
    if column.unit == "probability":
        return f"{value:.3f}"
    return f"{value:,}" if column.unit == "count" else format_value(value, column.unit)


def sparkline(curve: Curve | None, width: int = SPARK) -> str:
    """Wealth as a line of bars, from its lowest to its highest."""
    if curve is None or len(curve.wealth) < 2:
        return ""
    last = len(curve.wealth) - 1
    values = [curve.wealth[round(step * last / (width - 1))] for step in range(width)]
    low = min(values)
    span = (max(values) - low) or 1.0
    return "".join(BARS[min(int((value - low) / span * len(BARS)), len(BARS) - 1)] for value in values)


def as_csv(rows: Sequence[Reviewed]) -> str:
    """All columns, numbers in full; an undefined one is empty.

    A text that a spreadsheet would compute, since it begins like a formula, has an apostrophe in front.
    """
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(KEYS)
    writer.writerows([[spreadsheet_cell(column.value(item)) for column in COLUMNS] for item in rows])
    return file.getvalue()


def as_json(review: Review, rows: Sequence[Reviewed]) -> str:
    """All columns and all measures, and the folders without figures."""
    return json.dumps(
        {
            "made_at": review.made_at.isoformat(timespec="seconds"),
            "runs": [
                {column.key: column.value(item) for column in COLUMNS} | {"measures": dict(item.row.measures)}
                for item in rows
            ],
            "refused": [{"folder": str(left.folder), "reason": left.reason} for left in review.refused],
        },
        indent=2,
        allow_nan=False,
        ensure_ascii=False,
    )
