"""Results of trades: in all, and by symbol, side, exit reason and year."""

from collections.abc import Iterator
from typing import Any, TypeAlias

import pandas as pd

from engine.pages.report.section import Section, fill
from engine.results.outcome import Outcome

ORDER = 42
ROWS = 60
"""Symbols in a table; of more, the ones with the largest gains and losses."""

Row: TypeAlias = tuple[str, list[tuple[float, str]]]


def section(outcome: Outcome) -> Section:
    """Figures of all trades, and a table for each grouping."""
    trades = outcome.result.trades
    closed = trades[trades["exited_at"].notna()]
    return fill(
        "trade_results.html",
        "Trade results",
        figures=_figures(trades, closed),
        tables=[(name, list(_rows(groups)), len(groups)) for name, groups in _groups(trades)],
        shown=ROWS,
    )


def _figures(trades: pd.DataFrame, closed: pd.DataFrame) -> list[tuple[str, Any, str]]:
    """Label, value and unit; empty without trades. Results are of the closed ones, as in the measures of trades."""
    if trades.empty:
        return []
    return [
        ("Trades", float(len(trades)), "count"),
        ("Long", float((trades["side"] == "long").mean()), "fraction"),
        ("Still open", float(trades["exited_at"].isna().sum()), "count"),
        ("With a gain", float((closed["pnl"] > 0).mean()), "fraction"),
        ("Mean return on the entry value", float(closed["pnl_fraction"].mean()), "fraction"),
        ("Best return", float(closed["pnl_fraction"].max()), "fraction"),
        ("Worst return", float(closed["pnl_fraction"].min()), "fraction"),
        ("Mean bars held", float(closed["bars"].mean()), "ratio"),
    ]


def _groups(trades: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Number, share with a gain, sum and mean of the gains; open positions count at their last close."""
    if trades.empty:
        return
    keys: dict[str, pd.Series] = {
        "Symbol": trades["symbol"],
        "Side": trades["side"],
        "Exit reason": trades["exit_reason"],
        "Year of the entry": trades["entered_at"].dt.year,
    }
    for name, key in keys.items():
        groups = trades.assign(gained=trades["pnl"] > 0).groupby(key)
        table = groups.agg(
            count=("pnl", "size"), gained=("gained", "mean"), total=("pnl", "sum"), mean=("pnl_fraction", "mean")
        )
        yield name, table


def _rows(groups: pd.DataFrame) -> Iterator[Row]:
    largest = groups.loc[groups["total"].abs().nlargest(ROWS).index].sort_index()
    for key, row in largest.iterrows():
        yield (
            str(key),
            [
                (float(row["count"]), "count"),
                (float(row["gained"]), "fraction"),
                (float(row["total"]), "money"),
                (float(row["mean"]), "fraction"),
            ],
        )
