"""The columns of a review: one definition for the page, the terminal, CSV and JSON."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from core.number_format import title

from .reviewed import Reviewed

Value: TypeAlias = str | float | int | None
MEASURES = (
    "total_return",
    "cagr",
    "volatility",
    "sharpe",
    "sortino",
    "max_drawdown",
    "calmar",
    "value_at_risk_95",
    "expected_shortfall_95",
    "alpha",
    "beta",
    "win_rate",
    "profit_factor",
    "average_exposure",
    "turnover",
    "cost_drag",
)
UNITS = {
    **dict.fromkeys(("total_return", "cagr", "volatility", "max_drawdown", "value_at_risk_95"), "fraction"),
    **dict.fromkeys(("expected_shortfall_95", "alpha", "win_rate", "average_exposure", "cost_drag"), "fraction"),
}
"""Units of the measures; the others are ratios."""


@dataclass(frozen=True)
class Column:
    """A column.

    Attributes
    ----------
    key : its name in files, and for sorting.
    title : its heading.
    unit : ``text``, ``date``, ``count``, ``fraction``, ``ratio`` or ``probability``.
    value : of a row; None where it is undefined.
    meaning : one sentence.
    first : True if it is shown at first.
    """

    key: str
    title: str
    unit: str
    value: Callable[[Reviewed], Value]
    meaning: str
    first: bool = False


FIRST = ("cagr", "volatility", "max_drawdown", "average_exposure", "cost_drag")
"""Measures that are shown at first, beside the Sharpe ratio."""
TITLES = {
    "max_drawdown": "Max. drawdown",
    "average_exposure": "Exposure",
    "value_at_risk_95": "VaR 95 %",
    "expected_shortfall_95": "ES 95 %",
}


def _measure(name: str, *, first: bool) -> Column:
    return Column(
        name,
        TITLES.get(name, title(name)),
        UNITS.get(name, "ratio"),
        lambda item: item.row.measures.get(name),
        "As in the run's own report, over the run's own span.",
        first,
    )


SHARPE = _measure("sharpe", first=True)
DEFLATED = Column(
    "deflated_sharpe",
    "Deflated Sharpe",
    "probability",
    lambda item: item.deflated,
    "Probability that the true Sharpe ratio is above what the best of the runs shown would have without skill; "
    "runs with fewer than 60 returns are left out.",
    first=True,
)
TRIES = Column(
    "tries",
    "Tries",
    "count",
    lambda item: item.row.tries,
    "Settings that it was chosen from, itself included: tried on the same data when it was made, by the ledger, or the "
    "trials of the sweep.",
    first=True,
)
COLUMNS: tuple[Column, ...] = (
    Column("mark", "Mark", "text", lambda item: item.mark.mark, "Keep, maybe or reject, by a reviewer.", first=True),
    Column("name", "Name", "text", lambda item: item.row.name, "Name of the config or the sweep.", first=True),
    *(SHARPE, DEFLATED, TRIES),
    *(_measure(name, first=name in FIRST) for name in MEASURES if name != "sharpe"),
    Column("verdict", "Verdict", "text", lambda item: item.row.verdict, "The run's own verdict.", first=True),
    Column("universe", "Universe", "text", lambda item: universe(item.row.symbols), "Symbols traded.", first=True),
    Column("made", "Made", "date", lambda item: item.row.made_at[:10], "Date of the run, UTC.", first=True),
    Column("from", "From", "date", lambda item: item.row.first, "Date of the first return."),
    Column("to", "To", "date", lambda item: item.row.last, "Date of the last return."),
    Column("returns", "Returns", "count", lambda item: item.row.returns, "Number of returns."),
    Column("period", "Period", "text", lambda item: item.row.period, "Period of one return."),
    Column("engine", "Engine", "text", lambda item: item.row.engine, "The engine that computed it."),
    Column(
        "leaks", "Leak audit", "text", lambda item: item.leaks, "The audit of the config, else the run's own checks."
    ),
    Column("age", "Data age, days", "count", lambda item: item.days, "Days from the last return to this review."),
    Column("reproduced", "Reproduced", "text", lambda item: item.row.reproduced, "Outcome of the last reproduce."),
    Column("flags", "Doubts", "text", lambda item: "; ".join(item.row.flags), "What is doubtful about the folder."),
    Column("note", "Note", "text", lambda item: item.mark.note, "The reviewer's note."),
    Column("kind", "Kind", "text", lambda item: item.row.kind, "A run, or a sweep with the measures of its winner."),
    Column("id", "Id", "text", lambda item: item.row.id, "Id of the config or the sweep."),
    Column("folder", "Folder", "text", lambda item: shown_path(item.row.folder), "Where the run lies."),
)
KEYS = tuple(column.key for column in COLUMNS)


def shown_path(path: str) -> str:
    """A path that can be written: bytes that are no UTF-8 are replaced."""
    return path.encode("utf-8", "replace").decode()


def universe(symbols: tuple[str, ...]) -> str:
    """Up to three symbols by name, more by their number as well."""
    return ", ".join(symbols) if len(symbols) <= 3 else f"{len(symbols)} symbols: {', '.join(symbols[:3])} ..."
