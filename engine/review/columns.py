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


FIRST = ("cagr", "max_drawdown", "average_exposure", "cost_drag")
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
    "Deflated Sharpe, own tries",
    "probability",
    lambda item: item.row.deflated,
    "As in its own report or on its sweep's page: probability that the true Sharpe ratio is above what the best of its "
    "own tries would have without skill.",
    first=True,
)
DEFLATED_ALL = Column(
    "deflated_sharpe_all",
    "Deflated Sharpe, all runs here",
    "probability",
    lambda item: item.deflated_all,
    "Computed by this review: probability that the true Sharpe ratio is above what the best of all runs of this page "
    "would have without skill. A filter does not change it; runs with fewer than 60 returns are left out.",
    first=True,
)
VERDICT = Column("verdict", "Verdict", "text", lambda item: item.row.verdict, "The run's own verdict.", first=True)
BENCHMARK_CAGR = Column(
    "benchmark_cagr",
    "Benchmark CAGR, same exposure",
    "fraction",
    lambda item: item.row.benchmark_cagr,
    "Of the benchmark held at the run's own exposure, session by session; as in the run's own report.",
    first=True,
)
TRIES = Column(
    "tries",
    "Tries",
    "count",
    lambda item: item.row.tries,
    "Settings that it was chosen from, itself included: tried on the same data when it was made, by the ledger; of a "
    "sweep its trials and those before it, the number that its deflated Sharpe ratio is corrected for.",
    first=True,
)
COLUMNS: tuple[Column, ...] = (
    Column("name", "Name", "text", lambda item: item.row.name, "Name of the config or the sweep.", first=True),
    *(SHARPE, VERDICT),
    Column("mark", "Mark", "text", lambda item: item.mark.mark, "Keep, maybe or reject, by a reviewer.", first=True),
    Column("made", "Made", "date", lambda item: item.row.made_at[:10], "Date of the run, UTC.", first=True),
    *(DEFLATED, DEFLATED_ALL, TRIES),
    *(_measure(name, first=name in FIRST) for name in MEASURES[:2]),
    BENCHMARK_CAGR,
    *(_measure(name, first=name in FIRST) for name in MEASURES[2:] if name != "sharpe"),
    Column("universe", "Universe", "text", lambda item: universe(item.row.symbols), "Symbols traded.", first=True),
    Column("from", "From", "date", lambda item: item.row.first, "Date of the first return."),
    Column("to", "To", "date", lambda item: item.row.last, "Date of the last return."),
    Column("returns", "Returns", "count", lambda item: item.row.returns, "Number of returns."),
    Column("period", "Period", "text", lambda item: item.row.period, "Period of one return."),
    Column("engine", "Engine", "text", lambda item: item.row.engine, "The engine that computed it."),
    Column(
        "leak_audit",
        "Leak audit",
        "text",
        lambda item: item.leaks,
        "The audit of the config, else the run's own checks.",
    ),
    Column("data_age", "Data age, days", "count", lambda item: item.days, "Days from the last return to this review."),
    Column("reproduced", "Reproduced", "text", lambda item: item.row.reproduced, "Outcome of the last reproduce."),
    Column("doubts", "Doubts", "text", lambda item: "; ".join(item.row.flags), "What is doubtful about the folder."),
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
